#!/bin/bash
# Captures and compressed files, both ways: what we write is what tshark shows, and what tshark,
# editcap, gzip and zstd write is what we read.
set -u
command -v tshark >/dev/null || { echo "no tshark" && exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
convert=$CANRING_BUILD/tests/trace_convert
failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}
same() { # WHAT EXPECTED FOUND
    diff -u "$2" "$3" >"$work/diff" || { fail "$1" && head -20 "$work/diff"; }
}
cd "$work" || exit 1

cat >mixed.log <<'LOG'
(1700000000.123456789) can0 123#1122334455667788
(1700000000.124691356) can0 7FF#
(1700000000.125925923) can1 000#00
(1700000000.127160490) can0 12345678#112233
(1700000000.128395057) can0 00000123#AA
(1700000000.129629624) can1 1FFFFFFF#01
(1700000000.130864191) can0 123#R
(1700000000.132098758) can0 123#R8
(1700000000.133333325) can1 12345678#R4
(1700000000.134567892) can0 123#0102030405060708_E
(1700000000.137037026) can1 20000080#0000000000000000
(1700000000.138271593) can0 20000004#0010000000000000
(1700000000.139506160) can0 123##4
(1700000000.140740727) can1 123##411
(1700000000.141975294) can0 12345678##5112233445566778899AABBCC
(1700000000.143209861) can0 123##611223344
(1700000000.144444428) can1 7FF##700112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF
(1700000000.145678995) can0 001##500112233445566778899AABBCCDDEEFF
LOG
grep can0 mixed.log >one.log

# What tshark shows, in the form of our logs. Dissectors of higher layers hide the data otherwise.
tshark_log() { # FILE
    tshark -r "$1" --disable-protocol autosar-nm -T fields -E separator=, -e frame.interface_name \
        -e frame.time_epoch -e can.id -e can.flags.xtd -e can.flags.rtr -e can.flags.err -e can.len \
        -e canfd.flags.brs -e canfd.flags.esi -e data.data \
        -e can.err.buserror -e can.err.ctrl 2>/dev/null | python3 -c '
import sys
for line in sys.stdin:
    (name, time, id, xtd, rtr, err, length, brs, esi, data, bus, ctrl) = line.rstrip("\n").split(",")
    if err == "1":
        id = 0x20000000 | (0x80 if bus == "1" else 0) | (4 if ctrl == "1" else 0)
        data, xtd = "", "1"
        text = "%08X#error" % id
    else:
        text = ("%08X" if xtd == "1" else "%03X") % int(id)
        if brs:
            text += "##%X" % (4 | (brs == "1") | (esi == "1") << 1) + data.upper()
        elif rtr == "1":
            text += "#R" + (length if length != "0" else "")
        else:
            text += "#" + data.upper()
    print("(%s) %s %s" % (time, name, text))
'
}
# tshark has neither raw DLCs nor the data of error frames in fields.
as_shown() { # LOG
    sed -e 's/_E$//' -e 's/ \(2000....#\).*/ \1error/' "$1"
}

$convert mixed.log mixed.pcapng pcapng || fail "cannot write pcapng"
as_shown mixed.log >expected
tshark_log mixed.pcapng >shown
same "tshark reads our pcapng" expected shown
$convert one.log one.pcap pcap 1 || fail "cannot write pcap"
as_shown one.log | sed 's/ can0 /  /' >expected
tshark_log one.pcap >shown
same "tshark reads our pcap" expected shown

# What Wireshark's own writers make of it comes back. pcap has no bus and no direction.
$convert mixed.pcapng back.log candump || fail "cannot read our pcapng"
sed 's/\(\.......\).../\1/' mixed.log >six.log
same "our pcapng comes back" six.log back.log
sed 's/\(\.......\).../\1/' one.log >six_one.log
for type in pcapng nsecpcap pcap; do
    editcap -F $type one.pcap "peer.$type" 2>/dev/null || { fail "editcap -F $type" && continue; }
    $convert "peer.$type" back.log candump 1 || fail "cannot read editcap's $type"
    same "we read editcap's $type" six_one.log back.log
done
editcap -F pcapng mixed.pcapng peer.pcapng 2>/dev/null || fail "editcap"
$convert peer.pcapng back.log candump || fail "cannot read editcap's pcapng"
same "we read editcap's pcapng with two interfaces" six.log back.log

# What tshark itself makes of a recording by python-can. It knows no BRS and no ESI of those.
grep -v -e _E -e ' 2000' -e '##' six_one.log | sed 's/#R8/#R/' >plain.log
if /usr/bin/python3 -c 'import can' 2>/dev/null; then
    /usr/bin/python3 - plain.log peer.blf <<'PYTHON'
import sys, can
with can.BLFWriter(sys.argv[2]) as writer:
    for message in can.CanutilsLogReader(sys.argv[1]):
        message.channel = 0
        writer(message)
PYTHON
    TZ=UTC tshark -r peer.blf -F pcapng -w peer.pcapng 2>/dev/null || fail "tshark -w"
    $convert peer.pcapng back.log candump 1 || fail "cannot read tshark's pcapng"
    cut -d' ' -f3 plain.log >expected
    cut -d' ' -f3 back.log | sed 's/#R0/#R/' >shown
    same "we read tshark's pcapng" expected shown
else
    echo "not checked: no python-can"
fi

# As after a kill.
head -c $(($(stat -c %s mixed.pcapng) - 300)) mixed.pcapng >cut.pcapng
[ "$(tshark -r cut.pcapng 2>/dev/null | wc -l)" -ge 12 ] || fail "tshark does not read a cut file"

for packer in gzip zstd; do
    command -v $packer >/dev/null || { echo "not checked: no $packer" && continue; }
    head -9 six.log | $packer -c >packed
    tail -n +10 six.log | $packer -9 -c >>packed
    $convert packed back.log candump || fail "cannot read what $packer has written"
    same "we read what $packer has written" six.log back.log
    $packer -c mixed.pcapng >packed
    $convert packed back.log candump || fail "cannot read a capture in $packer"
    same "we read a capture in $packer" six.log back.log
done
[ $failed = 0 ] && echo "captures agree with tshark's"
exit $failed
