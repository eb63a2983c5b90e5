# Sourced by the tests of suspending: `canring run` with a proxy, proxy_aux, and an auxiliary, aux1.
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/e2e.bash"

listed() { # NAME
    "$CANRING" list 2>/dev/null | grep -q "$1"
}
start_run() { # CHANNEL TYPE of the bus
    cat >"$work/config.yaml" <<END
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
    config: {channel: $1}
    type: pykiso.lib.connectors.$2
END
    background run "$CANRING" run -q "$work/config.yaml"
    eventually listed proxy_aux || give_up "the proxy does not run: $(cat "$work/run.err")"
}
