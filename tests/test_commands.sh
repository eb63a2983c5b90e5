#!/bin/bash
# The command as a person meets it: help, versions, misuse, and what the manual promises.
set -u
"$CANRING" --version >/dev/null
[ $? = 77 ] && { echo "skipped: built without a bus"; exit 77; }
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*"
    failed=1
}
# STATUS WORDS COMMAND…: exits so and says so, on whichever stream.
expect() {
    local status=$1 words=$2
    shift 2
    "$@" >"$work/out" 2>&1
    local got=$?
    [ $got = "$status" ] || fail "$*: exit status $got, not $status"
    grep -qF -- "$words" "$work/out" || { fail "$*: does not say '$words'"; cat "$work/out"; }
}

expect 0 "usage: canring COMMAND" "$CANRING" --help
expect 0 "usage: canring COMMAND" "$CANRING" help
expect 2 "usage: canring COMMAND" "$CANRING"
"$CANRING" --version | grep -qE '^canring [0-9]+\.[0-9]+\.[0-9]+$' || fail "--version"
expect 2 "no command 'dmup', did you mean 'dump'?" "$CANRING" dmup
expect 2 "no command 'xyzzy', see" "$CANRING" xyzzy
expect 2 "did you mean 'send'?" "$CANRING" help sned
"$CANRING" --help >/dev/full 2>/dev/null && fail "a full disk goes unnoticed"

for command in dump gen send; do
    expect 0 "usage: canring $command" "$CANRING" help $command
    expect 0 "usage: canring $command" "$CANRING" $command --help
    expect 2 "no TARGET given" "$CANRING" $command
    expect 2 "no option '-q'" "$CANRING" $command -q vcan0
    expect 2 "no option '--nonsense'" "$CANRING" $command --nonsense vcan0
done

expect 2 "found 'virtaul', allowed: socketcan" "$CANRING" send virtaul:a 123#11
expect 2 "found 'virtaul', allowed: socketcan" "$CANRING" gen virtaul:a
expect 2 "did you mean 'virtual'?" "$CANRING" dump virtaul:a
expect 2 "option '-n' needs a value" "$CANRING" dump -n
expect 2 "-n '0', allowed: a number from 1" "$CANRING" dump -n 0 vcan0
expect 2 "-n '1x', allowed" "$CANRING" dump -n 1x vcan0
expect 2 "-t 'q', allowed: a, A, d, z" "$CANRING" dump -t q vcan0
expect 2 "-s '3', allowed: 0, 1, 2" "$CANRING" dump -s 3 vcan0
expect 2 "-L has a form of its own" "$CANRING" dump -L -a vcan0
expect 2 "17 targets, allowed: 16" "$CANRING" dump a b c d e f g h i j k l m n o p q
expect 2 "filters of vcan0: column 9: found 'z'" "$CANRING" dump vcan0,123:7FF,zz
expect 2 "          ^" "$CANRING" dump vcan0,123:7FF,zz
expect 2 "no FRAME given" "$CANRING" send vcan0
expect 2 "frame '12#11': column 1: identifier of 2 digits" "$CANRING" send vcan0 12#11
expect 2 "did you mean 012?" "$CANRING" send vcan0 12#11
expect 2 "            ^" "$CANRING" send vcan0 123#11 123#11.22.3
expect 2 "needs -e" "$CANRING" gen -I 42AA vcan0
expect 2 "-D '123', allowed" "$CANRING" gen -D 123 vcan0
expect 2 "-L '65', allowed: r, i, 0 to 64" "$CANRING" gen -L 65 vcan0
expect 2 "-g 'soon', allowed" "$CANRING" gen -g soon vcan0
expect 2 "--rate '0', allowed" "$CANRING" gen --rate 0 vcan0
expect 2 "2 targets, allowed: 1" "$CANRING" gen vcan0 vcan1
expect 2 "-R does not go with" "$CANRING" gen -R -f vcan0

expect 2 "'vcan0,': found nothing behind ','" "$CANRING" dump vcan0,
expect 2 "'vcan0,': found nothing behind ','" "$CANRING" capture -o "$work/no.log" vcan0,
expect 2 "'any' is all interfaces, to read only" "$CANRING" send any 123#
expect 2 "'any' is all interfaces, to read only" "$CANRING" gen any
echo '(1.000000) can0 123#11' >"$work/drive.log"
expect 2 "drive.log' is a recording, to read only" "$CANRING" send replay:drive.log 123#11
expect 2 "drive.log' is a recording, to read only" "$CANRING" gen -n 1 replay:drive.log
expect 2 "drive.log' is a recording, to read only" "$CANRING" play "$work/drive.log" replay:drive.log
"$CANRING" check --help >/dev/full 2>/dev/null && fail "check --help: a full disk goes unnoticed"

# Started without standard descriptors, as some daemons start programs, nobody writes into a bus.
export CANRING_RUNTIME_DIR=$work/run
"$CANRING" dump -L -n 3 virtual:closed$$ >"$work/reader" 2>"$work/reader.words" &
reader=$!
for _ in $(seq 100); do grep -q open "$work/reader.words" && break; sleep 0.05; done
"$CANRING" dump -f "$work/log" -n 3 "virtual:closed$$" <&- >&- 2>&- &
logger=$!
for _ in $(seq 100); do [ -e "$work/log" ] && break; sleep 0.05; done
sleep 0.2
"$CANRING" send "virtual:closed$$" 101# >&- 2>&- || fail "send without descriptors"
"$CANRING" gen -v -g 0 -n 1 -I 102 -L 0 "virtual:closed$$" <&- >&- 2>&- && fail "gen -v has printed to nowhere"
"$CANRING" send "virtual:closed$$" 103# || fail "the bus is broken"
timeout 20 tail --pid=$reader -f /dev/null || fail "the reader still waits"
timeout 20 tail --pid=$logger -f /dev/null || fail "the logger still waits"
kill $reader $logger 2>/dev/null
for log in reader log; do
    [ "$(cut -d' ' -f3 "$work/$log" | tr '\n' ' ')" = "101# 102# 103# " ] || fail "$log: $(cat "$work/$log")"
done

# Every option that a manual explains is in --help, and the other way round.
for command in convert dump gen info play repair send; do
    page=$CANRING_SOURCE/man/canring-$command.1
    grep '^\.It Fl' "$page" | grep -oE 'Fl -?[A-Za-z0-9]+(-[a-z]+)*' | sed 's/Fl /-/' | sort -u >"$work/manual"
    "$CANRING" $command --help | grep -oE '^  -[^ ]+( --[a-z-]+)?' | tr -d ' ' | sed 's/,/\n/; s/\(.\)--/\1\n--/' |
        grep . | sort -u >"$work/help"
    cmp -s "$work/manual" "$work/help" || { fail "manual and help of $command differ"; diff "$work/manual" "$work/help"; }
done
for command in $("$CANRING" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
    grep -qE "^\.It .*Cm $command( |\$)" "$CANRING_SOURCE/man/canring.1" || fail "canring(1) lacks $command"
    grep -q "^\.Xr canring-$command 1" "$CANRING_SOURCE/man/canring.1" || fail "canring(1) does not refer to $command"
done
if command -v mandoc >/dev/null; then
    for page in "$CANRING_SOURCE"/man/*; do
        mandoc -T lint -W warning "$page" || fail "mandoc -T lint $page"
        # Letters of options that are the name of a macro.
        mandoc -T ascii "$page" | sed 's/.\x08//g' | grep -F -- '-()' && fail "$page: options read as a macro"
    done
else
    echo "manual pages not checked: no mandoc"
fi
exit $failed
