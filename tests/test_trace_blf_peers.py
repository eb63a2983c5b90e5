"""Vector's binary log: ours for python-can and tshark, python-can's for us."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import can

PROGRAM, WORK, DATA = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
LENGTHS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64]
LINE = re.compile(r"\((\d+)\.(\d{9})\) (\S+) ([0-9A-F]+)(##?)(\S*) ([TR])$")


def ours(path):
    """What our reader makes of a file, as dictionaries; and what it says of damage."""
    run = subprocess.run([PROGRAM, "print", path], check=True, capture_output=True, text=True)
    return [parsed(line) for line in run.stdout.splitlines()], run.stderr


def parsed(line):
    seconds, fraction, bus, identifier, kind, rest, direction = LINE.match(line).groups()
    frame = {
        "ns": int(seconds) * 10**9 + int(fraction),
        "channel": int(bus[3:]),
        "id": int(identifier, 16) & 0x1FFFFFFF,
        "extended": len(identifier) == 8 and not int(identifier, 16) & 0x20000000,
        "error": len(identifier) == 8 and bool(int(identifier, 16) & 0x20000000),
        "xl": len(identifier) == 5,
        "fd": kind == "##",
        "sent": direction == "T",
        "remote": rest.startswith("R") and kind == "#",
        "flags": int(rest[0], 16) if kind == "##" else 0,
        "dlc": None,
        "data": "",
    }
    if frame["xl"]:
        return frame
    if frame["remote"]:
        dlc, _, raw = rest[1:].partition("_")
        frame["dlc"] = int(raw or dlc or "0", 16)
        return frame
    data, _, raw = (rest[1:] if frame["fd"] else rest).partition("_")
    frame["data"] = data
    frame["dlc"] = int(raw, 16) if raw else len(data) // 2
    return frame


def same(ours, message, grain):
    """python-can's message is the frame that we know."""
    assert ours["error"] == message.is_error_frame, (ours, message)
    assert abs(ours["ns"] - message.timestamp * 1e9) <= grain, (ours, message.timestamp)
    assert ours["channel"] == message.channel, (ours, message)
    assert ours["data"].lower() == bytes(message.data).hex(), (ours, message)
    if not ours["error"]:
        assert ours["extended"] == message.is_extended_id, (ours, message)
        assert ours["sent"] != message.is_rx, (ours, message)
    assert ours["id"] == message.arbitration_id, (ours, message)
    assert ours["remote"] == message.is_remote_frame, (ours, message)
    assert ours["fd"] == message.is_fd, (ours, message)
    assert bool(ours["flags"] & 1) == message.bitrate_switch, (ours, message)
    assert bool(ours["flags"] & 2) == message.error_state_indicator, (ours, message)
    assert ours["dlc"] == message.dlc, (ours, message)


def python_can_reads(path):
    frames, said = ours(path)
    assert said.startswith("0 damaged"), said
    frames = [frame for frame in frames if not frame["xl"]]
    messages = list(can.BLFReader(path))
    assert len(frames) == len(messages) == 20, (len(frames), len(messages))
    for frame, message in zip(frames, messages):
        same(frame, message, 1000)  # its times are floating point numbers


