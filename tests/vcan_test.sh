#!/bin/bash
# canring test on a real vcan, from pykiso's YAML: the suites in Python and in C pass, and candump
# beside them sees the frames that they exchange.
E2E_WORK=/dev/shm # of the guest: sockets do not live on the host's file system
. "$(dirname "$0")/e2e.bash"
command -v candump cc >/dev/null || skip "no can-utils, or no C compiler"
grep -q '^CAN_RAW' /proc/net/protocols || skip "no CAN in this kernel"
python_with_library || exit 77
export PYTHONDONTWRITEBYTECODE=1
example=$CANRING_SOURCE/examples/suite_mp_proxy
cd "$work" || exit 1
mkdir suite_mp_proxy
cp "$example/suite_mp_proxy/test_mp_proxy.py" suite_mp_proxy
build -o suite_mp_proxy/test_mp_proxy "$example/suite_mp_proxy/test_mp_proxy.c" ||
    give_up "the suite in C does not build"
sed "s/channel: suite_mp_proxy/interface: 'pcan'\n      channel: 'PCAN_USBBUS1'\n      state: 'ACTIVE'\n      processing: True/
    s/type: canring:CCVirtualCan/type: pykiso.lib.connectors.cc_pcan_can:CCPCanCan/" "$example/mp_proxy_aux.yaml" >pcan.yaml

# Per suite 13 messages, from aux1 to aux2, with the connector's id.
expected() {
    case $1 in
    test_mp_proxy.py) printf '123##%s\n' 0010203 0040506 0070809 ;;
    *) printf '123##%s\n' 00001 00102 00203 ;;
    esac
    printf '123##0%02X%02X\n' 0 1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9 10
}
hears() {
    grep -q vcan0 /proc/net/can/rcvlist_all
}
heard() {
    [ "$(wc -l <candump.out)" -ge 13 ]
}
for suite in test_mp_proxy.py test_mp_proxy; do
    background candump candump -L vcan0
    eventually hears || give_up "candump does not listen"
    timeout 60 "$CANRING" test -c pcan.yaml --bus can_channel=vcan0 -p $suite >out 2>err || fail "$suite: exit status $?: $(cat out err)"
    grep -q '^1 passed, 0 failed, 0 errors' out || fail "$suite: $(cat out err)"
    grep -qF '[pykiso.lib.connectors.cc_pcan_can] vcan0: open' err || fail "$suite: no record of the connector: $(cat err)"
    eventually heard || fail "$suite: candump sees $(wc -l <candump.out) frames"
    stop candump
    # classic or FD is the bus's business: data and order are the suite's
    frames_of candump.out | sed 's/^123##./123##0/; s/^123#\([^#]\)/123##0\1/' >seen
    expected $suite >wanted
    same "$suite" wanted seen
    nothing_left "$suite"
done
exit $failed
