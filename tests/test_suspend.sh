#!/bin/bash
# canring suspend, resume and stop, on a proxy that canring run has started.
set -u
CANRING_RUNTIME_DIR=$(mktemp -d /tmp/cr-control-XXXXXX)
export CANRING_RUNTIME_DIR
run=
cleanup() {
    [ -n "$run" ] && kill "$run" 2>/dev/null && wait "$run"
    rm -rf "$CANRING_RUNTIME_DIR"
}
trap cleanup EXIT

fail() {
    echo "$*" >&2
    exit 1
}

cat > "$CANRING_RUNTIME_DIR/config.yaml" <<END
auxiliaries:
  proxy_aux:
    connectors: {com: can}
    config: {aux_list: [aux1]}
    type: pykiso.lib.auxiliaries.mp_proxy_auxiliary:MpProxyAuxiliary
  aux1:
    connectors: {com: com1}
    type: pykiso.lib.auxiliaries.communication_auxiliary:CommunicationAuxiliary
connectors:
  com1:
    config: {processing: True}
    type: pykiso.lib.connectors.cc_mp_proxy:CCMpProxy
  can:
    config: {channel: control}
    type: pykiso.lib.connectors.cc_virtual_can:CCVirtualCan
END
"$CANRING" run -q "$CANRING_RUNTIME_DIR/config.yaml" &
run=$!
for _ in $(seq 500); do
    [ "$("$CANRING" list 2>/dev/null | grep -c proxy_aux)" -gt 0 ] && break
    sleep 0.02
done

bus_state() {
    "$CANRING" status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["bus"]["state"])'
}

[ "$(bus_state)" = active ] || fail "the proxy does not run: $(bus_state)"
"$CANRING" suspend proxy_aux || fail "suspend failed"
[ "$(bus_state)" = down ] || fail "suspended, its bus is $(bus_state)"
"$CANRING" suspend proxy_aux 2>&1 | grep -q 'already suspended' || fail "a second suspend is not told"
"$CANRING" resume proxy_aux || fail "resume failed"
[ "$(bus_state)" = active ] || fail "resumed, its bus is $(bus_state)"
"$CANRING" resume proxy_aux 2>&1 | grep -q 'already running' || fail "a second resume is not told"

"$CANRING" suspend nobody 2> "$CANRING_RUNTIME_DIR/words" && fail "nobody was suspended"
grep -q nobody "$CANRING_RUNTIME_DIR/words" || fail "the name is not in the message"
"$CANRING" stop
[ $? -eq 2 ] || fail "no NAME is no misuse"
"$CANRING" stop --help | grep -q usage || fail "no help"

"$CANRING" stop proxy_aux || fail "stop failed"
kill -0 "$run" || fail "the run ended while aux1 runs"
"$CANRING" stop aux1 || fail "stop of an auxiliary failed"
wait "$run" || fail "canring run calls that a failure"
run=
