#!/bin/bash
# canring capture on real vcan, with candump beside it: both hold the same, times included; what a
# bus loses or an interface does on the way is survived and counted.
set -u
. "$(dirname "$0")/bounded.bash"
command -v cangen >/dev/null || { echo "skipped: no can-utils"; exit 77; }
grep -q '^CAN_RAW' /proc/net/protocols || { echo "skipped: no CAN in this kernel"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}
until_true() { # COMMAND…
    for _ in $(seq 200); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.05
    done
    fail "never true: $*"
}
sockets() { # COUNT: so many listen
    [ "$(grep -cE '^ +vcan' /proc/net/can/rcvlist_all)" -ge "$1" ]
}
has() { # FILE COUNT
    [ "$(wc -l <"$1")" -ge "$2" ]
}
ends_with() { # STATUS PID
    wait_bounded "$2"
    local got=$?
    [ $got = "$1" ] || { fail "exit status $got, not $1"; cat words; }
}

# Beside candump, frame by frame and with the same times.
"$CANRING" capture -T 100s -o ours.log vcan0 2>words &
ours=$!
until_true grep -q 'recording into' words
stdbuf -oL candump -r 4000000 -L vcan0 >theirs.log &
theirs=$!
until_true sockets 2
cangen -n 3000 -g 0 -I i -L i -D i vcan0
cangen -n 500 -g 0 -e vcan0
cansend vcan0 123#R
until_true has ours.log 3501
until_true has theirs.log 3501
kill -TERM $ours
ends_with 143 $ours
kill -TERM $theirs
wait_bounded $theirs candump
cmp ours.log theirs.log || fail "candump and capture differ: $(diff ours.log theirs.log | head -4)"

# Two buses, one of which goes away and comes back.
ip link add dev vcan9 type vcan && ip link set vcan9 up || { echo "skipped a part: no second vcan"; exit $failed; }
"$CANRING" capture -T 100s -o two.log vcan0 vcan9 2>words &
two=$!
until_true grep -q 'recording into' words
for i in $(seq 100); do
    cansend vcan0 "100#$(printf %02X $((i % 256)))"
    cansend vcan9 "200#$(printf %02X $((i % 256)))"
done
until_true has two.log 200
ip link set vcan9 down
cansend vcan0 101#
until_true grep -q '101#' two.log
ip link set vcan9 up
for _ in $(seq 100); do # it listens again soon
    cansend vcan9 201# 2>/dev/null
    grep -q '201#' two.log && break
    sleep 0.05
done
grep -q '201#' two.log || fail "vcan9 is not recorded when it is back: $(cat words)"
kill -INT $two
ends_with 130 $two
LC_ALL=C sort -s -c -k1,1 two.log || fail "two buses are not in the order of time"
[ "$(grep -c ' 100#' two.log)" = 100 ] && [ "$(grep -c ' 200#' two.log)" = 100 ] || fail "frames are missing"

# So many frames have come through the kernel, which may be later than their sender has ended.
through_kernel() { awk '/received frames/ { print $1 }' /proc/net/can/stats; }
has_come_through() { # COUNT
    [ "$(through_kernel)" -ge "$1" ]
}

# What the kernel lost is counted, and marked where it is missing.
"$CANRING" capture -T 100s -r 4096 -o lossy.pcapng vcan0 2>words &
lossy=$!
until_true grep -q 'recording into' words
before=$(through_kernel)
kill -STOP $lossy
cangen -n 2000 -g 0 -I i -L 4 -D i vcan0
kill -CONT $lossy
cansend vcan0 7FF#AA
until_true has_come_through $((before + 2001))
kill -TERM $lossy
ends_with 143 $lossy
read -r received lost < <(sed -n 's/^ *vcan0 *received \([0-9]*\)  lost before it was read \([0-9]*\) .*/\1 \2/p' words)
[ "${lost:-0}" -gt 0 ] || fail "nothing was lost with a buffer of 4096 bytes: $(cat words)"
[ $((received + lost)) = 2001 ] || fail "$received received and $lost lost of 2001"

# "any" is several buses.
"$CANRING" capture -T 100s -n 2 -o any.log any 2>words &
any=$!
until_true grep -q 'recording into' words
cansend vcan0 011#
cansend vcan9 022#
ends_with 0 $any
grep -q ' vcan0 011#' any.log && grep -q ' vcan9 022#' any.log || fail "any: $(cat any.log)"
ip link del vcan9

# Standard output, which has no name in /dev here.
[ ! -e /dev/stdout ] || echo "there is a /dev/stdout: nothing shown about systems without"
"$CANRING" convert -T candump any.log - >copy.log || fail "convert to standard output"
cmp any.log copy.log || fail "convert to standard output gives something else"
exit $failed
