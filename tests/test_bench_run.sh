#!/bin/bash
# bench/run with programs that do nothing: one that fails, takes nobody along and is said at the end.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
[ -x /usr/bin/python3 ] || { echo "skipped: no python3" && exit 77; }
programs=$work/build-bench/bench
mkdir -p "$work/bench" "$work/tools" "$work/path" "$programs/ipc"
cp "$CANRING_SOURCE"/bench/{run,report.py,results.py} "$work/bench"

program() { # PATH SHELL-TEXT
    printf '#!/bin/bash\n%s\n' "$2" >"$1"
    chmod +x "$1"
}
program "$work/path/cmake" 'exit 0'
program "$work/path/ninja" 'exit 0'
program "$work/tools/setup" 'echo "  libnowhere-dev  peer: none"; exit 1'
program "$programs/ipc/ipc_line" 'echo "{\"peer\": \"line\", \"p50_ns\": 100}"'
program "$programs/bench_sustain" 'echo "{\"cpu_ns_per_frame\": 5, \"lost\": 1}"; exit 1'
program "$programs/bench_trace_format" '
case $1 in
asc) echo "not here" >&2 && exit 77 ;;
pcap) echo "no frames" >&2 && exit 1 ;;
esac
echo "{\"encode\": 3, \"bytes\": 7}"'

failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}
run() { # what it says goes to $work/out
    PATH=$work/path:$PATH "$work/bench/run" --quick --name none "$@" >"$work/out" 2>&1
}

run --only formats,scaling
[ $? = 1 ] || fail "a bench failed, but the exit status says that none did"
for words in "libnowhere-dev" "^formats: FAILED after" "^scaling: done after" "^all: .* 2 failed" \
    "^  formats: bench_trace_format pcap 100000: status 1: no frames" \
    "left out: bench_trace_format asc"; do
    grep -q "$words" "$work/out" || fail "not said: $words"
