#!/bin/bash
# While frames flow, the proxy and its auxiliaries make next to no system calls: counted by strace,
# in each process, on the in-memory bus at full rate. With nothing to do they sleep.
. "$(dirname "$0")/e2e.bash"
command -v strace >/dev/null || skip "no strace"
command -v jq >/dev/null || skip "no jq"
strace -o /dev/null true 2>/dev/null || skip "strace may not trace here"
grep -q __tsan_init "$CANRING" && skip "the thread sanitizer's own calls and pace would be counted"
export ASAN_OPTIONS=detect_leaks=0 # which ends a program that is traced
cd "$work" || exit 1
frames=${FRAMES:-500000}
aux=$CANRING_BUILD/tests/e2e_aux

configure() { # WAIT of the proxy
    cat <<YAML
auxiliaries:
  hot: {connectors: {com: bus}, config: {aux_list: [aux1, aux2], wait: $1}, type: 'm:MpProxyAuxiliary'}
  aux1: {connectors: {com: hot1}, type: 'm:CommunicationAuxiliary'}
  aux2: {connectors: {com: hot2}, type: 'm:CommunicationAuxiliary'}
connectors:
  hot1: {config: {processing: True}, type: CCMpProxy}
  hot2: {config: {processing: True}, type: CCMpProxy}
  bus: {config: {interface: virtual, channel: hot$$}, type: CCVirtualCan}
YAML
}
# System calls in a table of strace -c; those of before and after the traffic are in it.
calls() { # FILE
    awk '$NF == "total" { print $4 }' "$1"
}
field() { # NAME FILE
    sed -n "s/.*\<$1 \([a-z0-9]*\).*/\1/p" "$2"
}

at_full_rate() { # WAIT
    local i name
    configure "$1" >hot.yaml
    start_proxy run hot.yaml
    background proxy strace -c -f -o proxy.calls -p "$(status '.[0].pid')"
    eventually grep -q attached proxy.err || skip "strace may not attach: $(cat proxy.err)"
    for i in 1 2; do
        background aux$i strace -c -f -o aux$i.calls "$aux" -w "$1" -t 5000 -n "$frames" hot/hot$i
        eventually attached hot/hot$i || give_up "aux$i does not attach: $(cat aux$i.err)"
    done
    "$CANRING" gen -g 0 -n "$frames" -I 100 -L 8 -D i "virtual:hot$$" || fail "gen ends with $?"
    ends_with 0 aux1
    ends_with 0 aux2
    status '.[0]' >state
    kill -TERM "${pids[run]}"
    ends_with 0 run
    wait_bounded "${pids[proxy]}" "strace of the proxy"
    unset "pids[proxy]"
    local moved lost
    moved=$(jq .bus.rx_frames state)
    lost=$(jq .bus.rx_lost_kernel state)
    [ $((moved + lost)) = "$frames" ] || fail "$1: $moved received and $lost lost of $frames"
    for i in 1 2; do
        local got
        got=$(field received aux$i.out)
        [ $((got + lost + $(jq ".channels[$i - 1].dropped" state))) = "$frames" ] || fail "$1: aux$i: $(cat aux$i.out) $(jq -c . state)"
        [ "$(field late aux$i.out)" = 0 ] || fail "$1: aux$i: $(cat aux$i.out)"
    done
    for name in proxy aux1 aux2; do
        local count
        count=$(calls $name.calls)
        echo "$1: $name: $count system calls for $moved frames"
        [ $((count * 100)) -lt "$moved" ] || { fail "$1: $name makes too many system calls"; head -12 $name.calls; }
    done
}

ticks() { # PID: user and system time, in 1/100 s
    awk '{ print $14 + $15 }' "/proc/$1/stat"
}
wakes() { # PID: how often it went to sleep, all threads
    cat /proc/"$1"/task/*/status | awk '/^voluntary_ctxt/ { sum += $2 } END { print sum }'
}
asleep() { # WAIT
    local seconds=2 i name
    configure "$1" >hot.yaml
    start_proxy run hot.yaml
    for i in 1 2; do
        background aux$i "$aux" -w "$1" hot/hot$i
        eventually attached hot/hot$i || give_up "aux$i does not attach: $(cat aux$i.err)"
    done
    "$CANRING" gen -g 0 -n 1000 -I 100 -L 8 -D i "virtual:hot$$" || fail "gen ends with $?"
    sleep 0.5
    local -A of=([proxy]=$(status '.[0].pid') [aux1]=${pids[aux1]} [aux2]=${pids[aux2]} [coordinator]=${pids[run]}) ticks0 wakes0
    for name in "${!of[@]}"; do
        ticks0[$name]=$(ticks "${of[$name]}")
        wakes0[$name]=$(wakes "${of[$name]}")
    done
    sleep $seconds
    for name in "${!of[@]}"; do
        local used=$(($(ticks "${of[$name]}") - ticks0[$name])) woken=$(($(wakes "${of[$name]}") - wakes0[$name]))
        echo "$1: $name idle for $seconds s: $used/100 s of processor time, $woken wake-ups"
        [ $used -le $((5 * seconds)) ] || fail "$1: $name is not idle"
        [ $woken -lt $((20 * seconds)) ] || fail "$1: $name wakes up too often"
    done
    stop aux1
    stop aux2
    kill -TERM "${pids[run]}"
    ends_with 0 run
}

for wait in spin adaptive; do at_full_rate $wait; done
for wait in adaptive park; do asleep $wait; done
nothing_left
exit $failed
