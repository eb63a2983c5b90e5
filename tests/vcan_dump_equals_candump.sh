#!/bin/bash
# canring dump prints what candump prints, byte for byte, for the same frames and options.
# Where candump 2020.11 lacks an option (-8, -N, -f) or a word for an error class, there is
# nothing to compare with: see vcan_dump.sh.
set -u
. "$(dirname "$0")/bounded.bash"
for tool in candump cansend cangen script; do
    command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
grep -q '^CAN_RAW' /proc/net/protocols || { echo "skipped: no CAN in this kernel"; exit 77; }

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
ip link add canlonger type vcan && ip link set canlonger up || exit 1

frames=(
    123#1122334455667788 123#41424300 7FF# 000#00 123#FF.7F.1F.20.7E
    12345678#112233 123#11 00000123#AA 1FFFFFFF#
    123#R 123#R4 12345678#R8 7FF#R1
    123##1112233 123##3112233445566778899 12345678##0 123##2AABB 123##011
    12345678##0.00112233445566778899001122334455667788990011223344556677889900112233445566778899001122334455667788990011223344556677889900112233
    123##0.4142434445464748 123##0.414243444546474849
    800#11 FFF#R A01##0AA
)
errors=(
    20000001# 20000002#05 20000004#0004 20000004#00FF000000000000 20000008#0000FFFF00000000
    20000010#0000000010 20000020#0000000000000000 20000040# 20000080#0001020304050607
    20000100# 2000008C#0004FF1900000000 200001FF#01FFFF0A06000203 20000088#00000002
)
for place in 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10 11 12 13 14 15 16 17 18 19 1A 1B 1C 1D 1E 1F 20; do
    errors+=("20000008#000001${place}00000000")
done
mixed=150
data=$((${#frames[@]} + mixed))
all=$((data + ${#errors[@]}))

# What is compared: options, a tab, targets. @ stands for every frame, # for all but errors.
cases=(
    "-n #	vcan0"
    "-n # -x	vcan0"
    "-n # -a	vcan0"
    "-n # -i	vcan0"
    "-n # -S	vcan0"
    "-n # -a -S -x	vcan0"
    "-n # -i -a -S	vcan0"
    "-n # -t a	vcan0"
    "-n # -ta -x -a	vcan0"
    "-n # -t d	vcan0"
    "-n # -t z	vcan0"
    "-n # -t A	vcan0"
    "-n # -s1	vcan0"
    "-n # -s 2	vcan0"
    "-n # -L	vcan0"
    "-n # -L -x	vcan0"
    "-n # -L	any"
    "-n #	any"
    "-n @	vcan0,0:0,#FFFFFFFF"
    "-n @ -e	vcan0,#FFFFFFFF"
    "-n @ -e -a -x -td	vcan0,#1FFFFFFF"
    "-n @ -e -i -a -S	vcan0,#1FFFFFFF"
    "-n @ -L	vcan0,#FFFFFFFF"
    "-n ${#errors[@]} -e	vcan0,0~0,#FFFFFFFF"
    "-n 5	vcan0,123:7FF"
    "-n 3	vcan0,123:C00007FF"
    "-n 2	vcan0,12345678:DFFFFFFF"
    "-n 4	vcan0,123~7FF,7FF~7FF,j"
    "-n 3 -r 100000 -d -D	vcan0,0:80000000"
    "-n #	vcan0 canlonger"
    "-n # -L	vcan0 canlonger"
    "-n # -x -td	canlonger vcan0"
    "-T 60000 -n 1 -e	any,0~0,#80"
)
colours=("-c" "-c -c" "-c -c -c" "-ccc -ta -x" "-c -x -a" "-cc -tz -e")

start() { # NAME COMMAND…
    local name=$1
    shift
    "$@" >"$work/$name" 2>"$work/$name.err" &
    pids+=($!)
}
fill() {
    local text=${1//@/$all}
    echo "${text//-n #/-n $data}"
}

pids=()
for i in "${!cases[@]}"; do
    read -ra words <<<"$(fill "${cases[$i]}")"
    start "$i.candump" candump "${words[@]}"
    start "$i.canring" "$CANRING" dump "${words[@]}"
done
for i in "${!colours[@]}"; do
    start "colour$i.candump" candump ${colours[$i]} -n $all vcan0,#FFFFFFFF any,0~0
    # Colours need a terminal: script gives one, and turns \n into \r\n.
    start "colour$i.raw" script -qefc "$CANRING dump ${colours[$i]} -n $all vcan0,#FFFFFFFF any,0~0 2>/dev/null" /dev/null
done
mkdir "$work/candump" "$work/canring"
(cd "$work/candump" && exec candump -l -n $data vcan0 2>/dev/null) & pids+=($!)
(cd "$work/canring" && exec "$CANRING" dump -l -n $data vcan0 2>/dev/null) & pids+=($!)

# Every socket is there and bound when the kernel's list of receivers stops growing.
receivers() { cat /proc/net/can/rcvlist_* | wc -l; }
before=-1
for _ in $(seq 100); do
    now=$(receivers)
    [ "$now" = "$before" ] && [ "$now" -gt "${#pids[@]}" ] && break
    before=$now
    sleep 0.5
done

for frame in "${frames[@]}"; do cansend vcan0 "$frame" || exit 1; done
for frame in "${errors[@]}"; do cansend vcan0 "$frame" || exit 1; done
cangen -g 0 -m -n $mixed vcan0 || exit 1
for pid in "${pids[@]}"; do wait_bounded "$pid"; done

same() { # NAME A B
    cmp -s "$2" "$3" && return
    echo "different: $1"
    cat -A "$2" >"$work/theirs"
    cat -A "$3" >"$work/ours"
    diff "$work/theirs" "$work/ours" | head -10
    failed=1
}
for i in "${!cases[@]}"; do
    [[ ${cases[$i]} == *-s\ 2* || -s $work/$i.candump ]] || { echo "nothing from candump: ${cases[$i]}"; cat "$work/$i.candump.err"; failed=1; }
    same "${cases[$i]}" "$work/$i.candump" "$work/$i.canring"
done
for i in "${!colours[@]}"; do
    tr -d '\r' <"$work/colour$i.raw" >"$work/colour$i.canring"
    same "${colours[$i]} on a terminal" "$work/colour$i.candump" "$work/colour$i.canring"
done
same "-l" "$work"/candump/candump-*.log "$work"/canring/candump-*.log
[ $failed = 0 ] && echo "${#cases[@]} + ${#colours[@]} + 1 sets of options, $all frames: the same"
exit $failed