def tshark_reads(path):
    fields = ["frame.time_epoch", "can.id", "can.flags.xtd", "can.flags.rtr", "can.len"]
    fields += ["frame.interface_id", "data.data"]
    command = ["tshark", "-r", path, "-T", "fields", "-E", "separator=;"]
    command += ["--disable-protocol", "autosar-nm"]  # it claims identifier 0
    for field in fields:
        command += ["-e", field]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    frames = [f for f in ours(path)[0] if not f["xl"] and not f["error"]]
    lines = [line.split(";") for line in run.stdout.splitlines()]
    # Releases from 4.2 on know errors, and from 4.6 on CAN XL.
    if len(lines) != len(frames):
        lines = [line for line in lines if line[1] and line[2] != ""]
    assert len(lines) == len(frames) == 18, (len(lines), len(frames))
    buses = {}
    for frame, (time, identifier, extended, remote, length, bus, data) in zip(frames, lines):
        seconds, fraction = time.split(".")
        assert frame["ns"] == int(seconds) * 10**9 + int(fraction), (frame, time)
        assert frame["id"] == int(identifier, 0), (frame, identifier)
        assert frame["extended"] == (extended in ("1", "True")), (frame, extended)
        assert frame["remote"] == (remote in ("1", "True")), (frame, remote)
        if not frame["remote"]:
            assert len(frame["data"]) // 2 == int(length), (frame, length)
            assert frame["data"].lower() == data.replace(":", ""), (frame, data)
        assert buses.setdefault(bus, frame["channel"]) == frame["channel"], (frame, bus)
    assert len(buses) == 2, buses


def we_read_python_can():
    path = WORK / "python.blf"
    start = 1700000000.125
    messages = []
    for i in range(3000):  # more than one container, objects across the seams
        messages.append(
            can.Message(
                timestamp=start + i / 1000,
                arbitration_id=i * 7 % 0x800,
                is_extended_id=False,
                channel=i % 3,
                data=bytes((i + k) & 0xFF for k in range(i % 9)),
                is_rx=i % 4 != 0,
            )
        )
    messages.append(
        can.Message(timestamp=start + 4, arbitration_id=0x12345678, channel=0, data=b"\1\2")
    )
    for length in LENGTHS:
        messages.append(
            can.Message(
                timestamp=start + 5,
                arbitration_id=0x1ABCDEF + length,
                is_fd=True,
                bitrate_switch=length % 3 == 0,
                error_state_indicator=length % 2 == 0,
                channel=9,
                data=bytes(range(length)),
            )
        )
    messages.append(
        can.Message(
            timestamp=start + 6,
            arbitration_id=0x7FF,
            is_extended_id=False,
            is_remote_frame=True,
            dlc=5,
            channel=0,
        )
    )
    messages.append(
        can.Message(
            timestamp=start + 7,
            arbitration_id=0x88,
            is_extended_id=False,
            is_error_frame=True,
            channel=1,
            data=bytes(8),
        )
    )
    messages.append(can.Message(timestamp=start + 8, is_error_frame=True, channel=1))
    for level in (0, -1):
        with can.BLFWriter(path, compression_level=level) as writer:
            for message in messages:
                writer(message)
            writer.log_event("a marker, which is none of our objects")
        frames, said = ours(path)
        assert said.startswith("0 damaged"), said
        assert len(frames) == len(messages), (len(frames), len(messages))
        for frame, message in zip(frames, messages):
            same(frame, message, 1000)


def we_read_recordings():
    """Made by hand, with values that no bus has: identifiers, data and times are what they are."""
    for name in ("pycan-test_CanMessage.blf", "pycan-test_CanFdMessage.blf"):
        path = DATA / name
        if not path.exists():
            print(f"without {name}: it is not there")
            continue
        frames, said = ours(path)
        assert said.startswith("0 damaged"), said
        messages = list(can.BLFReader(path))
        assert len(frames) == len(messages) == 2, (name, len(frames), len(messages))
        for frame, message in zip(frames, messages):
            assert frame["extended"]  # more than 11 bits; the file says it is not
            message.is_extended_id = True
            message.is_rx = False  # direction 2, "asked to be sent": it looks at one bit of it
            message.dlc = min(message.dlc, 64 if message.is_fd else 15)
            same(frame, message, 1000)


def main():
    for verb in ("write", "plain"):
        path = WORK / f"{verb}.blf"
        subprocess.run([PROGRAM, verb, path], check=True)
        python_can_reads(path)
        if shutil.which("tshark"):
            tshark_reads(path)
        else:
            print("without tshark: it is not there")
    we_read_python_can()
    we_read_recordings()


main()
