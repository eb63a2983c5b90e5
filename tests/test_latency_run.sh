#!/bin/bash
# The latency keys of a configuration, in the processes that canring run starts: what the kernel says
# of them, and what is said when it refuses.
. "$(dirname "$0")/e2e.bash"
command -v jq >/dev/null || skip "no jq"
command -v taskset >/dev/null && command -v chrt >/dev/null || skip "no taskset or chrt"
cd "$work" || exit 1
cpu=$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/') # one that we may use
root=$([ "$(id -u)" = 0 ] && chrt -f 1 true 2>/dev/null && echo yes)
cat >program <<'SH'
#!/bin/sh
exec sleep 1000
SH
chmod +x program

configure() { # LATENCY of the proxy, of the auxiliary, slots
    cat <<YAML
auxiliaries:
  rig: {connectors: {com: bus}, config: {aux_list: [aux1], latency: $1}, type: 'm:MpProxyAuxiliary'}
  aux1: {connectors: {com: com1}, config: {latency: $2}, type: 'm:CommunicationAuxiliary'}
connectors:
  com1: {config: {processing: True, ring_slots: ${3:-1024}}, type: CCMpProxy}
  bus: {config: {interface: virtual, channel: rig$$}, type: CCVirtualCan}
YAML
}
begin() { # a whole run, with its auxiliaries
    background run "$CANRING" run "$@"
    eventually ready run
    grep -q ' ready$' run.err || give_up "does not start: $(cat run.err)"
    proxy=$(status '.[0].pid') aux=$(status '.[0].channels[0].pid')
}
end() {
    kill -TERM "${pids[run]}"
    ends_with 0 run
    nothing_left
}
is() { # WHAT WANTED FOUND
    [ "$2" = "$3" ] || fail "$1: found '$3', not '$2'"
}
field() { # PID KEY
    sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}
policy() { # PID
    chrt -p "$1" | sed 's/.*: //' | paste -sd ' '
}
refused() { # WORDS COMMAND…
    local words=$1
    shift
    timeout 20 "$@" >out 2>&1 && fail "$words: not refused"
    grep -qF -- "$words" out || fail "does not say '$words': $(cat out)"
    grep -q 'open (virtual)' out && fail "$words: the bus was opened"
}

# Without any privilege.
configure "{cpus: $cpu, timer_slack: 2000, busy_poll: 75}" "{cpus: '$cpu', timer_slack: 3000}" >free.yaml
"$CANRING" check -q free.yaml || fail "free.yaml is refused"
begin free.yaml
is "the proxy's processors" "$cpu" "$(field "$proxy" Cpus_allowed_list)"
is "the auxiliary's processors" "$cpu" "$(field "$aux" Cpus_allowed_list)"
is "the proxy's slack" 2000 "$(cat "/proc/$proxy/timerslack_ns")"
is "the auxiliary's slack" 3000 "$(cat "/proc/$aux/timerslack_ns")"
is "status" "$cpu other 2000 75" "$(status '.[0].latency | "\(.cpus) \(.policy) \(.timer_slack_ns) \(.busy_poll_us)"')"
end

# Frames that come singly are handled together, all of them and in order.
configure "{coalesce: 20000}" "{}" >gather.yaml
start_proxy gather gather.yaml
start_aux dump rig/com1 -L -n 1000
"$CANRING" gen -g 0.2 -n 1000 -I i -L 4 "virtual:rig$$" || fail "gen ends with $?"
ends_with 0 dump
is "frames, coalesced" 1000 "$(wc -l <dump.out)"
frames_of dump.out | sort -c 2>/dev/null || fail "frames are out of order"
is "coalesce in status" 20000 "$(status '.[0].latency.coalesce_us')"
[ "$(status '.[0].sleeps')" -lt 500 ] || fail "1000 frames, 20 ms apart at least, took $(status '.[0].sleeps') sleeps"
kill -TERM "${pids[gather]}"
ends_with 0 gather

# With privileges.
if grep -qE '__[at]san_init' "$CANRING"; then
    echo "locked memory not tested: a sanitizer's mlockall locks nothing"
    configure "{mlock: true}" "{}" >sanitized.yaml
    refused "mlock: mlockall locked nothing" "$CANRING" run sanitized.yaml
elif [ -n "$root" ]; then
    configure "{sched_fifo: 11, mlock: true}" "{sched_fifo: 12, mlock: true}" >root.yaml
    begin root.yaml
    is "the proxy's policy" "SCHED_FIFO 11" "$(policy "$proxy")"
    is "the auxiliary's policy" "SCHED_FIFO 12" "$(policy "$aux")"
    [ "$(field "$proxy" VmLck | tr -dc 0-9)" -gt 1000 ] || fail "the proxy's memory is not locked"
    [ "$(field "$aux" VmLck | tr -dc 0-9)" -gt 1000 ] || fail "the auxiliary's memory is not locked"
    is "status" "fifo 11 true" "$(status '.[0].latency | "\(.policy) \(.priority) \(.locked_kib > 1000)"')"
    [ "$(policy "${pids[run]}")" = "SCHED_OTHER 0" ] || fail "the coordinator is $(policy "${pids[run]}")"
    end
