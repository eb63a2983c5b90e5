#!/bin/bash
# The runner of the vcan tests passes everything through and leaves nothing behind.
set -eu
run="$CANRING_SOURCE/tools/uml-run"
command -v linux.uml >/dev/null || { echo "user-mode-linux is not installed"; exit 77; }
TMPDIR=$(mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
fail() { echo "FAILED: $1"; exit 1; }

cd /usr/share
status=0
# shellcheck disable=SC2016 # expanded in the guest
output=$(A_WORD='two words' VCAN_MTU=2060 UML_MODULES='drivers/net/can/vxcan net/can/can-bcm' "$run" bash -c \
    'echo "$A_WORD|$PWD|$*"; cat /sys/class/net/vcan0/mtu; ls -d /sys/module/vxcan; exit 7' sh 'a b' c) ||
    status=$?
[ "$status" = 7 ] || fail "exit status $status instead of 7"
[ "$output" = $'two words|/usr/share|a b c\n2060\n/sys/module/vxcan' ] || fail "output: $output"

status=0
UML_TIMEOUT=3 "$run" sleep 60 || status=$?
[ "$status" = 124 ] || fail "a command that takes too long gave $status instead of 124"

status=0
"$run" bash -c 'grep -q "User Mode Linux" /proc/cpuinfo && echo c >/proc/sysrq-trigger; sleep 60' 2>/dev/null >&2 || status=$?
[ "$status" = 125 ] || fail "a guest that died gave $status instead of 125"

status=0
PATH=/nonexistent /bin/bash "$run" true 2>/dev/null || status=$?
[ "$status" = 77 ] || fail "without user-mode-linux: $status instead of 77"

[ -z "$(ls -A "$TMPDIR")" ] || fail "left behind: $(ls -A "$TMPDIR")"
