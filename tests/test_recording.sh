#!/bin/bash
# The committed recording is what its generator writes.
set -eu
cd "${CANRING_SOURCE:-$(dirname "$0")/..}"
python3 tools/make-recording | cmp - tests/data/vehicle.log
