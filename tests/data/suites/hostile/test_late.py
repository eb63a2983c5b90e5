import atexit
import os
import signal
import unittest

atexit.register(lambda: os.kill(os.getpid(), signal.SIGABRT))


class TestLate(unittest.TestCase):
    def test_passes(self):
        pass
