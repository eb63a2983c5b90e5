#!/bin/bash
# canring capture on buses inside this host: every frame in the file, in order, through rotation,
# triggers and signals; several buses in the order of time; a full disk with traffic going on.
. "$(dirname "${BASH_SOURCE[0]}")/e2e.bash"
cd "$work" || exit 1
bus=cap$$
frames() { # FILE…: without times, in the order given
    cat "$@" | cut -d' ' -f2-
}
lines() { # COUNT FILE…
    [ "$(cat "${@:2}" | wc -l)" = "$1" ]
}
# NAME FILE OPTION…: a capture that has begun.
capture() {
    local name=$1 file=$2
    shift 2
    background "$name" "$CANRING" capture -T 100s -o "$file" "$@"
    eventually grep -q 'recording into' "$name.err" || give_up "no capture: $(cat "$name.err")"
}
gen() { # COUNT BUS OPTION…
    "$CANRING" gen -n "$1" -I i -L 4 -D i "${@:3}" "virtual:$2" 2>gen.err || fail "gen: $(cat gen.err)"
}
report() { # NAME: its figures
    sed -n 's/^ *\([^ ]*\) *received \([0-9]*\)  lost before it was read \([0-9]*\)  dropped for want of room \([0-9]*\)$/\1 \2 \3 \4/p' "$1.err"
}

exact() {
    capture exact exact.log "virtual:$bus"
    gen 200000 "$bus" --rate 100000
    eventually lines 200000 exact.log
    kill -TERM "${pids[exact]}"
    ends_with 143 exact || fail "exact: ends with another status: $(cat exact.err)"
    read -r _ received lost dropped < <(report exact)
    [ "$((received + lost))" = 200000 ] || fail "exact: $(cat exact.err)"
    [ "$dropped" = 0 ] || fail "exact: dropped $dropped"
    [ "$(wc -l <exact.log)" = "$received" ] || fail "exact: $(wc -l <exact.log) lines, $received received"
    [ "$lost" = 0 ] || return 0 # this machine was too busy: what came is counted, no more can be said
    awk 'BEGIN { n = 0 } $3 != sprintf("%03X#%02X%02X%02X%02X", n % 2048, n % 256, int(n / 256) % 256, int(n / 65536) % 256, 0) { bad++ } { n++ } END { exit bad > 0 }' exact.log ||
        fail "exact: frames differ or are out of order: $(head -2 exact.log)"
    LC_ALL=C sort -s -c -k1,1 exact.log || fail "exact: times step back"
}

two_buses() {
    capture two two.log --window 2s "virtual:${bus}a" "virtual:${bus}b"
    gen 50000 "${bus}a" --rate 20000 &
    local a=$!
    "$CANRING" gen -n 30000 -I i -L 4 -D i --rate 12000 "virtual:${bus}b" 2>/dev/null || fail "gen of the second bus"
    wait_bounded $a "gen of the first bus"
    eventually lines 80000 two.log
    kill -INT "${pids[two]}"
    ends_with 130 two || fail "two: $(cat two.err)"
    [ "$(grep -c " ${bus}a " two.log)" = 50000 ] || fail "two: of the first bus $(grep -c " ${bus}a " two.log)"
    [ "$(grep -c " ${bus}b " two.log)" = 30000 ] || fail "two: of the second bus $(grep -c " ${bus}b " two.log)"
    LC_ALL=C sort -s -c -k1,1 two.log || fail "two: the buses are not in the order of time"
    for b in a b; do
        awk -v bus="$bus$b" 'BEGIN { n = 0 } $2 == bus { if (substr($3, 1, 3) != sprintf("%03X", n % 2048)) bad++; n++ } END { exit bad > 0 }' two.log ||
            fail "two: the order of bus $b is changed"
    done
}

