#!/bin/bash
# The probes that docs/tracing.md lists are those in the library, with as many arguments; each is a
# nop without a semaphore; and where bpftrace may trace, a frame is seen to pass them in order.
. "$(dirname "$0")/e2e.bash"
command -v readelf >/dev/null && command -v objdump >/dev/null || skip "no readelf or objdump"
library=$CANRING_BUILD/libcanring.so
[ -e "$library" ] || skip "no libcanring.so in this build"
cd "$work" || exit 1
readelf -nW "$library" >notes 2>/dev/null
if ! grep -q 'Provider: canring' notes; then
    echo '#include <sys/sdt.h>' | cc -E - >/dev/null 2>&1 && ! grep -q '^CANRING_PROBES:BOOL=OFF' "$CANRING_BUILD/CMakeCache.txt" &&
        give_up "sys/sdt.h is here, and the library has no probes"
    skip "built without sys/sdt.h"
fi

# name, number of arguments; a place where code was inlined twice counts once
awk '/Name: / { name = $2 } /Arguments: / { print name, NF - 1 }' notes | sort -u >found
awk -F'|' '/^\| `/ { gsub(/[ `]/, "", $2); print $2, gsub(/,/, ",", $3) + 1 }' \
    "$CANRING_SOURCE/docs/tracing.md" | sort -u >documented
[ -s documented ] || fail "docs/tracing.md lists none"
diff documented found >differences || { fail "documented (<) and found (>) differ:" && cat differences; }

grep -o 'Semaphore: 0x[0-9a-f]*' notes | grep -qv 'Semaphore: 0x0*$' && fail "a probe has a semaphore: $(cat notes)"
for address in $(sed -n 's/.*Location: \(0x[0-9a-f]*\),.*/\1/p' notes); do
    objdump -d --start-address="$address" --stop-address=$((address + 1)) "$library" |
        grep -qE '^ +[0-9a-f]+:.*\bnop' || fail "no nop at $address"
done
[ "$(grep -c 'include.*probe\.h' "$CANRING_SOURCE"/include/canring/*.h | grep -cv ':0')" = 0 ] || fail "a public header has probes"

# ---- with a tracer ------------------------------------------------------------------------------
command -v bpftrace >/dev/null || { echo "not traced: no bpftrace" && exit $failed; }
timeout 20 bpftrace -e 'BEGIN { exit(); }' >/dev/null 2>&1 || { echo "not traced: bpftrace may not trace here" && exit $failed; }
[ -n "$(readelf -n "$CANRING" 2>/dev/null | grep 'Provider: canring')" ] || exit $failed
cat >traced.yaml <<YAML
auxiliaries:
  rig: {connectors: {com: bus}, config: {aux_list: [aux1]}, type: 'm:MpProxyAuxiliary'}
  aux1: {connectors: {com: com1}, type: 'm:CommunicationAuxiliary'}
connectors:
  com1: {config: {processing: True}, type: CCMpProxy}
  bus: {config: {interface: virtual, channel: probes$$}, type: CCVirtualCan}
YAML
start_proxy run traced.yaml
proxy=$(status '.[0].pid')
cat >follow.bt <<BT
BEGIN { printf("begin\n"); }
usdt:$CANRING:canring:bus_receive /pid == $proxy/ { printf("bus_receive %s %d\n", str(arg0), arg1); }
usdt:$CANRING:canring:frame /pid == $proxy/ { printf("frame %d %x\n", arg0, arg1); }
usdt:$CANRING:canring:publish /pid == $proxy/ { printf("publish %s %d %d\n", str(arg0), arg1, arg2); }
BT
start_aux aux rig/com1 -L
background trace timeout 60 bpftrace follow.bt
eventually grep -q begin trace.out || give_up "bpftrace does not begin: $(cat trace.err)"
sleep 0.5 # it says so before the last probe is in place
"$CANRING" send "virtual:probes$$" 123#1122 || fail "send ends with $?"
eventually grep -q publish trace.out || fail "the frame was not seen: $(cat trace.out trace.err)"
printf 'bus_receive probes%s 1\nframe 0 123\npublish com1 1 0\n' $$ >wanted
grep -E '^(bus_receive|frame|publish) ' trace.out | head -n 3 >seen
same "what was traced" wanted seen
stop trace
stop aux
kill -TERM "${pids[run]}"
ends_with 0 run
nothing_left
exit $failed
