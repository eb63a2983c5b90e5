"""Unittest's: the runner must not need pytest for it."""
import sys
import unittest


def helper():
    return "pytest" in sys.modules


class TestUnittest(unittest.TestCase):
    def test_without_pytest(self):
        self.assertFalse(helper())
