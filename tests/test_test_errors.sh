#!/bin/bash
# What goes wrong in canring test, with processes running beside it: each is reported as itself, on
# the terminal and in a valid JUnit report, with pykiso's exit status, and leaves nothing behind.
. "$(dirname "$0")/e2e.bash"
command -v python3 >/dev/null || skip "no python3"
command -v xmllint >/dev/null || skip "no xmllint (package libxml2-utils)"
export PYTHONDONTWRITEBYTECODE=1
cd "$work" || exit 1
mkdir suite empty
cat >rig.yaml <<YAML
auxiliaries:
  proxy_aux: {connectors: {com: bus}, config: {aux_list: [aux1]}, type: 'm:MpProxyAuxiliary'}
  aux1: {connectors: {com: com1}, type: 'm:CommunicationAuxiliary'}
connectors:
  com1: {config: {processing: True}, type: CCMpProxy}
  bus: {config: {channel: errors$$}, type: CCVirtualCan}
test_suite_list:
- {suite_dir: 'ENV{SUITE=suite}', test_filter_pattern: 'ENV{PATTERN=test_*.py}', test_suite_id: 1}
YAML
test_file() { # NAME BODY of its method: one that is run between two others
    cat >"suite/test_$1.py" <<PY
import os, signal, sys, time, unittest
class Test(unittest.TestCase):
    def test_1_before(self): pass
    def test_2_it(self):
        $2
    def test_3_after(self): pass
PY
}
test_file good 'pass'
test_file fails 'self.assertEqual(1, 2)'
test_file raises 'raise OSError("no rig")'
test_file hangs 'time.sleep(60)'
test_file killed 'os.kill(os.getpid(), signal.SIGKILL)'
test_file crashes 'os.abort()'
test_file leaves 'os._exit(0)'
test_file garbage 'os.write(1, bytes(range(256)) + b"]]></system-out>\xff\xfe" * 1000)'
cat >suite/test_flood.py <<'PY'
import os, unittest
class Test(unittest.TestCase):
    def test_2_it(self):
        for number in range(20):
            os.write(1 + number % 2, b"0123456789abcde\n" * 65536)
PY
cat >suite/test_tags.py <<'PY'
import pykiso
@pykiso.define_test_parameters(suite_id=1, case_id=1, tag={"branch_level": ["dev"]})
class Test(pykiso.BasicTest):
    def test_2_it(self): pass
PY
echo 'import nothing_of_that_name' >suite/test_unloadable.py

run() { # STATUS ARGUMENT…
    local status=$1 got
    shift
    rm -f junit.xml
    timeout 60 "$CANRING" test -c rig.yaml --junit=junit.xml "$@" >out 2>err
    got=$?
    [ $got = "$status" ] || fail "$*: exit status $got, not $status: $(head -c 3000 out) $(head -c 3000 err)"
    xmllint --noout --schema "$CANRING_SOURCE/tests/data/junit-10.xsd" junit.xml 2>words || fail "$*: $(head -c 1000 words)"
    nothing_left "$*"
}
says() { # FILE PATTERN
    grep -qE -- "$2" "$1" || fail "does not say '$2': $(head -c 3000 out) $(head -c 3000 err)"
}
report() { # XPATH VALUE
    local got
    got=$(xmllint --xpath "string($1)" junit.xml)
    [ "$got" = "$2" ] || fail "$1 is '$got', not '$2'"
}
# STATUS FILE OUTCOME MESSAGE of the middle one; COUNTS
middle() {
    run "$1" --timeout "${limit:-30}" -p "test_$2.py"
    says out "^$3 +test_$2.py::Test::test_2_it .*: $4"
    says out "^PASSED +test_$2.py::Test::test_1_before"
    says out "^$5"
}
middle 1 fails FAILED 'AssertionError: 1 != 2' '2 passed, 1 failed, 0 errors'
report "count(//failure)" 1
report "//testcase[failure]/@name" test_2_it
middle 2 raises ERROR 'OSError: no rig' '2 passed, 0 failed, 1 error,'
limit=4 # python has to start in it, too
middle 2 hangs ERROR 'timeout after 4 s' '1 passed, 0 failed, 2 errors'
unset limit
says out 'in test_2_it' # where it hangs
says out '^ERROR +test_hangs.py::Test::test_3_after .*: not run: timeout'
report "count(//error)" 2
middle 2 killed ERROR 'ended by signal 9 \(Killed\)' '1 passed, 0 failed, 2 errors'
middle 2 crashes ERROR 'ended by signal 6 \(Aborted\)' '1 passed, 0 failed, 2 errors'
middle 2 leaves ERROR 'ended with status 0 in the middle of it' '1 passed, 0 failed, 2 errors'
run 2 -p test_unloadable.py
says out "^ERROR +test_unloadable.py::.*cannot be loaded: ModuleNotFoundError: No module named 'nothing_of_that_name'"

# Output of any kind and length is cut, not fatal, and stays where it belongs.
run 0 -p test_garbage.py
says out '^3 passed, 0 failed'
report "contains(//testcase[@name='test_2_it']/system-out, ']]></system-out>\\xff\\xfe')" true
run 0 -p test_flood.py
says out '^1 passed, 0 failed'
[ "$(wc -c <junit.xml)" -lt 2000000 ] || fail "the report has $(wc -c <junit.xml) bytes"
report "contains(//system-out, 'bytes cut …')" true

# Nothing to run.
SUITE=nowhere run 2
says err "suite_dir '[^']*nowhere': No such file or directory"
report "count(//testcase[@name='collection']/error)" 1
SUITE=empty run 2
says err "'test_\*.py'"
run 2 -p 'test_none*.py'
says err "test_none"
run 2 -p 'test_good.py::Nobody'
says err 'no test that matches'

# What is chosen.
run 0 -p 'test_good.py::Test::test_[12]*'
says out '^2 passed, 0 failed, 0 errors'
run 0 -p 'test_g[o]*.py'
says out '^3 passed, 0 failed, 0 errors'
run 3 -p 'test_[fr]a*.py' # failures and errors
says out '^4 passed, 1 failed, 1 error,'
run 1 --failfast -p 'test_[fr]a*.py'
says out '^1 passed, 1 failed, 0 errors'

# Tags.
run 5 --branch-name dev -p test_tags.py
says err "no test has the tag 'branch-name'"
says out '^0 passed'
run 0 --branch-level dev -p test_tags.py
says out '^1 passed, 0 failed'
run 0 --branch-level master -p test_tags.py
says out '^0 passed, 0 failed, 0 errors, 1 skipped'

# What cannot be started: no test runs, and the report says who.
run 4 --bus bus=udp_multicast:239.74.163.2%nosuchdev0
says err 'proxy proxy_aux.*nosuchdev0'
says out '^0 passed'
report "contains(//testcase[@name='start']/error/@message, 'nosuchdev0')" true
exit $failed
