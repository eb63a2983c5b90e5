import os
import unittest


class TestExit(unittest.TestCase):
    def test_leaves(self):
        os._exit(0)
