import os
import unittest


class TestLiar(unittest.TestCase):
    def test_writes_to_every_fd(self):
        for fd in range(3, 32):
            try:
                os.write(fd, b"garbage\n")
            except OSError:
                pass
        import time
        time.sleep(30)