rotation() {
    capture rot rot.log "virtual:$bus"
    gen 50000 "$bus" --rate 25000 &
    local g=$!
    local written=rot.log i
    for i in 1 2 3; do
        eventually test -s "$written" || give_up "rotation: nothing in $written"
        kill -HUP "${pids[rot]}"
        written=rot_000$i.log
    done
    wait_bounded $g gen
    eventually lines 50000 rot.log rot_000?.log
    kill -TERM "${pids[rot]}"
    ends_with 143 rot || fail "rotation: $(cat rot.err)"
    [ "$(echo rot*.log)" = "rot.log rot_0001.log rot_0002.log rot_0003.log" ] || fail "rotation: $(echo rot*.log)"
    frames rot.log rot_000?.log | awk '{ if (substr($2, 1, 3) != sprintf("%03X", NR % 2048 == 0 ? 2047 : NR % 2048 - 1)) bad++ } END { exit bad > 0 || NR != 50000 }' ||
        fail "rotation: a frame is lost, doubled or split"
    capture small small.log --rotate-frames 1000 --keep 3 -n 10500 "virtual:$bus"
    gen 10500 "$bus" --rate 50000
    ends_with 0 small || fail "rotation by frames: $(cat small.err)"
    [ "$(cat small*.log | wc -l)" = 2500 ] || fail "rotation by frames keeps $(wc -l small*.log)"
}

trigger() {
    capture trig trig.log --trigger 7FF:7FF --pretrigger 3s "virtual:$bus"
    gen 100 "$bus" -g 1
    sleep 3.5
    [ ! -e trig.log ] || fail "trigger: written before it came"
    gen 50 "$bus" -g 1
    "$CANRING" send "virtual:$bus" 7FF#EE
    "$CANRING" send "virtual:$bus" 001#01
    eventually grep -q '001#01$' trig.log
    kill -TERM "${pids[trig]}"
    ends_with 143 trig || fail "trigger: $(cat trig.err)"
    [ "$(wc -l <trig.log)" = 52 ] || fail "trigger: $(wc -l <trig.log) frames, not the last 50, the trigger and one more"
    capture tcount tcount.log --trigger 7FF:7FF --pretrigger 60s -n 3 "virtual:$bus"
    gen 20 "$bus" -g 1
    "$CANRING" send "virtual:$bus" 7FF#EE
    gen 20 "$bus" -g 1
    ends_with 0 tcount || fail "count and trigger: $(cat tcount.err)"
    [ "$(wc -l <tcount.log)" = 23 ] || fail "count and trigger: $(wc -l <tcount.log) frames, not 20, the trigger and two more"
    capture usr usr.log --pretrigger 60s "virtual:$bus"
    gen 10 "$bus" -g 1
    kill -USR1 "${pids[usr]}"
    eventually lines 10 usr.log
    kill -TERM "${pids[usr]}"
    ends_with 143 usr || fail "SIGUSR1: $(cat usr.err)"
    [ "$(wc -l <usr.log)" = 10 ] || fail "SIGUSR1: $(wc -l <usr.log) frames"
}

