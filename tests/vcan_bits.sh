#!/bin/bash
# The bits that canring info counts are those that canbusload of can-utils counts exactly, where it
# can: classic data frames.
set -u
. "$(dirname "$0")/bounded.bash"
command -v canbusload cangen candump >/dev/null || { echo "skipped: no can-utils"; exit 77; }
command -v jq >/dev/null || { echo "skipped: no jq"; exit 77; }
grep -q '^CAN_RAW' /proc/net/protocols || { echo "skipped: no CAN in this kernel"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0

both_listen() {
    [ "$(grep -c vcan0 /proc/net/can/rcvlist_all)" -ge 2 ]
}
count() { # WHAT OPTION... of cangen
    local what=$1 ours theirs
    shift
    canbusload -e vcan0@500000 >theirs &
    local load=$!
    candump -L -n 600 -T 5000 vcan0 >frames.log &
    local dump=$!
    eventually both_listen || echo "canbusload or candump does not listen"
    cangen -g 2 -n 600 "$@" vcan0
    wait_bounded $dump candump
    sleep 2.2
    kill $load
    wait_bounded $load canbusload
    theirs=$(tr '\r' '\n' <theirs | sed -n 's/.*vcan0@500000 *\([0-9]*\) *\([0-9]*\) .*/\1 \2/p' |
        awk '{ frames += $1; bits += $2 } END { print frames, bits }')
    ours=$("$CANRING" info --json frames.log | jq -r '.buses[0] | "\(.frames) \(.bits_nominal)"')
    echo "$what: frames and bits $ours"
    [ "$ours" = "$theirs" ] && return
    echo "FAILED: $what: canbusload counts $theirs"
    failed=1
}
count "standard, random"
count "extended, random" -e
count "long runs of equal bits" -I 0 -D 00000000FFFFFFFF -L 8
exit $failed
