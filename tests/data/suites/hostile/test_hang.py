import sys
import time
import unittest


class TestHang(unittest.TestCase):
    def test_a_before(self):
        pass

    def test_b_hangs(self):
        while True:
            print("still here", file=sys.stderr)
            time.sleep(0.01)

    def test_c_after(self):
        pass
