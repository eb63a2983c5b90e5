#!/bin/sh
# What a program says about itself that is not so.
echo "[==========] Running 2 test(s)."
echo "[ RUN      ] first"
printf 'no end of line [       OK ] first\n'
echo "[  FAILED  ] first"
echo "[ RUN      ] second"
echo "[ RUN      ] third"
echo "[       OK ] second"
echo "[==========] 2 test(s) run."
exit 1
