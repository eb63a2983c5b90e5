#!/bin/bash
# Interfaces that go down, away and come back, bus-off, filters: on a real vcan.
exec "$CANRING_BUILD/tests/test_socketcan_link"
