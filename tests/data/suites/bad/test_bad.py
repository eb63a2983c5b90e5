import unittest


class TestBad(unittest.TestCase):
    def test_a_fails(self):
        print("said before it failed")
        self.assertEqual(1, 2)

    def test_b_raises(self):
        raise RuntimeError("out of order")

    def test_c_subtests(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1)

    def test_d_passes(self):
        pass


class TestFixture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise OSError("no rig")

    def test_never(self):
        pass
