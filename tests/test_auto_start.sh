#!/bin/bash
# auto_start: a process that waits to be asked has neither a bus nor an instance; and an auxiliary
# that no proxy serves is left out, the rest goes on.
. "$(dirname "$0")/e2e.bash"
command -v jq >/dev/null || skip "no jq"
cd "$work" || exit 1

# LIST CONFIG…: aux_list of the proxy; what else stands in the config of proxy, aux1 and aux2.
configure() {
    cat <<YAML
auxiliaries:
  proxy: {connectors: {com: bus}, config: {aux_list: $1 $2}, type: 'm:MpProxyAuxiliary'}
  aux1: {connectors: {com: com1}, config: {$3}, type: 'm:CommunicationAuxiliary'}
  aux2: {connectors: {com: com2}, config: {$4}, type: 'm:CommunicationAuxiliary'}
connectors:
  com1: {config: {processing: True}, type: CCMpProxy}
  com2: {config: {processing: True}, type: CCMpProxy}
  bus: {config: {interface: virtual, channel: auto$$, remote_id: 0x12}, type: CCVirtualCan}
YAML
}
bus_is() { # STATE WHEN
    eventually test "$(status '.[0].bus.state')" = "$1" || give_up "$2: the bus is $(status '.[0].bus.state')"
}
start_all() { # WORDS FILE: canring run, which says WORDS once it is ready
    background run "$CANRING" run -L INFO "$2"
    eventually ready run
    grep -q "canring run: $1 ready" run.err || give_up "$2: $(cat run.err)"
}
end_all() {
    kill "${pids[run]}"
    ends_with 0 run
    nothing_left "$1"
}

# A proxy that is not started: its channels are there, its bus is not, until it is resumed.
configure "[aux1, aux2]" ", auto_start: No" "" "" >suspended.yaml
start_all "3 processes" suspended.yaml
bus_is down "not started"
grep -q "auto$$: open" run.err && give_up "the bus was opened"
"$CANRING" resume proxy || give_up "cannot be resumed"
bus_is active "resumed"
end_all "a proxy that was resumed"

# An auxiliary that is not started does not hold its channel.
configure "[aux1, aux2]" "" "" "auto_start: No" >idle.yaml
start_all "3 processes" idle.yaml
attached proxy/com1 || give_up "aux1 is not there: $("$CANRING" list)"
attached proxy/com2 && give_up "aux2 has an instance: $("$CANRING" list)"
"$CANRING" resume aux2 || give_up "aux2 cannot be resumed"
eventually attached proxy/com2 || give_up "aux2 has not attached: $("$CANRING" list)"
end_all "an auxiliary that was resumed"

# What auxiliaries share without a proxy in the file opens when the first of them needs it.
cat >shared.yaml <<YAML
auxiliaries:
  aux1: {connectors: {com: bus}, config: {auto_start: No}, type: 'm:CommunicationAuxiliary'}
  aux2: {connectors: {com: bus}, config: {auto_start: No}, type: 'm:CommunicationAuxiliary'}
connectors:
  bus: {config: {interface: virtual, channel: auto$$, remote_id: 0x12}, type: CCVirtualCan}
YAML
start_all "3 processes" shared.yaml
bus_is down "nobody attached"
"$CANRING" suspend proxy_aux_bus 2>/dev/null # was it already; and means it from now on
"$CANRING" resume aux1 || give_up "aux1 cannot be resumed"
bus_is down "suspended on purpose"
end_all "a bus that stayed suspended"
start_all "3 processes" shared.yaml
"$CANRING" resume aux1 || give_up "aux1 cannot be resumed"
bus_is active "aux1 attached"
end_all "a bus that was needed"

# A typo in aux_list leaves the real one unserved.
configure "[aux1, aux22]" "" "" "" >typo.yaml
"$CANRING" check typo.yaml >check.out 2>&1 || give_up "check: $(cat check.out)"
grep -q "there is no auxiliary 'aux22', the proxy goes on without it" check.out || fail "check: $(cat check.out)"
start_all "2 processes" typo.yaml
grep -q "ERROR canring .*auxiliary aux2 is not started: its connector is no channel of a proxy" run.err ||
    fail "aux2 is not told of: $(cat run.err)"
attached proxy/com1 || fail "aux1 is not served: $("$CANRING" list)"
end_all "an auxiliary left out"
exit $failed
