#!/bin/bash
# Whoever writes entries makes next to no system calls: only when a block is full, and never for
# the disk. Counted by strace in the caller's thread, so much more for so many more frames.
set -u
skip() { echo "skipped: $*"; exit 77; }
command -v strace >/dev/null || skip "no strace"
strace -o /dev/null true 2>/dev/null || skip "strace may not trace here"
dir=$(mktemp -d /tmp/canring-calls-XXXXXX) || exit 1
trap 'rm -rf "$dir"' EXIT
pump=$CANRING_BUILD/tests/trace_writer_pump
failed=0

calls() { # FRAMES
    strace -c -o "$dir/calls" "$pump" "$dir/a.log" "$1" >/dev/null || return
    awk '$NF == "total" { print $4 }' "$dir/calls"
}
for way in uring epoll; do
    export CANRING_LOOP=$way
    few=$(calls 1000) || exit 1
    many=$(calls 1001000) || exit 1
    echo "$way: $few system calls for 1000 frames, $many for 1001000"
    if [ $((many - few)) -gt 1000 ]; then
        echo "FAILED: more than one in 1000 frames"
        cat "$dir/calls"
        failed=1
    fi
    [ "$(wc -l <"$dir/a.log")" = 1001000 ] || { echo "FAILED: frames are missing" && failed=1; }
    if grep -qE ' (pwrite64|pwritev|writev|fdatasync|io_uring_enter)$' "$dir/calls"; then
        echo "FAILED: the caller's thread writes to the disk"
        cat "$dir/calls"
        failed=1
    fi
done
exit $failed
