#!/bin/sh
echo "3 things are wrong"
exit 3
