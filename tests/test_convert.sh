#!/bin/bash
# canring convert: what goes through a format comes back as it was, or is counted as left out;
# merging, filters, names, rotation; and an output that appears whole or not at all.
set -u
. "$(dirname "$0")/bounded.bash"
"$CANRING" --version >/dev/null
[ $? = 77 ] && { echo "skipped: built without a bus"; exit 77; }
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export TZ=UTC

fail() {
    echo "FAILED: $*"
    failed=1
}
same() { # WHAT A B
    [ -s "$2" ] || fail "$1: nothing in $2"
    cmp -s "$2" "$3" && return
    fail "$1: $(wc -l <"$2") and $(wc -l <"$3") lines"
    diff "$2" "$3" | head -6
}
convert() { # STATUS ARGUMENT...
    local status=$1 got
    shift
    "$CANRING" convert "$@" 2>words
    got=$?
    [ $got = "$status" ] && return
    fail "convert $*: exit status $got, not $status"
    cat words
}
said() { # WORDS
    grep -qF -- "$1" words || fail "'$1' is not said: $(cat words)"
}
nothing_else() { # FILES that may be there
    local found
    found=$(ls -A | grep -vxF -f <(printf '%s\n' "$@"))
    [ -z "$found" ] || fail "left behind: $found"
}

python3 - >rich.log <<'PY'
kinds = ["123#1122334455667788", "1234ABCD#AA", "7FF#", "123#R4", "123##4", "123##5" + "AB" * 64,
         "1ABCDEF0##6" + "01" * 12, "001#1122334455667788_E", "20000080#0000000000000000",
         "12345678#R", "321##7" + "00" * 8]
for i in range(3000):
    ns = 1700000000_000001000 + i * 1000003
    print(f"({ns // 10**9}.{ns % 10**9:09d}) can{i % 3} {kinds[i % len(kinds)]}")
PY
# The kind of an error, and a raw DLC, are more than every format has: compared without them.
plain() {
    sed -E 's/ (2[0-9A-F]{7})#[0-9A-F]*$/ ERROR/; s/#R[0-9]?$/#R/; s/_E$//' "$1"
}

tried=
for ending in log asc blf trc pcapng pcap; do
    "$CANRING" convert --digits 9 rich.log "via.$ending" 2>words
    got=$?
    grep -q 'its ending tells no format' words && { echo "not tried: .$ending"; continue; }
    [ $got = 0 ] || { fail "to .$ending: exit status $got: $(cat words)"; continue; }
    tried+=" $ending"
    refused=$(sed -n 's/.*: \([0-9]*\) entries were left out.*/\1/p' words)
    convert 0 --digits 9 "via.$ending" back.log
    cp back.log "back.$ending.log"
    diff <(plain rich.log) <(plain back.log) >difference
    [ "$(grep -c '^>' difference)" = 0 ] || { fail ".$ending changes frames"; head -4 difference; }
    [ "$(grep -c '^<' difference)" = "${refused:-0}" ] ||
        fail ".$ending loses $(grep -c '^<' difference) entries and tells of ${refused:-0}"
    rm -f back.log
done
echo "formats:$tried"
# From each to each: the same as from the first.
for from in $tried; do
    for to in $tried; do
        rm -f again."$to" again.log
        convert 0 --digits 9 "via.$from" "again.$to"
        "$CANRING" convert -f --digits 9 "again.$to" again.log 2>words || fail "from .$from to .$to and back: $(cat words)"
        # pcap has one bus only
        least=2000
        [[ $from$to = *pcap* ]] && least=1000
        [ "$(wc -l <again.log)" -ge $least ] || fail "from .$from to .$to: $(wc -l <again.log) entries"
    done
done
rm -f again.* back.*

for ending in log.gz log.zst; do
    convert 0 --digits 9 rich.log packed.$ending
    [ "$(stat -c %s packed.$ending)" -lt "$(($(stat -c %s rich.log) / 3))" ] || fail ".$ending is not compressed"
    case $ending in *gz) gzip -dc packed.$ending ;; *) command -v zstd >/dev/null && zstd -qdc packed.$ending || cat rich.log ;; esac >unpacked
    same "packed as .$ending" rich.log unpacked
    if "$CANRING" info packed.$ending >/dev/null 2>&1; then
        convert 0 --digits 9 packed.$ending unpacked.log
        same ".$ending and back" rich.log unpacked.log
        rm unpacked.log
    else
        echo "not tried: reading .$ending"
    fi
    rm packed.$ending
