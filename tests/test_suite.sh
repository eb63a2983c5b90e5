#!/bin/bash
# canring test: what it shows of good, bad and hostile suites, and its exit status.
set -u
. "$(dirname "$0")/bounded.bash"
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
work=$(mktemp -d /tmp/canring-suite.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
export CANRING_RUNTIME_DIR=$work/run PYTHONDONTWRITEBYTECODE=1
data=$CANRING_SOURCE/tests/data/suites
failed=0

fail() {
    echo "FAILED: $*"
    failed=1
}
# STATUS SUITE ARGUMENT…: $work/out and $work/err hold what it printed
run() {
    local status=$1 suite=$2
    shift 2
    SUITE=$data/$suite "$CANRING" test -c "$data/rig.yaml" "$@" >"$work/out" 2>"$work/err"
    local got=$?
    [ $got = "$status" ] || { fail "$suite $*: exit status $got, not $status"; cat "$work/out" "$work/err"; }
}
says() { # PATTERN, a line's beginning
    grep -q -- "^$1" "$work/out" || { fail "does not say '$1'"; cat "$work/out"; }
}
complains() {
    grep -qF -- "$1" "$work/err" || { fail "does not complain '$1'"; cat "$work/err"; }
}
never() {
    grep -q -- "$1" "$work/out" && fail "says '$1'"
}

run 0 good
says 'PASSED  test_basics.py::TestBasics::test_environment'
says 'PASSED  test_basics.py::TestBasics::test_package'
says 'PASSED  test_basics.py::TestBasics::test_expected_failure'
says 'SKIPPED test_basics.py::TestBasics::test_skipped .*: not today'
says '5 passed, 0 failed, 0 errors, 1 skipped in'
run 0 package
says 'PASSED  inner/test_inner.py::TestInner::test_inner'
says '1 passed,' # the folder that is no package is left out

run 3 bad
says 'FAILED  test_bad.py::TestBad::test_a_fails .*: AssertionError: 1 != 2'
says '    said before it failed'
says 'ERROR   test_bad.py::TestBad::test_b_raises .*: RuntimeError: out of order'
says 'FAILED  test_bad.py::TestBad::test_c_subtests .*: (number=1): AssertionError'
says 'PASSED  test_bad.py::TestBad::test_d_passes'
says 'ERROR   test_bad.py::TestFixture::setUpClass .*: OSError: no rig'
says 'ERROR   test_broken.py::test_broken::test_broken .*ModuleNotFoundError'
never canring_runner.py
run 2 bad -p test_broken.py
run 1 bad -p 'test_bad.py::TestBad::test_[acd]*'
says '1 passed, 2 failed, 0 errors, 0 skipped'
run 2 bad -p '*::*::test_d_*' # what cannot be loaded may have matched
says '1 passed, 0 failed, 1 error,'
run 1 bad --failfast
says 'SKIPPED test_bad.py::TestBad::test_d_passes .*: not run: --failfast, a case failed'
says 'SKIPPED test_broken.py::test_broken::test_broken .*: not run: --failfast, a case of another'
says '0 passed, 1 failed, 0 errors, 5 skipped'
run 2 bad -p 'test_bad.py::Nobody'
complains 'the files that were found have no test that matches'
run 1 bad -p 'test_bad.py::TestBad::test_a*' -v
says 'said before it failed'

# Tags: undefined ones are refused before anything runs; tests without tags run.
run 5 tags --nonsense a
complains "no test has the tag 'nonsense'"
never PASSED
run 5 tags --failfats a
complains "did you mean '--failfast'"
run 0 tags --branch-level dev,other
says 'PASSED  test_tags.py::TestTagged::test_dev'
says 'PASSED  test_tags.py::TestUntagged::test_untagged'
says "SKIPPED test_tags.py::TestNightly::test_nightly .*: its tag 'branchlevel'"
run 0 tags --branch_level=dev
head -1 "$work/out" | grep -q SuiteSetup || fail "the suite's setup is not first"
tail -2 "$work/out" | grep -q SuiteTeardown || fail "the suite's teardown is not last"
run 2 tags

# Collection errors and misuse.
PATTERN='test_*' run 2 bare
complains "is neither Python (.py) nor executable"
run 2 not_there
complains "suite_dir '$data/not_there': No such file or directory"
run 2 good -p 'a::b::c::d'
complains 'FILE::CLASS::METHOD'
run 2 good --timeout soon
complains "--timeout 'soon', allowed: seconds"
run 2 good --log-level LOUD
complains "allowed: DEBUG"
run 2 good --verbos
complains "did you mean '--verbose'?"
run 2 good -x
complains "no option '-x'"
"$CANRING" test 2>&1 | grep -q 'no configuration given' || fail "no configuration"
run 2 good -c /nonexistent.yaml
says '5 passed'
run 0 good -c "$data/rig.yaml"
says '10 passed'

# Of several configurations each has its report, and the log those of all.
cd "$work" || exit 1
run 0 good -c "$data/rig.yaml" --junit=of.all/junit.xml -l run.log
for file in of.all/junit.xml of.all/junit-2.xml; do
    [ "$(grep -c '<testcase ' $file)" = 6 ] || fail "$file: not six cases: $(ls of.all)"
    complains "report in $file"
done
[ "$(grep -c 'suite_rig: open' run.log)" = 2 ] || fail "not two in the log: $(cat run.log)"
run 0 good -c "$data/rig.yaml" --junit
[ "$(compgen -G 'reports/????-??-??_??-??-??-rig*.xml' | wc -l)" = 2 ] || fail "not two reports: $(ls reports)"
cd - >/dev/null || exit 1
run 0 good --text
"$CANRING" test --version | grep -q '^canring [0-9]' || fail "--version"

# Hostile ones: each is reported as what it is, and the others run.
PYTHONPATH=$data/pytest/nopytest PATTERN='test_*' run 3 hostile --timeout 5
says 'PASSED  test_closes.py::TestCloses::test_goes_on'
says 'ERROR   test_cmocka_dies.sh::test_cmocka_dies::dies .*: ended by signal 6 (Aborted) in the middle of it'
says 'ERROR   test_cmocka_liar.sh::test_cmocka_liar::test_cmocka_liar .*what it says is not true'
says 'ERROR   test_cmocka_short.sh::.*: ended with status 0 after 1 of 3 cases'
says 'PASSED  test_crash.py::TestCrash::test_a_before'
says 'ERROR   test_crash.py::TestCrash::test_b_segfaults .*: ended by signal 11'
says 'ERROR   test_crash.py::TestCrash::test_c_after .*: not run: ended by signal 11'
says 'WARNING test_daemon.py: it left 1 process behind, killed now'
says 'ERROR   test_exit.py::TestExit::test_leaves .*: ended with status 0 in the middle of it'
says 'FAILED  test_fake.py::TestFake::test_fails .*: AssertionError: for real'
says 'PASSED  test_fake.py::TestFake::test_progress_is_out_of_reach_of_children'
says 'PASSED  test_flood.py::TestFlood::test_goes_on'
says 'ERROR   test_functions.py::.*needs pytest'
says 'PASSED  test_hang.py::TestHang::test_a_before'
says 'ERROR   test_hang.py::TestHang::test_b_hangs .*: timeout after 5 s'
grep -q 'in test_b_hangs' "$work/out" || fail "does not show where it hangs"
says 'ERROR   test_hang.py::TestHang::test_c_after .*: not run: timeout'
says 'PASSED  test_late.py::TestLate::test_passes'
says 'ERROR   test_late.py::.*: after its last case: ended by signal 6'
says 'ERROR   test_liar.py::TestLiar::test_writes_to_every_fd .*progress'
says 'ERROR   test_plain_no_program::.*: cannot be started: not a program'
says 'PASSED  test_plain_pass.sh::test_plain_pass::test_plain_pass'
says 'SKIPPED test_plain_skip.sh::.*: skipped: no hardware here'
says 'ERROR   test_plain_stubborn.sh::.*: timeout after 5 s'

# What no text may hold is shown escaped, and the rest of the file runs.
run 1 hostile -p test_unprintable.py --step-report "$work/steps.html"
says "FAILED  test_unprintable.py::TestUnprintable::test_difference .*: AssertionError: 'abc\\\\x00' != 'abc'"
says 'FAILED  test_unprintable.py::TestUnprintable::test_file_name .*: AssertionError: cannot read caf\\udce9.log'
says 'SKIPPED test_unprintable.py::TestUnprintable::test_huge '
says 'SKIPPED test_unprintable.py::TestUnprintable::test_skip .*: n\\x00 caf\\udce9.log'
says "FAILED  test_unprintable.py::TestUnprintable::test_subtest .*: \\[\\\\x00\\] (name='caf\\\\udce9.log'): AssertionError: in"
says 'PASSED  test_unprintable.py::TestUnprintable::test_caf\\udce9.log '
says '3 passed, 3 failed, 0 errors, 2 skipped'
grep -qF '<td>in \x00caf\udce9.log</td>' "$work/steps.html" || fail "a step is not shown: $(grep step "$work/steps.html")"

# What does not end well has not passed, and what was not run is said; without and with steps.
for steps in --text "--step-report=$work/steps.html"; do
    run 3 hostile -p test_raising.py "$steps"
    file=test_raising.py::TestRaising
    says "ERROR   $file::test_base .*: Odd: of no kind"
    says "ERROR   $file::test_exit .*: SystemExit: 0"
    says "ERROR   $file::test_forgotten .*: it has ended, but neither passed nor failed"
    says "ERROR   $file::test_generator_exit .*: GeneratorExit"
    says "ERROR   $file::test_mute .*: Mute: <exception str() failed>"
    says "PASSED  $file::test_mute_raised_as_asked"
    says "SKIPPED $file::test_mute_skip .*: <reason str() failed>"
    says "FAILED  $file::test_mute_subtest .*: (<repr() of its parameters failed>): AssertionError: 1 != 2"
    says "ERROR   $file::test_unshown .*: Unshown: so it is"
    says "PASSED  $file::test_zero"
    says "ERROR   test_raising.py::TestTearDown::test_is_fine .*: Mute: <exception str() failed>"
    says '3 passed, 1 failed, 7 errors, 1 skipped'
done
run 2 hostile -p test_interrupt.py
says 'ERROR   test_interrupt.py::TestInterrupt::test_a_subtest .*: ended by signal 2 (Interrupt) in the middle of it'
grep -q 'raise KeyboardInterrupt' "$work/out" || fail "does not show what was raised"
says 'ERROR   test_interrupt.py::TestInterrupt::test_b_after .*: not run: ended by signal 2'
says '0 passed, 0 failed, 2 errors, 0 skipped'
run 2 hostile -p test_stops.py
says 'PASSED  test_stops.py::TestStops::test_a_child_raises'
says 'PASSED  test_stops.py::TestStops::test_b_stops'
says 'ERROR   test_stops.py::TestStops::test_c_after .*: not run: unittest left it out'
says '2 passed, 0 failed, 1 error, 1 skipped'

# ^C: the file that runs is ended, the exit status says by what.
mkdir "$work/slow" && printf '#!/bin/sh\necho $$ >"%s/pid"\nexec sleep 300\n' "$work" >"$work/slow/test_slow"
chmod +x "$work/slow/test_slow"
SUITE=$work/slow PATTERN='test_*' "$CANRING" test -c "$data/rig.yaml" >"$work/out" 2>&1 &
canring=$!
for _ in $(seq 1000); do [ -s "$work/pid" ] && break; sleep 0.01; done
kill -TERM $canring
wait_bounded $canring "canring test"
[ $? = 143 ] || fail "ended by SIGTERM: not status 143"
says 'ERROR   test_slow::test_slow::test_slow .*: stopped'
kill -0 "$(cat "$work/pid")" 2>/dev/null && fail "the program lives on"

# The manual and --help name the same options.
page=$CANRING_SOURCE/man/canring-test.1
grep '^\.It Fl' "$page" | grep -oE 'Fl -?[A-Za-z0-9-]+|, -[a-z-]+' | sed 's/Fl /-/; s/, -/--/' | sort -u >"$work/manual"
"$CANRING" test --help | grep -oE '^ +(-[a-z], )?--[a-zA-Z-]+' | tr -d ' ' | tr , '\n' | grep . | sort -u >"$work/help"
cmp -s "$work/manual" "$work/help" || { fail "manual and help differ"; diff "$work/manual" "$work/help"; }
if command -v mandoc >/dev/null; then
    mandoc -T lint -W warning "$page" || fail "mandoc -T lint"
fi
exit $failed