done
grep -q '"contender": "blf"' "$work"/bench/results/*.json || fail "the results of the others are lost"

# The queues' rates, and what they are in bytes.
mkdir "$programs/spsc"
program "$programs/bench_placement" 'echo "{\"cores\": \"near\"}"'
for queue in canring other; do
    program "$programs/spsc/spsc_${queue}_96" \
        "echo '{\"peer\": \"$queue\", \"size\": 96, \"mrecords_per_s\": 50.0}'"
done
report=$(echo "$work"/bench/results/*.md)
run --only spsc || fail "spsc: $(cat "$work/out")"
grep -q '^| other | 50 \[50 – 50\] | 4.8 | 2 | 1.00 |' "$report" ||
    fail "50 M records/s of 96 bytes are not said to be 4.8 GB/s"
grep -q 'the machine gave no CPU counters' "$report" || fail "not said: no CPU counters"
grep -q 'of producer, consumer' "$report" && fail "a column of counters without counters"

# What the processors counted has columns, where they did.
program "$programs/spsc/spsc_canring_96" "echo '{\"peer\": \"canring\", \"size\": 96,
\"mrecords_per_s\": 50.0, \"producer_cycles\": 24.5, \"producer_cache_misses\": 0.02,
\"consumer_cycles\": 31.0, \"consumer_cache_misses\": 0.0}' | tr -d '\n'"
run --only spsc || fail "spsc with counters: $(cat "$work/out")"
grep -q '| pause | cycles of producer, consumer | cache misses of producer, consumer |$' "$report" ||
    fail "no columns for what the processors counted"
grep -q '^| canring |.* | 24.5, 31 | 0.02, 0 |$' "$report" || fail "not what canring's threads counted"
grep -q '^| other |.* | –, – | –, – |$' "$report" || fail "counters for a queue that gave none"
grep -q 'no CPU counters' "$report" && fail "said to have no CPU counters"

# Also of a placement in which canring had no turn.
report_of() { # CONTENDER of a queue that is measured
    printf '{"about": {"date": "today", "processor": "", "processors": 2, "kernel": "", "commit": "",
        "command": "", "repeat": 1}, "series": [{"bench": "spsc", "contender": "%s",
        "metric": "single rate", "unit": "M records/s", "values": [50.0], "setting": {"size": 96,
        "mode": "single", "cores": "far", "batch": 1, "slots": 2, "pause": 0}}]}' "$1" >"$work/some.json"
    /usr/bin/python3 -c "import sys; sys.path.insert(0, '$work/bench')
from report import write_report; write_report('$work/some.json')"
}
report_of canring
grep -q '^| canring | 50 .* | 1 | 1.00 | 1 | 2 | 0 |$' "$work/some.md" || fail "canring alone: $(cat "$work/some.md")"
report_of other
grep -q '^| other | 50 .* | 1 | – | 1 | 2 | 0 |$' "$work/some.md" || fail "a queue without canring is left out"

run --only scaling || fail "frames that were lost are a result, no failure: $(cat "$work/out")"

# hyperfine's times of whole programs.
program "$work/bench/dump" 'echo "{\"task\": \"dump\", \"contender\": \"candump\", \"frames\": $2,
\"lost_percent\": 97.5, \"times\": [3.0, 5.0]}" | tr -d "\n"'
run --only dump || fail "dump: $(cat "$work/out")"
grep -q '^| candump | task dump frames 1000 | time | s | 4 \[3 – 5\] |$' "$report" ||
    fail "the times of dump are not in the report"
grep -q '^| candump | .* | lost meanwhile | % | 97.5 ' "$report" || fail "what was lost is not said"

# What is no number of turns is misuse: nothing is built.
for turns in 0 -3 abc 1.5 ''; do
    run --only formats --repeat="$turns"
    [ $? = 2 ] || fail "--repeat $turns is not misuse"
    grep -q "argument --repeat: .*whole number from 1" "$work/out" || fail "--repeat $turns: $(cat "$work/out")"
done

# Where results cannot be written is said before anything is built.
mv "$work/bench/results" "$work/kept"
echo "a file in its place" >"$work/bench/results"
run --only formats
[ $? = 1 ] || fail "no folder for the results, but the exit status says nothing of it"
grep -q "^bench/run: no results can be written to .*File exists" "$work/out" || fail "not said: no folder"
[ "$(wc -l <"$work/out")" = 1 ] || fail "more is said, or done"
rm "$work/bench/results"
mkdir -p "$work/bench/results/$(date +%F)-none.json"
run --only formats
grep -q "^bench/run: no results can be written to .*directory" "$work/out" || fail "not said: a folder in its place"
rm -r "$work/bench/results"
mv "$work/kept" "$work/bench/results"

# Without programs that it needs.
mkdir "$work/none"
env PATH="$work/none" "$work/bench/run" --only formats --name none >"$work/out" 2>&1
[ $? = 77 ] || fail "no cmake: $(cat "$work/out")"
grep -q "^bench/run: cmake is not installed" "$work/out" || fail "not said: no cmake"
program "$work/path/ninja" 'echo "it is broken"; exit 3'
run --only formats
[ $? = 1 ] || fail "the build failed, but the exit status says nothing of it"
grep -q "^bench/run: ninja -C .*: status 3" "$work/out" && grep -q "it is broken" "$work/out" ||
    fail "not said: why the build failed"
program "$work/path/ninja" 'exit 0'

# Every bench is told of, and all of them take 40 minutes at most.
"$work/bench/run" --help >"$work/help"
sum=0
while read -r name seconds; do
    grep -qE "(of:|,|^ ) *$name(,|\$)" "$work/help" || fail "bench/run --help does not know $name"
    grep -q "^| $name |" "$CANRING_SOURCE/docs/benchmarks.md" || fail "benchmarks.md does not know $name"
    sum=$((sum + seconds))
done < <(sed -n '/^LIMITS/,/}/p' "$CANRING_SOURCE/bench/run" | grep -oE '"[a-z_]+": [0-9]+' | tr -d '":')
[ $sum -gt 0 ] && [ $sum -le 2400 ] || fail "all benches take $sum s"

# A program without an end, and what it has started, end with the time of their bench.
sed -i 's/"formats": 30/"formats": 1/' "$work/bench/run"
program "$programs/bench_trace_format" "timeout 300 sleep 300 & echo \$! >>$work/pids; wait"
run --only formats
[ $? = 1 ] || fail "a bench took too long, but the exit status says nothing of it"
grep -q "took too long" "$work/out" || fail "not said: took too long"
while read -r pid; do
    # a zombie has ended, even where nobody buries it
    grep -q '^State:.[^Z]' "/proc/$pid/status" 2>/dev/null && fail "what a program has started goes on"
done <"$work/pids"

sed -i 's/"formats": 1/"formats": 30/' "$work/bench/run"
# Interrupted, it ends what it started, and itself without another word.
for signal in INT TERM; do
    rm -f "$work/pids"
    program "$programs/bench_trace_format" "sleep 300 & echo \$! >>$work/pids; wait"
    env --default-signal=INT PATH="$work/path:$PATH" "$work/bench/run" --only formats --name none >"$work/out" 2>&1 &
    until [ -s "$work/pids" ] || ! kill -0 $! 2>/dev/null; do sleep 0.05; done
    kill -$signal $!
    wait $!
    status=$?
    [ $status = $((128 + $(kill -l $signal))) ] || fail "exit status $status after $signal"
    grep -q Traceback "$work/out" && fail "a traceback after $signal"
    grep -q '^State:.[^Z]' "/proc/$(cat "$work/pids")/status" 2>/dev/null && fail "goes on after $signal"
done

[ $failed = 0 ] || cat "$work/out"
exit $failed
