import os
import unittest


class TestCloses(unittest.TestCase):
    def test_closes_its_streams(self):
        os.close(1)
        os.close(2)

    def test_goes_on(self):
        pass
