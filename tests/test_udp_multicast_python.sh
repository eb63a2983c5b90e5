#!/bin/bash
# Our udp_multicast bus and python-can's understand each other. Runs in a network namespace
# with nothing in it but lo: no datagram ever reaches a network.
set -eu

skip()
{
    echo "skipped: $1"
    exit 77
}

if [ "${1-}" != inside ]; then
    /usr/bin/python3 -c 'import can, msgpack' 2>/dev/null || skip "no python3-can with msgpack"
    unshare -n true 2>/dev/null || skip "unshare -n is not permitted here"
    exec unshare -n bash "$0" inside
fi

ip link set lo multicast on
ip link set lo up
ip route add 239.0.0.0/8 dev lo
ip -6 route add local ff00::/8 dev lo
exec /usr/bin/python3 "$(dirname "$0")/test_udp_multicast_python.py" \
    "$CANRING_BUILD/tests/test_udp_multicast"
