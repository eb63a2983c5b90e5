#!/bin/bash
# Recordings in ASC and TRC that we write are read by python-can and asc2log, and those that
# python-can and log2asc write are read by us, in two time zones.
set -eu

skip()
{
    echo "skipped: $1"
    exit 77
}

/usr/bin/python3 -c 'import can' 2>/dev/null || skip "no python3-can"
command -v asc2log log2asc >/dev/null || skip "no can-utils"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for zone in UTC CET-1CEST,M3.5.0,M10.5.0/3; do
    TZ=$zone /usr/bin/python3 "$(dirname "$0")/test_trace_text_peers.py" \
        "$CANRING_BUILD/tests/test_trace_asc" "$dir"
done
