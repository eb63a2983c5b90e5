"""The python-can side of test_udp_proxy.sh: sends mixed frames, or prints what it receives.

usage: test_udp_proxy.py send COUNT | receive LAST
Lines are those of candump -L without time and interface.
"""
import random
import sys

import can

GROUP = "239.74.163.2"


def mixed(count):
    rng = random.Random(7)
    for n in range(count):
        extended = rng.random() < 0.4
        ident = rng.getrandbits(29 if extended else 11)
        kind = rng.random()
        if kind < 0.05:
            yield can.Message(arbitration_id=ident, is_extended_id=extended, is_remote_frame=True,
                              dlc=rng.randrange(9))
        elif kind < 0.5:
            length = rng.choice((0, 1, 7, 8, 12, 16, 20, 24, 32, 48, 64))
            yield can.Message(arbitration_id=ident, is_extended_id=extended, is_fd=True,
                              data=rng.randbytes(length), bitrate_switch=rng.random() < 0.5,
                              error_state_indicator=rng.random() < 0.1)
        else:
            yield can.Message(arbitration_id=ident, is_extended_id=extended,
                              data=rng.randbytes(rng.randrange(9)))


def text(message):
    ident = f"{message.arbitration_id:0{8 if message.is_extended_id else 3}X}"
    if message.is_remote_frame:
        return f"{ident}#R{message.dlc or ''}"
    data = bytes(message.data).hex().upper()
    if not message.is_fd:
        return f"{ident}#{data}"
    flags = 4 | message.bitrate_switch | 2 * message.error_state_indicator
    return f"{ident}##{flags:X}{data}"


def send(bus, count):
    for message in mixed(count):
        bus.send(message)
        print(text(message))


def receive(bus, last):
    print("listening", flush=True)
    while True:
        message = bus.recv(timeout=20)
        if message is None:
            sys.exit("nothing came for 20 s")
        print(text(message), flush=True)
        if text(message) == last:
            return


with can.Bus(interface="udp_multicast", channel=GROUP) as the_bus:
    if sys.argv[1] == "send":
        send(the_bus, int(sys.argv[2]))
    else:
        receive(the_bus, sys.argv[2])
