#!/bin/bash
# Auxiliaries and proxies are killed at random instants while frames flow: the others go on without
# a gap or a frame twice, and in the end nothing is left in shared memory.
. "$(dirname "$0")/e2e.bash"
command -v jq >/dev/null || skip "no jq"
cd "$work" || exit 1
aux=$CANRING_BUILD/tests/e2e_aux
kills=${KILLS:-100}
proxy_kills=${PROXY_KILLS:-20}
RANDOM=${SEED:-$$}
echo "SEED=${SEED:-$$}"

cat >kill.yaml <<YAML
auxiliaries:
  kill: {connectors: {com: bus}, config: {aux_list: [a, b, c, d, e]}, type: 'm:MpProxyAuxiliary'}
  a: {connectors: {com: survivor1}, type: 'm:CommunicationAuxiliary'}
  b: {connectors: {com: survivor2}, type: 'm:CommunicationAuxiliary'}
  c: {connectors: {com: victim1}, type: 'm:CommunicationAuxiliary'}
  d: {connectors: {com: victim2}, type: 'm:CommunicationAuxiliary'}
  e: {connectors: {com: victim3}, type: 'm:CommunicationAuxiliary'}
connectors:
  survivor1: {config: {processing: True}, type: CCMpProxy}
  survivor2: {config: {processing: True}, type: CCMpProxy}
  victim1: {config: {processing: True}, type: CCMpProxy}
  victim2: {config: {processing: True}, type: CCMpProxy}
  victim3: {config: {processing: True}, type: CCMpProxy}
  bus: {config: {interface: virtual, channel: kill$$}, type: CCVirtualCan}
YAML
field() { # NAME FILE
    sed -n "s/.*\<$1 \([a-z0-9]*\).*/\1/p" "$2"
}
murder() { # NAME
    kill -KILL "${pids[$1]}"
    wait_bounded "${pids[$1]}" "$1"
    unset "pids[$1]"
}
a_moment() {
    sleep "0.0$((RANDOM % 5))$((RANDOM % 10))"
}
# The last of the three sends, so that it also dies while it sends.
revive() { # NAME
    if [ "$1" = victim3 ]; then
        sleep 0.02 # it does not try again, and the proxy has to notice first
        background victim3 "$CANRING" gen --rate 3000 -I 200 kill/victim3
    else
        background "$1" "$aux" -r "kill/$1"
    fi
}
# NAME: what it has got has no hole that is not counted.
check_stream() {
    local out=$1.out
    [ "$(field received "$out")" -gt 0 ] || fail "$1 has received nothing: $(cat "$out" "$1.err")"
    [ "$(field late "$out")" = 0 ] || fail "$1: out of order or twice: $(cat "$out")"
    # A frame that was lost before the proxy, or in the channel, shows in the numbers.
    [ "$(field missing "$out")" -le "$(field number_gaps "$out")" ] || fail "$1: a gap that is not counted: $(cat "$out")"
    [ "$(field number_gaps "$out")" = "$2" ] || fail "$1: $2 lost, as counted; $(cat "$out")"
}
lost_of() { # CHANNEL: as the counters say
    jq --arg name "$1" '.bus.rx_lost_kernel + (.channels[] | select(.name == $name) | .dropped)' state
}

# Auxiliaries.
start_proxy run kill.yaml
background gen "$CANRING" gen --rate 5000 -I 100 -L 8 -D i "virtual:kill$$"
for name in survivor1 survivor2; do
    background $name "$aux" kill/$name
    eventually attached kill/$name || give_up "$name does not attach: $(cat $name.err)"
done
for name in victim1 victim2 victim3; do revive $name; done
for ((i = 0; i < kills; i++)); do
    a_moment
    name=victim$((RANDOM % 3 + 1))
    murder $name
    revive $name
done
for name in victim1 victim2; do
    eventually attached kill/$name || fail "$name cannot attach after $kills kills: $(cat $name.err)"
done
stop victim3
stop gen
eventually_read() {
    [ "$(status '.[0].channels | map(select(.attached)) | map(.spill_now) | add')" = 0 ]
}
eventually eventually_read
sleep 0.3
status '.[0]' >state
for name in survivor1 survivor2; do
    stop $name
    check_stream $name "$(lost_of $name)"
    [ "$(field other $name.out)" -gt 0 ] || fail "$name: nothing of the auxiliary that sends"
    echo "$name: $(cat $name.out)"
done
stop victim1
stop victim2
[ "$(jq '[.channels[] | select(.name | startswith("victim")) | .attachments] | add' state)" -gt $((kills / 4)) ] ||
    fail "the victims have hardly lived: $(jq -c .channels state)"
[ "$(jq '[.channels[].kicked] | add' state)" = 0 ] || fail "one was taken for a rogue: $(grep ERROR run.err)"
kill -TERM "${pids[run]}"
ends_with 0 run
nothing_left "$kills killed auxiliaries"

both_read() {
    [ "$(status '.[0].channels | map(select(.name | startswith("survivor"))) | map(.received > 0) | all')" = true ]
}

# Proxies: the script starts another, as a supervisor would.
background gen "$CANRING" gen --rate 5000 -I 100 -L 8 -D i "virtual:kill$$"
for ((i = 0; i < proxy_kills; i++)); do
    start_proxy run kill.yaml
    for name in survivor1 survivor2; do background $name "$aux" -r kill/$name; done
    for name in survivor1 survivor2; do
        eventually attached kill/$name || give_up "$name does not attach to proxy $i: $(cat $name.err)"
    done
    eventually both_read || fail "the survivors read nothing: $(status '.[0].channels')"
    a_moment
    kill -KILL "$(status '.[0].pid')"
    ends_with 1 run
    for name in survivor1 survivor2; do
        ends_with 0 $name
        [ "$(field why $name.out)" = gone ] || fail "$name: $(cat $name.out)"
        check_stream $name "$(field missing $name.out)"
        [ "$(field missing $name.out)" = 0 ] || echo "$name lost frames on a busy machine: $(cat $name.out)"
    done
done

# The trace of a slow bus is on disk long before a buffer is full, so that a kill costs little.
mkdir traces
stop gen
sed 's/aux_list: \[[^]]*\]/&, activate_trace: true, trace_dir: traces, trace_name: kill/' kill.yaml >traced.yaml
start_proxy run traced.yaml
trace=$(ls traces/*)
on_disk() {
    [ "$(wc -l <"$trace")" -ge 100 ]
}
background gen "$CANRING" gen --rate 50 -I 100 -L 8 -D i "virtual:kill$$"
eventually on_disk || fail "the trace keeps frames to itself: $(wc -l <"$trace") lines"
kill -KILL "$(status '.[0].pid')"
ends_with 1 run
grep -vE '^\([0-9]+\.[0-9]{6}\) kill[0-9]+ 100#[0-9A-F]{16}$' "$trace" | head -3 | grep . &&
    fail "the trace of a killed proxy has lines that are not whole"

kill -0 "${pids[gen]}" || fail "the sender has ended: $(cat gen.err)"
start_proxy run kill.yaml
kill -TERM "${pids[run]}"
ends_with 0 run
stop gen
nothing_left "$proxy_kills killed proxies"
exit $failed
