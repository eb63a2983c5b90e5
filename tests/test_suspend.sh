#!/bin/bash
# canring suspend, resume and stop, on a proxy that canring run has started.
. "$(dirname "$0")/suspend_rig.bash"

bus_is() { # STATE WHEN
    local state
    state=$("$CANRING" status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["bus"]["state"])')
    [ "$state" = "$1" ] || give_up "$2, its bus is $state"
}

start_run control cc_virtual_can:CCVirtualCan
bus_is active started
"$CANRING" suspend proxy_aux || give_up "suspend failed"
bus_is down suspended
"$CANRING" suspend proxy_aux 2>&1 | grep -q 'already suspended' || give_up "a second suspend is not told"

offered=$(
    PATH=$(dirname "$CANRING"):$PATH
    . "$tests/../completion/canring"
    COMP_WORDS=(canring suspend "") COMP_CWORD=2 COMPREPLY=()
    _canring 2>/dev/null
    echo "${COMPREPLY[*]}"
)
[ "$offered" = "aux1 proxy_aux" ] || fail "completion of suspend offers '$offered'"

# What the bus does not take is told, and is no success.
printf '(1700000000.000000) can0 123#11\n(1700000000.000001) can0 124#11\n' >"$work/two.log"
untaken() { # COUNT COMMAND…
    local count=$1
    shift
    "$CANRING" "$@" 2>"$work/words" && fail "$*: a suspended bus has taken it"
    grep -q "proxy_aux/: the bus behind it has not taken $count of the frames: suspended" "$work/words" ||
        fail "$*: $(cat "$work/words")"
}
untaken 1 send proxy_aux/ 123#11
untaken 3 gen -g 0 -n 3 proxy_aux/
untaken 2 play "$work/two.log" proxy_aux/
"$CANRING" resume proxy_aux || give_up "resume failed"
bus_is active resumed
for command in "send proxy_aux/ 123#11" "gen -g 0 -n 3 proxy_aux/" "play $work/two.log proxy_aux/"; do
    "$CANRING" $command 2>"$work/words" || fail "$command: $(cat "$work/words")"
    grep -q "has not taken" "$work/words" && fail "$command: what others lost before is told as its own"
done
"$CANRING" resume proxy_aux 2>&1 | grep -q 'already running' || give_up "a second resume is not told"

# What nobody knows the fate of is no success either.
observed() {
    "$CANRING" status --json 2>/dev/null | grep -q '"observer'
}
background gen "$CANRING" gen -g 100 -n 10 proxy_aux/
eventually observed || give_up "gen does not attach"
pkill -STOP -P "${pids[run]}"
ends_with 1 gen
pkill -CONT -P "${pids[run]}"
grep -q 'what became of the last frames is not known' "$work/gen.err" || fail "gen: $(cat "$work/gen.err")"

# What a stopped proxy was asked is not done later: it was said that it was not.
pkill -STOP -P "${pids[run]}"
for command in suspend stop; do
    "$CANRING" $command proxy_aux 2>"$work/words"
    [ $? = 1 ] || fail "$command of a stopped proxy is a success"
    grep -q 'proxy_aux: does not answer: stopped, or overrun' "$work/words" || fail "$command: $(cat "$work/words")"
done
pkill -CONT -P "${pids[run]}"
bus_is active "asked to suspend and stop while it was stopped"

"$CANRING" suspend nobody 2>"$work/words" && give_up "nobody was suspended"
grep -q "no auxiliary or proxy named 'nobody' is running" "$work/words" || give_up "suspend: $(cat "$work/words")"
"$CANRING" stop
[ $? -eq 2 ] || give_up "no NAME is no misuse"
"$CANRING" stop --help | grep -q usage || give_up "no help"

"$CANRING" stop proxy_aux || give_up "stop failed"
is_running "${pids[run]}" || give_up "the run ended while aux1 runs"
"$CANRING" stop aux1 || give_up "stop of an auxiliary failed"
ends_with 0 run
exit $failed