formats() { # each holds what the source holds, as our own reader sees it
    gen_log 2000 >source.log
    for ending in log asc trc blf pcapng log.gz; do
        "$CANRING" capture -q -o "f.$ending" --digits 6 replay:source.log 2>words || fail "$ending: $(cat words)"
        [ "$ending" = log.gz ] && gzip -dc f.log.gz >f.unpacked.log && ending=unpacked.log
        [ "$ending" = trc ] && continue # its times are of whole days plus milliseconds
        "$CANRING" capture -q --force -o back.log "replay:f.$ending" 2>words || fail "$ending back: $(cat words)"
        cmp -s <(frames source.log | cut -d' ' -f2) <(frames back.log | cut -d' ' -f2) || fail "$ending does not come back"
    done
}
several_buses() { # of a recording keep their names
    gen_log 3000 | awk 'NR % 7 == 0 { $2 = "can1" } NR % 2 { $2 = "can2" } 1' >mixed.log
    for ending in log asc trc blf pcapng; do
        "$CANRING" capture -o "m.$ending" --digits 6 replay:mixed.log 2>words || fail "buses, $ending: $(cat words)"
        grep -q '^  can2 and 2 more  *received 3000 ' words || fail "buses, $ending: $(cat words)"
        "$CANRING" capture -q --force -o back.log "replay:m.$ending" 2>words || fail "buses, $ending back: $(cat words)"
        cmp -s <(frames mixed.log) <(frames back.log) || fail "buses, $ending: other names or frames"
    done
    cmp -s mixed.log m.log || fail "buses: the log differs"
    "$CANRING" capture -q -o m1.log 'replay:mixed.log#can1' 2>words || fail "#can1: $(cat words)"
    cmp -s <(grep ' can1 ' mixed.log) m1.log || fail "#can1: not the frames of one bus"
    "$CANRING" capture --count 3 -o m3.log replay:mixed.log 2>words || fail "--count: $(cat words)"
    [ "$(wc -l <m3.log)" = 3 ] || fail "--count: $(wc -l <m3.log) lines"
    grep -q ' received 3 .* room 0$' words || fail "--count: what came later is counted: $(cat words)"
}
gen_log() {
    for ((i = 0; i < $1; i++)); do
        printf '(%d.%06d) can0 %03X#%08X\n' $((1700000000 + i / 100000)) $((i * 10 % 1000000)) $((i % 2048)) "$i"
    done
}

misuse() {
    local words
    "$CANRING" capture virtual:x 2>err && fail "no FILE goes unnoticed"
    grep -q -- '-o FILE' err || fail "$(cat err)"
    "$CANRING" capture -o x.log 2>err && fail "no TARGET goes unnoticed"
    "$CANRING" capture -o x.lgo virtual:x 2>err && fail "an unknown ending goes unnoticed"
    "$CANRING" capture -o x.log --format candmup virtual:x 2>err && fail "an unknown format goes unnoticed"
    grep -q "did you mean 'candump'" err || fail "$(cat err)"
    "$CANRING" capture -o x.log --rotate-time 10 virtual:x 2>err && fail "a time without unit goes unnoticed"
    grep -q "rotate-time.*ms, s, min" err || fail "$(cat err)"
    "$CANRING" capture -o x.log -n 1 "virtual:x,12:34:56" 2>err
    [ $? = 2 ] || fail "bad filters: $(cat err)"
    "$CANRING" capture -o x.log --dated virtual:x 2>err && fail "dates without a limit go unnoticed"
    rm -f x.log
    echo mine >mine.log
    "$CANRING" capture -o mine.log -n 1 virtual:x 2>err && fail "an existing file is overwritten"
    [ "$(cat mine.log)" = mine ] || fail "an existing file was touched"
    grep -q 'mine.log: cannot be created: File exists; --force replaces it$' err || fail "$(cat err)"
}

# What cannot begin leaves older recordings, and no new file.
start_that_fails() {
    gen_log 10 >kept.log
    cp kept.log copy.log
    ln -s kept.log link.log
    ln -s nothing.log loose.log
    refused() { # STATUS WORDS ARGUMENT…
        "$CANRING" capture -T 5s "${@:3}" 2>err
        local got=$?
        [ $got = "$1" ] || fail "${*:3}: ends with $got, not $1: $(cat err)"
        grep -q "$2" err || fail "${*:3}: $(cat err)"
        cmp -s kept.log copy.log || fail "${*:3}: the older recording is gone"
    }
    refused 1 'no-such-proxy/' --force -o kept.log no-such-proxy/
    refused 1 'nosuch.log' --force -o kept.log "virtual:$bus" replay:nosuch.log
    refused 2 'filters of' --force -o kept.log virtual:x,12:34:56
    refused 2 'kept.log: is what is to be recorded' --force -o kept.log replay:kept.log
    refused 2 'link.log: is what is to be recorded' --force -o link.log replay:kept.log
    refused 2 'kept.log: is what is to be recorded' --force -o kept.log 'replay:link.log#can0'
    refused 2 'kept.log: is what is to be recorded' --force -o kept.log --pretrigger 1s replay:kept.log
    refused 1 'no-such-proxy/' -o new.log no-such-proxy/
    [ ! -e new.log ] || fail "a start that failed leaves a file"
    "$CANRING" capture -q --force -o kept.log replay:copy.log 2>err || fail "$(cat err)"
    cmp -s kept.log copy.log || fail "another recording does not replace it"
    "$CANRING" capture -q -o loose.log replay:copy.log 2>err || fail "a link to nothing: $(cat err)"
    cmp -s nothing.log copy.log || fail "a link to nothing is not written through"
}

