#!/bin/bash
# canring gen makes cangen's frames where cangen leaves nothing to chance, the same ones again
# from the same seed, and prints what it sends.
set -u
. "$(dirname "$0")/bounded.bash"
command -v cangen candump >/dev/null || { echo "skipped: no can-utils"; exit 77; }
grep -q '^CAN_RAW' /proc/net/protocols || { echo "skipped: no CAN in this kernel"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}
listening() {
    eventually grep -q vcan0 /proc/net/can/rcvlist_all || fail "candump does not listen"
}
# FILE COUNT COMMAND…: the frames that the command sends, as candump sees them.
capture() {
    local file=$1 count=$2
    shift 2
    candump -L -n "$count" -T 3000 vcan0 >"$work/log" &
    local pid=$!
    listening
    "$@" >"$work/printed" || fail "$* ends with $?"
    wait_bounded $pid candump
    cut -d' ' -f3 "$work/log" >"$work/$file"
}
same() { # WHAT A B
    [ -s "$work/$2" ] || fail "$1: nothing there"
    diff "$work/$2" "$work/$3" >"$work/diff" && return
    fail "$1"
    head -5 "$work/diff"
}

while IFS= read -r options; do
    capture theirs 40 cangen -g 0 -n 40 $options vcan0
    capture ours 40 "$CANRING" gen -g 0 -n 40 $options vcan0
    same "gen $options" theirs ours
done <<'TEXT'
-I i -L i -D i
-I i -L i -D i -e
-I i -L i -D i -f
-I i -L i -D i -b -e
-I i -L i -D i -E
-I 42A -L 4 -D DEADBEEF
-I 42A -L 8 -D 11223344DEADBEEF
-I 1F334455 -e -L 2 -D i
-I i -L i -R -D 00
-I 1 -L 13 -f -D i
-I 1 -L 0 -D i
TEXT

capture first 200 "$CANRING" gen -g 0 -m -n 200 --seed 7 vcan0
capture second 200 "$CANRING" gen -g 0 -m -n 200 --seed 7 vcan0
same "one seed, the same frames" first second
capture other 200 "$CANRING" gen -g 0 -m -n 200 --seed 8 vcan0
cmp -s "$work/first" "$work/other" && fail "two seeds, the same frames"
for kind in '^[0-9A-F]{3}#[0-9A-F]' '^[0-9A-F]{8}#[0-9A-F]' '#R' '^[0-9A-F]{3}##4' '##5' '##6' '^[0-9A-F]{8}##7'; do
    grep -qE "$kind" "$work/first" || fail "-m makes no frame like $kind"
done

capture even 60 "$CANRING" gen -g 0 -n 60 -I e vcan0
grep -qvE '^..[02468ACE]#' "$work/even" && fail "-I e makes odd identifiers"
capture odd 60 "$CANRING" gen -g 0 -n 60 -I o vcan0
grep -qvE '^..[13579BDF]#' "$work/odd" && fail "-I o makes even identifiers"
capture part 60 "$CANRING" gen -g 0 -n 60 -I 1 -L 3 -D 11xx3x vcan0
grep -qvE '^001#11..3.$' "$work/part" && fail "-D 11xx3x changes fixed digits"
[ "$(sort -u "$work/part" | wc -l)" -gt 30 ] || fail "-D 11xx3x changes nothing"

capture sent 50 "$CANRING" gen -g 0 -m -n 50 -v vcan0
sed 's/^  vcan0  //; s/\.//g' "$work/printed" >"$work/dotted"
sed -E 's/^([^#]*##.)/\1/' "$work/sent" >"$work/plain"
same "-v prints what is sent" plain dotted

candump -n 100 -a vcan0 >"$work/console" &
pid=$!
listening
"$CANRING" gen -g 0 -e -n 100 -v -v -v vcan0 >"$work/long" || fail "-vvv"
wait_bounded $pid candump
same "-vvv prints as candump -a" console long

capture rate 500 "$CANRING" gen --rate 2000 -n 500 vcan0
[ "$(wc -l <"$work/rate")" = 500 ] || fail "--rate with -n sends $(wc -l <"$work/rate") frames"
capture burst 10 "$CANRING" gen -g 1 -c 4 -n 10 vcan0
[ "$(wc -l <"$work/burst")" = 10 ] || fail "-c with -n sends $(wc -l <"$work/burst") frames"

candump -L -n 1 -T 3000 vcan0 >"$work/looped" &
pid=$!
listening
"$CANRING" gen -g 0 -n 5 -I 111 -x vcan0 || fail "-x"
cansend vcan0 222#
wait_bounded $pid candump
grep -q ' 222#' "$work/looped" || fail "-x: frames came back: $(cat "$work/looped")"

for signal in INT TERM; do
    "$CANRING" gen -g 60000 vcan0 &
    pid=$!
    sleep 0.3
    kill -$signal $pid
    wait_bounded $pid gen
    [ $? = $((128 + $(kill -l $signal))) ] || fail "$signal while it sleeps"
    "$CANRING" gen -g 0 -i vcan0 >/dev/null &
    pid=$!
    sleep 0.3
    kill -$signal $pid
    wait_bounded $pid gen
    [ $? = $((128 + $(kill -l $signal))) ] || fail "$signal while it sends"
done
exit $failed
