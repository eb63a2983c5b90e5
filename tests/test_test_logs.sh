#!/bin/bash
# What tests themselves log and print: in the order of time among the records of all processes, also
# the last of one that died; and in the report, also what belongs to no case.
. "$(dirname "$0")/e2e.bash"
command -v python3 >/dev/null || skip "no python3"
command -v xmllint >/dev/null || skip "no xmllint (package libxml2-utils)"
library=$CANRING_BUILD/libcanring.so
python_with_library || exit 77
export PYTHONDONTWRITEBYTECODE=1
cd "$work" || exit 1
mkdir suite
cat >rig.yaml <<YAML
auxiliaries:
  proxy_aux: {connectors: {com: bus}, config: {aux_list: [aux1]}, type: 'm:MpProxyAuxiliary'}
  aux1: {connectors: {com: com1}, type: 'm:CommunicationAuxiliary'}
connectors:
  com1: {config: {processing: True}, type: CCMpProxy}
  bus: {config: {channel: logs$$}, type: CCVirtualCan}
test_suite_list:
- {suite_dir: suite, test_filter_pattern: 'test_*', test_suite_id: 1}
YAML
cat >suite/test_order.py <<'PY'
import logging, sys, unittest
from canring.auxiliaries import proxy_aux
print("printed at import")
print("an error at import", file=sys.stderr)
logging.info("logged at import")
class TestOrder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print("printed between cases", flush=True)
    def test_1(self):
        print("printed in test_1")
        logging.info("first of three")
        proxy_aux.suspend()
        logging.getLogger("their.logger").warning("last of three")
        proxy_aux.resume()
        logging.debug("not at this level")
        logging.getLogger("caf\udce9").error("a\x00b \ud800 c")
    def test_2(self):
        try:
            raise OSError("no rig" * 3)
        except OSError:
            logging.exception("long: %s", "\n".join(["x" * 99] * 50))
    @classmethod
    def tearDownClass(cls):
        logging.info("logged after the last")
        print("printed after the last")
PY
cat >suite/test_dying.py <<'PY'
import logging, os, signal, unittest
class TestDying(unittest.TestCase):
    def test_dies(self):
        for number in range(100):
            logging.info("word %d", number)
        os.kill(os.getpid(), signal.SIGKILL)
PY
cat >suite/test_burst.py <<'PY'
import logging, os, re, signal, unittest
class TestBurst(unittest.TestCase):
    def test_1_quiet(self): logging.info("one word")
    def test_2_loud(self):
        with open(f"/proc/{os.getppid()}/status") as status:
            reader = int(re.search(r"PPid:\s(\d+)", status.read())[1])
        os.kill(reader, signal.SIGSTOP)
        for number in range(4000):
            logging.info("%0200d", number)
        os.kill(reader, signal.SIGCONT)
    def test_3_quiet(self): logging.info("one word")
PY
cat >test_program.c <<'C'
#include <canring/log.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
static void dies(void **state)
{
    (void)state;
    print_message("printed by dies\n");
    canring_log(CANRING_LOG_INFO, "program", "its last word");
    abort();
}
static void passes(void **state)
{
    (void)state;
    canring_log(CANRING_LOG_INFO, "program", "it begins");
}
int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes), cmocka_unit_test(dies)};
    printf("printed before the first\n");
    canring_log(CANRING_LOG_WARNING, "program", "logged before the first");
    usleep(300000); /* not at the border */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
C
build -o suite/test_program test_program.c -lcmocka ||
    give_up "the program does not build"

run() { # STATUS ARGUMENT…
    local status=$1 got
    shift
    rm -f junit.xml run.log
    timeout 60 "$CANRING" test -c rig.yaml -l run.log --junit=junit.xml "$@" >out 2>err
    got=$?
    [ $got = "$status" ] || fail "$*: exit status $got, not $status: $(cat out err)"
    xmllint --noout --schema "$CANRING_SOURCE/tests/data/junit-10.xsd" junit.xml 2>words || fail "$*: $(cat words)"
    nothing_left "$*"
}
text() { # XPATH
    xmllint --xpath "string($1)" junit.xml
}
has() { # XPATH PATTERN
    text "$1" | grep -qE -- "$2" || fail "$1 has no '$2': $(text "$1")"
}
has_not() {
    text "$1" | grep -E -- "$2" && fail "$1 has '$2'"
}
in_order() { # FILE PATTERN…: each after the one before
    local file=$1 line=0 next
    shift
    for words in "$@"; do
        next=$(grep -nE -- "$words" "$file" | head -1 | cut -d: -f1)
        [ "${next:-0}" -gt $line ] || fail "$file: '$words' is at line '${next:-none}', not behind $line: $(cat "$file")"
        line=${next:-0}
    done
}

