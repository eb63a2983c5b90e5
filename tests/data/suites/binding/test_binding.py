"""The Python package against auxiliaries that run."""

import logging
import threading
import time
import unittest

import canring
from canring.auxiliaries import aux1, aux2


class TestBinding(unittest.TestCase):
    def test_send_and_receive(self):
        with aux2.collect_messages():
            self.assertIs(aux1.send_message(b"\x01\x02"), True)
            self.assertIs(aux1.send_message(b"\x00", remote_id=0x7FF), True)
            self.assertIs(aux1.send_message(b""), True)
            self.assertEqual(aux2.receive_message(timeout_in_s=5), (b"\x01\x02", 0x123))
            self.assertEqual(aux2.receive_message(timeout_in_s=5), (b"\x00", 0x7FF))
            self.assertEqual(aux2.receive_message(timeout_in_s=5), (b"", 0x123))
        self.assertIsNone(aux2.receive_message(blocking=False))
        self.assertIsNone(aux2.receive_message(timeout_in_s=0.01))

    def test_clear_buffer(self):
        with aux2.collect_messages():
            aux1.send_message(b"\x01")
            time.sleep(0.2)
            aux2.clear_buffer()
            self.assertIsNone(aux2.receive_message(blocking=False))

    def test_refused_message_says_why(self):
        with self.assertRaises(canring.CanringError) as caught:
            aux1.send_message(bytes(65))
        self.assertIn("aux1: send_message: ", str(caught.exception))

    def test_ids_that_no_frame_has_are_refused(self):
        with aux2.collect_messages():
            for remote_id, words in ((0x800, "0x800 is too large"),
                                     (0x20000000, "0x20000000 is too large"),
                                     (2**32 + 0x55, "0x100000055 is too large"),
                                     (2**40, "0x10000000000 is too large"),
                                     (-1, "-1 is negative"),
                                     (0x55 - 2**32, "-4294967211 is negative")):
                with self.assertRaises(canring.CanringError) as caught:
                    aux1.send_message(b"\x01", remote_id=remote_id)
                self.assertIn(f"remote_id {words}: at most 0x7FF, or 0x1FFFFFFF",
                              str(caught.exception))
            for remote_id in ("0x55", 85.0, b"U", [85]):
                with self.assertRaisesRegex(TypeError, "remote_id: found .*, allowed: an integer"):
                    aux1.send_message(b"\x01", remote_id=remote_id)
            self.assertIsNone(aux2.receive_message(timeout_in_s=0.1))

    def test_what_is_no_message_is_refused(self):
        with aux2.collect_messages():
            for message in (None, "text", 3, True):
                with self.assertRaisesRegex(TypeError, "raw_msg: found .*, allowed: bytes"):
                    aux1.send_message(message)
            with self.assertRaises(TypeError):
                aux1.send_message(object())
            self.assertIsNone(aux2.receive_message(timeout_in_s=0.1))
            for message in (bytearray(b"\x01\x02"), memoryview(b"\x01\x02"), [1, 2]):
                self.assertTrue(aux1.send_message(message))
                self.assertEqual(aux2.receive_message(timeout_in_s=5), (b"\x01\x02", 0x123))

    def test_a_time_that_is_no_number_is_refused(self):
        for call in (aux1.receive_message, aux1.lock_it, aux1.abort_command,
                     aux1.wait_and_get_report):
            with self.assertRaisesRegex(ValueError, "timeout_in_s: found nan, allowed: seconds"):
                call(timeout_in_s=float("nan"))

    def test_lock(self):
        self.assertTrue(aux1.lock_it(1))
        self.assertTrue(aux1.lock_it(0))
        taken = []
        thread = threading.Thread(target=lambda: taken.append(aux1.lock_it(0.05)))
        thread.start()
        thread.join()
        self.assertEqual(taken, [False])
        aux1.unlock_it()
        aux1.unlock_it()
        with self.assertRaises(canring.CanringError):
            aux1.unlock_it()

    def test_instance(self):
        self.assertTrue(aux1.is_instance)
        aux1.suspend()
        self.assertFalse(aux1.is_instance)
        aux1.resume()
        self.assertTrue(aux1.is_instance)
        self.assertIs(aux1.delete_instance(), False)
        self.assertIs(aux1.create_instance(), True)

    def test_no_report_is_none(self):
        self.assertIsNone(aux1.wait_and_get_report(blocking=True, timeout_in_s=0.01))

    def test_unknown_auxiliary(self):
        with self.assertRaises(canring.CanringError) as caught:
            canring.Auxiliary("nobody").is_instance
        self.assertIn("nobody", str(caught.exception))

    def test_log(self):
        logger = logging.getLogger("canring.test")
        logger.addHandler(canring.Handler())
        logger.warning("to be found in the log: %d", 42)
        canring.log(logging.ERROR, "canring.test", "and this, with 100% and ü")
