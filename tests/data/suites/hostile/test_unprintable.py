"""NUL and lone surrogates in what is said of cases, and in what they log."""

import logging
import os
import unittest

NAME = os.fsdecode(b"caf\xe9.log")


class TestUnprintable(unittest.TestCase):
    def test_difference(self):
        self.assertEqual("abc\x00", "abc")

    def test_file_name(self):
        self.fail("cannot read " + NAME)

    def test_huge(self):
        self.skipTest("x" * 5000000)

    def test_log(self):
        logging.error("a\x00b")
        logging.getLogger(NAME).error("no %s", NAME)

    def test_skip(self):
        self.skipTest("n\x00 " + NAME)

    def test_subtest(self):
        with self.subTest("\x00", name=NAME):
            self.fail("in a subtest")

    def test_with_steps(self):
        self.assertIn("\x00", "\x00" + NAME, NAME)


setattr(TestUnprintable, "test_" + NAME, lambda self: None)
