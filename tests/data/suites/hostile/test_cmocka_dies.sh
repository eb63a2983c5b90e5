#!/bin/sh
echo "[==========] cases: Running 2 test(s)."
echo "[ RUN      ] dies"
head -c 3000000 /dev/zero
kill -ABRT $$
