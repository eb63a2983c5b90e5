#!/bin/bash
# canring repair: files that were cut anywhere become whole again, with everything that can be read
# of them; what is whole is left alone.
set -u
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
repair() { # STATUS ARGUMENT...
    local status=$1 got
    shift
    "$CANRING" repair "$@" >out 2>words
    got=$?
    [ $got = "$status" ] && return
    fail "repair $*: exit status $got, not $status"
    cat words
}
frames() { # FILE: as log lines
    "$CANRING" convert --digits 9 --to candump "$1" - 2>/dev/null
}

for i in $(seq 0 4999); do
    printf '(1700000000.%09d) can%d 123#%016X\n' $((i * 100003)) $((i % 2)) "$i"
done >whole.log
for ending in log log.gz log.zst asc asc.zst blf trc pcapng pcap; do
    "$CANRING" convert --digits 9 whole.log "all.$ending" 2>/dev/null ||
        [ "$ending" = log ] || { echo "not tried: .$ending is not written"; continue; }
    frames "all.$ending" >before
    [ -s before ] || { echo "not tried: .$ending is not read"; continue; }
    repair 0 "all.$ending"
    grep -q 'nothing is wrong' out || fail "something is wrong with a whole .$ending: $(cat out words)"
    [ -e "all.$ending.bak" ] && fail "a whole .$ending was replaced"
    size=$(stat -c %s "all.$ending")
    for part in 97 50 20; do
        head -c $((size * part / 100 + 7)) "all.$ending" >"cut.$ending"
        cp "cut.$ending" original
        frames "cut.$ending" >readable
        if "$CANRING" info "cut.$ending" >/dev/null 2>&1; then
            repair 0 "cut.$ending" # cut between two entries: some formats cannot tell
            cmp -s original "cut.$ending" || fail ".$ending, $part %: changed without need"
            continue
        fi
        repair 0 "cut.$ending"
        grep -q "entries kept" out || fail ".$ending, $part %: does not say what was kept: $(cat out)"
        cmp -s original "cut.$ending.bak" || fail ".$ending, $part %: the original is not kept"
        "$CANRING" info "cut.$ending" >info 2>&1 || { fail ".$ending, $part %: still damaged"; grep -E 'damage|unfinished' info; }
        frames "cut.$ending" | cmp -s - readable || fail ".$ending, $part %: something readable was lost"
        [ "$(head -n "$(wc -l <readable)" before | diff - readable | grep -c '^>')" = 0 ] || fail ".$ending, $part %: frames that were not there"
        rm -f "cut.$ending.bak"
    done
    rm -f "cut.$ending" "all.$ending"
done

# The version of a TRC stays what it was.
if "$CANRING" convert -T trc1.1 whole.log old.trc 2>/dev/null; then
    head -c 30000 old.trc >cut.trc
    repair 0 cut.trc
    head -c 30 cut.trc | grep -q 'FILEVERSION=1.1' || fail "another version: $(head -1 cut.trc)"
    "$CANRING" info cut.trc >/dev/null || fail "TRC 1.1: still damaged"
fi

