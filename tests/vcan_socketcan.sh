#!/bin/bash
# The socketcan driver against a real vcan and the real can-utils, first as a CAN FD, then as
# a CAN XL interface.
set -eu
/usr/bin/python3 -c "import can" || { echo "python3-can is not installed"; exit 77; }
"$CANRING_BUILD/tests/test_socketcan"
ip link set vcan0 down
ip link set vcan0 mtu 2060
ip link set vcan0 up
"$CANRING_BUILD/tests/test_socketcan" '*xl*'
