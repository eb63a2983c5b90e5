#!/bin/bash
trap '' TERM HUP INT
while :; do sleep 0.05; done
