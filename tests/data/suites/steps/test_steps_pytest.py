import unittest


def test_plain(step_report):
    """Of pytest."""
    found = {"a": 1}
    assert found["a"] == 1
    step_report.current_table = "Second"
    step_report.header["Serial"] = 17
    step_report.message = "the last one"
    assert "b" in found, "not there"


class TestUnit(unittest.TestCase):
    def test_unit(self):
        self.assertEqual(2 + 2, 4, "adds")
