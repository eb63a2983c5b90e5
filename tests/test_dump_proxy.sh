#!/bin/bash
# canring dump of what a proxy sees, and beside one, on proxies that canring run has started.
. "$(dirname "$0")/e2e.bash"
cd "$work" || exit 1

configure() { # BUS: px, with channels ch0 to ch3
    cat <<YAML
auxiliaries:
  px: {connectors: {com: bus}, config: {aux_list: [a, b, c, d]}, type: 'm:MpProxyAuxiliary'}
  a: {connectors: {com: ch0}, type: 'm:CommunicationAuxiliary'}
  b: {connectors: {com: ch1}, type: 'm:CommunicationAuxiliary'}
  c: {connectors: {com: ch2}, type: 'm:CommunicationAuxiliary'}
  d: {connectors: {com: ch3}, type: 'm:CommunicationAuxiliary'}
connectors:
  ch0: {config: {processing: True}, type: CCMpProxy}
  ch1: {config: {processing: True, filters: ''}, type: CCMpProxy}
  ch2: {config: {processing: True, filters: '#0'}, type: CCMpProxy}
  ch3: {config: {processing: True, filters: '#2'}, type: CCMpProxy}
  bus: $1
YAML
}

# Only who gives an error mask is shown error frames: by the options of the channel, or by dump's.
# A capture without filters has them. The recording begins when all channels are attached.
printf '(1.000000) v %s\n' 100#11 20000002#0000000000000000 101#11 >errors.log
configure '{config: {file: errors.log, speed: 0, loops: 1}, type: CCReplay}' >errors.yaml
observed_by() { # COUNT
    [ "$("$CANRING" list | grep -c '/observer')" = "$1" ]
}
whole() { # NAME
    grep -q ' 101#11' "$1.out"
}
start_proxy run errors.yaml
background bare "$CANRING" dump -L px/
background none "$CANRING" dump -L px/,#0
background join "$CANRING" dump -L px/,j
background mask "$CANRING" dump -L px/,#2
background every "$CANRING" capture -q -o every.log px/
background few "$CANRING" capture -q -o few.log px/,#0
eventually observed_by 6 || give_up "not all observe: $("$CANRING" list)"
start_aux ch0 px/ch0 -L
for name in ch1 ch2 ch3; do
    background $name "$CANRING" dump -L px/$name,#FFFFFFFF
    eventually attached px/$name || give_up "$name does not attach: $(cat $name.err)"
done
for name in bare none join mask ch0 ch1 ch2 ch3; do
    eventually whole $name || fail "$name has not got all: $(cat $name.out $name.err)"
    stop $name
    case $name in mask | ch3) errors=1 ;; *) errors=0 ;; esac
    [ "$(grep -c ' 10[01]#11' $name.out)" = 2 ] || fail "$name shows $(cat $name.out)"
    [ "$(grep -c ' 20000002#' $name.out)" = $errors ] || fail "$name shows $(cat $name.out)"
done
stop every
stop few
grep -q 20000002# every.log || fail "a capture without filters has no error frame: $(cat every.log)"
grep -q 20000002# few.log && fail "a capture with #0 has an error frame"
[ "$(grep -c ' 10[01]#11' few.log)" = 2 ] || fail "a capture with #0 has $(cat few.log)"
stop run

# What broke: a bus that wakes us without a frame for us kept -T waiting for ever.
configure "{config: {interface: virtual, channel: dump$$}, type: CCVirtualCan}" >idle.yaml
start_proxy run idle.yaml
background idle timeout 20 "$CANRING" dump -T 600 "virtual:dump$$"
ends_with 0 idle
stop run

# What broke: observers used up the proxy's descriptors, and its channels could not be attached.
settled() { # each of the observers observes or has ended
    local i running=0
    for i in $(seq 40); do is_running "${pids[o$i]}" && running=$((running + 1)); done
    observed_by $running
}
limit=$(ulimit -S -n)
ulimit -S -n 64
start_proxy run idle.yaml
ulimit -S -n "$limit"
for i in $(seq 40); do background "o$i" "$CANRING" dump px/; done
eventually settled || fail "observers: $("$CANRING" list)"
grep -q 'no descriptors left for observers' o*.err || fail "observers without end: $("$CANRING" list)"
observed_by 0 && fail "no observer at all: $(cat o1.err)"
for name in ch0 ch1 ch2 ch3; do start_aux $name px/$name; done
for name in ch0 ch1 ch2 ch3; do stop $name; done
for i in $(seq 40); do stop "o$i"; done
stop run
nothing_left
exit $failed
