"""Whatever a case raises, it has not passed, and the rest of the file is run."""

import unittest


class Mute(Exception):
    def __str__(self):
        raise OSError("no words")

    __repr__ = __str__


class Unshown(Exception):
    @property
    def __cause__(self):
        raise OSError("no cause")


class Odd(BaseException):
    pass


class TestRaising(unittest.TestCase):
    def test_base(self):
        raise Odd("of no kind")

    def test_exit(self):
        raise SystemExit(0)

    def test_forgotten(self):
        self._outcome.success = False

    def test_generator_exit(self):
        raise GeneratorExit

    def test_mute(self):
        raise Mute

    @unittest.expectedFailure
    def test_mute_expected(self):
        raise Mute

    def test_mute_raised_as_asked(self):
        with self.assertRaises(Mute):
            raise Mute

    @unittest.skip(Mute())
    def test_mute_skip(self):
        pass

    def test_mute_subtest(self):
        with self.subTest(value=Mute()):
            self.assertEqual(1, 2)

    def test_unshown(self):
        raise Unshown("so it is")

    def test_zero(self):
        pass


class TestTearDown(unittest.TestCase):
    def tearDown(self):
        raise Mute

    def test_is_fine(self):
        pass
