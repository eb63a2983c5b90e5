#!/bin/bash
# canring test --step-report: the page has each case with its assertions, whatever they held.
. "$(dirname "$0")/e2e.bash"
command -v xmllint >/dev/null || skip "no xmllint (package libxml2-utils)"
PATH=/usr/bin:$PATH # Debian's python3 has the package's pytest
command -v python3 >/dev/null || skip "no python3"
data=$CANRING_SOURCE/tests/data/suites
export PYTHONDONTWRITEBYTECODE=1 SUITE=$data/steps
cd "$work" || exit 1

run() { # STATUS ARGUMENT…
    local status=$1 got
    shift
    rm -f steps*.html
    timeout 60 "$CANRING" test -c "$data/rig.yaml" --step-report steps.html "$@" >out 2>err
    got=$?
    [ $got = "$status" ] || fail "$*: exit status $got, not $status: $(cat out err)"
    for page in steps*.html; do
        xmllint --noout "$page" || fail "$*: $page is not well formed"
    done
    nothing_left "$*"
}
page() { # XPATH VALUE
    local got
    got=$(xmllint --xpath "string($1)" steps.html)
    [ "$got" = "$2" ] || fail "$1 is '$got', not '$2'"
}
of_case() { # NAME XPATH VALUE: below the case whose name ends so
    page "//details[@class='case'][contains(summary, '::$1')]$2" "$3"
}
step() { # CASE NUMBER CELL…: what, looked at, expected, found, result
    local name=$1 row="//tr[@class='step'][td[1]='$2']" cell=3
    shift 2
    for text in "$@"; do
        of_case "$name" "$row/td[$cell]" "$text"
        cell=$((cell + 1))
    done
}

run 1 -p test_steps.py
grep -q "step report in steps.html" err || fail "does not say where it is: $(cat err)"
page "count(//details[@class='case'])" 4
page "//tr[th='configuration']/td" "$data/rig.yaml"
page "//tr[th='result']/td/@class" failed
of_case test_steps "/summary/span[1]" passed
of_case test_steps "//tr[th='description']/td" 'What the report is for.'
of_case test_steps "//tr[th='Version_device']/td" 2022-1234
of_case test_steps "/@open" ''
of_case test_two_fail "/@open" open
step test_steps 1 'The device is ready' 'True' true True passed
step test_steps 2 '' 'sum([1, 2])' 3 3 passed
step test_steps 3 'Voltage of the device' voltage 'about 4, delta 1' 3.8 passed
of_case test_steps "//table[caption='Supply']//tr[td[1]='3']/td[3]" 'Voltage of the device'
step test_steps 4 '' 'with self.assertRaises(ValueError):' "raises ValueError" \
    "ValueError: invalid literal for int() with base 10: '<b>&no number'" passed
step test_steps 5 'looked at it' '' green '<i>green</i>' passed
step test_steps 6 'from a thread' 1 'in [1, 2]' 1 passed
of_case test_steps "//tr[td[1]='7']" ''
step test_two_fail 2 'is it large?' number '> 7' 0 failed
step test_two_fail 3 'is it large?' number '> 7' 1 failed
step test_two_fail 4 '' self.step_report.success false False passed
of_case test_two_fail "/p[1]/@class" failed
of_case test_many "//tr[@class='step'][last()]/td[7]" failed
of_case test_many "//tr[@class='step'][last()]/td[6]" 4999
of_case test_many "/p[contains(., 'steps are left out')]" '1000 more steps are left out.'
step test_no_exception 1 '' 'with self.assertRaises(KeyError):' "raises KeyError" \
    'KeyError not raised' failed
grep -q 'canring/_steps.py' out && fail "the traceback shows the recorder: $(cat out)"

# A page for each configuration; where it cannot be written, that is an error.
run 1 -p test_steps.py -c "$data/rig.yaml"
[ -e steps-2.html ] || fail "no page of the second configuration: $(ls)"
"$CANRING" test -c "$data/rig.yaml" -p 'test_steps.py::*::test_steps' --step-report /dev/null/x.html >out 2>err
[ $? = 2 ] || fail "not status 2: $(cat out err)"
grep -q "/dev/null" err || fail "does not say why: $(cat err)"

if ! python3 -c 'import pytest' 2>/dev/null; then
    echo "skipped a part: no pytest (package python3-pytest)"
    exit $failed
fi
run 1 -p test_steps_pytest.py
step test_plain 1 '' 'found["a"] == 1' '' '1 == 1' passed
step test_plain 2 'the last one' 'assert "b" in found, "not there"' '' 'AssertionError: not there' failed
of_case test_plain "//table[caption='Second']//tr[2]/td[7]" failed
of_case test_plain "//tr[th='Serial']/td" 17
of_case test_plain "//tr[th='description']/td" 'Of pytest.'
step test_unit 1 adds '2 + 2' 4 4 passed
exit $failed