run 0 -p test_order.py
text "//testcase[@name='test_1']/system-out" >case1
for file in err run.log case1; do
    in_order $file 'INFO test_order.py \[root\] first of three' 'INFO proxy_aux .*suspended: ' \
        'WARNING test_order.py \[their.logger\] last of three' 'INFO proxy_aux .*resumed: '
done
has_not "//testcase[@name='test_1']/system-err" 'three'
grep -qF 'ERROR test_order.py [caf\udce9] a\x00b \ud800 c' run.log || fail "a record with NUL is cut: $(cat run.log)"
grep -q 'not at this level' err run.log && fail "a DEBUG record at INFO: $(cat err)"
has "//testcase[@name='test_2']" 'OSError: no rigno rig'
[ "$(text "//testcase[@name='test_2']" | grep -o x | wc -l)" -ge 4950 ] || fail "a long record is cut"
# Outside of cases: of the suite, and of no case.
suite=//testsuite
has "$suite/system-out" '^printed at import$'
has "$suite/system-out" '^printed between cases$'
has "$suite/system-out" '^printed after the last$'
has "$suite/system-err" '^an error at import$'
has "$suite/system-out" 'INFO test_order.py \[root\] logged at import'
has "$suite/system-out" 'INFO test_order.py \[root\] logged after the last'
has "$suite/system-out" 'aux1 runs as pid' # before any test
has_not "$suite/system-out" 'in test_1|of three'
has //testcase[1]/system-out '^printed in test_1$'
has_not //testcase[1]/system-out 'at import|between'
run 0 -p test_order.py --log-level DEBUG
grep -q 'DEBUG test_order.py \[root\] not at this level' run.log || fail "no DEBUG record at DEBUG: $(cat run.log)"

# The last words of who is killed.
run 2 -p test_dying.py
has "//testcase[@name='test_dies']/system-out" 'INFO test_dying.py \[root\] word 99$'
[ "$(text "//testcase[@name='test_dies']/system-out" | grep -c ' word ')" = 100 ] || fail "not all words: $(cat junit.xml)"
run 2 -p test_program
has "//testcase[@name='dies']/system-out" 'INFO test_program \[program\] its last word$'
has "//testcase[@name='dies']/system-out" '^printed by dies$'
has "//testcase[@name='passes']/system-out" 'INFO test_program \[program\] it begins$'
has "$suite/system-out" 'WARNING test_program \[program\] logged before the first$'
has "$suite/system-out" '^printed before the first$'
has_not "//testcase[@name='passes']" 'before the first'
grep -q '^ERROR   test_program::test_program::dies .*: ended by signal 6' out || fail "$(cat out)"

# What a burst lost is told with its case.
run 0 -p test_burst.py
has "//testcase[@name='test_2_loud']/system-out" 'WARNING test_burst.py .* log records were lost'
has_not "//testcase[@name='test_1_quiet']/system-out" ' lost'
has_not "//testcase[@name='test_3_quiet']/system-out" ' lost'
has_not "//testsuite/system-out" ' lost'

# Much of it is bounded: the beginning and the end are kept.
cat >suite/test_much.py <<'PY'
import sys, unittest
print("the beginning")
for number in range(40000):
    print("0123456789abcdef" * 2)
print("the end")
class TestMuch(unittest.TestCase):
    def test_much(self): pass
PY
run 0 -p test_much.py
has "$suite/system-out" '^the beginning$'
has "$suite/system-out" 'bytes cut|bytes of output are left out'
[ "$(wc -c <junit.xml)" -lt 800000 ] || fail "the report has $(wc -c <junit.xml) bytes"

# A file's name that an auxiliary has too.
cp suite/test_order.py suite/aux1
sed -i 's/test_\*/aux1/' rig.yaml && chmod +x suite/aux1 && sed -i "1i #!$(command -v python3)" suite/aux1
run 0
exit $failed
