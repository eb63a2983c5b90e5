#!/bin/bash
# A recording played through a proxy comes out of it as it went in: at both auxiliaries and in the
# trace, frame by frame, times included. An auxiliary knows one bus, the trace names of several.
. "$(dirname "$0")/e2e.bash"
cd "$work" || exit 1
mkdir suite_mp_proxy

# The original's shape with a recording for a bus, as fast as it is taken.
configure() { # FILE
    sed '/interface : /d; /PCAN_USBBUS1/d; /state: /d; s/cc_pcan_can:CCPCanCan/cc_replay:CCReplay/
        s|      remote_id : 0x123|      file: "'"$1"'"\n      speed: 0\n      loops: 1|' "$tests/data/config/good_original.yaml"
}
whole() { # FILE LIKE: has as many lines
    [ "$(wc -l <"$1")" -ge "$(wc -l <"$2")" ]
}

through_the_proxy() { # RECORDING
    local name trace
    name=$(basename "$1")
    configure "$1" >recording.yaml
    start_proxy run recording.yaml
    # It begins when both are there.
    start_aux aux1 proxy_aux/proxy_com1,#FFFFFFFF -L
    start_aux aux2 proxy_aux/proxy_com2,#FFFFFFFF -L
    eventually whole aux1.out "$1" || fail "$name: aux1 has $(wc -l <aux1.out) lines"
    eventually whole aux2.out "$1" || fail "$name: aux2 has $(wc -l <aux2.out) lines"
    eventually grep -q 'has played its last frame' run.err || fail "$name: the end is not told: $(cat run.err)"
    "$CANRING" status --json | grep -qE "\"name\": *\"$(awk '{ print $2; exit }' "$1")\"" ||
        fail "$name: the bus is called after another one: $("$CANRING" status)"
    stop aux1
    stop aux2
    kill -TERM "${pids[run]}"
    ends_with 0 run
    trace=$(ls suite_mp_proxy/*_can_trace*.log)
    awk 'NR == 1 { bus = $2 } { $2 = bus } 1' "$1" >one_bus
    same "$name: aux1" one_bus aux1.out
    same "$name: aux2" one_bus aux2.out
    same "$name: trace" "$1" "$trace"
    rm "$trace"
    nothing_left "$name"
    echo "$name: $(wc -l <"$1") frames the same at aux1, aux2 and in the trace"
}

through_the_proxy "$tests/data/vehicle.log"
head -n 3000 "$tests/data/vehicle.log" | awk '{ $2 = NR % 3 ? "can0" : "a_long_name" } 1' >interleaved.log
through_the_proxy interleaved.log

# The same with -b, at the recorded pace: a short piece of it.
head -n 60 "$tests/data/vehicle.log" >piece.log
start_proxy run -b can_channel=replay:piece.log "$tests/data/config/good_original.yaml"
start_aux aux1 proxy_aux/proxy_com1,#FFFFFFFF -L
start_aux aux2 proxy_aux/proxy_com2,#FFFFFFFF -L
eventually whole aux2.out piece.log
eventually whole aux1.out piece.log
same "with -b: aux1" piece.log aux1.out
same "with -b: aux2" piece.log aux2.out
stop run

sample=${CANRING_SHARED:-$CANRING_SOURCE/../shared}/data/icsim-sample.log
if [ -r "$sample" ]; then
    rm -f suite_mp_proxy/*
    through_the_proxy "$sample"
else
    echo "skipped a part: icsim-sample.log is not here"
fi
exit $failed
