# Sourced by the end-to-end tests of the proxy: a place of their own, proxies and auxiliaries in
# the background, and waiting for what must become true. Nothing here decides whether a test passes.
# shellcheck shell=bash disable=SC2034
set -u
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d ${E2E_WORK:+-p "$E2E_WORK"}) || exit 1
export CANRING_RUNTIME_DIR=$work/rt
declare -A pids=() # of what we started, by name
. "$tests/bounded.bash"

skip() {
    echo "skipped: $*"
    exit 77
}
fail() {
    echo "FAILED: $*"
    failed=1
}
give_up() { # what comes after makes no sense
    fail "$@"
    exit 1
}
running() {
    jobs -pr | grep -q .
}
until_none_runs() { # ROUNDS of 50 ms
    local i
    for ((i = 0; i < $1; i++)); do
        running || break
        sleep 0.05
    done
}
clean_up() {
    kill -TERM "${pids[@]}" 2>/dev/null # a coordinator ends its proxies
    until_none_runs 40
    # shellcheck disable=SC2046 # several
    kill -KILL "${pids[@]}" $(jobs -pr) 2>/dev/null
    until_none_runs 100
    rm -f "/dev/shm/canring-$(mark)".* # of a test that gave up half-way
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

# What the library was built with: programs that use it are built alike.
from_cache() { # NAME of a CMake variable
    sed -n "s/^$1:[A-Z]*=//p" "${CANRING_BUILD-}/CMakeCache.txt" 2>/dev/null
}
sanitizers=$(from_cache CANRING_SANITIZE)
build() { # CC-ARGUMENT…: against our headers and library
    "$(from_cache CMAKE_C_COMPILER)" ${sanitizers:+-fsanitize=$sanitizers} -Wall -Wextra -Werror \
        -I"$CANRING_SOURCE/include" "$@" "$CANRING_BUILD/libcanring.so" -Wl,-rpath,"$CANRING_BUILD"
}
# Makes python3 one that can load the library: a sanitizer's runtime has to be there first. Fails
# with a word when there is none.
python_with_library() {
    local runtime kind=
    case ,$sanitizers, in
    ,,) return ;;
    *,address,*) kind=asan ;;
    *,thread,*)
        echo "skipped: the thread sanitizer's runtime does not start in a python built without it"
        return 1
        ;;
    *,undefined,*) kind=ubsan_standalone ;;
    esac
    runtime=$(clang --print-runtime-dir 2>/dev/null)/libclang_rt.$kind-$(uname -m).so
    case $(from_cache CMAKE_C_COMPILER) in
    *clang*) ;;
    *) runtime=$(gcc -print-file-name="lib${kind%_*}.so") ;;
    esac
    if [ ! -e "$runtime" ]; then
        echo "skipped: no $runtime to be loaded into python"
        return 1
    fi
    mkdir "$work/bin"
    printf '#!/bin/sh\nASAN_OPTIONS=detect_leaks=0 LD_PRELOAD=%s exec %s "$@"\n' "$runtime" \
        "$(python3 -c 'import sys; print(sys.executable)')" >"$work/bin/python3"
    chmod +x "$work/bin/python3"
    PATH=$work/bin:$PATH
}
# NAME COMMAND…: in the background, its output in NAME.out, its words in NAME.err.
background() {
    local name=$1
    shift
    : | tee "$work/$name.out" >"$work/$name.err" # at once: nobody reads what an earlier one said
    "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null &
    pids[$name]=$!
}
ends_with() { # STATUS NAME
    local got
    wait_bounded "${pids[$2]}" "$2"
    got=$?
    unset "pids[$2]"
    [ $got = "$1" ] && return
    fail "$2: exit status $got, not $1"
    cat "$work/$2.err"
}
stop() { # NAME: asked to end; what it had is in its output then
    kill -TERM "${pids[$1]}" 2>/dev/null
    wait_bounded "${pids[$1]}" "$1"
    unset "pids[$1]"
}
ready() { # NAME of a coordinator: it serves, or has ended
    grep -q ' ready$' "$work/$1.err" || ! kill -0 "${pids[$1]}" 2>/dev/null
}
start_proxy() { # NAME ARGUMENTS…: canring run
    local name=$1
    shift
    background "$name" "$CANRING" run --proxies-only "$@"
    eventually ready "$name"
    grep -q ' ready$' "$work/$name.err" || give_up "$name does not start: $(cat "$work/$name.err")"
}
attached() { # PROXY/CHANNEL, or CHANNEL
    "$CANRING" list 2>/dev/null | grep -qE "^([^/]+/)?$1"$'\t.*\tpid [0-9]+$'
}
start_aux() { # NAME PROXY/CHANNEL[,FILTERS] OPTIONS…: canring dump
    local name=$1 channel=$2
    shift 2
    background "$name" "$CANRING" dump "$@" "$channel"
    eventually attached "${channel%%,*}" || give_up "$name does not attach: $(cat "$work/$name.err")"
}
# FILTER: of `canring status --json`, with jq's language.
status() {
    "$CANRING" status --json 2>/dev/null | jq -r "$1"
}
same() { # WHAT A B
    [ -s "$2" ] || fail "$1: nothing in $2"
    cmp -s "$2" "$3" && return
    fail "$1: $(wc -l <"$2") and $(wc -l <"$3") lines"
    diff "$2" "$3" | head -6
}
# Of logs: the frames without time and interface; with the interface named alike.
frames_of() {
    cut -d' ' -f3- "$1"
}
# Nothing of our runtime directory may be left in it, or in shared memory.
mark() { # the name that canring gives to shared memory of this runtime directory
    python3 - "$CANRING_RUNTIME_DIR" <<'PY'
import sys
value = 2166136261
for byte in sys.argv[1].encode():
    value = (value ^ byte) * 16777619 & 0xffffffff
print(f"{value:08x}")
PY
}
left_behind() {
    ls -A "$CANRING_RUNTIME_DIR" 2>/dev/null
    ls /dev/shm | grep "canring-$(mark)"
}
nothing_left() {
    [ -z "$(left_behind)" ] && return
    fail "${1:+$1: }left behind: $(left_behind)"
}
