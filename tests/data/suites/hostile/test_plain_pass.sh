#!/bin/sh
echo "[  FAILED  ] test_plain_pass.sh"
exit 0
