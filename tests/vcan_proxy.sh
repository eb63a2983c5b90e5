#!/bin/bash
# A proxy on a real vcan, configured as pykiso's users do it, with candump beside it: both
# auxiliaries and the trace show what candump shows, frame by frame; what one auxiliary sends comes
# to the bus and to the other one.
E2E_WORK=/dev/shm # of the guest: sockets do not live on the host's file system
. "$(dirname "$0")/e2e.bash"
for tool in candump cansend cangen canplayer jq; do
    command -v $tool >/dev/null || skip "no $tool"
done
grep -q '^CAN_RAW' /proc/net/protocols || skip "no CAN in this kernel"
mkdir "$work/suite_mp_proxy" && cd "$work" || exit 1

sed -n '14000,17000p' "$tests/data/vehicle.log" >recording.log
grep -q ' 20000' recording.log || give_up "no error frame in the recording"

can_receivers() { # COUNT sockets listen on vcan0
    [ "$(cat /proc/net/can/rcvlist_all | grep -c vcan0)" -ge "$1" ]
}
# Those of cangen, in all kinds, and a recording, error frames included.
mixed_traffic() {
    cangen -g 0 -n 300 vcan0
    cangen -g 0 -n 300 -e vcan0
    cangen -g 0 -n 300 -f -b vcan0
    cangen -g 0 -n 100 -R vcan0
    cangen -g 0 -n 300 -m vcan0
    canplayer -t -I recording.log vcan0=can0
    cansend vcan0 7FF#DEADBEEF
}
last_in() {
    grep -q '7FF#DEADBEEF$' "$1"
}

one_bus() { # FILE of the configuration
    start_proxy run -b can_channel=vcan0 "$1"
    start_aux aux1 proxy_aux/proxy_com1,#FFFFFFFF -L
    start_aux aux2 proxy_aux/proxy_com2,#FFFFFFFF -L
    background candump candump -L -r 100000000 vcan0,0:0,#FFFFFFFF
    eventually can_receivers 2 || give_up "candump does not listen: $(cat /proc/net/can/rcvlist_all)"

    mixed_traffic
    eventually last_in "$work/candump.out" || fail "candump has not seen the last frame"
    eventually last_in "$work/aux1.out" || fail "aux1 has not seen the last frame"
    eventually last_in "$work/aux2.out" || fail "aux2 has not seen the last frame"
    cp "$work/candump.out" bus.log
    same "aux1 and candump, times included" bus.log "$work/aux1.out"
    same "aux2 and candump, times included" bus.log "$work/aux2.out"
    local count
    count=$(wc -l <bus.log)
    [ "$(status '.[0].channels | map(.published) | unique[]')" = "$count" ] || fail "channels: $(status '.[0].channels')"
    [ "$(status '.[0].bus | "\(.rx_frames) \(.rx_lost_kernel) \(.interface) \(.name)"')" = "$count 0 socketcan vcan0" ] ||
        fail "bus: $(status '.[0].bus')"

    # From an auxiliary, while its channel is free: to the bus, and to the other one, not to itself.
    stop aux1
    "$CANRING" send proxy_aux/proxy_com1 321#A1 12345678#A2 321##1A3A3A3A3 321#R2 || fail "send ends with $?"
    cansend vcan0 7FE#
    eventually grep -q '7FE#$' "$work/candump.out" || fail "the frame after those sent is missing"
    eventually grep -q '7FE#$' "$work/aux2.out" || fail "aux2 does not show the frame after those sent"
    tail -n +$((count + 1)) "$work/candump.out" | cut -d' ' -f3 >sent.bus
    tail -n +$((count + 1)) "$work/aux2.out" | cut -d' ' -f3 >sent.aux2
    printf '%s\n' 321#A1 12345678#A2 321##5A3A3A3A3 321#R2 7FE# >sent.expected
    same "sent by aux1, on the bus" sent.expected sent.bus
    same "sent by aux1, at aux2" sent.expected sent.aux2

    # One that listens while it sends does not hear itself.
    "$CANRING_BUILD/tests/e2e_aux" -s 20 -t 500 proxy_aux/proxy_com1 >self || fail "e2e_aux ends with $?"
    grep -q '^received 0 .* own 0 other 0 ' self || fail "a sender hears itself: $(cat self)"
    eventually grep -q '321#1300000000000000$' "$work/aux2.out" || fail "aux2 does not hear aux1"
    [ "$(grep -c ' 321#..00000000000000$' "$work/candump.out")" = 20 ] || fail "the bus does not hear aux1"
    [ "$(grep -c ' 321#..00000000000000$' "$work/aux2.out")" = 20 ] || fail "aux2 does not hear all of aux1"

    # An observer may send too, and everybody hears it.
    start_aux aux1 proxy_aux/proxy_com1 -L
    "$CANRING" send proxy_aux 322#01 || fail "an observer cannot send"
    eventually grep -q '322#01$' "$work/aux1.out" || fail "aux1 does not hear an observer"
    eventually grep -q '322#01$' "$work/aux2.out" || fail "aux2 does not hear an observer"
    eventually grep -q '322#01$' "$work/candump.out" || fail "the bus does not hear an observer"

    [ "$(status '.[0].bus.tx_frames')" = 25 ] || fail "tx_frames: $(status '.[0].bus')"
    stop aux1
    stop aux2
    kill -TERM "${pids[run]}"
    ends_with 0 run
    stop candump
    # The trace has everything. Sent frames carry the time at which the proxy took them, on the
    # bus they are a little later: those are compared without it.
    local traces=("$work"/suite_mp_proxy/????-??-??_??-??-??_can_trace*.log)
    [ "${#traces[@]}" = 1 ] && [ -s "${traces[0]}" ] || give_up "no trace: $(ls "$work" "$work/suite_mp_proxy")"
    head -n "$count" "${traces[0]}" >trace.head
    same "trace and candump, times included" bus.log trace.head
    frames_of "${traces[0]}" >trace.frames
    frames_of "$work/candump.out" >candump.frames
    same "whole trace and candump" candump.frames trace.frames
    nothing_left "$1"
    echo "$(basename "$1"): $(wc -l <"$work/candump.out") frames the same at candump, aux1, aux2 and in the trace"
    rm -f "$work"/suite_mp_proxy/*
}

one_bus "$tests/data/config/good_original.yaml"
original=${CANRING_SHARED:-$CANRING_SOURCE/../shared}/data/mp_proxy_aux.yaml
if [ -r "$original" ]; then
    one_bus "$original"
else
    echo "skipped a part: the original mp_proxy_aux.yaml is not here"
fi
exit $failed
