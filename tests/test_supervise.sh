#!/bin/bash
# Whoever is killed, at whatever moment: a run ends or goes on as on_failure says, in bounded time,
# says who it was, and leaves nothing behind. Locks of the dead are taken over, and old handles
# reach an auxiliary that was started again.
. "$(dirname "$0")/e2e.bash"
command -v jq >/dev/null || skip "no jq"
library=$CANRING_BUILD/libcanring.so
python_with_library || exit 77
export PYTHONDONTWRITEBYTECODE=1 CANRING_LIBRARY=$library
bound_ms=6000
cd "$work" || exit 1

configure() { # ON_FAILURE of the auxiliaries, of the proxy
    cat <<YAML
auxiliaries:
  proxy_aux: {connectors: {com: bus}, config: {aux_list: [aux1, aux2], on_failure: $2}, type: 'm:MpProxyAuxiliary'}
  aux1: {connectors: {com: com1}, config: {on_failure: $1}, type: 'm:CommunicationAuxiliary'}
  aux2: {connectors: {com: com2}, config: {on_failure: $1}, type: 'm:CommunicationAuxiliary'}
connectors:
  com1: {config: {processing: True}, type: CCMpProxy}
  com2: {config: {processing: True}, type: CCMpProxy}
  bus: {config: {channel: supervise$$, remote_id: 0x123}, type: CCVirtualCan}
test_suite_list:
- {suite_dir: suite, test_filter_pattern: 'test_*.py', test_suite_id: 1}
YAML
}
for reaction in report restart end; do
    configure $reaction $reaction >$reaction.yaml
done
mkdir suite
# It has traffic going all the time, so that whoever is killed is killed in the middle of something.
cat >suite/test_traffic.py <<'PY'
import os
import time
import unittest

from canring.auxiliaries import aux1, aux2


class TestTraffic(unittest.TestCase):
    def test_traffic(self):
        with open("test.pid", "w") as file:
            print(os.getpid(), file=file)
        end = time.monotonic() + 30
        while time.monotonic() < end and not os.path.exists("enough"):
            try:
                aux1.send_message(b"x")
                aux2.receive_message(timeout_in_s=0.01)
            except OSError:
                time.sleep(0.01)
PY
# python_with CODE: with handles aux1 and aux2
python_with() {
    PYTHONPATH=$CANRING_SOURCE/tools/python timeout 30 python3 -c "
import os, re, signal, subprocess, sys, time
from canring.auxiliaries import aux1, aux2
def heard(payload): # whatever came before it
    while True:
        message = aux2.receive_message(timeout_in_s=2)
        if message is None or message == (payload, 0x123): return message
def eventually(true):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            if true(): return True
        except Exception as error:
            words = error
        time.sleep(0.02)
    raise SystemExit(f'never: {true}')
$1"
}
pid_of() { # NAME of a process of the run
    grep -oE " $1 runs (again )?as pid [0-9]+" run.err | tail -1 | grep -oE '[0-9]+$'
}
gone() { # PID: without a body, though its parent may not have noticed
    ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}
now_ms() { date +%s%3N; }
a_moment() { sleep "0.$((RANDOM % 3))$((RANDOM % 10))"; }
start() { # COMMAND FILE
    rm -f test.pid enough
    background run "$CANRING" "$1" "${@:2}"
    eventually grep -q ' aux2 runs as pid' run.err || give_up "$* does not start: $(cat run.err)"
    [ "$1" = run ] || eventually test -s test.pid || give_up "no test begins: $(cat run.out run.err)"
}
in_time() { # WHAT SINCE_MS
    local took=$(($(now_ms) - $2))
    [ $took -le $bound_ms ] || fail "$1: took $took ms"
}
kill_it() { # PID: it is asked for nothing
    kill -KILL "$1" || give_up "nobody to kill: $1: $(cat run.err)"
}
killed_ends_it() { # NAME STATUS WHAT
    local since
    since=$(now_ms)
    kill_it "$(pid_of "$1")"
    ends_with "$2" run
    in_time "$3: $1 is killed" "$since"
    grep -q "$1 was ended by signal 9" run.err || fail "$3: nothing is said of $1: $(cat run.err)"
}
for name in proxy_aux aux1 aux2; do
    start run end.yaml
    a_moment
    killed_ends_it $name 1 run
    nothing_left "run: $name is killed"

    start test -c end.yaml
    a_moment
    killed_ends_it $name 2 test
    grep -q '^0 passed, 0 failed, [1-9][0-9]* errors*,' run.out || fail "test: $name is killed: $(cat run.out)"
    nothing_left "test: $name is killed"
done

# The test program: an error of its file alone.
start test -c end.yaml
a_moment
since=$(now_ms)
kill_it "$(cat test.pid)"
ends_with 2 run
in_time "a test is killed" "$since"
grep -q '^ERROR   test_traffic.py::TestTraffic::test_traffic .*: ended by signal 9' run.out || fail "a killed test: $(cat run.out)"
nothing_left "a test is killed"

