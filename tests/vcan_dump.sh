#!/bin/bash
# What canring dump does beyond its output: signals, logs that are rotated, interfaces that go
# and come back, time-outs; and what candump 2020.11 has nothing to compare with.
set -u
. "$(dirname "$0")/bounded.bash"
command -v cansend >/dev/null || { echo "skipped: no can-utils"; exit 77; }
grep -q '^CAN_RAW' /proc/net/protocols || { echo "skipped: no CAN in this kernel"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}
# Start dump in the background, wait until its socket listens.
listening() { # an entry, not the line that says there is none
    cat /proc/net/can/rcvlist_* | grep -qE '^ *(vcan[0-9]+|any) +[0-9A-Fa-f]+ '
}
listening_or_gone() {
    listening || ! is_running $pid
}
start() {
    for _ in $(seq 40); do # the one before may still be going
        listening || break
        sleep 0.05
    done
    "$CANRING" dump "$@" >out 2>words &
    pid=$!
    eventually listening_or_gone || fail "dump $* does not listen"
}
ends_with() { # STATUS WHAT
    wait_bounded $pid dump
    local got=$?
    [ $got = "$1" ] || { fail "$2: exit status $got, not $1"; cat words; }
}
until_in() { # FILE TEXT
    for _ in $(seq 400); do
        grep -qs "$2" "$1" && return
        sleep 0.05
    done
    fail "no '$2' in $1"
}

for signal in INT TERM HUP; do
    start -L vcan0
    cansend vcan0 123#11
    kill -$signal $pid
    ends_with $((128 + $(kill -l $signal))) "SIG$signal"
    grep -q ' vcan0 123#11$' out || fail "SIG$signal: the frame that had arrived is lost"
done

start -f rotated.log vcan0
cansend vcan0 111#
until_in rotated.log '111#'
mv rotated.log rotated.1
kill -HUP $pid
for _ in $(seq 100); do [ -e rotated.log ] && break; sleep 0.05; done
cansend vcan0 222#
kill -TERM $pid
ends_with 143 "SIGTERM while logging"
grep -q '111#' rotated.1 || fail "rotation: the old log has lost its frame"
grep -q '222#' rotated.log || fail "rotation: the new log has no frame"
[ "$(cat rotated.1 rotated.log | wc -l)" = 2 ] || fail "rotation: frames twice or missing"

start -f idle.log -n 1000 vcan0
cansend vcan0 333#
until_in idle.log '333#'
kill -KILL $pid
wait_bounded $pid dump
grep -q '333#$' idle.log || fail "a log is not whole after SIGKILL"

start -T 100 vcan0
ends_with 0 "-T"

start vcan0
ip link set vcan0 down
ends_with 1 "interface down"
grep -q 'vcan0: interface down' words || fail "interface down: $(cat words)"
ip link set vcan0 up
start -D -L -n 1 vcan0
ip link set vcan0 down
until_in words 'interface down'
ip link set vcan0 up
for _ in $(seq 100); do
    cansend vcan0 123#44
    kill -0 $pid 2>/dev/null || break
    sleep 0.05
done
ends_with 0 "-D, down and up again"
grep -q '123#44' out || fail "-D: no frame after the interface came back"

# One of any interfaces goes: the others are shown on.
ip link add vcan5 type vcan && ip link set vcan5 up || fail "no vcan5"
start -L -n 4 any
cansend vcan5 555#
until_in out 'vcan5 555#'
ip link set vcan5 down
until_in words 'vcan5: the interface is down'
cansend vcan0 222#
until_in out 'vcan0 222#'
ip link set vcan5 up
until_in words 'vcan5: the interface is up'
cansend vcan5 556#
until_in out 'vcan5 556#'
ip link del vcan5
until_in words 'vcan5: the interface was removed'
cansend vcan0 223#
ends_with 0 "-n 4 any"

start -8 -n 2 vcan0
"$CANRING" send vcan0 7EA#1122334455667788_E 7EA#R8_9
ends_with 0 "-8"
grep -q '7EA   {E}  11 22 33 44 55 66 77 88$' out || fail "-8: $(cat out)"
grep -q '7EA   {9}  remote request$' out || fail "-8 remote: $(cat out)"

start -N -ta -L -n 1 vcan0
cansend vcan0 123#
ends_with 0 "-N"
grep -qE '^\([0-9]{10}\.[0-9]{9}\) vcan0 123#$' out || fail "-N: $(cat out)"

start -e -n 3 vcan0,#FFFFFFFF
cansend vcan0 20000204#0004000000000000
cansend vcan0 20000400#
cansend vcan0 20000000#
cansend vcan0 123#
ends_with 0 "-e"
grep -qxF $'\tcontroller-problem{rx-error-warning}' out || fail "-e: class beside counters: $(cat out)"
grep -qxF $'\terror-counter-tx-rx{{0}{0}}' out || fail "-e: counters: $(cat out)"
grep -qxF $'\tunknown-class-0x400' out || fail "-e: unknown class: $(cat out)"

# A frame that comes alone costs four system calls: sleep, which socket, read, write.
if command -v strace >/dev/null; then
    strace -o calls "$CANRING" dump -L -n 100 vcan0 >out 2>words &
    pid=$!
    eventually listening_or_gone || fail "dump in strace does not listen"
    cangen -g 20 -n 100 vcan0
    ends_with 0 "-n 100"
    calls=$(sed -n '/^write(1/,$p' calls | wc -l)
    [ "$calls" -le 420 ] || fail "$calls system calls for 100 frames: $(tail -n 12 calls)"
else
    echo "skipped a part: no strace"
fi

# Every frame is shown or counted: a stopped reader with a small buffer, and one frame behind.
start -d -L -r 20000 vcan0
kill -STOP $pid
"$CANRING" gen -g 0 -n 20000 -I 7 -L 0 vcan0
kill -CONT $pid
until_in out '007#'
cansend vcan0 0FF#
until_in out '0FF#'
kill -TERM $pid
ends_with 143 "-d"
shown=$(grep -c ' 007#' out)
lost=$(sed -n "s/^DROPCOUNT: dropped \([0-9]*\) CAN frames\? on 'vcan0' socket .*/\1/p" out | awk '{ sum += $1 } END { print sum + 0 }')
[ $((shown + lost)) = 20000 ] || fail "-d: $shown shown, $lost told lost, 20000 sent"
[ "$lost" -gt 0 ] || echo "nothing was lost: -d not tried"

"$CANRING" dump vcan77 2>words
[ $? = 1 ] || fail "a missing interface goes unnoticed"
grep -q vcan77 words || fail "the missing interface is not named"

ip link add vcan8 type vcan && ip link set vcan8 up
start -L -n 400 vcan0 vcan8
"$CANRING" gen --rate 1000 -n 200 vcan8 &
"$CANRING" gen --rate 1000 -n 200 vcan0
ends_with 0 "two interfaces"
[ "$(grep -c vcan8 out)" = 200 ] || fail "two interfaces: $(grep -c vcan8 out) frames of the second"

start -L -n 40 any
for i in $(seq 20); do
    cansend vcan0 "123#$i$i"
    cansend vcan8 "321#$i$i"
done
ends_with 0 "any"
[ "$(grep -cE ' vcan0 123#' out) $(grep -cE ' vcan8 321#' out)" = "20 20" ] || fail "any: wrong names: $(head -4 out)"
exit $failed
