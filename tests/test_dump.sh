#!/bin/bash
# canring dump of a recording, without a kernel that has CAN: what comes out is what went in,
# and what log2long and log2asc of can-utils make of it is the same.
set -u
"$CANRING" --version >/dev/null
[ $? = 77 ] && { echo "skipped: built without a bus"; exit 77; }
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

fail() {
    echo "FAILED: $*"
    failed=1
}
same() { # WHAT A B
    cmp -s "$2" "$3" && return
    fail "$1"
    diff "$2" "$3" | head -5
}

# Begins with an extended id: from there on standard ids are indented, as log2long always does.
{
    echo "(1700000000.000001) can0 1234ABCD#112233"
    for i in $(seq 1 400); do
        printf '(%d.%06d) can0 ' $((1700000000 + i / 7)) $((i * 137 % 1000000 + i % 7 * 1000))
        case $((i % 8)) in
        0) printf '%03X#\n' $((i * 5 % 2048)) ;;
        1) printf '%08X#%02X%04X\n' $((i * 7919)) $((i % 256)) $((i * 31 % 65536)) ;;
        2) printf '%03X#R%d\n' $((i % 2048)) $((i % 8 + 1)) ;;
        3) printf '%03X##%d%064X\n' $((i % 2048)) $((4 + i % 4)) $((i * 1000003)) ;;
        4) printf '%08X##4\n' $((i * 65537)) ;;
        5) printf '%03X#%016X\n' $((i % 2048)) $((i * 72340172838076673)) ;;
        6) printf '%03X#4142434445\n' $((i % 2048)) ;;
        7) printf '%03X##5%0128X\n' $((i % 2048)) $((i * 99991)) ;;
        esac
    done
} >in.log

"$CANRING" dump -L replay:in.log >out.log || fail "dump -L ends with $?"
same "-L gives the recording back" in.log out.log
awk '{ $2 = NR % 2 ? "can0" : "can7" } 1' in.log >two.log
"$CANRING" dump -L replay:two.log >out.log || fail "dump -L of two buses ends with $?"
same "-L gives the names of buses back" two.log out.log
"$CANRING" dump -n 7 -L replay:in.log >first.log
same "-n ends in time" <(head -7 in.log) first.log
"$CANRING" dump -L -N replay:in.log | sed 's/000) can0/) can0/' >fine.log
same "-N adds three digits" in.log fine.log
"$CANRING" dump -L "replay:in.log,0:80000000" >std.log
same "filters apply" <(grep -E ' [0-9A-F]{3}#' in.log) std.log
"$CANRING" dump -f file.log replay:in.log 2>/dev/null || fail "dump -f ends with $?"
same "-f writes the recording" in.log file.log
for ending in asc blf pcapng; do
    "$CANRING" dump -f "file.$ending" replay:in.log 2>words || fail "dump -f file.$ending: $(cat words)"
    "$CANRING" dump -L "replay:file.$ending" 2>/dev/null | cut -d' ' -f3 >"$ending.frames"
    same "-f writes what its ending says: $ending" <(cut -d' ' -f3 in.log) "$ending.frames"
done
"$CANRING" dump -f file.txt --format pcapng replay:in.log 2>/dev/null || fail "dump --format ends with $?"
same "--format counts more than the ending" file.pcapng file.txt
"$CANRING" dump --format blf replay:in.log 2>/dev/null && fail "--format without a file goes unnoticed"
"$CANRING" dump -f file.txt --format candunp replay:in.log 2>words
[ $? = 2 ] && grep -q "did you mean 'candump'" words || fail "an unknown format: $(cat words)"
mkdir logs && (cd logs && "$CANRING" dump -l replay:../in.log 2>words)
[[ $(cd logs && echo candump*) =~ ^candump-[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{6}\.log$ ]] || fail "name of the log: $(ls logs)"
same "-l writes the recording" in.log logs/candump-*.log
grep -q "Enabling Logfile 'candump-" logs/words || fail "-l says where"
"$CANRING" dump replay:missing.log 2>words && fail "a missing recording goes unnoticed"
grep -q missing.log words || fail "the missing recording is named"
"$CANRING" dump -L replay:in.log >/dev/full 2>words && fail "a full disk goes unnoticed"
"$CANRING" dump -f /dev/full replay:in.log 2>words && fail "a full disk under the log goes unnoticed"
grep -q 'cannot write /dev/full' words || fail "the log that cannot be written is named"

echo '(0000000001.000000) can0 123#1122334455667788_E' >raw.log
[ "$("$CANRING" dump -8 replay:raw.log)" = "  can0  123   {E}  11 22 33 44 55 66 77 88" ] || fail "-8 shows the raw DLC"
[ "$("$CANRING" dump -L replay:raw.log)" = "$(cat raw.log)" ] || fail "the raw DLC is in the log"
echo '(0000000001.000000) can0 45123#81:0A:12345678#11223344' >xl.log
[ "$("$CANRING" dump replay:xl.log)" = "  can0  123 [0004] (45|81:0A:12345678) 11 22 33 44" ] || fail "CAN XL is shown"
[ "$("$CANRING" dump -L replay:xl.log)" = "$(cat xl.log)" ] || fail "CAN XL is in the log"
"$CANRING" dump -c replay:raw.log | grep -q $'\33' && fail "colours without a terminal"
if command -v script >/dev/null; then
    script -qefc "$CANRING dump -c replay:raw.log" /dev/null | grep -q $'\33\[1m' || fail "no colours on a terminal"
    NO_COLOR=1 script -qefc "$CANRING dump -c replay:raw.log" /dev/null | grep -q $'\33' && fail "colours in spite of NO_COLOR"
fi

for other in "$CANRING_SOURCE/../shared/data/icsim-sample.log" in.log; do
    [ -r "$other" ] || { echo "not compared: no $other"; continue; }
    name=$(awk 'NR == 1 { print $2 }' "$other")
    "$CANRING" dump -L "replay:$other" >again.log
    same "-L of $other" "$other" again.log
    if command -v log2asc >/dev/null; then
        log2asc -I "$other" "$name" >theirs.asc
        log2asc -I again.log "$name" >ours.asc
        same "log2asc reads what we write" theirs.asc ours.asc
    fi
    if command -v log2long >/dev/null; then
        first=$(grep -nE -m1 ' [0-9A-F]{8}#' "$other" | cut -d: -f1)
        log2long <"$other" | tail -n "+${first:-1000000}" >theirs.long
        "$CANRING" dump -t a -a "replay:$other" | sed 's/^ //' | tail -n "+${first:-1000000}" >ours.long
        same "-t a -a as log2long" theirs.long ours.long
    fi
done
exit $failed