# In a mount namespace, on a file system of 1 MiB, which then gets more room.
full_disk() {
    unshare -rm true 2>/dev/null || { echo "a full disk: not tried, no mount namespaces here"; return; }
    mkdir small
    export CANRING bus tests work
    unshare -rm bash -c '
        . "$tests/bounded.bash"
        mount -t tmpfs -o size=1m none small || exit 9
        "$CANRING" capture -T 60s -o small/full.pcapng --reserve 1MiB "virtual:$bus" 2>full.err &
        capture=$!
        for i in $(seq 100); do grep -q "recording into" full.err && break; sleep 0.05; done
        "$CANRING" gen -n 250000 -f -I i -L 64 --rate 50000 "virtual:$bus" 2>/dev/null
        mount -o remount,size=200m small || exit 9
        sleep 1
        "$CANRING" gen -n 1000 -I i -L 8 --rate 10000 "virtual:$bus" 2>/dev/null
        sleep 0.5
        kill -TERM $capture; wait_bounded $capture capture; echo $? >full.status
        "$CANRING" capture -q -o full.log replay:small/full.pcapng 2>full.back'
    [ $? != 9 ] || { echo "a full disk: not tried, no tmpfs here"; return; }
    [ "$(cat full.status)" = 143 ] || fail "full disk: ends with $(cat full.status): $(cat full.err)"
    grep -q 'No space left on device' full.err || fail "full disk: not said: $(cat full.err)"
    read -r _ received lost dropped < <(report full)
    if [ "$lost" -lt 50000 ]; then # else the machine was too busy for so many frames to get there
        grep -q 'frames are left out' full.err || fail "full disk: loss not said: $(cat full.err)"
        [ "${dropped:-0}" -gt 0 ] || fail "full disk: nothing dropped: $(cat full.err)"
    fi
    [ $((received + lost)) = 251000 ] || fail "full disk: $(cat full.err)"
    [ "$(wc -l <full.log)" = $((received - dropped)) ] || fail "full disk: $(wc -l <full.log) frames, $received received, $dropped dropped"
}

# A file behind standard output is written on where it is, whatever options say.
standard_output() {
    local ending
    gen_log 100 >whole.log
    for ending in "" --force; do
        # shellcheck disable=SC2086 # none, or one
        { echo first; "$CANRING" capture -q $ending --format candump -o - replay:whole.log; echo last; } >std.log 2>err
        cmp -s std.log <(echo first; cat whole.log; echo last) || fail "standard output $ending: $(cat err; head -2 std.log)"
    done
    "$CANRING" capture -q --format candump -o - replay:whole.log >>std.log 2>err || fail "appended: $(cat err)"
    cmp -s std.log <(echo first; cat whole.log; echo last; cat whole.log) || fail "standard output is not appended to"
    "$CANRING" capture --format pcapng -o - replay:whole.log 2>err | cat >std.pcapng
    "$CANRING" capture -q -o back2.log replay:std.pcapng 2>>err
    cmp -s <(frames whole.log) <(frames back2.log) || fail "a pipe: $(cat err)"
    grep -q 'recording into standard output' err || fail "a pipe: $(cat err)"
    "$CANRING" capture -q --format candump -o - replay:whole.log >>whole.log 2>err && fail "its own input goes unnoticed"
    [ "$(wc -l <whole.log)" = 100 ] || fail "its own input is written to"
    "$CANRING" capture --format candump --rotate-frames 10 -o - replay:std.log >x.log 2>err && fail "a limit goes unnoticed"
    return 0
}