done

# Pipes.
"$CANRING" convert --to candump --digits 9 - - <rich.log | cmp - rich.log || fail "from standard input to standard output"
"$CANRING" convert --to candump --digits 9 rich.log - >redirected
same "standard output that is a file" rich.log redirected
"$CANRING" convert --to candump -z gz --digits 9 rich.log - | gzip -dc | cmp - rich.log || fail "packed to standard output"
rm redirected unpacked

# Losses, where the format has a place for them.
cat >lossy.asc <<'ASC'
date Tue Nov 14 10:13:20.000 pm 2023
base hex  timestamps absolute
Begin Triggerblock Tue Nov 14 10:13:20.000 pm 2023
   0.000100 1  123             Rx   d 1 11
// canring: lost 7 frames on channel 1 at 0.000500000
   0.000900 1  124             Rx   d 1 22
End TriggerBlock
ASC
if "$CANRING" info --json lossy.asc 2>/dev/null | jq -e '.lost.frames == 7 and .lost.entries == 1 and .frames == 2' >/dev/null; then
    for chain in blf pcapng trc asc; do
        convert 0 "lossy.${last:-asc}" "lost.$chain"
        mv "lost.$chain" "lossy.$chain"
        last=$chain
        "$CANRING" info --json "lossy.$chain" | jq -e '.lost.frames == 7 and .frames == 2' >/dev/null || fail "a loss does not survive .$chain"
    done
    "$CANRING" convert --to candump lossy.asc - 2>words | wc -l | grep -qx 2 || fail "frames beside a loss"
    said "1 entries were left out: 'candump' has no place for them"
else
    echo "not tried: losses"
fi
rm -f lossy.*

# Two recordings of different buses, merged by time.
grep ' can0 ' rich.log >zero.log
grep -v ' can0 ' rich.log >others.log
convert 0 --digits 9 others.log zero.log merged.log
same "merged by time" rich.log merged.log
convert 0 --digits 9 --bus can0 merged.log only.log
same "--bus" zero.log only.log
convert 0 --digits 9 --bus can0,123:7FF --bus can1 merged.log some.log
grep -E ' can0 123#| can1 ' rich.log >wanted
same "--bus with a filter" wanted some.log
convert 0 --digits 9 --filter '0~0,#FFFFFFFF' merged.log errors.log
grep ' 20000080#' rich.log >wanted
same "--filter" wanted errors.log
convert 0 --digits 9 --rename can0=body --rename can1=drive merged.log renamed.log
sed 's/ can0 / body /; s/ can1 / drive /' rich.log >wanted
same "--rename" wanted renamed.log
convert 0 --digits 9 --start +1.0 --end 1700000002.0 merged.log part.log
awk '{ t = substr($1, 2, 20) } t >= "1700000001.000001000" && t <= "1700000002.000000000"' rich.log >wanted
same "--start and --end" wanted part.log
convert 0 merged.log cut.log
said 'the times of 2997 entries were cut to 6 digits: --digits 9 keeps them'
rm -f merged.log only.log some.log errors.log renamed.log part.log cut.log others.log

# Rotation: every entry once.
convert 0 --digits 9 --rotate-frames 700 rich.log turned.log
cat turned.log turned_000?.log >all
same "rotated by frames" rich.log all
[ "$(wc -l <turned.log) $(ls turned* | wc -l)" = "700 5" ] || fail "rotated by frames: $(wc -l turned*)"
rm turned*
for span in 1.2 1200ms 0.02min; do
    convert 0 --digits 9 --rotate-time $span rich.log turned.log
    cat turned.log turned_000?.log >all
    same "rotated by time" rich.log all
    [ "$(ls turned* | wc -l)" = 3 ] || fail "rotated by time, $span: $(wc -l turned*)"
    rm turned*
done
for size in 100000 100k 100kB 0.1MB; do
    convert 0 --digits 9 --rotate-bytes $size rich.log turned.log
    cat turned.log turned_000?.log >all
    same "rotated by size" rich.log all
    size=$(wc -c <turned.log)
    [ "$size" -le 100000 ] && [ "$size" -gt 90000 ] || fail "rotated by size: $(wc -c turned*)"
    rm turned*
done
rm -f all wanted difference

