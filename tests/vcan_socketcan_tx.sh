#!/bin/bash
# Sending onto a slow bus: vcan that echoes when a frame is sent, behind a token bucket.
set -eu
modules=/usr/lib/uml/modules/$(uname -r)/kernel
ip link del vcan0
ip link del vcan1
rmmod vcan
insmod "$modules/drivers/net/can/vcan.ko" echo=1
insmod "$modules/net/sched/sch_tbf.ko"
ip link add vcan0 type vcan
ip link set vcan0 up
CANRING_SLOW_VCAN=1 exec "$CANRING_BUILD/tests/test_socketcan_tx"
