import os
import time
import unittest


class TestDaemon(unittest.TestCase):
    def test_leaves_a_daemon(self):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(300)
            os._exit(0)
        os.wait()