# What is written where it is must not be what is read: it was emptied, and the recording gone.
mkdir own
cp rich.log own/a.log
cp rich.log own/other.log
ln -s a.log own/link.log
ln own/a.log own/hard.log
for turn in '--rotate-bytes 1M' '--rotate-frames 100' '--rotate-time 1s' '--rotate-frames 100 --dated'; do
    for ways in 'a.log a.log' 'link.log a.log' 'a.log link.log' 'a.log hard.log' \
        'other.log a.log a.log' 'a.log other.log ./a.log'; do
        read -ra files <<<"$ways"
        # shellcheck disable=SC2086 # options and their values
        convert 2 -f -T candump $turn "${files[@]/#/own/}"
        said ': is what is to be read, too'
    done
    # shellcheck disable=SC2086 # the same
    convert 2 -f -F candump -T candump $turn - own/a.log <own/a.log
    same "a recording that is its own output with $turn" rich.log own/a.log
done
convert 2 -T candump own/a.log - >>own/a.log
said 'standard output: is what is to be read, too'
same "a recording that standard output appends to" rich.log own/a.log
convert 2 -T candump own/a.log - 1<>own/a.log
same "a recording that standard output begins with" rich.log own/a.log
[ "$(ls own | paste -sd' ')" = "a.log hard.log link.log other.log" ] || fail "left behind: $(ls own)"
# Names of the series that are there are passed over.
cp rich.log own/turned_0001.log
convert 0 --digits 9 -f -T candump --rotate-frames 2000 own/turned_0001.log own/turned.log
same "an input with a name of the series" rich.log own/turned_0001.log
cat own/turned.log own/turned_0002.log >all
same "rotated beside its input" rich.log all
convert 0 --digits 9 -f own/a.log own/a.log
same "onto itself without rotation" rich.log own/a.log
rm -r own all

# Nothing is replaced unasked, and nothing half done is left.
echo precious >there.log
convert 1 rich.log there.log
said '--force replaces it'
[ "$(cat there.log)" = precious ] || fail "an existing file was touched"
convert 0 -f --digits 9 rich.log there.log
same "--force" rich.log there.log

# A link stays one: what it points to is replaced, where that is.
mkdir -p far/deep near
echo old >far/deep/file.log
chmod 640 far/deep/file.log
ln -s deep/file.log far/middle
ln -s ../far/middle near/link.log
convert 1 rich.log near/link.log
[ "$(cat far/deep/file.log)" = old ] || fail "what a link points to is replaced without --force"
convert 0 -f --digits 9 rich.log near/link.log
[ -L near/link.log ] && [ -L far/middle ] || fail "a link is replaced by a file"
same "through a link" rich.log far/deep/file.log
[ "$(stat -c %a far/deep/file.log)" = 640 ] || fail "the mode of what a link points to is not kept"
ln -s ../far/new near/new.blf
convert 0 rich.log near/new.blf
[ -L near/new.blf ] && [ "$(head -c 4 far/new)" = LOGG ] || fail "through a link to nothing"
ln -s loop.log near/loop.log
convert 1 rich.log near/loop.log
said 'Too many levels of symbolic links'
[ "$(find near far -name '.canring-*' -o -type f | LC_ALL=C sort | paste -sd' ')" = "far/deep/file.log far/new" ] ||
    fail "left behind by links: $(find near far)"
rm -r near far
convert 1 missing.log new.log
said missing.log
[ -e new.log ] && fail "an output without an input"
convert 1 rich.log nowhere/new.log
said nowhere
convert 1 rich.log -T candump /dev/full
said '/dev/full'

# A signal, even while it waits for its input, takes the unfinished file with it.
mkfifo pipe
sleep 60 >pipe &
holder=$!
"$CANRING" convert - new.log <pipe 2>words &
pid=$!
cat rich.log >pipe
for _ in $(seq 100); do ls -A | grep -q '^\.canring-' && break; sleep 0.05; done
ls -A | grep -q '^\.canring-' || fail "no unfinished file under another name"
[ -e new.log ] && fail "an output has its name before it is whole"
kill -TERM $pid
wait_bounded $pid convert
[ $? = 143 ] || fail "SIGTERM"
kill $holder
wait_bounded $holder
rm pipe

