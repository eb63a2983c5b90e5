#!/bin/sh
echo "[==========] Running 3 test(s)."
echo "[ RUN      ] first"
echo "[       OK ] first"
exit 0
