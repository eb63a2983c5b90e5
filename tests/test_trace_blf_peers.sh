#!/bin/bash
# Vector's binary log, exchanged with python-can and tshark, both ways, in two time zones.
set -eu

skip()
{
    echo "skipped: $1"
    exit 77
}

/usr/bin/python3 -c 'import can' 2>/dev/null || skip "no python3-can"
work=$(mktemp -d /tmp/canring-blf.XXXXXX)
trap 'rm -rf "$work"' EXIT
for zone in UTC XST-5:30; do
    TZ=$zone PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 \
        "$(dirname "$0")/test_trace_blf_peers.py" "$CANRING_BUILD/tests/test_trace_blf" "$work" \
        "$CANRING_SOURCE/../shared/data"
done