# Times that a format cannot hold are left out and told; those that it can come back, however far
# from the first.
cat >far.log <<'LOG'
(0.000000) can0 123#01
(4294967295.999999) can0 123#02
(9214559999.000001) can0 123#03
(9214560000.000000) can0 123#04
(18000000000.000000) can0 123#05
LOG
for ending in asc blf trc pcap; do
    rest=3
    [ $ending = pcap ] && rest=2
    convert 0 far.log via.$ending -f
    said 'has no place for times so far ahead'
    said "$((5 - rest)) entries were left out"
    convert 0 via.$ending far_back.log -f --digits 6
    "$CANRING" convert far.log --to candump - 2>/dev/null | head -$rest >wanted
    same "far times by $ending" wanted far_back.log
done
tac far.log >far_first.log
convert 0 far_first.log via.asc -f
said '2 entries were left out'
convert 0 via.asc far_back.log -f
[ "$(wc -l <far_back.log)" = 3 ] || fail "steps back from far times: $(cat far_back.log)"

# A bus too many is told as that.
printf '(1.0) can0 123#01\n(2.0) can1 123#02\n' >two.log
convert 0 two.log via.pcap -f
said 'more than one bus'
rm -f far.log far_back.log far_first.log two.log wanted

# What is not kept is told, and what was asked for but is not there.
printf '(1.0) body 123#01 T\n(2.0) can1 123#02 R\n(3.0) can1 123#03 T\n' >names.log
convert 0 names.log via.log -f
said '2 frames were sent, not received'
convert 0 names.log via.blf -f
said 'the names of 1 buses are not kept'
mkdir old.log.d
convert 0 --digits 9 rich.log old.log.d/via.blf
grep -q 'digits' words && fail "digits of a binary format: $(cat words)"
convert 0 --bus can1 --rename x=y --bus can9 names.log via.log -f
said "no bus 'can9' in the recording: there are body, can1"
said "no bus 'x'"
convert 0 --start +9 names.log via.log -f
said 'none of 3 entries'
convert 1 rich.log nowhere/new.log
said 'nowhere/new.log: '
grep -q canring- words && fail "the unfinished file's name is told: $(cat words)"
rm -rf names.log old.log.d

# Standard output may be a file that has something in it already.
head -20 rich.log >head.log
{
    echo before
    "$CANRING" convert --digits 9 --to candump head.log -
    echo between
    "$CANRING" convert --digits 9 --to candump head.log -
    echo behind
} >mixed 2>words
same "files one behind the other" mixed <(echo before; cat head.log; echo between; cat head.log; echo behind)
"$CANRING" convert --digits 9 --to candump head.log - >>mixed
[ "$(wc -l <mixed)" = 63 ] || fail "appended: $(wc -l <mixed)"
{
    "$CANRING" convert --digits 9 --to candump head.log -
    echo behind
} >mixed
[ "$(wc -l <mixed)" = 21 ] || fail "what follows: $(wc -l <mixed)"
rm -f mixed head.log

# Pipes are read, as the shell's <(...) is one.
convert 0 --digits 9 <(cat rich.log) <(gzip -c </dev/null) --from candump piped.log
same "through a pipe" rich.log piped.log
rm piped.log
mkfifo pipe.log
timeout 20 "$CANRING" repair pipe.log 2>words
[ $? = 1 ] || fail "repair of a pipe"
rm pipe.log

# Signals that whoever started it has them ignored stay so.
(trap '' HUP; exec "$CANRING" convert <(cat rich.log; sleep 1) --digits 9 nohup.log) &
pid=$!
for _ in $(seq 100); do ls -A | grep -q '^\.canring-' && break; sleep 0.05; done
kill -HUP $pid
wait_bounded $pid "convert with SIGHUP ignored" || fail "an ignored SIGHUP ends it"
same "with SIGHUP ignored" rich.log nohup.log
rm -f nohup.log

# A loss that candump tells is kept, where there is a place for it.
printf '%s\n' '(1.000000) can0 123#11' '(1.500000) can1 123#22' \
    "DROPCOUNT: dropped 7 CAN frames on 'can1' socket (total drops 7)" '(2.000000) can1 123#33' >drops.log
for ending in asc blf trc pcapng; do
    convert 0 drops.log "drops.$ending"
    "$CANRING" info "drops.$ending" | grep -q '^lost  *7 frames, told in 1 places' ||
        fail "a loss in .$ending: $("$CANRING" info "drops.$ending")"
