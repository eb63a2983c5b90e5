import unittest


class TestInterrupt(unittest.TestCase):
    def test_a_subtest(self):
        with self.subTest():
            self.fail("before")
        raise KeyboardInterrupt

    def test_b_after(self):
        pass