# A file that becomes too large is told, no signal ends the command: it ends by itself, since waiting
# makes no file smaller, however much there is to record. Its rings are files, too.
too_large() {
    awk 'BEGIN { for (i = 0; i < 1000000; i++) printf "(%.6f) can0 %03X#%08X\n", 1700000000 + i / 1000, i % 2048, i }' >long.log
    (ulimit -f 1024 && exec "$CANRING" capture --reserve 1MiB -o large.log replay:long.log) 2>err
    [ $? = 1 ] || fail "a file that is too large: $(cat err)"
    grep -q 'large.log.*File too large' err || fail "a file that is too large is not told: $(cat err)"
    grep -q '  given up with a disk that failed: ' err || fail "a file that is too large: $(cat err)"
    "$CANRING" capture -q -o part.log replay:large.log 2>err || fail "what is there of it: $(cat err)"
}

# A recording is not read on while the disk is full, and nothing turns round and round meanwhile.
replay_to_a_full_disk() {
    unshare -rm true 2>/dev/null || return
    mkdir narrow
    unshare -rm bash -c '
        . "$tests/bounded.bash"
        ticks() { cut -d" " -f14,15 /proc/$1/stat | tr " " +; }
        mount -t tmpfs -o size=1m none narrow || exit 9
        "$CANRING" capture --reserve 1MiB -o narrow/long.log replay:long.log 2>narrow.err &
        capture=$!
        for i in $(seq 200); do grep -q "No space left" narrow.err && break; sleep 0.05; done
        sleep 2
        before=$(($(ticks $capture)))
        sleep 2
        echo $(($(ticks $capture) - before)) >narrow.ticks
        mount -o remount,size=200m narrow || exit 9
        wait_bounded $capture capture; echo $? >narrow.status
        cmp narrow/long.log long.log >narrow.differs 2>&1'
    [ $? != 9 ] || { echo "a recording to a full disk: not tried, no tmpfs here"; return; }
    [ "$(cat narrow.status)" = 0 ] || fail "a recording to a full disk: ends with $(cat narrow.status): $(cat narrow.err)"
    [ ! -s narrow.differs ] || fail "a recording to a full disk: $(cat narrow.differs)"
    [ "$(cat narrow.ticks)" -lt 100 ] || fail "a recording to a full disk: $(cat narrow.ticks)/100 s of processor time in 2 s"
}

# On a disk that is full to the end each frame is in one of the figures, and those of the file in it.
full_to_the_end() {
    unshare -rm true 2>/dev/null || return
    mkdir tiny
    unshare -rm bash -c '
        . "$tests/bounded.bash"
        mount -t tmpfs -o size=100k none tiny || exit 9
        "$CANRING" capture -T 60s -o tiny/end.log "virtual:$bus" 2>end.err &
        capture=$!
        for i in $(seq 100); do grep -q "recording into" end.err && break; sleep 0.05; done
        "$CANRING" gen -n 60000 -I i -L 8 --rate 50000 "virtual:$bus" 2>/dev/null
        sleep 1
        kill -TERM $capture; wait_bounded $capture capture; echo $? >end.status
        wc -l <tiny/end.log >end.lines'
    [ $? != 9 ] || { echo "full to the end: not tried, no tmpfs here"; return; }
    read -r _ received _ dropped < <(report end)
    local written given_up
    written=$(sed -n 's/^\([0-9]*\) frames written in .*/\1/p' end.err)
    given_up=$(sed -n 's/^  given up with a disk that failed: //p' end.err)
    [ "$received" = $((written + dropped + given_up)) ] || fail "full to the end: $(cat end.err)"
    [ "$written" = "$(cat end.lines)" ] || fail "full to the end: $(cat end.lines) lines, $(cat end.err)"
}

exact
two_buses
rotation
trigger
formats
several_buses
misuse
start_that_fails
standard_output
too_large
full_disk
replay_to_a_full_disk
full_to_the_end
exit $failed
