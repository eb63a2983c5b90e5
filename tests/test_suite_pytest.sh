#!/bin/bash
# Files for pytest under canring test: each of its tests is a case like unittest's, with what it
# wrote, its time limit, pattern and tags; and what happens where pytest is not installed.
. "$(dirname "$0")/e2e.bash"
command -v xmllint >/dev/null || skip "no xmllint (package libxml2-utils)"
data=$CANRING_SOURCE/tests/data/suites
PATH=/usr/bin:$PATH # Debian's python3 has the package's pytest
command -v python3 >/dev/null || skip "no python3"
export PYTHONDONTWRITEBYTECODE=1 SUITE=$data/pytest HOW=dies
cd "$work" || exit 1

run() { # STATUS ARGUMENT…
    local status=$1 got
    shift
    rm -f junit.xml
    timeout 100 "$CANRING" test -c "$data/rig.yaml" --junit=junit.xml "$@" >out 2>err
    got=$?
    [ $got = "$status" ] || fail "$*: exit status $got, not $status: $(cat out err)"
    xmllint --noout --schema "$CANRING_SOURCE/tests/data/junit-10.xsd" junit.xml 2>words || fail "$*: $(cat words)"
    nothing_left "$*"
}
says() { # PATTERN, a line's beginning
    grep -qE -- "^$1" out || fail "does not say '$1': $(cat out err)"
}
never() {
    grep -E -- "$1" out && fail "says '$1'"
}
report() { # XPATH VALUE
    local got
    got=$(xmllint --xpath "string($1)" junit.xml)
    [ "$got" = "$2" ] || fail "$1 is '$got', not '$2'"
}
in_case() { # NAME WORDS
    report "contains(//testcase[@name='$1'], '$2')" true
}

# Not installed: said for each file that needs it, and the others run.
PYTHONPATH=$data/pytest/nopytest run 2 -p 'test_[ou]n[li]*.py'
says "ERROR +test_only_classes.py::test_only_classes::test_only_classes .*: it needs pytest, which .*python3 has not: install it \(Debian: python3-pytest"
says 'PASSED +test_unittest.py::TestUnittest::test_without_pytest'
report "count(//testcase[@classname='test_only_classes']/error)" 1
[ $failed = 0 ] || exit 1
python3 -c 'import pytest' 2>/dev/null || skip "a part: no pytest (package python3-pytest)"

# Each outcome, each under its name.
file=test_functions.py
run 3 -p $file
says "PASSED +$file::test_functions::test_square\[right\] "
says "FAILED +$file::test_functions::test_square\[wrong\] .*: AssertionError: assert \(3 \* 3\) == 10"
says "SKIPPED +$file::test_functions::test_skipped .*: not today"
says "SKIPPED +$file::test_functions::test_expected .*: expected failure: known"
says "FAILED +$file::test_functions::test_unexpected .*XPASS\(strict\)"
says "ERROR +$file::test_functions::test_setup .*: setup: OSError: no rig"
says "ERROR +$file::test_functions::test_teardown .*: teardown: ValueError: left a mess"
says "ERROR +$file::test_functions::test_raises .*: RuntimeError: out of order"
says "FAILED +$file::test_functions::test_says_so .*: Failed: because"
says "PASSED +$file::test_functions::test_auxiliaries "
says "PASSED +$file::TestTagged::test_dev "
says "PASSED +$file::TestTagged.TestInner::test_inner "
says "PASSED +$file::TestUnit::test_unit "
says '5 passed, 4 failed, 3 errors, 2 skipped in'
never canring/_pytest.py
report "count(//testcase)" 14
report "count(//testcase[@classname='test_functions'])" 10
in_case 'test_square[wrong]' 'said by a case, 3'
report "contains(//testcase[@name='test_square[right]'], 'by a case, 3')" false
in_case test_dev 'to be seen'
in_case test_dev 'UserWarning: be careful'
in_case test_setup 'conftest.py'

# What is chosen: FILE::CLASS::METHOD as anywhere, FILE::FUNCTION as pytest has it.
run 0 -p "$file::Test*::test_d*"
says '1 passed, 0 failed'
run 0 -p "$file::test_functions::test_square[right]" # not a set of characters
says '1 passed, 0 failed'
run 1 -p "$file::test_square"
says '1 passed, 1 failed'
run 2 -p "$file::Nobody"

# Tags: marks of pykiso's name, the nearest counts.
run 0 --branch-level dev -p "$file::TestTagged*"
says "PASSED +$file::TestTagged::test_dev"
says "SKIPPED +$file::TestTagged::test_nightly .*: its tag 'branchlevel' is \['nightly'\]"
run 5 --branch-lever dev -p "$file"
never PASSED

