#!/bin/bash
# The benches' programs: words that they cannot take are misuse, one processor where two are needed
# is said, and an interrupted one leaves nothing behind.
. "$(dirname "$0")/e2e.bash"
programs=$CANRING_BUILD/bench
[ -x "$programs/bench_echo" ] || skip "the benches are not built"

# PROGRAM WORD…: no figure, what is wrong, how it is used, 2
misuse() {
    local program=$1 status
    shift
    timeout 20 "$programs/$program" "$@" >"$work/out" 2>"$work/err"
    status=$?
    [ $status = 2 ] || fail "$program $*: exit status $status"
    [ -s "$work/out" ] && fail "$program $*: prints $(cat "$work/out")"
    grep -q "^usage: $program" "$work/err" || fail "$program $*: no usage line: $(cat "$work/err")"
    grep -q "^error: " "$work/err" || fail "$program $*: not said what is wrong: $(cat "$work/err")"
}
for words in "bench_bits 1" "bench_placement 1" "bench_command 0" "bench_command abc" "bench_command 1 1" \
    "bench_echo abc" "bench_echo 0" "bench_echo -5" "bench_echo 5x" "bench_echo 99999999999999999999" \
    "bench_fanout 1" "bench_fanout 10000 0" "bench_fanout 10000 1 65" "bench_fanout 10000 1 3" \
    "bench_fanout 10000 1 0" "bench_feed bus abc 1" "bench_feed bus 1 0" "bench_feed bus" \
    "bench_latency abc idle" "bench_latency 10 busy" "bench_latency 0" "bench_sustain 0" \
    "bench_sustain 65" "bench_sustain 1 -1 1" "bench_sustain 1 1 0" "bench_sustain 1 1 1 a b" \
    "bench_trace_format asc 0" "bench_trace_format asc -1" "bench_trace_format xyz" \
    "bench_trace_format asc 1 odd"; do
    # shellcheck disable=SC2086 # several
    misuse $words
done
misuse bench_echo ''
for program in "$programs"/bench_*; do
    [ -f "$program" ] && [ -x "$program" ] || continue
    timeout 20 "$program" --help | grep -q "^usage: ${program##*/}" || fail "${program##*/} --help"
done

"$programs/bench_trace_format" asc 1 >"$work/out" || fail "bench_trace_format asc 1"
grep -qE '^\{"format": "asc", "traffic": "classic", "frames": 4096, "encode": [0-9.]+, "write": [0-9.]+, "read": [0-9.]+, "bytes": [0-9.]+\}$' \
    "$work/out" || fail "bench_trace_format: $(cat "$work/out")"

if command -v taskset >/dev/null; then
    one=$(taskset -cp $$ | grep -oE '[0-9]+' | tail -n 1)
    for words in bench_placement bench_echo bench_fanout; do
        timeout 20 taskset -c "$one" "$programs/$words" >"$work/out" 2>"$work/err"
        [ $? = 77 ] || fail "$words on one processor"
        [ "$(cat "$work/out" "$work/err")" = "two processors are needed" ] ||
            fail "$words on one processor: $(cat "$work/out" "$work/err")"
    done
fi

# Of a bench: the folder of its proxies, as one of its processes has a socket or a FIFO in it open.
folder_of() { # PID
    local pid
    for pid in "$1" $(pgrep -P "$1"); do
        readlink "/proc/$pid/fd/"* "/proc/$pid/cwd"
    done 2>/dev/null | grep -o '^/tmp/canring-bench\.[^/]*' | head -n 1
}
found() { # PID; sets CANRING_RUNTIME_DIR
    CANRING_RUNTIME_DIR=$(folder_of "$1")
    [ -n "$CANRING_RUNTIME_DIR" ]
}
interrupted() { # SIGNAL PROGRAM WORD…
    local signal=$1 got
    shift
    background bench env --default-signal=INT "$programs/$1" "${@:2}"
    eventually found "${pids[bench]}" || give_up "$*: no folder: $(cat "$work/bench.err")"
    kill "-$signal" "${pids[bench]}"
    ends_with $((128 + $(kill -l "$signal"))) bench
    [ -e "$CANRING_RUNTIME_DIR" ] && fail "$* leaves its folder after $signal"
    nothing_left "$* after $signal"
    export CANRING_RUNTIME_DIR=$work/rt
}
interrupted TERM bench_sustain 4 1000 100
interrupted INT bench_command 100000
exit $failed
