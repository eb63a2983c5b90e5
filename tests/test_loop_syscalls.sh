#!/bin/bash
# A poll of an idle loop makes no system call, as the kernel counts them: the test polls 10,000
# times, and strace sees the handful of calls that set the loop up.
set -eu
command -v strace >/dev/null || { echo "strace is not installed"; exit 77; }
report=$(mktemp)
trap 'rm -f "$report"' EXIT
test='poll_with_nothing_pending_makes_no_system_call (uring)'
ASAN_OPTIONS=detect_leaks=0 strace -f -o "$report" -e trace=io_uring_enter,epoll_wait,epoll_pwait2,poll,read \
    "$CANRING_BUILD/tests/test_loop" "$test" >/dev/null 2>&1 ||
    { grep -q io_uring_enter "$report" || { echo "no io_uring or no ptrace here"; exit 77; }; exit 1; }
calls=$(grep -c -E '^[0-9]+ +(io_uring_enter|epoll|poll|read)' "$report")
echo "$calls system calls around 10,000 polls"
[ "$calls" -lt 500 ] # those of starting the program; a sanitizer reads some hundred files
