#!/bin/bash
# canring check: exit status, messages on stderr, the resolved configuration as JSON on stdout.
set -u
data=$CANRING_SOURCE/tests/data/config
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
failures=0

"$CANRING" check --help >"$out/help" 2>&1
grep -q '^usage: canring check' "$out/help" || { echo "skipped: this canring has no command check"; exit 77; }

# run STATUS ARGUMENT...: out and err hold what it printed
run() {
    local wanted=$1
    shift
    (cd "$data" && "$CANRING" check "$@") >"$out/out" 2>"$out/err"
    local status=$?
    [ "$status" = "$wanted" ] || { echo "check $*: exit status $status, wanted $wanted"; cat "$out/err"; failures=$((failures + 1)); }
}
expect() { # FILE PATTERN
    grep -qF -- "$2" "$out/$1" || { echo "missing in $1: $2"; cat "$out/$1"; failures=$((failures + 1)); }
}
expect_empty() {
    [ ! -s "$out/$1" ] || { echo "not empty: $1"; cat "$out/$1"; failures=$((failures + 1)); }
}
json() { # PYTHON EXPRESSION about d
    /usr/bin/python3 -c "import json,sys; d=json.load(open(sys.argv[1])); sys.exit(0 if ($1) else 1)" "$out/out" ||
        { echo "JSON: not true: $1"; failures=$((failures + 1)); }
}

run 0 good_full.yaml
expect out 'good_full.yaml: usable, 1 proxy, 2 auxiliaries, 10 connectors, 2 test suites'
expect_empty err

run 2 bad_types.yaml
expect err "bad_types.yaml:2:37: error: unknown type: found 'ComunicationAuxiliary', allowed: MpProxyAuxiliary, ProxyAuxiliary, CommunicationAuxiliary; did you mean 'CommunicationAuxiliary'?"
expect_empty out

# An error that is continued is printed as one, and the file is usable all the same.
run 0 good_joined.yaml
expect err "good_joined.yaml:3:54: error: aux_list: there is no auxiliary 'nobody'"
run 0 -q good_joined.yaml
expect err 'error: aux_list'
grep -q warning "$out/err" && { echo "-q prints warnings"; failures=$((failures + 1)); }

run 2 good_full.yaml bad_empty.yaml
expect out 'good_full.yaml: usable'
expect err 'bad_empty.yaml:2:1: error:'

run 2 /nonexistent.yaml
expect err "No such file or directory"
run 2 "$data"
expect err "Is a directory"
run 2
expect err 'usage:'
run 2 --nonsense good_full.yaml
run 0 --help
expect out 'usage:'

if /usr/bin/python3 -c '' 2>/dev/null; then
    run 0 --json good_full.yaml
    expect_empty err
    json "d['usable'] and d['diagnostics'] == []"
    json "d['config']['proxies'][0]['channels'][0] == {'name': 'proxy_com1', 'auxiliary': 'aux1'}"
    json "[c['channel']['ring_slots'] for c in d['config']['connectors'] if 'channel' in c] == [128, 16384]"
    json "[c['bus']['channel'] for c in d['config']['connectors'] if c['name'] == 'defaults'] == ['vcan0']"
    run 2 --json bad_keys.yaml
    json "not d['usable'] and 'config' not in d and len(d['diagnostics']) == 12"
    json "all(m['fatal'] and m['line'] > 0 and m['file'] == 'bad_keys.yaml' for m in d['diagnostics'])"
    run 0 --json good_joined.yaml
    json "d['usable'] and d['diagnostics'][0]['severity'] == 'error' and not d['diagnostics'][0]['fatal']"
fi

original=${CANRING_SHARED:-$CANRING_SOURCE/../shared}/data/mp_proxy_aux.yaml
if [ -r "$original" ]; then
    run 0 "$original"
    expect out 'usable, 1 proxy, 2 auxiliaries, 3 connectors, 1 test suite'
else
    echo "skipped a part: the original mp_proxy_aux.yaml is not here"
fi

# Standard output that cannot be written is an error, not a success.
if [ -w /dev/full ]; then
    "$CANRING" check --json "$data/good_full.yaml" >/dev/full 2>/dev/null && { echo "a full disk went unnoticed"; failures=$((failures + 1)); }
fi
[ "$failures" = 0 ]
