#!/bin/bash
# canring play on a bus in memory, heard by canring dump: what is sent, in which order, where to.
# When it is sent is measured by bench/play_accuracy, not asserted.
. "$(dirname "$0")/e2e.bash"
"$CANRING" --version >/dev/null
[ $? = 77 ] && skip "built without a bus"
mkdir -p "$CANRING_RUNTIME_DIR"
cd "$work" || exit 1

listen() { # NAME BUS OPTIONS...
    local name=$1 bus=$2
    shift 2
    background "$name" "$CANRING" dump -L "$@" "virtual:$bus,0:0,#FFFFFFFF"
    eventually grep -q ': open' "$work/$name.err" || give_up "$name does not listen"
}
equal() { # WHAT A B, which may be pipes
    cat "$2" >wanted
    cat "$3" >got
    same "$1" wanted got
}
count_of() {
    eventually has_lines "$1" "$2"
}
has_lines() { # NAME LINES: dump flushes when it has nothing to do
    [ "$(wc -l <"$work/$1.out")" -ge "$2" ]
}
play() { # STATUS ARGUMENT...
    local status=$1 got
    shift
    "$CANRING" play "$@" >printed 2>words
    got=$?
    [ $got = "$status" ] && return
    fail "play $*: exit status $got, not $status"
    cat words
}

# Frames of every kind on two buses, with a step back in time and a gap of a day.
python3 - >all.log <<'PY'
def line(at, bus, frame):
    print(f"({1700000000 + at:.6f}) {bus} {frame}")
kinds = ["123#1122334455667788", "12345678#AA", "7FF#", "123#R4", "123##4", "123##5" + "AB" * 64,
         "1ABCDEF0##6" + "01" * 12, "45123#81:00:12345678#11223344", "001#1122334455667788_E"]
