#!/bin/bash
# The Python package with real auxiliary processes on a real proxy, and without a library.
set -u
. "$(dirname "$0")/bounded.bash"
python=$(command -v python3) || { echo "skipped: no python3"; exit 77; }
source=$CANRING_SOURCE/tools/python
work=$(mktemp -d /tmp/canring-py.XXXXXX) || exit 1
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
    for pid in "${pids[@]}"; do wait_bounded "$pid"; done
    rm -rf "$work"
    [ $failed = 0 ] || exit 1
}
trap cleanup EXIT
export CANRING_RUNTIME_DIR=$work/run PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$source
failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}

# What is missing is said; nothing crashes, and importing needs no library.
CANRING_LIBRARY=/nonexistent/libcanring.so "$python" - <<'P' || fail "without a library"
import canring
from canring.auxiliaries import anything
try:
    anything.send_message(b"")
except canring.LibraryError as error:
    assert "/nonexistent/libcanring.so" in str(error), error
else:
    raise SystemExit("no error")
P
libc=$("$python" -c 'import ctypes.util; print(ctypes.util.find_library("c"))')
CANRING_LIBRARY=$libc "$python" - <<'P' || fail "another library"
import canring
try:
    canring.Auxiliary("x").is_instance
except canring.LibraryError as error:
    assert "has no canring_auxiliary_" in str(error), error
else:
    raise SystemExit("no error")
P
[ $failed = 0 ] || exit 1

library=$CANRING_BUILD/libcanring.so
if ! nm -D "$library" | grep -qw canring_auxiliary_open; then
    echo "skipped: $library has no canring_auxiliary_open"
    exit 77
fi
if nm -D "$library" | grep -q '__asan_init\|__tsan_init\|__asan_report'; then
    echo "skipped a part: python cannot load a library built with this sanitizer"
    exit $failed
fi
export CANRING_LIBRARY=$library CANRING_AUXILIARIES=aux1,aux2,proxy_aux

wait_for() { # COMMAND…: until it succeeds, for 10 s
    for _ in $(seq 500); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.02
    done
    fail "never: $*"
}
SUITE=$work "$CANRING" run -q "$CANRING_SOURCE/tests/data/suites/rig.yaml" 2>"$work/run.log" &
pids+=($!)
lists_channels() { "$CANRING" list | grep -q proxy_com2; }
wait_for lists_channels
for number in 1 2; do
    CANRING_AUXILIARY=aux$number CANRING_AUXILIARY_CHANNEL=proxy_aux/proxy_com$number \
        CANRING_AUXILIARY_CONFIG='{"remote_id": 291}' CANRING_AUXILIARY_AUTO_START=1 \
        "$python" -c 'import ctypes, os
library = ctypes.CDLL(os.environ["CANRING_LIBRARY"])
raise SystemExit(library.canring_auxiliary_main(
    ctypes.byref(ctypes.c_char.in_dll(library, "canring_communication_ops"))))' 2>"$work/aux$number.log" &
    pids+=($!)
    wait_for "$python" -c "import canring; assert canring.Auxiliary('aux$number').is_instance"
done

run() { # FILE
    "$python" "$source/canring_runner.py" "$1" 3>"$work/progress" 2>"$work/err"
    grep -q '"done"' "$work/progress" || fail "$1 did not come to its end"
    grep -q '"outcome": "passed"' "$work/progress" || fail "$1: nothing passed"
    if grep -E '"outcome": "(failed|error)"' "$work/progress"; then
        fail "$1"
        cat "$work"/*.log
    fi
}
export CANRING_PROGRESS_FD=3
run "$CANRING_SOURCE/tests/data/suites/binding/test_binding.py"
grep -q 'to be found in the log: 42' "$work/err" || fail "Python's logging did not reach canring's"
run "$CANRING_SOURCE/examples/suite_mp_proxy/suite_mp_proxy/test_mp_proxy.py"

# The same scenario in C, built as its comment says.
if command -v cc >/dev/null; then
    cc -Wall -Wextra -I"$CANRING_SOURCE/include" -o "$work/test_mp_proxy" \
        "$CANRING_SOURCE/examples/suite_mp_proxy/suite_mp_proxy/test_mp_proxy.c" "$library" \
        -Wl,-rpath,"$CANRING_BUILD" || fail "the example does not build"
    "$work/test_mp_proxy" || { fail "test_mp_proxy.c"; cat "$work"/*.log; }
fi
exit $failed
