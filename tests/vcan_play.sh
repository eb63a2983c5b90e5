#!/bin/bash
# canring play sends on vcan what canplayer of can-utils sends, heard by candump; and what the
# interface cannot carry is refused by name.
set -u
. "$(dirname "$0")/bounded.bash"
command -v canplayer candump >/dev/null || { echo "skipped: no can-utils"; exit 77; }
grep -q '^CAN_RAW' /proc/net/protocols || { echo "skipped: no CAN in this kernel"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}
# FILE COUNT COMMAND…: what candump hears of it on both interfaces, without times.
capture() {
    local file=$1 count=$2
    shift 2
    candump -L -n "$count" -T 3000 any >log & # one socket: the order is kept
    local pid=$!
    eventually grep -qE '^ +any ' /proc/net/can/rcvlist_all || fail "candump does not listen"
    "$@" >printed 2>words || { fail "$* ends with $?"; cat words; }
    wait_bounded $pid candump
    tr -s ' ' <log | cut -d' ' -f2- >"$file"
}
same() { # WHAT A B
    [ -s "$2" ] || fail "$1: nothing there"
    cmp -s "$2" "$3" && return
    fail "$1: $(wc -l <"$2") and $(wc -l <"$3") lines"
    diff "$2" "$3" | head -5
}

kinds=(123#1122334455667788 12345678#AA 7FF# 123#R4 123##4 "123##5$(printf 'AB%.0s' $(seq 64))" 1ABCDEF0##6010101010101010101010101)
for i in $(seq 0 399); do
    printf '(1700000000.%06d) can%d %s\n' $((i * 500)) $((i % 3 / 2)) "${kinds[i % ${#kinds[@]}]}"
done >played.log

capture theirs 400 canplayer -I played.log vcan0=can0 vcan1=can1
capture ours 400 "$CANRING" play -I played.log vcan0=can0 vcan1=can1
same "assigned" theirs ours
sed 's/ can0 / vcan0 /; s/ can1 / vcan1 /' played.log >named.log
capture ours 400 "$CANRING" play named.log
same "by name" theirs ours
capture ours 400 "$CANRING" play -t played.log vcan0=can0 vcan1=can1
same "-t" theirs ours
capture theirs 1200 canplayer -l 3 -I played.log vcan0=can0 vcan1=can1
capture ours 1200 "$CANRING" play -l 3 -I played.log vcan0=can0 vcan1=can1
same "-l 3" theirs ours
capture theirs 267 canplayer -v -I played.log vcan0=can0
cp printed theirs.words
capture ours 267 "$CANRING" play -v -I played.log vcan0=can0
same "-v, one of two" theirs ours
same "-v prints as canplayer does" theirs.words printed
capture theirs 400 canplayer -g 20 vcan0=can0 vcan1=can1 <played.log
capture ours 400 "$CANRING" play -g 20 vcan0=can0 vcan1=can1 <played.log
same "-g 20, from standard input" theirs ours

ip link add vcan9 type vcan && ip link set vcan9 mtu 16 up
"$CANRING" play -t played.log vcan9 2>words
[ $? = 0 ] || fail "CAN FD frames to an interface without end it"
grep -q 'vcan9 carries no CAN FD frames, like 123##4, number 5: they are left out; its MTU must be 72' words || fail "refusal: $(cat words)"
grep -q "$(grep -c '##' played.log) frames were not sent: vcan9 does not carry their kind" words || fail "refusals are not counted: $(cat words)"
grep '##' named.log >fd.log
"$CANRING" play -t fd.log vcan9 2>words
[ $? = 1 ] || fail "an interface that carries nothing of it"
grep -v '##' named.log | cut -d' ' -f3 >classic
candump -L -n "$(wc -l <classic)" -T 3000 vcan9 >log &
pid=$!
eventually grep -qE '^ +vcan9 ' /proc/net/can/rcvlist_all || fail "candump does not listen"
"$CANRING" play named.log vcan9 2>words || fail "vcan9: $(cat words)"
wait_bounded $pid candump
cut -d' ' -f3 log >heard
same "all that vcan9 can carry" classic heard
echo '(1700000000.000000) can0 45123#81:00:12345678#11223344' >xl.log
"$CANRING" play xl.log vcan0 2>words
[ $? = 1 ] || fail "CAN XL frames to an interface without"
grep -q 'vcan0 carries no CAN XL frames' words || fail "refusal of CAN XL: $(cat words)"
"$CANRING" play xl.log vcan77 2>words
[ $? = 1 ] && grep -q vcan77 words || fail "a missing interface"

candump -L -n 1 -T 3000 vcan0 >log &
pid=$!
eventually grep -qE '^ +vcan0 ' /proc/net/can/rcvlist_all || fail "candump does not listen"
head -5 named.log | "$CANRING" play -x - vcan0 || fail "-x"
cansend vcan0 222#
wait_bounded $pid candump
grep -q ' 222#' log || fail "-x: frames came back: $(cat log)"

# A bus that takes frames more slowly than they come: canplayer gives up, we wait for room.
modules=/usr/lib/uml/modules/$(uname -r)/kernel
if ip link del vcan0 && ip link del vcan1 && ip link del vcan9 && rmmod vcan &&
    insmod "$modules/drivers/net/can/vcan.ko" echo=1 && insmod "$modules/net/sched/sch_tbf.ko"; then
    ip link add vcan0 type vcan && ip link set vcan0 mtu 72 up
    tc qdisc replace dev vcan0 root tbf rate 256kbit burst 100 limit 1000
    for i in $(seq 300); do printf '(1700000000.000000) can0 123#%016X\n' "$i"; done >burst.log
    canplayer -t -I burst.log vcan0=can0 2>words && fail "the bus is not slow: canplayer sends all of it"
    sleep 0.5
    capture ours 300 "$CANRING" play -t --stats burst.log vcan0
    sed 's/ can0 / vcan0 /' burst.log | cut -d' ' -f2- >burst
    same "everything through a slow bus" burst ours
    grep -qE 'waited [1-9][0-9]* times for room' words || fail "room was not waited for: $(cat words)"
else
    echo "not tried: a slow bus"
fi
exit $failed