done
convert 0 drops.log again.log
said "1 entries were left out: 'again.log' has no place for them"
rm -f drops.* again.log

# A byte order mark, as editors on Windows write it, is no part of a text.
for ending in log asc trc; do
    "$CANRING" convert -f --bus can0 --digits 9 rich.log "plain.$ending" 2>/dev/null
    { printf '\xef\xbb\xbf'; cat "plain.$ending"; } >"mark.$ending"
    gzip -k "mark.$ending"
    convert 0 --to candump --digits 9 "plain.$ending" wanted -f
    for file in "mark.$ending" "mark.$ending.gz"; do
        convert 0 --to candump --digits 9 -f "$file" got.log
        same "$file" wanted got.log
        convert 0 --to candump --digits 9 -f - got.log <"$file"
        same "$file, known by its content" wanted got.log
    done
    rm -f "plain.$ending" "mark.$ending" "mark.$ending.gz"
done
rm -f wanted got.log

# Damage is told with its place, the rest is converted.
sed '100s/#.*/#zz/' rich.log >damaged.log
convert 3 --digits 9 damaged.log kept.log
said 'damaged.log:100: '
sed 100d rich.log >wanted
same "what is not damaged" wanted kept.log
head -c -5 rich.log >short.log
convert 3 --digits 9 -f short.log kept.log
said 'unfinished'
[ "$(wc -l <kept.log)" = 2999 ] || fail "a recording cut off: $(wc -l <kept.log)"
: >begun.blf # killed before the first frame
convert 3 begun.blf kept.log -f
said 'unfinished'
[ -s kept.log ] && fail "frames of an empty file: $(cat kept.log)"
rm -f wanted damaged.log kept.log short.log new.log begun.blf

# Misuse.
convert 2 rich.log - --to candump --rotate-frames 10
said 'standard output cannot be rotated'
mkfifo pipe.log
convert 2 rich.log pipe.log --rotate-frames 10
said 'no regular file'
rm pipe.log
convert 2 rich.log new.log --dated
said '--dated goes with'
convert 2
convert 2 rich.log
said 'no OUT given'
convert 2 rich.log -
said '--to names the format'
convert 2 rich.log out.xyz
said 'its ending tells no format'
convert 2 rich.log out -T candmup
said 'candump'
convert 2 rich.log out.log -F candmup
said 'candump'
convert 1 rich.log out.log -F pcapng
convert 2 rich.log out.log --digits 10
convert 2 rich.log out.log --bus can0,zz
said 'column 1'
convert 2 rich.log out.log --rename can0
convert 2 rich.log out.log --start tomorrow
convert 2 rich.log out.log --rotate-bytes 10T
said 'allowed: a number of bytes'
convert 2 rich.log out.log --rotate-bytes 0
convert 2 rich.log out.log --rotate-time 0
convert 2 rich.log out.log --rotate-time 2023-11-14
said 'seconds, or a number with ns'
nothing_else rich.log there.log zero.log words via.log via.asc via.blf via.trc via.pcapng via.pcap

# Recordings of others: as many frames as python-can finds, where it reads them at all.
data=$CANRING_SOURCE/../shared/data
if [ -d "$data" ] && /usr/bin/python3 -c 'import can' 2>/dev/null; then
    for file in "$data"/*.{log,asc,blf,trc}; do
        [ -r "$file" ] || continue
        theirs=$(/usr/bin/python3 -c 'import can, sys
print(sum(1 for _ in can.LogReader(sys.argv[1])))' "$file" 2>/dev/null) || { echo "not compared: python-can cannot read $file"; continue; }
        "$CANRING" convert -f --to candump "$file" theirs.log 2>words
        got=$?
        grep -q 'not a recording of a known format' words && { echo "not tried: $file"; continue; }
        [ $got = 3 ] && grep -q 'the last line has no newline' words && theirs=$((theirs - 1)) && got=0
        [ $got = 0 ] || { fail "$file: exit status $got: $(cat words)"; continue; }
        # of TRC 2.1, python-can 4.1 reads classic data frames only
        [ "$(wc -l <theirs.log)" = "$theirs" ] || [[ $file = *V2_1.trc && $(wc -l <theirs.log) -gt $theirs ]] || fail "$file: $(wc -l <theirs.log) frames, python-can finds $theirs"
    done
else
    echo "not compared: no recordings of others, or no python-can"
fi
exit $failed
