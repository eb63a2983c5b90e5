#!/bin/bash
# canring send puts on the bus what cansend puts there; what cansend mangles it refuses.
set -u
. "$(dirname "$0")/bounded.bash"
command -v cansend candump >/dev/null || { echo "skipped: no can-utils"; exit 77; }
grep -q '^CAN_RAW' /proc/net/protocols || { echo "skipped: no CAN in this kernel"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}

listening() {
    grep -q vcan0 /proc/net/can/rcvlist_err /proc/net/can/rcvlist_all || grep -q any /proc/net/can/rcvlist_err
}
frames=(
    5A1#11.2233.44556677.88 123#DEADBEEF 5AA# 123##1 213##311223344 1F334455#1122334455667788
    123#R 00000123#R3 123#r8 7ff#ff 12345678##2.11.22 123##0112233445566778899
    20000080#0000000000000000 20000001#11
)
count=${#frames[@]}
candump -L -n $((2 * count)) any,0:0,#FFFFFFFF >"$work/log" &
pid=$!
eventually listening || fail "candump does not listen"
sleep 0.2
for frame in "${frames[@]}"; do cansend vcan0 "$frame" || fail "cansend $frame"; done
"$CANRING" send vcan0 "${frames[@]}" || fail "canring send ends with $?"
wait_bounded $pid candump
cut -d' ' -f3 "$work/log" | head -n $count >"$work/theirs"
cut -d' ' -f3 "$work/log" | tail -n $count >"$work/ours"
[ "$(wc -l <"$work/ours")" = $count ] || fail "frames are missing"
diff "$work/theirs" "$work/ours" || fail "sent differently"

candump -L -T 500 vcan0 >"$work/nothing" &
pid=$!
sleep 0.2
for frame in 800#11 123#112233445566778899 123#R4x 123#1 12#11; do
    "$CANRING" send vcan0 123#11 "$frame" 2>/dev/null
    [ $? = 2 ] || fail "$frame is not refused"
done
wait_bounded $pid candump
[ -s "$work/nothing" ] && fail "part of a refused command line was sent"

"$CANRING" send vcan77 123#11 2>"$work/words"
[ $? = 1 ] || fail "a missing interface goes unnoticed"
grep -q vcan77 "$work/words" || fail "the missing interface is not named"
ip link set vcan0 down
"$CANRING" send vcan0 123#11 2>"$work/words"
[ $? = 1 ] || fail "an interface that is down goes unnoticed"
exit $failed