# Damage in the middle; to another file; an older backup is not lost.
sed '70s/#.*/#zz/; 90s/.*/garbage/' whole.log >damaged.log
cp damaged.log original
repair 0 damaged.log -o fixed.log
cmp -s damaged.log original || fail "-o touches the file"
sed '70d; 90d' whole.log | cmp - fixed.log || fail "-o: not everything else is there"
grep -q 'damaged.log:70: ' words || fail "the damaged place is not named"
repair 1 damaged.log -o fixed.log
echo older >damaged.log.bak
repair 1 damaged.log
grep -q -- '--force replaces it' words || fail "an older backup: $(cat words)"
cmp -s damaged.log original || fail "a refused repair touches the file"
repair 0 -f damaged.log
cmp -s damaged.log.bak original || fail "--force: the original is not kept"
cmp -s damaged.log fixed.log || fail "in its place and elsewhere differ"
chmod 640 damaged.log.bak
cp -p damaged.log.bak mode.log
repair 0 mode.log
[ "$(stat -c %a mode.log)" = 640 ] || fail "the mode is not kept"
mkdir -p far
cp original far/real.log
ln -s far/real.log link.log
repair 0 link.log
[ -L link.log ] || fail "a link is replaced by a file"
cmp -s far/real.log fixed.log || fail "what a link points to is not repaired"
cmp -s far/real.log.bak original || fail "what a link points to is not kept"
[ ! -e link.log.bak ] || fail "a second backup beside the link"
repair 0 whole.log -o copy.log
cmp -s whole.log copy.log || fail "-o of a whole file is no copy of it"
# The name of what is written tells its compression; only lines are compressed as a whole.
for ending in blf pcapng pcap; do
    "$CANRING" convert whole.log "z.$ending" 2>/dev/null || continue
    gzip -k "z.$ending"
    repair 0 "z.$ending.gz"
    grep -q 'nothing is wrong' out || fail "something is wrong with a whole .$ending.gz: $(cat out)"
    head -c 9000 "z.$ending.gz" >"cut.$ending.gz"
    cp "cut.$ending.gz" original
    frames "cut.$ending.gz" >readable
    [ -s readable ] || fail "nothing can be read of cut.$ending.gz"
    repair 1 "cut.$ending.gz"
    grep -q "cut.$ending.gz: format '$ending' is not written compressed.*-o NAME" words ||
        fail "a compressed .$ending: $(cat words)"
    cmp -s "cut.$ending.gz" original || fail "a refused repair touches cut.$ending.gz"
    repair 0 -o "fixed.$ending" "cut.$ending.gz"
    "$CANRING" info "fixed.$ending" >/dev/null || fail "fixed.$ending: still damaged"
    frames "fixed.$ending" | cmp -s - readable || fail "fixed.$ending: something readable was lost"
    [ "$(head -c 2 "fixed.$ending" | od -An -tx1)" != " 1f 8b" ] || fail "fixed.$ending is compressed"
done

# Packets of other protocols are no damage, and are not lost to a repair.
python3 - <<'PY'
import struct
def block(kind, content):
    content += bytes(-len(content) % 4)
    return struct.pack('<II', kind, 12 + len(content)) + content + struct.pack('<I', 12 + len(content))
def packet(interface, raw):
    return block(6, struct.pack('<IIIII', interface, 0, 5, len(raw), len(raw)) + raw)
can = bytes.fromhex('0000012301000000aa') + bytes(7)
ip = bytes.fromhex('00000001000600000000000000000800') + bytes(20)
start = block(0x0a0d0d0a, struct.pack('<IHHq', 0x1a2b3c4d, 1, 0, -1))
for link in (1, 227, 113):
    start += block(1, struct.pack('<HHI', link, 0, 0))
open('eth.pcapng', 'wb').write(start + 2 * packet(0, bytes(60)))
open('mixed.pcapng', 'wb').write(start + packet(0, bytes(60)) + packet(1, can) + packet(2, ip))
record = lambda raw, sec=5: struct.pack('<IIII', sec, 0, len(raw), len(raw)) + raw
sll2 = lambda index: bytes.fromhex('000c0000%08x0118000000000000000000' % index) + bytes(1) + can
head = lambda link: struct.pack('<IHHIIII', 0xa1b2c3d4, 2, 4, 0, 0, 262144, link)
open('eth.pcap', 'wb').write(head(1) + record(bytes(60)) + record(bytes(60)))
open('two.pcap', 'wb').write(head(276) + record(sll2(3)) + record(sll2(4)) + record(can)[:-1])
PY
for file in eth.pcapng mixed.pcapng eth.pcap; do
    cp $file original
    repair 0 $file
    grep -q 'nothing is wrong' out || fail "$file: $(cat out words)"
    cmp -s $file original || fail "an undamaged $file is changed"
    head -c -1 original >$file
    cp $file original
    repair 1 $file
    grep -q "$file: it is damaged, and holds [12] packets that cannot be written back: -o" words ||
        fail "a damaged $file: $(cat words)"
    cmp -s $file original || fail "a damaged $file with other packets is changed"
    repair 0 -o "part-$file" $file
done
repair 0 -o again.pcapng mixed.pcapng
grep -q 'mixed.pcapng: 1 packets of other link types' words ||
    fail "-o does not tell what is passed over: $(cat words)"