# on_failure: report. The others go on.
for name in aux1 proxy_aux; do
    start run report.yaml
    kill_it "$(pid_of $name)"
    eventually grep -q "$name was ended by signal 9" run.err || fail "report: nothing is said of $name"
    sleep 0.3
    kill -0 "${pids[run]}" || fail "report: the run ends with $name"
    gone "$(pid_of aux2)" && fail "report: aux2 ends with $name"
    grep -q 'runs again' run.err && fail "report: $name is started again"
    since=$(now_ms)
    kill -TERM "${pids[run]}"
    ends_with 0 run
    in_time "report: the end" "$since"
    nothing_left "report: $name is killed"
done

# Without a pidfd no end wakes the coordinator: its logs do, and it looks.
background run "$CANRING_BUILD/tests/without_pidfd" "$CANRING" run end.yaml
eventually ready run
if grep -q '^skipped' run.out; then
    cat run.out
    wait_bounded "${pids[run]}" run
    unset "pids[run]"
else
    killed_ends_it aux1 1 "no pidfd"
    nothing_left "no pidfd"
fi

# on_failure: restart, after longer and longer pauses. Old handles reach the new process.
start run restart.yaml
python_with "
assert aux1.send_message(b'a')
known = 0
def another():
    global known
    pid = int(re.findall(r' aux1 runs (?:again )?as pid ([0-9]+)', open('run.err').read())[-1])
    if pid == known: return False
    known = pid
    return True
for round in range(3):
    eventually(another)
    os.kill(known, signal.SIGKILL)
    time.sleep(0.05)
    eventually(lambda: aux1.is_instance and aux1.send_message(b'b'))
    with aux2.collect_messages():
        assert aux1.send_message(b'c')
        assert heard(b'c')
" || fail "restart: an old handle does not reach the new auxiliary: $(cat run.err)"
three_times() { [ "$(grep -c 'aux1 runs again' run.err)" = 3 ]; }
eventually three_times || fail "restart: $(cat run.err)"
[ "$(grep -oE 'aux1 is started again in [0-9]+' run.err | grep -oE '[0-9]+$' | sort -n | uniq | wc -l)" = 3 ] ||
    fail "restart: the pauses do not grow: $(cat run.err)"
# The proxy: its auxiliaries find the new one.
kill_it "$(pid_of proxy_aux)"
eventually grep -q 'proxy_aux runs again' run.err || fail "the proxy is not started again: $(cat run.err)"
python_with "
def talk():
    with aux2.collect_messages():
        return aux1.send_message(b'd') and heard(b'd')
eventually(talk)
" || fail "the proxy that was started again is not used: $(cat run.err)"

# A lock whose holder was killed.
python_with "
holder = subprocess.Popen([sys.executable, '-c', '''
import sys, time
from canring.auxiliaries import aux1
assert aux1.lock_it(5)
print(\"locked\", flush=True)
time.sleep(60)
'''], stdout=subprocess.PIPE)
assert holder.stdout.readline() == b'locked\n'
assert not aux1.lock_it(0.1)
holder.kill()
holder.wait()
assert aux1.lock_it(5)
aux1.unlock_it()
assert aux1.send_message(b'e')
" || fail "a lock is not recovered: $(cat run.err)"
since=$(now_ms)
kill -TERM "${pids[run]}"
ends_with 0 run
in_time "restart: the end" "$since"
nothing_left "restart"

# The coordinator: all that it started ends with it, at any moment, and the next one cleans up.
everybody() { # pids of all whose environment names our runtime directory, but ourselves
    grep -lzsxF "CANRING_RUNTIME_DIR=$CANRING_RUNTIME_DIR" /proc/[0-9]*/environ | cut -d/ -f3 | grep -vxE "$$|$BASHPID" |
        while read -r pid; do gone "$pid" || tr '\0' ' ' <"/proc/$pid/cmdline"; done | grep -E 'canring|python'
}
nobody() { ! everybody; }
none_left() { # also of one that was being executed and had no environment to be found by
    "$CANRING" list >list 2>&1
    [ -z "$(left_behind)" ]
}
for ((round = 0; round < 8; round++)); do
    if [ $((round % 2)) = 0 ]; then
        start test -c end.yaml
    else # at its start
        background run "$CANRING" test -c end.yaml
    fi
    a_moment
    kill_it "${pids[run]}"
    since=$(now_ms)
    ends_with 137 run
    eventually nobody || fail "round $round: they outlive their coordinator: $(everybody)"
    in_time "round $round: the coordinator is killed" "$since"
    eventually none_left
    nothing_left "round $round: the coordinator is killed"
done
start run end.yaml
kill -TERM "${pids[run]}"
ends_with 0 run
nothing_left "the run after all"
exit $failed
