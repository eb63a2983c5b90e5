import os
import signal
import time


def test_a_before():
    pass


def test_b_dies():
    if os.environ["HOW"] == "hangs":
        time.sleep(60)
    os.kill(os.getpid(), signal.SIGKILL)


def test_c_after():
    pass