# Loading and classes; pykiso's fixtures of a suite come first and last, its bases not at all.
run 0 -p test_only_classes.py
run 0 -p test_suite_fixtures.py
[ "$(grep -c ^PASSED out)" = 4 ] || fail "not four: $(cat out)"
head -1 out | grep -q SuiteSetup || fail "the suite's setup is not first: $(cat out)"
sed -n 4p out | grep -q SuiteTeardown || fail "the suite's teardown is not last: $(cat out)"
run 2 -p test_unloadable.py
says "ERROR +test_unloadable.py::test_unloadable::.*: cannot be loaded: ModuleNotFoundError: No module named 'nothing_of_that_name'"
run 0 -p test_absent.py
says 'SKIPPED +test_absent.py::.*: its module is not there'

# What no text may hold is shown escaped.
run 1 -p test_hostile.py
says 'PASSED +test_hostile.py::test_hostile::test_names\[caf\\udce9.log\] '
says "FAILED +test_hostile.py::test_hostile::test_difference .*: AssertionError: assert 'abc\\\\x00' == 'abccaf\\\\udce9.log'"
says 'SKIPPED test_hostile.py::test_hostile::test_skip .*: n\\x00 caf\\udce9.log'
says 'FAILED +test_hostile.py::test_hostile::test_says_so .*: Failed: nul \\x00 caf\\udce9.log'
report "//testcase[@name='test_says_so']/failure/@message" 'Failed: nul \x00 caf\udce9.log'
says '2 passed, 2 failed, 0 errors, 1 skipped'

# What does not end well has not passed; what was not run is said.
run 3 -p test_raising.py
file=test_raising.py::test_raising
says "ERROR +$file::test_base .*: Odd: of no kind"
says "ERROR +$file::test_exit .*: SystemExit: 0"
says "ERROR +$file::test_mute .*: Mute: <exception str\(\) failed>"
says "FAILED +$file::test_compared .*: AssertionError"
says "ERROR +$file::test_teardown .*: teardown: Mute: <exception str\(\) failed>"
says '1 passed, 1 failed, 4 errors, 0 skipped'
file=test_interrupted.py::test_interrupted
HOW='exit' run 2 -p test_interrupted.py
says "PASSED +$file::test_a_before"
says "ERROR +$file::test_b_ends .*: it was interrupted: Exit: no rig"
says "ERROR +$file::test_c_after .*: not run: Exit: no rig"
HOW='exit' run 2 -p test_interrupted.py --failfast
says "SKIPPED $file::test_c_after .*: not run: --failfast, a case failed"
says '1 passed, 0 failed, 1 error, 1 skipped'
HOW=interrupt run 2 -p test_interrupted.py
says "ERROR +$file::test_b_ends .*: it was interrupted: KeyboardInterrupt"
says "ERROR +$file::test_c_after .*: not run: KeyboardInterrupt"
HOW=stop run 2 -p test_interrupted.py
says "PASSED +$file::test_b_ends"
says "ERROR +$file::test_c_after .*: not run: Interrupted: that is enough"

# Dying and hanging.
run 2 -p test_dies.py
says 'PASSED +test_dies.py::test_dies::test_a_before'
says 'ERROR +test_dies.py::test_dies::test_b_dies .*: ended by signal 9'
says 'ERROR +test_dies.py::test_dies::test_c_after .*: not run: ended by signal 9'
HOW=hangs run 2 --timeout 2 -p test_dies.py
says 'ERROR +test_dies.py::test_dies::test_b_dies .*: timeout after 2 s'
grep -q 'in test_b_dies' out || fail "does not show where it hangs: $(cat out)"
file=test_functions.py
run 1 --failfast -p $file
says "FAILED +$file::test_functions::test_square\[wrong\]"
says "SKIPPED +$file::TestUnit::test_unit .*: not run: --failfast, a case failed"
says '1 passed, 1 failed, 0 errors, 12 skipped'

# What a user's pytest is told on a terminal is not for us; the rest of the settings is.
mkdir own && cat >own/pytest.ini <<'INI'
[pytest]
addopts = --junitxml=theirs.xml --no-such-option
python_functions = test_* check_*
INI
printf 'def test_one():\n    pass\ndef check_two():\n    pass\n' >own/test_own.py
SUITE=$work/own PYTEST_ADDOPTS=--nonsense run 0
says '2 passed, 0 failed'
[ ! -e own/.pytest_cache ] && [ ! -e theirs.xml ] || fail "left in the user's folder: $(ls -A own .)"
echo 'raise OSError("no conftest")' >own/conftest.py
SUITE=$work/own run 2
says 'ERROR +test_own.py::test_own::test_own .*: pytest could not go on'
in_case test_own 'no conftest'
exit $failed
