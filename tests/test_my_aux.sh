#!/bin/bash
# Auxiliaries of the user's own, a shared object and a program, beside a proxy: canring run and
# canring test start them, tests call them; one that cannot be made, that is stopped, or that nobody
# knows is reported as that.
. "$(dirname "$0")/e2e.bash"
command -v cc >/dev/null || skip "no C compiler"
library=$CANRING_BUILD/libcanring.so
python_with_library || exit 77
export PYTHONDONTWRITEBYTECODE=1 CANRING_LIBRARY=$library
examples=$CANRING_SOURCE/examples
cd "$work" || exit 1
# As a user builds them: against headers and library.
cc -I"$CANRING_SOURCE/include" -shared -fPIC -o libmy_aux.so "$examples/my_aux_so/my_aux.c" || give_up "my_aux.c does not build"
build -o my_aux_exe "$examples/my_aux_exe.c" || give_up "my_aux_exe.c does not build"
sed '/^static bool create(/,/^}/s/return true/return false/' "$examples/my_aux_so/my_aux.c" >no_aux.c
cc -I"$CANRING_SOURCE/include" -shared -fPIC -o libno_aux.so no_aux.c || give_up "no_aux.c does not build"

configure() { # OBJECT of the auxiliary turn
    cat <<YAML
auxiliaries:
  turn: {type: './$1:my_ops'}
  count: {type: './my_aux_exe'}
test_suite_list:
- {suite_dir: suite, test_filter_pattern: 'test_*.py', test_suite_id: 1}
YAML
}
configure libmy_aux.so >my.yaml
configure libno_aux.so >no.yaml
sed "s/:my_ops/:no_ops/" my.yaml >idle.yaml
sed "s/my_aux_exe/no_aux_exe/" my.yaml >missing.yaml
mkdir suite
cat >suite/test_commands.py <<'PY'
import canring
from canring.auxiliaries import count, turn


class TestCommands(canring.BasicTest):
    def test_shared_object(self):
        self.assertEqual(turn.run_command("turn", b"abc", timeout_in_s=5), b"cba")
        self.assertEqual(turn.run_command("turn", b"", timeout_in_s=5), b"")

    def test_executable(self):
        self.assertEqual(count.run_command("add", b"40", timeout_in_s=5), b"40")
        self.assertEqual(count.run_command("add", b"2", timeout_in_s=5), b"42")
        reports = [count.wait_and_get_report(blocking=True, timeout_in_s=5) for _ in range(2)]
        self.assertEqual(reports, [b"40", b"42"])
        self.assertFalse(count.run_command("unknown", b"", timeout_in_s=5))
        self.assertTrue(count.abort_command(timeout_in_s=5))
PY
cat >suite/test_gone.py <<'PY'
import canring
from canring.auxiliaries import count


class TestGone(canring.BasicTest):
    def test_stopped(self):
        count.stop()
        with self.assertRaisesRegex(canring.CanringError, "count: auxiliary_wait_and_get_report"):
            count.wait_and_get_report(blocking=True, timeout_in_s=5)
        self.assertFalse(count.is_instance)
PY
cat >suite/test_nobody.py <<'PY'
import canring
from canring.auxiliaries import tern


class TestNobody(canring.BasicTest):
    def test_nothing(self):
        pass
PY

# STATUS ARGUMENT…
run() {
    local status=$1 got
    shift
    timeout 30 "$CANRING" test --junit=junit.xml "$@" >out 2>err
    got=$?
    [ $got = "$status" ] || fail "$*: exit status $got, not $status: $(cat out err)"
    nothing_left "$*"
}
says() { # FILE PATTERN
    grep -qE -- "$2" "$1" || fail "does not say '$2': $(cat out err)"
}
run 0 -c my.yaml -p test_commands.py
says out '^2 passed, 0 failed, 0 errors'
run 0 -c my.yaml -p test_gone.py
says out '^1 passed, 0 failed, 0 errors'
run 2 -c my.yaml -p test_nobody.py
says out "^ERROR   test_nobody.py::test_nobody::test_nobody .*tern"
says out "has no auxiliary 'tern', it has turn, count; did you mean 'turn'\?"

# What cannot be created ends the run before any test, and says who it was.
for config in no idle; do
    run 4 -c $config.yaml -p test_commands.py
    says out '^0 passed'
    says junit.xml '<testcase classname="canring" name="start"'
done
run 4 -c no.yaml
says err 'auxiliary turn.*(instance|creat)'
run 4 -c idle.yaml
says err 'auxiliary turn.*run_command'
run 2 -c missing.yaml # that is the configuration's fault
says err "missing.yaml:3:17: error: type: cannot use './no_aux_exe': No such file"
timeout 20 "$CANRING" run no.yaml >out 2>err
[ $? = 4 ] || fail "run: an auxiliary that cannot be created: $(cat out err)"
nothing_left "run: an auxiliary that cannot be created"

# canring run, and a caller from outside.
background rig "$CANRING" run my.yaml
eventually grep -q ' ready$' rig.err || give_up "canring run: $(cat rig.err)"
PYTHONPATH=$CANRING_SOURCE/tools/python CANRING_AUXILIARIES=turn,count timeout 20 python3 -c '
from canring.auxiliaries import count, turn
assert turn.run_command("turn", b"123", timeout_in_s=5) == b"321"
assert count.run_command("add", b"7", timeout_in_s=5) == b"7"
' || fail "canring run: $(cat rig.err)"
kill -TERM "${pids[rig]}"
ends_with 0 rig
nothing_left "canring run"
exit $failed
