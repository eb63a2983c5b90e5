#!/bin/bash
# canring info counts what is in a recording: checked against figures known by construction, and
# against a count of the file by other means.
set -u
"$CANRING" --version >/dev/null
[ $? = 77 ] && { echo "skipped: built without a bus"; exit 77; }
command -v jq >/dev/null || { echo "skipped: no jq"; exit 77; }
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

fail() {
    echo "FAILED: $*"
    failed=1
}
info() { # STATUS ARGUMENT...: its output in out.json
    local status=$1
    shift
    "$CANRING" info --json "$@" >out.json 2>words
    local got=$?
    [ $got = "$status" ] || { fail "info $*: exit status $got, not $status"; cat words; }
}
expect() { # FILTER VALUE
    local got
    got=$(jq -c "$1" out.json)
    [ "$got" = "$2" ] || fail "$1 is $got, not $2"
}

told() { # PATTERN FILE WORDS: in info's lines, and when it is converted
    "$CANRING" info "$2" | grep -q "$1" || fail "info $2 does not say '$1'"
    "$CANRING" convert --force "$2" told.log 2>words || fail "convert $2: $?"
    grep -q "$3" words || fail "convert $2 does not say '$3': $(cat words)"
}

# One second of a frame without stuff bits beyond the fields' own each 10 ms, 101 in all; then one
# of each other kind on another bus.
python3 - >known.log <<'PY'
for i in range(101):
    print(f"(1700000000.{i * 10000:06d}) can0 555#55" if i < 100 else "(1700000001.000000) can0 555#55")
print("(1700000001.000000) can1 12345678#R3")
print("(1700000001.000100) can1 123##5AABB T")
print("(1700000001.000200) can1 20000080#0000000000000000")
print("(1700000001.000300) can1 45123#81:00:12345678#11223344")
print("(1700000003.500300) can1 123#112233")
print("(1700000003.400300) can1 123#11")
PY
info 0 --bitrate can0@100000 --bitrate can1@500000,2000000 known.log
expect .frames 107
expect .format '"candump"'
expect .bytes "$(stat -c %s known.log)"
expect .unfinished false
expect .damage.count 0
expect '.first_ns == 1700000000000000000 and .last_ns == 1700000003500300000' true
expect '.buses[0]|[.name,.frames,.classic,.sent]' '["can0",101,101,0]'
expect '.buses[1]|[.name,.frames,.classic,.fd,.fd_brs,.xl,.remote,.error,.sent]' '["can1",6,2,1,1,1,1,1,1]'
expect '.rate|[.peak_1s,.peak_10ms]' '[100,5]'
expect .silences[0] '{"begin_ns":1700000001000300000,"length_ns":2500000000}'
expect .steps_back '{"count":1,"largest_ns":100000000,"first_ns":1700000003500300000}'
expect .id_count 4
expect '.ids[0]|[.bus,.id,.extended,.count,.period_min_ns,.period_mean_ns,.period_max_ns]' \
    '["can0",1365,false,101,10000000,10000000,10000000]'
expect '[.ids[]|select(.extended)|.id]' '[305419896]'
expect '[.ids[]|select(.xl)|.id]' '[291]'
expect '[.ids[]|select(.id==291 and (.xl|not))|.length_min,.length_max]' '[1,3]'
# Each frame is as long as the next: a second is full of a hundred of them at 100 kbit/s.
expect '.buses[0] | (.bits_nominal % 101 == 0) and .bits_nominal / 101 >= 55 and .bits_nominal / 101 <= 58' true
expect '.buses[0] | (.load.peak_nominal_percent * 1000 | round) == (.bits_nominal / 101 * 100 | round)' true
expect '.buses[0].load.peak_data_percent' 0
expect '.buses[1].load.peak_data_percent > 0' true

info 0 known.log --ids --top 1
expect '.ids|length' 4
info 0 known.log --top 1
expect '.ids|length' 1
expect '.buses[0].load' null
info 0 --bitrate 250000 known.log
expect '[.buses[].load.bitrate]' '[250000,250000]'

# Packets of other protocols are counted and no damage.
python3 - >eth.pcap <<'PY'
import struct, sys
sys.stdout.buffer.write(struct.pack('<IHHIIII', 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1) +
                        2 * (struct.pack('<IIII', 5, 0, 60, 60) + bytes(60)))
PY
info 0 eth.pcap
expect '[.foreign,.frames,.damage.count,.unfinished]' '[2,0,0,false]'
told '^foreign   2 packets ' eth.pcap 'eth.pcap: 2 packets of other link types or protocols than CAN were passed over'
info 0 known.log
expect .foreign 0

