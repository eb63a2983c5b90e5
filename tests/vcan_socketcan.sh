#!/bin/bash
# The socketcan driver against a real vcan and the real can-utils, first as a CAN FD, then as
# a CAN XL interface.
set -eu
"$CANRING_BUILD/tests/test_socketcan"
ip link set vcan0 down
ip link set vcan0 mtu 2060
ip link set vcan0 up
"$CANRING_BUILD/tests/test_socketcan" '*xl*'
