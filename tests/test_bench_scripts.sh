#!/bin/bash
# bench/convert and bench/capture_rate: no figure for what was not measured, what they lack is said.
. "$(dirname "$0")/e2e.bash"
bench=$CANRING_SOURCE/bench
[ -x "$CANRING_BUILD/bench/bench_feed" ] || skip "the benches are not built"
command -v jq >/dev/null || skip "no jq"
cd "$work" || exit 1

run() { # STATUS SCRIPT WORD…: what it prints is in out, what it says in err
    local status=$1 script=$2 got
    shift 2
    timeout 60 "$bench/$script" "$@" >out 2>err
    got=$?
    [ $got = "$status" ] || fail "$script $*: exit status $got, not $status: $(cat err)"
    [ "$status" = 0 ] || [ ! -s out ] || fail "$script $*: prints $(cat out)"
}
misuse() { # SAID SCRIPT WORD…
    local said=$1
    shift
    run 2 "$@"
    grep -q "$said" err || fail "$*: not said: $said: $(cat err)"
    grep -q "^usage: bench/$1" err || fail "$*: no usage: $(cat err)"
}
for script in convert capture_rate; do
    misuse "^usage" $script
    misuse "/nonexist" $script /nonexist 1000 1
    for words in "abc" "0" "-1" "10 0" "10 x" "10 -3"; do
        # shellcheck disable=SC2086 # several
        misuse "whole numbers from 1" $script "$CANRING_BUILD" $words
    done
done
misuse "no format 'xyz'" capture_rate "$CANRING_BUILD" 1000 1 xyz
misuse "^usage" convert "$CANRING_BUILD" 10 1 1

# Without a program that they need.
mkdir path
for program in awk bash basename cat dirname grep mktemp realpath rm seq stat tail timeout; do
    ln -s "$(command -v $program)" path
done
without() { # PROGRAM SCRIPT WORD…
    local program=$1
    shift
    PATH=$work/path run 77 "$@"
    [ "$(cat err)" = "$1: $program is not installed" ] || fail "$*: $(cat err)"
}
without jq capture_rate "$CANRING_BUILD" 1000 1 log
without hyperfine convert "$CANRING_BUILD" 10 1
printf '#!/bin/sh\necho "it does not start" >&2\nexit 1\n' >path/hyperfine
chmod +x path/hyperfine
without jq convert "$CANRING_BUILD" 10 1

# Contenders, or formats, that fail.
ln -s "$(command -v jq)" path
PATH=$work/path run 1 convert "$CANRING_BUILD" 10 1
grep -q "^convert: canring convert: it does not start" err || fail "convert: not said what failed: $(cat err)"
run 1 capture_rate "$CANRING_BUILD" 1000 1 blf.gz
grep -q "^capture_rate: blf.gz: not measured" err || fail "capture_rate: not said what failed: $(cat err)"
grep -q "compressed" err || fail "capture_rate: not said why: $(cat err)"

# Loss is a figure, and depends on the machine; all else that is sent is held.
run 0 capture_rate "$CANRING_BUILD" 1000 1 log
[ "$(jq -c '[.format, .rate, .seconds, .sent, .held + .lost]' out)" = '["log",1000,1,1000,1000]' ] ||
    fail "capture_rate: $(cat out err)"
exit $failed
