"""python-can's own udp_multicast bus against ours; run by test_udp_multicast_python.sh.

Everything is compared field by field: what python-can sends against the text that the C side
prints, and what the C side sends against the can.Message that python-can makes of it.
"""

import subprocess
import sys

import can

PARTNER = sys.argv[1]
PORT = 43113
FD_LENGTHS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64]


def payload(length):
    return bytes((i * 37 + length) & 0xFF for i in range(length))


def mixed_set():
    for extended in (False, True):
        ident = 0x1ABCDE01 if extended else 0x5A5
        for length in range(9):
            yield can.Message(arbitration_id=ident, is_extended_id=extended, data=payload(length))
            yield can.Message(arbitration_id=ident, is_extended_id=extended, dlc=length,
                              is_remote_frame=True)
        for length in FD_LENGTHS:
            for bits in range(4):
                yield can.Message(arbitration_id=ident, is_extended_id=extended, is_fd=True,
                                  bitrate_switch=bool(bits & 1),
                                  error_state_indicator=bool(bits & 2), data=payload(length))
    yield can.Message(arbitration_id=0, is_extended_id=False, data=b"\0")
    yield can.Message(arbitration_id=0x7FF, is_extended_id=False)
    yield can.Message(arbitration_id=0, is_extended_id=True)
    yield can.Message(arbitration_id=0x1FFFFFFF, is_extended_id=True, data=b"\xff" * 8)
    yield can.Message(arbitration_id=0x88, is_extended_id=False, is_error_frame=True,
                      data=payload(8))


def text(message):
    """As candump -L prints it."""
    if message.is_error_frame:
        ident = f"{0x20000000 | message.arbitration_id:08X}"
    else:
        ident = f"{message.arbitration_id:0{8 if message.is_extended_id else 3}X}"
    if message.is_remote_frame:
        return f"{ident}#R{message.dlc or ''}"
    data = bytes(message.data).hex().upper()
    if not message.is_fd:
        return f"{ident}#{data}"
    flags = 4 | message.bitrate_switch | 2 * message.error_state_indicator
    return f"{ident}##{flags:X}{data}"


def start_receiver(group, count):
    partner = subprocess.Popen([PARTNER, "receive", group, str(count)],
                               stdout=subprocess.PIPE, text=True)
    assert partner.stdout.readline() == "ready\n"
    return partner


def check_python_to_c(group):
    messages = list(mixed_set())
    partner = start_receiver(group, len(messages))
    with can.Bus(interface="udp_multicast", channel=group, port=PORT) as bus:
        for message in messages:
            bus.send(message)
    lines = partner.stdout.read().splitlines()
    assert partner.wait() == 0
    assert lines[-1] == f"frames {len(messages)} malformed 0", lines[-1]
    for got, message in zip(lines[:-1], messages):
        assert got == text(message), (got, text(message))
    return len(messages)


def check_c_to_python(group):
    messages = list(mixed_set())
    with can.Bus(interface="udp_multicast", channel=group, port=PORT) as bus:
        subprocess.run([PARTNER, "send", group], check=True, text=True,
                       input="".join(text(message) + "\n" for message in messages))
        for message in messages:
            got = bus.recv(timeout=5)
            assert got is not None
            # Two fields are not the sender's: when it came, and through what.
            message.timestamp, message.channel = got.timestamp, got.channel
            assert got.equals(message), (got, message)
        assert bus.recv(timeout=0) is None
    return len(messages)


def check_hostile(group):
    """Datagrams that msgpack itself finds fine, and that are no frames."""
    import msgpack

    good = {"timestamp": 1.0, "arbitration_id": 1, "is_extended_id": False,
            "is_remote_frame": False, "is_error_frame": False, "channel": None, "dlc": 2,
            "data": b"ab", "is_fd": False, "bitrate_switch": False,
            "error_state_indicator": False}
    wrong = [{**good, key: value} for key in good if key not in ("timestamp", "channel")
             for value in ([], {}, "x", -1, 1.5, 2**63, b"\0" * 70, [[[[]]]], {"a": {}})
             if not (key == "data" and value == b"")]
    packed = [msgpack.packb(w, use_bin_type=True) for w in wrong]
    whole = msgpack.packb(good, use_bin_type=True)
    packed += [whole[:n] for n in range(len(whole))] + [whole + b"\0", b"\xdd\xff\xff\xff\xff"]
    partner = start_receiver(group, 1)
    with can.Bus(interface="udp_multicast", channel=group, port=PORT) as bus:
        for datagram in packed:
            bus._multicast.send(datagram)
        bus._multicast.send(whole)
    assert partner.stdout.read().splitlines() == ["001#6162",
                                                  f"frames 1 malformed {len(packed)}"]
    assert partner.wait() == 0
    return len(packed)


for address in ("239.74.163.2", "ff15:7079:7468:6f6e:6465:6d6f:6d63:6173"):
    print(address, "python-can to canring:", check_python_to_c(address), "frames equal")
    print(address, "canring to python-can:", check_c_to_python(address), "frames equal")
    print(address, "hostile:", check_hostile(address), "refused")
