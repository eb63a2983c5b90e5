import os
import signal
import unittest


class TestCrash(unittest.TestCase):
    def test_a_before(self):
        pass

    def test_b_segfaults(self):
        os.kill(os.getpid(), signal.SIGSEGV)

    def test_c_after(self):
        pass
