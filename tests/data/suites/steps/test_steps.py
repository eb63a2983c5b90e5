import threading
import unittest

import pykiso


class TestSteps(pykiso.BasicTest):
    @classmethod
    def setUpClass(cls):
        cls.step_report.header["Version_device"] = "2022-1234"

    def setUp(self):
        self.assertTrue(True, msg="The device is ready")

    def test_steps(self):
        """What the report is for."""
        voltage = 3.8
        self.assertEqual(sum([1, 2]), 3)
        self.step_report.current_table = "Supply"
        self.step_report.message = "Voltage of the device"
        self.assertAlmostEqual(voltage, 4, delta=1, msg="not shown")
        with self.assertRaises(ValueError):
            int("<b>&no number")
        self.step_report.step("looked at it", expected="green", found="<i>green</i>")
        thread = threading.Thread(target=lambda: self.assertIn(1, [1, 2], "from a thread"))
        thread.start()
        thread.join()

    def test_two_fail(self):
        for number in range(2):
            with self.subTest(number=number):
                self.assertGreater(number, 7, "is it large?")
        self.assertFalse(self.step_report.success)


class TestMany(unittest.TestCase):
    def test_many(self):
        for number in range(5000):
            self.assertLess(number, 4999, "counted up")

    def test_no_exception(self):
        with self.assertRaises(KeyError):
            pass