# A file that does not tell when it began is whole, but that is told.
printf 'base hex  timestamps absolute\n 0.5 1 123 Rx d 1 11\n' >undated.asc
info 0 undated.asc
expect '[.undated,.first_ns,.damage.count]' '[true,500000000,0]'
told '^undated   .* times count from 1970$' undated.asc 'undated.asc: it does not tell when it began: its times count from 1970'
info 0 known.log
expect .undated false

# Names are of any bytes, what is printed is UTF-8.
names=('a\xff\xfe' 'g\xc3\xa9' 'c\xc3' 's\xed\xa0\x80' 'o\xc0\xaf' 'q\xf0\x9f\x9a\x97' 'h\xf4\x90\x80\x80')
for name in "${names[@]}"; do
    printf "(1700000000.000000) $name 123#11\n"
done >$'names\xff.log'
info 0 --ids -b $'a\xff\xfe@500000' $'names\xff.log'
printf '%s' '["a\\xff\\xfe","gé","c\\xc3","s\\xed\\xa0\\x80","o\\xc0\\xaf","q🚗","h\\xf4\\x90\\x80\\x80"]' >wanted
expect '[.buses[].name]' "$(cat wanted)"
expect '[.ids[].bus]|sort' "$(jq -c sort wanted)"
expect .file '"names\\xff.log"'
expect '.buses[0].load.bitrate' 500000
echo garbage >>$'names\xff.log'
info 3 $'names\xff.log'
expect '.damage.places[0]|startswith("names\\xff.log:8: ")' true
"$CANRING" info --ids - <$'names\xff.log' | iconv -f UTF-8 -t UTF-8 >/dev/null ||
    fail "what is printed is not UTF-8"

# Damage has its place, and the rest is counted.
sed '3s/.*/(1700000000.02) can0 5x5#55/' known.log >damaged.log
info 3 damaged.log
expect .frames 106
expect .damage.count 1
jq -r '.damage.places[0]' out.json | grep -q '^damaged.log:3: ' || fail "the damaged line is not told"
head -c 1000 known.log >cut.log
info 3 cut.log
expect .unfinished true
"$CANRING" info cut.log >text
[ $? = 3 ] || fail "status of an unfinished file"
grep -q '^unfinished' text || fail "an unfinished file is not told"
for i in $(seq 50); do echo "(1700000000.0) can0 zzz"; done >hopeless.log
tail -1 known.log >>hopeless.log
info 3 -F candump hopeless.log
expect '[.damage.count, (.damage.places|length)]' '[50,20]'
"$CANRING" info -F candump hopeless.log | grep -q 'and in 30 more places' || fail "what is not listed is not counted"

# Ends of all kinds.
info 1 missing.log
grep -q missing.log words || fail "a missing file is not named"
echo nonsense >nonsense.xyz
info 1 nonsense.xyz
info 2 -F candunp known.log
grep -q "did you mean 'candump'" words || fail "an unknown format: $(cat words)"
info 2 -F trc1.1 known.log
"$CANRING" info -F candunp missing.log known.log >/dev/null 2>&1
[ $? = 2 ] || fail "an unknown format, and a missing file"
info 1 -F pcapng known.log
"$CANRING" info known.log missing.log >/dev/null 2>&1
[ $? = 1 ] || fail "a missing file among others"
"$CANRING" info 2>words
[ $? = 2 ] && grep -q "no FILE given" words || fail "no file"
"$CANRING" info -b fast known.log 2>words
[ $? = 2 ] && grep -q "'fast', allowed" words || fail "a bit rate that is none"
"$CANRING" info known.log >/dev/full 2>/dev/null && fail "a full disk goes unnoticed"
"$CANRING" info --json - <known.log | jq -e '.frames == 107' >/dev/null || fail "standard input"
"$CANRING" info known.log known.log | grep -c '^known.log: candump' | grep -qx 2 || fail "two files"

# More identifiers than are kept apart.
python3 - >many.log <<'PY'
for i in range(70000):
    print(f"({1700000000 + i}.000000) can0 {i:08X}#")
PY
info 0 many.log
expect '[.id_count, .frames_beyond_ids]' '[65536,4464]'
"$CANRING" info many.log | grep -q '4464 frames with others' || fail "a full table is not told"

# A real recording, counted by awk.
real=$CANRING_SOURCE/../shared/data/icsim-sample.log
if [ -r "$real" ]; then
    info 0 --ids "$real"
    expect .frames "$(wc -l <"$real")"
    jq -r '.ids[]|[.id,.count]|@tsv' out.json | sort -n >ours
    awk '{ split($3, p, "#"); n[p[1]]++ } END { for (i in n) print i, n[i] }' "$real" |
        while read -r id count; do printf '%d\t%d\n' "0x$id" "$count"; done | sort -n >theirs
    cmp -s ours theirs || { fail "identifiers of $real"; diff ours theirs | head -5; }
else
    echo "not counted: no $real"
fi
exit $failed
