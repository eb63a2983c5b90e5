#!/bin/bash
# bench/dump, its part in the guest: a line for each program and way of showing frames, and none for
# a program that shows something else than the frames wanted.
set -u
for tool in hyperfine jq candump; do
    command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
[ -x "$CANRING_BUILD/bench/vcan/metered_send" ] || { echo "skipped: the benches are not built"; exit 77; }
grep -q '^CAN_RAW' /proc/net/protocols || { echo "skipped: no CAN in this kernel"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}
bench() { # BUILD: what it prints goes to $work/out
    CANRING_BENCH_GUEST=1 bash "$CANRING_SOURCE/bench/dump" "$1" 300 2 >"$work/out" 2>"$work/err"
}

bench "$CANRING_BUILD" || fail "exit status $?: $(cat "$work/err")"
for task in "dump" "dump -L"; do
    for name in "canring dump" "candump"; do
        [ "$(jq -r --arg task "$task" --arg name "$name" 'select(.bench == "dump" and .task == $task
            and .contender == $name and .frames == 300 and .lost_percent >= 0
            and all(.times[]; . > 0)) | .times | length' "$work/out")" = 2 ] ||
            fail "no two times for $name, $task: $(cat "$work/out")"
    done
done

# Three frames in place of 300: nobody is told how fast that was.
mkdir -p "$work/build/tools" "$work/build/bench/vcan"
ln -s "$CANRING_BUILD/bench/vcan/metered_send" "$work/build/bench/vcan"
cat >"$work/build/tools/canring" <<TEXT
#!/bin/bash
exec "$CANRING" dump -n 3 vcan0
TEXT
chmod +x "$work/build/tools/canring"
bench "$work/build" && fail "a program that shows too little is no failure"
grep -q "canring dump showed 3 frames in place of 300" "$work/err" || fail "not said: $(cat "$work/err")"
grep -q '"canring dump"' "$work/out" && fail "a figure for a program that shows too little"
exit $failed
