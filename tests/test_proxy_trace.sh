#!/bin/bash
# Traces of a proxy and of its connector: formats, names, rotation; both at once hold everything; a
# disk that is full is told by status and harms nobody.
. "$(dirname "${BASH_SOURCE[0]}")/e2e.bash"
command -v jq >/dev/null || skip "no jq"
cd "$work" || exit 1
bus=trace$$

configure() { # FILE, keys of the proxy, keys of the connector
    cat >"$1" <<YAML
auxiliaries:
  proxy_aux:
    connectors: {com: bus}
    config: {aux_list: [aux1], $2}
    type: MpProxyAuxiliary
  aux1:
    connectors: {com: com1}
    type: CommunicationAuxiliary
connectors:
  com1: {config: {processing: True}, type: CCMpProxy}
  bus: {config: {$3}, type: CCSocketCan}
YAML
}
run() { # FILE
    start_proxy run -b "bus=virtual:$bus" "$1"
}
written() { # COUNT WHICH: by status
    [ "$(status ".[0].$2.written")" = "$1" ]
}
gen() { # COUNT
    "$CANRING" gen -n "$1" -I i -L 4 -D i --rate 20000 "virtual:$bus" 2>/dev/null || fail "gen"
}
frames() { # RECORDING
    "$CANRING" dump -L "replay:$1" 2>/dev/null | cut -d' ' -f3
}
count() {
    ls "$@" 2>/dev/null | wc -l
}

