"""What test_trace_text_peers.sh runs: TOOL is our side ("mixed FORMAT PATH", "print PATH")."""

import datetime
import logging
import re
import subprocess
import sys

import can

TOOL, DIR = sys.argv[1:3]
PLAIN_ERROR = "20000080#0000000000000000"


def run(*command, stdin=None):
    # asc2log and log2asc tell what they think of a missing locale on standard error.
    return subprocess.run(
        command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True, text=True
    ).stdout


def ours(path):
    """[(time, bus, frame, sent)] as our reader has it."""
    lines = []
    for line in run(TOOL, "print", path).splitlines():
        stamp, bus, frame, *sent = line.split()
        lines.append((float(stamp[1:-1]), bus, frame, sent == ["T"]))
    return lines


def words(message):
    """A frame of python-can in candump's words."""
    if message.is_error_frame:
        return PLAIN_ERROR
    number = f"{message.arbitration_id:0{8 if message.is_extended_id else 3}X}#"
    if message.is_remote_frame:
        return number + "R" + (str(message.dlc) if message.dlc else "")
    if message.is_fd:
        flags = 4 | message.bitrate_switch | message.error_state_indicator << 1
        number += f"#{flags:X}"
    return number + message.data.hex().upper()


def same(what, found, expected):
    """Both are lists of tuples that begin with a time."""
    for i, (one, other) in enumerate(zip(found, expected)):
        if one[1:] != other[1:] or abs(one[0] - other[0]) > 2e-6:
            sys.exit(f"{what}: entry {i} is {one}, expected {other}")
    if len(found) != len(expected):
        sys.exit(f"{what}: {len(found)} entries, expected {len(expected)}")


def from_zero(entries):
    return [(entry[0] - entries[0][0], *entry[1:]) for entry in entries]


def is_error(entry):
    return entry[2].startswith("2000") and "#" in entry[2] and len(entry[2].split("#")[0]) == 8


def known_to_python_can(entry):
    """It takes FD frames without data for remote ones, length codes above 8 for those of FD, and
    has no word for what an error is, nor CAN XL."""
    stamp, bus, frame, sent = entry
    if re.search("##.$", frame) or "_" in frame or ":" in frame:
        return None
    return (stamp, bus, PLAIN_ERROR, False) if is_error(entry) else entry


def python_can_reads_our_asc(path):
    found = []
    for m in can.ASCReader(path, relative_timestamp=False):
        if (m.is_fd and m.is_remote_frame) or m.dlc not in (*range(9), 12, 16, 64):
            continue  # see above
        if m.is_remote_frame and m.dlc > 8:
            continue
        found.append((m.timestamp, f"can{m.channel}", words(m), not m.is_rx and
                      not m.is_error_frame))
    known = [entry for entry in map(known_to_python_can, ours(path)) if entry]
    same("python-can reads our asc", found, [e for e in known if not re.search("#R9", e[2])])


def asc2log_reads_our_asc(path):
    """It needs locales for the date, so times count from its first frame. It drops length codes
    above 8, and does not know CAN XL."""
    found = []
    for line in run("asc2log", "-I", path).splitlines():
        stamp, bus, frame, *sent = line.split()
        found.append((float(stamp[1:-1]), bus, frame, sent == ["T"]))
    expected = []
    for stamp, bus, frame, sent in ours(path):
        if "_" in frame or ":" in frame:
            continue
        frame = re.sub("##(.)", lambda m: f"##{int(m[1], 16) & 3:X}", frame)
        error = is_error((stamp, bus, frame))
        expected.append((stamp, bus, PLAIN_ERROR if error else frame, sent and not error))
    same("asc2log reads our asc", from_zero(found), from_zero(expected))


def we_read_log2asc(source, path):
    entries = [e for e in ours(source) if "_" not in e[2] and ":" not in e[2] and not is_error(e)]
    log = "".join(f"({e[0]:.6f}) {e[1]} {e[2]}\n" for e in entries)
    with open(path, "w", encoding="ascii") as file:
        file.write(run("log2asc", "can0", "can1", stdin=log))
    found = ours(path)
    # Its date has whole seconds, its times count from the first frame.
    assert int(found[0][0]) == int(entries[0][0]), found[0]
    same("we read log2asc's", from_zero(found), from_zero([(*e[:3], False) for e in entries]))


