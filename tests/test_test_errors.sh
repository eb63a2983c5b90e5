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

# Very many cases with long names; a package that links to itself and is looked at once.
cat >suite/test_many.py <<'PY'
import unittest
class Test(unittest.TestCase):
    def test_one(self): pass
for number in range(3000):
    setattr(Test, "test_" + "n" * 2000 + str(number), lambda self: None)
setattr(Test, "test_odd\udce9", lambda self: None)
PY
run 0 -p 'test_many.py::Test::test_[!n]*'
says out '^2 passed, 0 failed'
says out '^PASSED +test_many.py::Test::test_odd.*udce9'
rm -f junit.xml
"$CANRING" test -c rig.yaml -p test_many.py >out 2>err || fail "a long plan: $(tail -3 out err)"
says out '^3002 passed, 0 failed'
mkdir suite/looped
touch suite/looped/__init__.py
ln -s . suite/looped/again
ln -s .. suite/looped/up
cp suite/test_good.py suite/looped/test_looped.py
run 0 -p test_looped.py
says out '^3 passed, 0 failed'
rm -r suite/looped

# A report takes the place of a regular file only, also behind a link; what else is there stays.
run 0 -p test_good.py
mkfifo pipe
ln -s real.xml link.xml
echo old >real.xml
ln -s /dev/null null.xml
cat pipe >piped.xml &
timeout 60 "$CANRING" test -c rig.yaml -p test_good.py --junit=pipe --step-report null.xml >out 2>err || fail "in place: $(cat out err)"
wait $!
"$CANRING" test -c rig.yaml -p test_good.py --junit=link.xml >out 2>err || fail "a link: $(cat out err)"
[[ -p pipe && -L null.xml && -L link.xml && -c /dev/null ]] || fail "replaced: $(ls -l)"
for file in piped.xml real.xml; do
    xmllint --noout --schema "$CANRING_SOURCE/tests/data/junit-10.xsd" $file 2>words || fail "$file: $(cat words)"
done
timeout 60 "$CANRING" test -c rig.yaml -p test_good.py --junit=pipe >out 2>err
[ $? = 2 ] || fail "a FIFO without a reader: $(cat out err)"
says err 'pipe: nobody reads it'
timeout 60 "$CANRING" test -c rig.yaml -p test_good.py -l pipe >out 2>err
[ $? = 2 ] || fail "a log FIFO without a reader: $(cat out err)"
says err 'pipe: nobody reads it'

# Standard output that takes nothing is an error beside those of the tests, and stops nothing.
to_full() { # STATUS PATTERN
    rm -f junit.xml
    timeout 60 "$CANRING" test -c rig.yaml -p "$2" --junit=junit.xml >/dev/full 2>err
    local got=$?
    [ $got = "$1" ] || fail ">/dev/full $2: exit status $got, not $1: $(cat err)"
    says err 'cannot write the output'
    [ -s junit.xml ] || fail ">/dev/full: no report"
}
to_full 2 test_good.py
to_full 3 test_fails.py
printf '#!/bin/bash\nhead -c 100000 /dev/zero\ngrep -q "^SigIgn:.0*$" /proc/self/status\n' >suite/test_goes
chmod +x suite/test_goes
rm -f junit.xml
timeout 60 "$CANRING" test -v -c rig.yaml -p 'test_go*' --junit=junit.xml 2>err | true
got=${PIPESTATUS[0]}
[ "$got" = 2 ] || fail "closed standard output: exit status $got: $(cat err)"
report "count(//testcase[not(failure|error|skipped)])" 4

# A signal, at any time; a guard that the test stopped.
test_file stops 'os.kill(os.getppid(), signal.SIGSTOP); time.sleep(60)'
limit=4
middle 2 stops ERROR 'timeout after 4 s' '1 passed, 0 failed, 2 errors'
test_file stops 'signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True: os.kill(os.getppid(), signal.SIGSTOP)'
middle 2 stops ERROR 'timeout after 4 s' '1 passed, 0 failed, 2 errors'
unset limit
ends_by() { # SIGNAL STATUS PATTERN ARGUMENT…
    local signal=$1 status=$2 pattern=$3
    shift 3
    rm -f junit.xml started
    background ended timeout --foreground 60 "$CANRING" test -c rig.yaml -p "$pattern" --junit=junit.xml "$@"
    eventually test -e started || give_up "does not start: $(cat ended.err)"
    kill -"$signal" "$(pgrep -P "${pids[ended]}" -x canring)"
    ends_with "$status" ended
    [ -s junit.xml ] || fail "$signal: no report"
    nothing_left "$signal"
}
test_file waits 'open("started", "w").close(); time.sleep(60)'
ends_by HUP 129 test_waits.py
ends_by TERM 143 test_waits.py
printf '#!/bin/sh\ntouch started\nexec sleep 60\n' >slow
chmod +x slow
cp rig.yaml all.yaml
sed -i "s|^connectors:|  slow: {type: ./slow}\n&|" rig.yaml
SECONDS=0
ends_by INT 130 test_good.py
[ $SECONDS -lt 20 ] || fail "a start is not abandoned: $SECONDS s"
mv all.yaml rig.yaml

# What cannot be started: no test runs, and the report says who.
run 4 --bus bus=udp_multicast:239.74.163.2%nosuchdev0
says err 'proxy proxy_aux.*nosuchdev0'
says out '^0 passed'
report "contains(//testcase[@name='start']/error/@message, 'nosuchdev0')" true
exit $failed