for i in range(300):
    at = i * 0.0001
    if i > 100: at -= 0.005
    if i > 200: at += 86400
    line(at, "can%d" % (i % 3 // 2), kinds[i % len(kinds)] if i % 50 else "20000080#0000000000000000")
PY
grep -v '20000080#' all.log >data.log
grep ' can0 ' data.log >zero.log
grep ' can1 ' data.log >one.log

listen any a
play 0 -s 1 all.log virtual:a
count_of any 294
stop any
equal "all to one bus" <(frames_of data.log) <(frames_of any.out)
grep -q '6 error frames were not sent' words || fail "error frames that are left out are not told"

listen zero a
listen one b
play 0 -s 1 --stats all.log virtual:a=can0 virtual:b=can1
count_of zero "$(wc -l <zero.log)"
count_of one "$(wc -l <one.log)"
stop zero
stop one
equal "assigned to two buses: can0" <(frames_of zero.log) <(frames_of zero.out)
equal "assigned to two buses: can1" <(frames_of one.log) <(frames_of one.out)
grep -q '^sent 294 frames in ' words || fail "--stats: $(cat words)"
grep -q 'steps back in time, 1 gaps skipped' words || fail "--stats: gaps: $(cat words)"
grep -qE '^\|sent - due\| µs: p50 [0-9.]+, .* max [0-9.]+$' words || fail "--stats: $(cat words)"

listen one b
play 0 -s 1 -I all.log virtual:b=can1
grep -q "$(wc -l <zero.log) frames were not sent: their buses have no target" words || fail "unassigned: $(cat words)"
grep -q 'the recording has can0, can1$' words || fail "its buses: $(cat words)"
play 1 zero.log virtual:b=zzz
grep -q 'have no target; the recording has can0$' words || fail "nothing sent: $(cat words)"
grep '20000080#' all.log >errors.log
play 1 errors.log virtual:b
play 0 --start +100000 zero.log virtual:b=zzz
count_of one "$(wc -l <one.log)"
stop one
equal "-I, one assigned" <(frames_of one.log) <(frames_of one.out)

listen rest a
listen one b
play 0 -s 1 all.log virtual:b=can1 virtual:a
count_of rest "$(wc -l <zero.log)"
stop rest
stop one
equal "the rest to a target of its own" <(frames_of zero.log) <(frames_of rest.out)

wanted_parts() {
    # from 5 ms on, up to the first frame that is behind 7 ms
    awk '{ t = substr($1, 12, 7) + 0; if (substr($1, 2, 10) != 1700000000 || t > 0.0070) exit; if (t >= 0.0050005) print $3 }' data.log
    head -5 data.log | frames_of -
    for i in 1 2 3; do frames_of one.log; done
    frames_of one.log
    head -1 one.log | frames_of -
    frames_of slow.log
}

# The part that is asked for; -t, loops and a count.
listen any a
play 0 -t --start +0.0050005 --end 1700000000.0070 all.log virtual:a
play 0 -t -n 5 all.log virtual:a
play 0 -t -l 3 one.log virtual:a
play 0 --speed 1000000 <data.log virtual:a=can1
head -1 one.log | play 0 - virtual:a
for i in $(seq 20); do echo "($((1700000000 + i * 50)).5) can0 123#$(printf %02X "$i")"; done >slow.log
play 0 --speed 100000 slow.log virtual:a
wanted_parts >parts
count_of any "$(wc -l <parts)"
stop any
equal "parts and rounds" parts <(frames_of any.out)

# Lines for others, and what was sent.
play 0 -t zero.log stdout=can0
same "stdout=can0 prints log lines" zero.log printed
play 0 -t -v -n 1 zero.log virtual:a
grep -qE '^virtual:a \(can0\) ' printed || fail "-v: $(cat printed)"

# What a bus cannot carry is left out; the rest is played.
listen any a
group="udp_multicast:239.74.163.$(($$ % 200 + 20))%lo"
if "$CANRING" send "$group" 123# 2>words; then
    for i in 1 2 3 4 5; do
        echo "(1700000000.0) can0 12$i#0$i"
        echo '(1700000000.0) can0 45123#81:00:12345678#11223344'
        echo '(1700000000.0) can1 45123#81:00:12345678#11223344'
    done >kinds.log
    play 0 -t --stats kinds.log "$group" virtual:a=can1
    count_of any 5
    [ "$(grep -c 'carries no CAN XL frames, like 45123#81:00:12345678#11223344, number 2: they are left out$' words)" = 1 ] ||
        fail "a refused kind is not told, or not once: $(cat words)"
    grep -q '5 frames were not sent: udp_multicast:.* does not carry their kind$' words || fail "refused frames are not counted: $(cat words)"
    grep -q '^sent 10 frames in ' words || fail "what is not refused is not sent: $(cat words)"
    grep 45123 kinds.log >refused.log
    play 1 -t refused.log "$group"
    play 1 -t -l i refused.log "$group"
else
    echo "not tried: a bus that carries no CAN XL, $(cat words)"
fi
stop any

# Damage is told, with its line, and the rest is played.
sed '3s/.*/(1700000000.0) can0 12/' slow.log >damaged.log
listen any a
play 3 -t damaged.log virtual:a
count_of any 19
stop any
grep -q 'damaged.log:3: ' words || fail "the damaged line is not told: $(cat words)"
equal "what is not damaged" <(frames_of slow.log | sed 3d) <(frames_of any.out)

# Signals, also in a gap of fifty seconds; a player that was stopped does not catch up in a burst.
listen any a
background player "$CANRING" play slow.log virtual:a
count_of any 1
kill -TERM "${pids[player]}"
ends_with 143 player
for i in $(seq 0 24); do echo "(1700000000.$((i * 4 / 10))$((i * 4 % 10))0000) can0 222#$(printf %02X "$i")"; done >steady.log
background player "$CANRING" play --stats steady.log virtual:a
count_of any 2
kill -STOP "${pids[player]}"
sleep 2.2
kill -CONT "${pids[player]}"
ends_with 0 player
grep -q 'more than a second late [1-3] times' "$work/player.err" || fail "a player that was stopped: $(cat "$work/player.err")"
count_of any 26
stop any
equal "all of it, even so" <(frames_of steady.log) <(frames_of any.out | tail -n +2)

# A terminal's ENTER for each frame.
listen any a
printf '\n\n' | "$CANRING" play -i slow.log virtual:a 2>/dev/null || fail "-i"
count_of any 2
stop any
equal "-i: a frame for each ENTER" <(frames_of slow.log | head -2) <(frames_of any.out)

# Through a running proxy: to its bus.
listen bus proxied
start_proxy run -b can_channel=virtual:proxied "$tests/data/config/good_original.yaml"
play 0 -t one.log proxy_aux/
play 0 slow.log --speed 1000000 proxy_aux/=can0
count_of bus $(($(wc -l <one.log) + 20))
kill -TERM "${pids[run]}"
ends_with 0 run
stop bus
equal "through a proxy" <(frames_of one.log && frames_of slow.log) <(frames_of bus.out)

python3 - >eth.pcap <<'PY'
import struct, sys
sys.stdout.buffer.write(struct.pack('<IHHIIII', 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1) +
                        struct.pack('<IIII', 5, 0, 60, 60) + bytes(60))
PY
play 0 eth.pcap virtual:a
grep -q '1 packets of other link types' words || fail "packets of other protocols: $(cat words)"
rm eth.pcap
play 1 missing.log virtual:a
grep -q missing.log words || fail "a missing recording is not named"
play 1 one.log
grep -q 'TARGET=can1' words || fail "no bus of that name: $(cat words)"
play 2
play 2 one.log =can0
play 2 one.log virtual:a virtual:b
grep -q 'all frames go to virtual:a already' words || fail "two targets for all: $(cat words)"
play 2 -l 0 one.log virtual:a
play 2 --start yesterday one.log virtual:a
play 2 -F candunp one.log virtual:a
grep -q "did you mean 'candump'" words || fail "an unknown format: $(cat words)"
play 2 --speed 0 one.log virtual:a
play 2 -l 2 - virtual:a
nothing_left
exit $failed