def messages(source):
    """Frames that python-can writes without loss."""
    for stamp, bus, frame, sent in ours(source):
        if "_" in frame or ":" in frame or is_error((stamp, bus, frame)):
            continue
        number, data = frame.split("#", 1)
        fd = data.startswith("#")
        flags = int(data[1], 16) if fd else 0
        remote = data.startswith("R")
        yield can.Message(
            timestamp=stamp, channel=int(bus[3:]), arbitration_id=int(number, 16),
            is_extended_id=len(number) == 8, is_rx=not sent, is_fd=fd,
            bitrate_switch=bool(flags & 1), error_state_indicator=bool(flags & 2),
            is_remote_frame=remote, dlc=int(data[1:] or 0) if remote else None,
            data=None if remote else bytes.fromhex(data[2:] if fd else data),
        )


def python_can_writes_asc(written, path):
    """Again where it spoils its date: it takes the last three digits of the microseconds out of all
    of the line, and once in some hundred times they stand in the year as well."""
    for _ in range(100):
        year = datetime.date.today().year
        with can.ASCWriter(path) as writer:
            for message in written:
                writer(message)
        with open(path, encoding="ascii") as file:
            if re.fullmatch(rf"date \w+ \w+ \d\d [\d:]{{8}}\.\d{{3}} [AP]M {year}\n", file.readline()):
                return
    raise AssertionError("python-can writes no date")


def we_read_python_cans_asc(source, path):
    written = list(messages(source))
    python_can_writes_asc(written, path)
    found = ours(path)
    # Its date has milliseconds, its times count from the first frame.
    assert 0 <= written[0].timestamp - found[0][0] < 0.001, found[0]
    same("we read python-can's asc", from_zero(found),
         from_zero([(m.timestamp, f"can{m.channel}", words(m), not m.is_rx) for m in written]))


def python_can_reads_our_trc(path, buses):
    """It reads data frames. In 1.1 it stops at the first remote frame."""
    found = []
    try:
        for m in can.TRCReader(path):
            found.append((m.timestamp, m.channel, words(m), not m.is_rx))
    except ValueError:
        assert not buses
    expected = []
    for stamp, bus, frame, sent in ours(path):
        if not buses and "#R" in frame:
            if frame.endswith("#R"):  # taken for a data frame
                expected.append((stamp % 100, 1, frame[:-1], sent))
                continue
            break
        if "##" in frame or "#R" in frame or "_" in frame or is_error((stamp, bus, frame)):
            continue
        expected.append((stamp % 100, int(bus[3:]) + 1 if buses else 1, frame, sent))
    assert len(found) >= 6
    same(f"python-can reads our {path}", found, expected)


def we_read_python_cans_trc(source, path):
    """Times count from a date of its own making."""
    written = [m for m in messages(source) if not m.is_fd and not m.is_remote_frame]
    with can.TRCWriter(path) as writer:
        for message in written:
            writer(message)
    same("we read python-can's trc", from_zero(ours(path)),
         from_zero([(m.timestamp, f"can{m.channel}", words(m), not m.is_rx) for m in written]))


def main():
    logging.disable(logging.CRITICAL)
    for name in ("asc", "trc", "trc1.1"):
        run(TOOL, "mixed", name, f"{DIR}/ours.{name}")
    python_can_reads_our_asc(f"{DIR}/ours.asc")
    asc2log_reads_our_asc(f"{DIR}/ours.asc")
    we_read_log2asc(f"{DIR}/ours.asc", f"{DIR}/log2asc.asc")
    we_read_python_cans_asc(f"{DIR}/ours.asc", f"{DIR}/python-can.asc")
    python_can_reads_our_trc(f"{DIR}/ours.trc", True)
    python_can_reads_our_trc(f"{DIR}/ours.trc1.1", False)
    we_read_python_cans_trc(f"{DIR}/ours.trc", f"{DIR}/python-can.trc")


main()
