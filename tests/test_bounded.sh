#!/bin/bash
# A process that hangs does not hang the test: it is named, shown and killed, and the test fails.
. "$(dirname "$0")/e2e.bash"
cd "$work" || exit 1

# WORDS…: what a test says, and that it fails, that leaves a process behind which ends at no signal
# but the last one.
hangs() {
    rm -f pid
    { echo ". '$tests/e2e.bash'" && cat; } >hanging.sh
    WAIT_BOUND=1 timeout -k 5 120 bash hanging.sh >said 2>&1
    local status=$?
    [ $status = 1 ] || fail "exit status $status, not 1: $(cat said)"
    for words in "$@"; do
        grep -qE "$words" said || fail "does not say '$words': $(cat said)"
    done
    kill -0 "$(cat pid)" 2>/dev/null && fail "it lives on"
}
echo 'trap "" TERM; echo $$ >pid; exec sleep 1000' >stuck.sh # what is ignored stays so

hangs 'FAILED: lazy \(pid [0-9]+\) has not ended after 1 s' '[0-9]+/[0-9]+ sleep sleeps in' \
    'FAILED: lazy: exit status 137, not 0' 'after it' <<END
cd "$work"
background lazy bash ./stuck.sh
eventually test -s pid
ends_with 0 lazy
echo after it
exit \$failed
END
hangs 'FAILED: lazy \(pid [0-9]+\) has not ended after 1 s' <<END
cd "$work"
background lazy bash ./stuck.sh
eventually test -s pid
stop lazy
exit \$failed
END

# What was forgotten is killed at the end, and changes nothing.
echo ". '$tests/e2e.bash'; sleep 1000 & echo \$! >'$work/pid'; exit \$failed" >forgetful.sh
timeout -k 5 120 bash forgetful.sh || fail "a process that was forgotten: exit status $?"
kill -0 "$(cat pid)" 2>/dev/null && fail "a process that was forgotten lives on"

# The same in a trap, where the clean-up of scripts waits.
cat >trapped.sh <<END
. '$tests/bounded.bash'
sleep 0.2 &
trap 'wait_bounded \$!; exit \$failed' EXIT
exit 0
END
timeout -k 5 120 bash trapped.sh || fail "in a trap: exit status $?"

# Those that end are asked for their status, however late.
background fine bash -c 'sleep 0.2; exit 7'
ends_with 7 fine
background early bash -c 'exit 3'
sleep 0.3
ends_with 3 early
exit $failed
