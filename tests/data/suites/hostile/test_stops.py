import os
import unittest


class TestAbsent(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("not on this bench")

    def test_absent(self):
        pass


class TestStops(unittest.TestCase):
    def test_a_child_raises(self):
        if os.fork() == 0:
            raise SystemExit(0)
        os.wait()

    def test_b_stops(self):
        self._outcome.result.stop()

    def test_c_after(self):
        pass
