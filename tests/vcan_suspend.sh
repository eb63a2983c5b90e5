#!/bin/bash
# A proxy on a real vcan is suspended and resumed while frames pour in: it goes on afterwards.
set -u
command -v cangen candump >/dev/null || { echo "skipped: no can-utils"; exit 77; }
grep -q '^CAN_RAW' /proc/net/protocols || { echo "skipped: no CAN in this kernel"; exit 77; }
work=$(mktemp -d) || exit 1
export CANRING_RUNTIME_DIR=$work/run
fail() {
    echo "FAILED: $*"
    exit 1
}

cat > "$work/config.yaml" <<END
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
    config: {channel: vcan0}
    type: pykiso.lib.connectors.cc_socket_can:CCSocketCan
END
"$CANRING" run -q "$work/config.yaml" &
run=$!
cangen vcan0 -g 1 -I i -L 8 -D i &
noise=$!
trap 'kill $run $noise 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 200); do
    "$CANRING" list 2>/dev/null | grep -q proxy_aux && break
    sleep 0.05
done
for _ in 1 2 3 4 5; do
    "$CANRING" suspend proxy_aux || fail "suspend"
    sleep 0.05
    "$CANRING" resume proxy_aux || fail "resume"
    timeout 20 "$CANRING" dump -n 5 proxy_aux >"$work/frames" || fail "nothing comes after resume"
    [ "$(wc -l <"$work/frames")" = 5 ] || fail "frames are missing"
done
"$CANRING" suspend proxy_aux || fail "suspend"
"$CANRING" stop proxy_aux || fail "a suspended proxy does not stop under traffic"
"$CANRING" stop aux1 || fail "an auxiliary does not stop"
wait $run || fail "canring run ends with $?"
