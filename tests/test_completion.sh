#!/bin/bash
# The shell completes commands, options and files, from what the command itself says.
set -u
PATH=$(dirname "$CANRING"):$PATH
. "$CANRING_SOURCE/completion/canring" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
touch rig.yaml notes.txt drive.blf old.log.gz && mkdir sub
failed=0
expect() { # RESULT WORD...
    local wanted=$1
    shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _canring 2>/dev/null
    local got
    got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd " ")
    [ "$got" = "$wanted" ] && return
    echo "FAILED: $*: '$got', not '$wanted'"
    failed=1
}
expect "dump" canring du
expect "check" canring che
expect "--help" canring --h
expect "--quiet" canring check --q
expect "--json" canring check --j
expect "rig.yaml sub" canring check ""
expect "drive.blf old.log.gz sub" canring info ""
expect "drive.blf" canring play dr
expect "virtual:" canring play drive.blf vir
expect "dump" canring help du
expect "virtual:" canring dump vir
expect "--step-report" canring test --st
touch old.html
expect "old.html sub" canring test -c rig.yaml --step-report ""
expect "WARNING" canring test --log-level W
for word in $("$CANRING" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
    expect "$word" canring "$word"
done
exit $failed
