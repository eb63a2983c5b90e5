#!/bin/bash
# bench/compare: what it calls worse, what it cannot compare, and files that are no results.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
[ -x /usr/bin/python3 ] || { echo "skipped: no python3" && exit 77; }
failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}

series() { # UNIT VALUES [METRIC [SETTING]]
    printf '{"bench": "spsc", "contender": "canring", "metric": "%s", "unit": "%s", "setting": %s, "values": [%s]}' \
        "${3:-rate}" "$1" "${4:-{\}}" "$2"
}
results() { # FILE SERIES…
    local file=$1 IFS=,
    shift
    printf '{"about": {}, "series": [%s]}' "$*" >"$work/$file"
}
# STATUS LINE…: of what was put into before and after; each a pattern for a line, in order.
compared() {
    local status=$1 got line
    shift
    "$CANRING_SOURCE/bench/compare" "$work/before" "$work/after" >"$work/out" 2>"$work/err"
    got=$?
    [ $got = "$status" ] || fail "exit status $got, not $status: $(cat "$work/out" "$work/err")"
    [ "$(wc -l <"$work/out")" = $# ] || fail "$# lines are wanted: $(cat "$work/out")"
    while IFS= read -r line; do
        # shellcheck disable=SC2053 # a pattern
        [[ $line == $1 ]] || fail "not '$1': $line"
        shift
    done <"$work/out"
}
same() { # STATUS LINE UNIT BEFORE-VALUES AFTER-VALUES
    results before "$(series "$3" "$4")"
    results after "$(series "$3" "$5")"
    compared "$1" "$2"
}

same 0 'noise  x1.02 *' ns '100' '102'
same 1 'WORSE  x1.04 (noise 3%)  100 -> 104 ns  spsc canring rate' ns '100' '104'
same 0 'better x1.04 *' 'frames/s' '100' '104'
same 1 'WORSE  x0.50 *' 'M records/s' '100' '50'
# more than the range of either run, not half of it
same 0 'noise  x1.15 (noise 20%) *' ns '90, 100, 110' '115'
same 0 'noise  x1.15 (noise 20%) *' ns '100' '105, 115, 125'
same 1 'WORSE  x1.21 (noise 20%) *' ns '90, 100, 110' '121'
# nothing lost before
same 1 'WORSE  x- (noise 0)  0 -> 500,000 frames *' frames '0, 0, 0' '500000, 500000, 500000'
same 0 'noise  x- (noise 0)  0 -> 0 frames *' frames '0, 0, 0' '0, 0, 5'
same 0 'better x0.00 *' frames '7' '0'
same 1 'WORSE  x- *-1 -> 1 us *' us '-1' '1'

# What one of them lacks.
results before "$(series ns 5 a)" "$(series ns 5 b)" "$(series ns 5 c)"
results after
compared 3 'gone   spsc canring a' 'gone   spsc canring b' 'gone   spsc canring c'
results after "$(series ns 5 a)" "$(series ns 5 b)" "$(series ns 5 c)" "$(series ns 5 d)"
compared 0 'noise*' 'noise*' 'noise*' 'new    spsc canring d'
results after "$(series ns 5 a)" "$(series us 5 b)" "$(series ns 9 c)"
compared 1 'noise*' 'unit   ns -> us  spsc canring b' 'WORSE*'
results before "$(series ns 5)"
results after "$(series us 5)"
compared 3 'unit   ns -> us  spsc canring rate'
# What a search has found does not make another series, what was asked for does.
results before "$(series ns 5 a '{"size": 32, "batch": 1, "slots": 4, "pause": 0}')"
results after "$(series ns 5 a '{"size": 32, "batch": 8, "slots": 2, "pause": 9}')"
compared 0 'noise*'
results after "$(series ns 5 a '{"size": 96, "batch": 1, "slots": 4, "pause": 0}')"
compared 3 'new *size=96*' 'gone *size=32*'

# Files that are no results.
results after "$(series ns 5)"
misuse() { # WHAT-IS-SAID
    compared 2
    grep -q "^bench/compare: $work/before: .*$1" "$work/err" || fail "not said: $1: $(cat "$work/err")"
    [ "$(wc -l <"$work/err")" = 1 ] || fail "more than a line: $(cat "$work/err")"
}
while IFS='|' read -r said text; do
    printf '%s' "$text" >"$work/before"
    misuse "$said"
done <<'END'
Expecting|{"about":
no results|[]
no results|{"about": {}}
no results|{"series": []}
series 0: no object|{"about": {}, "series": [5]}
series 0: "bench" is missing|{"about": {}, "series": [{}]}
"setting" is missing|{"about": {}, "series": [{"bench": "a", "contender": "b", "metric": "c", "unit": "d"}]}
END
for values in '' '"x"' 'NaN' 'true' '1, null'; do
    results before "$(series ns "$values")"
    misuse '"values" is missing, empty or not all numbers'
done
printf '\377' >"$work/before"
misuse "decode"
rm "$work/before"
misuse "No such file"
mkdir "$work/before"
misuse "directory"
for words in "" "$work/after" "a b c"; do
    # shellcheck disable=SC2086 # several
    "$CANRING_SOURCE/bench/compare" $words 2>"$work/err"
    [ $? = 2 ] || fail "'$words' is not misuse"
    grep -q '^usage:' "$work/err" || fail "no usage line for '$words'"
done
exit $failed
