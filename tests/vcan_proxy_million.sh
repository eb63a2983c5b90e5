#!/bin/bash
# A million numbered frames as fast as a vcan takes them, through the proxy to two channels: each
# arrives, in order, or is counted at the place where it was lost; the trace holds every frame
# that the proxy received, and what candump beside it saw is in it, identical and in order.
E2E_WORK=/dev/shm
. "$(dirname "$0")/e2e.bash"
for tool in candump cansend jq; do
    command -v $tool >/dev/null || skip "no $tool"
done
grep -q '^CAN_RAW' /proc/net/protocols || skip "no CAN in this kernel"
mkdir "$work/suite_mp_proxy" && cd "$work" || exit 1

# Dropped by the kernel before any socket saw them: the only place that no socket counts.
backlog() {
    local dropped sum=0
    while read -r _ dropped _; do sum=$((sum + 16#$dropped)); done </proc/net/softnet_stat
    echo $sum
}
field() { # NAME FILE
    sed -n "s/.*\<$1 \([a-z0-9]*\).*/\1/p" "$2"
}

flood() { # FRAMES CONFIGURATION
    local frames=$1 channel before trace backlog_lost received lost got dropped out written candump_lost
    rm -f suite_mp_proxy/*
    start_proxy run -b can_channel=vcan0 "$2"
    for channel in 1 2; do
        background aux$channel "$CANRING_BUILD/tests/e2e_aux" proxy_aux/proxy_com$channel
        eventually attached proxy_aux/proxy_com$channel || give_up "aux$channel: $(cat "$work/aux$channel.err")"
    done
    background candump candump -L -d -r 30000000 vcan0
    eventually grep -q vcan0 /proc/net/can/rcvlist_all || give_up "candump does not listen"
    [ "$(grep -c vcan0 /proc/net/can/rcvlist_all)" -ge 2 ] || sleep 1

    before=$(backlog)
    "$CANRING_BUILD/tests/vcan_flood" vcan0 "$frames" || give_up "the sender ends with $?"
    cansend vcan0 7FF#DEADBEEF # what was lost before it shows with it
    trace=$(echo "$work"/suite_mp_proxy/*.log)
    eventually grep -q '7FF#DEADBEEF$' "$trace" || fail "the last frame is not in the trace"
    eventually grep -q '7FF#DEADBEEF$' "$work/candump.out" || fail "candump has not seen the last frame"
    reads_all() {
        [ "$(status '[.[0].channels[] | .published == .received and .spill_now == 0] | all')" = true ]
    }
    eventually reads_all || fail "the auxiliaries are behind: $(status '.[0].channels')"
    status '.[0]' >state
    backlog_lost=$(($(backlog) - before))
    stop candump
    for channel in 1 2; do stop aux$channel; done
    kill -TERM "${pids[run]}"
    ends_with 0 run

    received=$(jq '.bus.rx_frames' state)
    lost=$(jq '.bus.rx_lost_kernel' state)
    [ $((received + lost + backlog_lost)) = $((frames + 1)) ] ||
        fail "$frames + 1 sent, $received received + $lost lost at the socket + $backlog_lost before it"
    for channel in 1 2; do
        out=$work/aux$channel.out
        got=$(field received "$out")
        dropped=$(jq ".channels[$channel - 1].dropped" state)
        [ "$(field late "$out")" = 0 ] || fail "aux$channel: out of order or twice: $(cat "$out")"
        [ "$(field other "$out")" = 1 ] || fail "aux$channel: the last frame is missing: $(cat "$out")"
        [ $((got + lost + backlog_lost + dropped)) = "$frames" ] ||
            fail "aux$channel: $got received, $lost + $backlog_lost lost by the kernel, $dropped by its channel"
        [ "$(field number_gaps "$out")" = $((lost + dropped)) ] || fail "aux$channel: the numbers do not show the losses: $(cat "$out")"
        echo "aux$channel: $(cat "$out")"
    done

    # The trace: every frame received.
    written=$(jq '.trace.written + .trace.dropped' state)
    [ "$written" = "$received" ] || fail "trace: $(jq -c .trace state), $received received"
    [ "$(wc -l <"$trace")" = "$(jq .trace.written state)" ] || fail "trace: $(wc -l <"$trace") lines"
    # What candump saw, all of it, in order, in the trace (where that lost nothing).
    grep -v '^DROPCOUNT' "$work/candump.out" >seen
    candump_lost=$(sed -n 's/^DROPCOUNT: dropped \([0-9]*\) .*/\1/p' "$work/candump.out" | awk '{ sum += $1 } END { print sum + 0 }')
    if [ "$(jq '.trace.dropped + .bus.rx_lost_kernel' state)" = 0 ]; then
        awk -v trace="$trace" '{ do { if ((getline line <trace) <= 0) { print "not in the trace: " $0; exit 1 } } while (line != $0) }' seen ||
            fail "candump and the trace differ"
    else
        echo "not compared with candump: the proxy lost frames itself, all counted"
    fi
    echo "$(wc -l <seen) frames the same at candump, which lost $candump_lost itself"
    echo "bus: received $received, lost at the socket $lost, before it $backlog_lost"
    nothing_left
}

flood "${FRAMES:-1000000}" "$tests/data/config/good_original.yaml"

# Once more where it must lose: a socket buffer for 8 frames; rings for 127 frames without spill.
lossy() { # KEYS of the bus, KEYS of a channel
    awk -v bus="$1" -v channel="$2" '/^  can_channel:/ { channel = bus } { print }
        /processing : True/ && channel { print "      " channel }' "$tests/data/config/good_original.yaml"
}
lossy 'receive_buffer: 4096' '' >small_buffer.yaml
flood 50000 small_buffer.yaml
[ "$(jq .bus.rx_lost_kernel state)" -gt 0 ] || fail "a buffer for 8 frames has lost nothing: the counter is not tried"
lossy '' "ring_slots: 128"$'\n'"      overflow: drop" >small_rings.yaml
flood 50000 small_rings.yaml
[ "$(jq '[.channels[].dropped] | min' state)" -gt 0 ] || fail "rings for 127 frames have dropped nothing: the counter is not tried"
exit $failed