else
    echo "real-time priority and locked memory not tested: not permitted here"
fi

# Refused: nothing starts.
limits=() drop=()
command -v prlimit >/dev/null && limits=(prlimit --rtprio=0 --memlock=65536)
if [ "$(id -u)" = 0 ]; then
    command -v setpriv >/dev/null && drop=(setpriv '--bounding-set=-sys_nice,-ipc_lock')
fi
if [ ${#limits[@]} != 0 ] && { [ "$(id -u)" != 0 ] || [ ${#drop[@]} != 0 ]; }; then
    configure "{sched_fifo: 50}" "{}" >fifo.yaml
    configure "{}" "{sched_fifo: 50}" >aux.yaml
    configure "{mlock: true}" "{}" >mlock.yaml
    refused "proxy rig: sched_fifo 50: needs CAP_SYS_NICE" "${drop[@]}" "${limits[@]}" "$CANRING" run fifo.yaml
    refused "RLIMIT_RTPRIO of at least 50, which is 0 here" "${drop[@]}" "${limits[@]}" "$CANRING" run fifo.yaml
    refused "which is 64 KiB here" "${drop[@]}" "${limits[@]}" "$CANRING" run mlock.yaml
    timeout 20 "${drop[@]}" "${limits[@]}" "$CANRING" run aux.yaml >out 2>&1 && fail "an auxiliary without privilege is not refused"
    grep -q 'auxiliary aux1: sched_fifo 50: needs CAP_SYS_NICE' out || fail "the auxiliary's refusal: $(cat out)"
else
    echo "refusals not tested: no prlimit or setpriv"
fi
configure "{huge_pages: true}" "{}" >huge.yaml
refused "huge.yaml:2:3: error: huge_pages: the rings of 'com1' have 1024 slots, allowed: ring_slots of 65536" "$CANRING" run huge.yaml
configure "{socket_busy_poll: 50}" "{}" >poll.yaml
refused "poll.yaml:2:3: error: socket_busy_poll: the bus 'bus' is one of virtual" "$CANRING" run poll.yaml
nothing_left

# What cannot be at all is found without starting anything.
checked() { # WORDS LATENCY-OF-PROXY LATENCY-OF-AUXILIARY
    configure "$2" "$3" >bad.yaml
    "$CANRING" check bad.yaml >out 2>&1 && fail "not refused: $2 $3"
    grep -qE "^bad.yaml:[0-9]+:[0-9]+: .*$1" out || fail "'$1' is not said: $(cat out)"
}
checked "sched_fifo: found 100, allowed: 1..99" "{sched_fifo: 100}" "{}"
checked "cpus: found '3-1', allowed: a list" "{cpus: 3-1}" "{}"
checked "cpus: found 'a list'|cpus: found .*list" "{cpus: [1]}" "{}"
checked "timer_slack: found 0, allowed: 1.." "{}" "{timer_slack: 0}"
checked "unknown key of latency.*busy_poll" "{}" "{busy_poll: 5}"
checked "did you mean 'mlock'" "{mlok: true}" "{}"
checked "latency: found .*allowed: a map" "fast" "{}"
sed 's/latency: fast/latency: {busy_poll: 9}, wait: spin/' bad.yaml >wait.yaml
"$CANRING" check wait.yaml 2>&1 | grep -q 'busy_poll: has no meaning with wait: spin' || fail "busy_poll with wait: spin is not refused"
sed "s/latency: fast/latency: {}/; s/'m:CommunicationAuxiliary'/.\/program/; s/config: {latency: {}}/config: {latency: {mlock: true}}/" bad.yaml >exec.yaml
"$CANRING" check exec.yaml 2>&1 | grep -q 'mlock: a program that is executed does not keep it' || fail "mlock of a program: $("$CANRING" check exec.yaml 2>&1)"
sed 's/latency: fast/latency: {coalesce: 9}, wait: spin/' bad.yaml >wait.yaml
"$CANRING" check wait.yaml 2>&1 | grep -q 'coalesce: has no meaning with wait: spin' || fail "coalesce with wait: spin is not refused"
configure "{sched_fifo: 5, sqpoll: true}" "{}" >both.yaml
"$CANRING" check both.yaml >out 2>&1 || fail "sqpoll with sched_fifo is refused: $(cat out)"
grep -q "warning: sqpoll: the kernel's thread has no real-time priority" out || fail "sqpoll with sched_fifo: $(cat out)"
exit $failed