# Nobody reads what it says: it ends, and takes its unfinished file with it.
mkfifo unread
exec 7<>unread 8>unread 7<&-
"$CANRING" repair -o unheard.pcapng mixed.pcapng >&8 2>&8
[ $? = 141 ] || fail "a message that nobody reads does not end it"
exec 8>&-
[ -e unheard.pcapng ] && fail "it ended in the middle, and left a file"
frames part-mixed.pcapng | grep -q ' can1 123#AA$' || fail "mixed.pcapng: $(frames part-mixed.pcapng)"
cp two.pcap original
repair 1 two.pcap
grep -q 'two.pcap: it is damaged, and holds 1 packets' words || fail "a pcap of two buses: $(cat words)"
cmp -s two.pcap original || fail "a pcap of two buses is changed"
gzip -k whole.log
repair 0 -o plain.log whole.log.gz
cmp -s whole.log plain.log || fail "-o plain.log of a .log.gz is not plain"
repair 0 -o packed.log.gz whole.log
gzip -dc packed.log.gz | cmp -s - whole.log || fail "-o packed.log.gz is not packed"
# Damaged compression is told however many lines it has cost.
for kind in gz zst; do
    awk 'BEGIN { for (i = 0; i < 60000; i++) printf "(%.6f) can0 %03X#%08X\n", 1700000000 + i / 1000, i % 2048, i }' >long.log
    if [ $kind = gz ]; then gzip -c long.log >bad.log.gz; else "$CANRING" convert long.log bad.log.zst; fi
    python3 - bad.log.$kind <<'PY'
import sys
data = bytearray(open(sys.argv[1], 'rb').read())
data[len(data) // 2] ^= 0x55
open(sys.argv[1], 'wb').write(data)
PY
    "$CANRING" info bad.log.$kind >info 2>&1
    grep -qE 'damaged (gzip member|zstd frame).*may be wrong' info || fail "info of a damaged .$kind: $(tail -3 info)"
    repair 0 bad.log.$kind
    [ "$(grep -cE 'damaged (gzip member|zstd frame).*may be wrong' words)" = 1 ] || fail "a damaged .$kind: $(tail -3 words)"
    grep -q 'entries kept (some may be wrong: its compression is damaged), ' out || fail "a damaged .$kind: $(cat out)"
    rm -f bad.log.$kind.bak
done
# What a log tells beyond its frames is not lost to a repair in its place.
for line in "DROPCOUNT: dropped 5 CAN frames on 'can0' socket (total drops 5)" '(1700000001.000000) can0 123#11 T'; do
    { head -50 whole.log; echo "$line"; sed -n 51,60p whole.log; echo garbage; } >rich.log
    cp rich.log original
    repair 1 rich.log
    grep -qE 'rich.log: it is damaged, and tells of losses in .* -o NAME' words || fail "$line: $(cat words)"
    cmp -s rich.log original || fail "$line: a refused repair touches the file"
    [ ! -e rich.log.bak ] || fail "$line: a refused repair leaves a backup"
    repair 0 -f -o poor.log rich.log
done
# Times that count from 1970 are in 1969 by the clocks of the west: no damage, here or elsewhere.
printf '(0000000000.000100) can0 123#11\n(0000000001.000100) can0 123#22\n' >undated.log
for format in asc trc trc1.1; do
    file=undated.${format%1.1}
    for zone in EST5 '<-12>12' UTC0 '<+14>-14'; do
        TZ=$zone "$CANRING" convert -f -T $format undated.log "$file" || fail "$format written in $zone"
        for elsewhere in $zone UTC0 '<+14>-14'; do
            TZ=$elsewhere repair 0 "$file"
            grep -q 'nothing is wrong' out || fail "$format of $zone in $elsewhere: $(cat out words)"
            TZ=$elsewhere "$CANRING" info "$file" >out 2>&1 || fail "$format of $zone: $(cat out)"
            grep -v '^[/;].*zero' "$file" >noteless."${file#*.}"
            for read in "$file" noteless."${file#*.}"; do
                [ "$read $zone" = "$file $zone" ] || [ "$zone" = "$elsewhere" ] || continue
                TZ=$elsewhere "$CANRING" convert -T candump "$read" - 2>/dev/null |
                    cmp -s - undated.log || fail "times of $read of $zone in $elsewhere"
            done
        done
    done
    TZ=EST5 "$CANRING" convert -f -T $format undated.log "$file"
    grep -v '^[/;].*zero' "$file" >noteless."${file#*.}"
    "$CANRING" convert -T candump noteless."${file#*.}" - 2>words | cmp -s - undated.log ||
        fail "times of a western $format without a note"
    grep -q 'it does not tell when it began' words || fail "no word about that: $(cat words)"
    rm -f undated.log.bak "$file" noteless.*
done
repair 1 missing.log
repair 2
repair 2 a b
repair 2 -F candunp whole.log
grep -q "did you mean 'candump'" words || fail "an unknown format: $(cat words)"
repair 1 -F pcapng whole.log
repair 2 -
ls -A | grep '^\.canring-' && fail "left behind"
exit $failed
