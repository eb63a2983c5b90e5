# Waiting, never for ever: sourced by scripts of tests. A process that hangs is named, its stacks are
# shown and it is killed, long before ctest cuts the whole script off without a word.
# shellcheck shell=bash disable=SC2034
bound=${WAIT_BOUND:-100} # seconds
failed=0

eventually() { # COMMAND…, for up to 20 s
    local i
    for ((i = 0; i < 400; i++)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.05
    done
    return 1
}
# PID: a child of this shell that has not ended. In a trap, a bare return would tell the status of
# what was trapped.
is_running() {
    local stat state parent
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    read -r state parent stat <<<"${stat##*) }"
    [ "$state" != Z ] && [ "$parent" = $BASHPID ]
}
with_descendants() { # PID
    local child
    echo "$1"
    for child in $(cat "/proc/$1/task"/*/children 2>/dev/null); do with_descendants "$child"; done
}
stacks() { # PID: where its threads are
    local task
    for task in "/proc/$1/task"/*; do
        echo "  $1/${task##*/} $(cat "$task/comm") sleeps in $(cat "$task/wchan")"
    done 2>/dev/null
    command -v gdb >/dev/null &&
        timeout -k 5 30 gdb -nx -batch -p "$1" -ex 'thread apply all backtrace' </dev/null 2>/dev/null |
        grep -E '^(Thread|#)' | sed 's/^/    /'
}
not_running() { # PID
    ! is_running "$1"
}
# PID [NAME]: until it ends; its exit status. One that does not end is a failure, and is killed.
wait_bounded() {
    local end=$((SECONDS + bound)) hung pid
    while is_running "$1" && [ $SECONDS -lt $end ]; do sleep 0.02; done
    if is_running "$1"; then
        failed=1
        echo "FAILED: ${2:-a process} (pid $1) has not ended after $bound s"
        hung=$(with_descendants "$1")
        for pid in $hung; do stacks "$pid"; done
        kill -KILL $hung 2>/dev/null
        bound=$((bound < 10 ? bound : 10)) # of what hangs next: something is broken already
        eventually not_running "$1" || return 137
    fi
    wait "$1" 2>/dev/null
}