# Each format, and the connector's log beside it; what is sent through the proxy is in both.
for format in candump asc blf pcapng trc; do
    mkdir $format
    configure rig.yaml "activate_trace: yes, trace_dir: $format, trace_name: all, trace_format: $format" \
        "logging_activated: yes, log_path: $format, log_name: own.log"
    run rig.yaml
    gen 3000
    "$CANRING" send com1 7FF#1122 2>/dev/null || fail "$format: send"
    eventually written 3001 trace || fail "$format: $(status '.[0].trace')"
    eventually written 3001 connector_trace || fail "$format: $(status '.[0].connector_trace')"
    "$CANRING" status | grep -q "^  trace  *written 3001 .*$format/" || fail "$format: status: $("$CANRING" status)"
    kill -TERM "${pids[run]}"
    ends_with 0 run
    [ "$(count $format/*_all.*)" = 1 ] || fail "$format: $(ls $format)"
    frames $format/*_all.* >all.frames
    cut -d' ' -f3 $format/own.log >own.frames
    same "$format: trace and log" own.frames all.frames
    [ "$(wc -l <own.frames)" = 3001 ] || fail "$format: $(wc -l <own.frames) frames"
done

# The default of a bus's log is PEAK's format; nothing is overwritten.
mkdir log
for run in 1 2; do
    configure rig.yaml "activate_trace: no" "logging_activated: yes, log_path: log, log_name: mine"
    run rig.yaml
    gen 10
    eventually written 10 connector_trace || fail "log $run: $(status '.[0].connector_trace')"
    [ "$(status '.[0].trace')" = null ] || fail "log $run: a trace that was not asked for"
    kill -TERM "${pids[run]}"
    ends_with 0 run
done
[ "$(ls log | paste -sd' ')" = "mine.trc mine_2.trc" ] || fail "names of logs: $(ls log)"
grep -q 'FILEVERSION' log/mine.trc || fail "not PEAK's format: $(head -3 log/mine.trc)"

# Rotation, and what is kept of it.
mkdir rotated
configure rig.yaml "activate_trace: yes, trace_dir: rotated, trace_rotate_frames: 1000, trace_keep: 2, trace_digits: 9" ""
run rig.yaml
gen 5500
eventually written 5500 trace || fail "rotation: $(status '.[0].trace')"
files() {
    [ "$(status '.[0].trace.files')" = "$1" ]
}
eventually files 6 || fail "rotation: $(status '.[0].trace')"
kill -TERM "${pids[run]}"
ends_with 0 run
[ "$(count rotated/*)" = 2 ] && [ "$(cat rotated/* | wc -l)" = 1500 ] || fail "rotation: $(wc -l rotated/*)"
grep -qE '^\([0-9]+\.[0-9]{9}\) ' rotated/*_0005.log || fail "digits: $(head -1 rotated/*_0005.log)"

# With a trigger.
mkdir triggered
configure rig.yaml "activate_trace: yes, trace_dir: triggered, trace_trigger: '7FF:7FF', trace_pretrigger: 60s" ""
run rig.yaml
gen 100
[ "$(count triggered/*)" = 0 ] || fail "trigger: written before it came"
"$CANRING" send "virtual:$bus" 7FF# 2>/dev/null
eventually written 101 trace || fail "trigger: $(status '.[0].trace')"
kill -TERM "${pids[run]}"
ends_with 0 run
[ "$(cat triggered/* | wc -l)" = 101 ] || fail "trigger: $(wc -l triggered/*)"

# A full disk: said once, shown by status, and the channel gets every frame.
mkdir full
configure rig.yaml "activate_trace: yes, trace_dir: full, trace_format: pcapng, trace_reserve: 1MiB" \
    "logging_activated: yes, log_path: ., log_name: beside.log"
export CANRING tests work
unshare -rm true 2>/dev/null && full=yes || { full=; echo "a full disk: not tried, no mount namespaces here"; }
if [ "$full" ]; then
    cat >full.sh <<'SH'
    . "$tests/bounded.bash"
    mount -t tmpfs -o size=256k none full || exit 9
    "$CANRING" run --proxies-only -b "bus=virtual:$bus" rig.yaml 2>run.err &
    run=$!
    for i in $(seq 200); do grep -q ' ready$' run.err && break; sleep 0.05; done
    "$CANRING" dump -L -n 200000 -T 20000 com1 >aux.out 2>aux.err &
    aux=$!
    for i in $(seq 200); do "$CANRING" list | grep -q pid && break; sleep 0.05; done
    "$CANRING" gen -n 200000 -I i --rate 100000 "virtual:$bus" 2>/dev/null
    wait_bounded $aux dump
    for i in $(seq 100); do [ "$("$CANRING" status --json | jq '.[0].connector_trace.written')" = 200000 ] && break; sleep 0.05; done
    "$CANRING" status --json >state
    "$CANRING" status >state.text
    kill -TERM $run
    wait_bounded $run run
    echo $? >status
SH
    bus=$bus unshare -rm bash full.sh
    [ $? = 9 ] && skip "no tmpfs here"
    [ "$(cat status)" = 1 ] || fail "full disk: the run ends with $(cat status)"
    grep -q 'proxy_aux has stopped; a trace of it lacks frames' run.err || fail "full disk: not said at the end: $(cat run.err)"
    [ "$(jq '.[0].trace.error' state)" = -28 ] || fail "full disk: $(jq -c '.[0].trace' state)"
    [ "$(jq '.[0].trace.dropped' state)" -gt 0 ] || fail "full disk: $(jq -c '.[0].trace' state)"
    grep -q 'cannot be written: No space left' state.text || fail "full disk: status: $(cat state.text)"
    grep -q 'No space left on device' run.err || fail "full disk: not said: $(cat run.err)"
    received=$(jq '.[0].bus.rx_frames' state)
    [ "$(jq '.[0].connector_trace.written' state)" = "$received" ] || fail "full disk: the other trace suffers: $(jq -c '.[0].connector_trace' state)"
    [ "$(wc -l <beside.log)" = "$received" ] || fail "full disk: $(wc -l <beside.log) lines beside it"
    [ "$(wc -l <aux.out)" = "$received" ] || fail "full disk: the channel got $(wc -l <aux.out) of $received"
fi
# A trace that takes longer than 5 seconds to be finished: here by a proxy that mostly stands still.
hold_up() { # a proxy that gets a tenth of the time, for 7 seconds
    local i
    for ((i = 0; i < 14; i++)); do
        kill -STOP "$1"
        sleep 0.45
        kill -CONT "$1"
        sleep 0.05
    done
}
waited_for() {
    grep -q 'proxy_aux still writes its trace and is waited for' run.err
}
begin_to_end() { # FOLDER
    mkdir "$1"
    configure rig.yaml "activate_trace: yes, trace_dir: $1, trace_format: asc, trace_compression: gz, trace_reserve: 512MiB" ""
    run rig.yaml
    "$CANRING" gen -f -g 0 -L 64 -n 1000000 "virtual:$bus" 2>/dev/null || fail "$1: gen"
    victim=$(status '.[0].pid')
    kill -TERM "${pids[run]}"
    hold_up "$victim"
    waited_for || fail "$1: not said that it is waited for: $(cat run.err)"
}
begin_to_end slow
if kill -0 "$victim" 2>/dev/null; then # it has begun to end: what was freed is no signal's any more
    ignored=0x$(awk '/^SigIgn/ { print $2 }' "/proc/$victim/status")
    [ $((ignored & 0x4002)) = $((0x4002)) ] || fail "slow: a proxy that closes takes signals: $ignored"
    while kill -TERM "$victim" 2>/dev/null; do :; done
fi
ends_with 0 run
grep -qE 'killed|lacks|may lack' run.err && fail "slow: $(cat run.err)"
gzip -t slow/* || fail "slow: the trace is cut off"
nothing_left "slow"

# Who cannot wait asks again.
begin_to_end impatient
kill -STOP "$victim"
SECONDS=0
kill -TERM "${pids[run]}"
ends_with 1 run
[ $SECONDS -lt 3 ] || fail "impatient: waited for $SECONDS s"
grep -q 'proxy_aux .* is killed: its trace may lack frames' run.err || fail "impatient: $(cat run.err)"
nothing_left
exit $failed
