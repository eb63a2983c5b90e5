#!/bin/bash
# The event loop on a second kernel, 6.1: io_uring differs between versions.
set -eu
"$CANRING_BUILD/tests/test_loop"
"$CANRING_BUILD/tests/test_loop_recvmsg"
