import os
import unittest


class TestBasics(unittest.TestCase):
    def test_adds(self):
        self.assertEqual(1 + 1, 2)

    @unittest.skip("not today")
    def test_skipped(self):
        self.fail("it was not to run")

    @unittest.expectedFailure
    def test_expected_failure(self):
        self.assertEqual(1, 2)

    def test_environment(self):
        for name in ("CANRING_CONFIG", "CANRING_AUXILIARIES", "CANRING_TEST_SUITE_ID"):
            self.assertTrue(os.environ[name], name)
        self.assertTrue(os.path.isabs(os.environ["CANRING_CONFIG"]))
        self.assertNotIn("CANRING_PROGRESS_FD", os.environ)
        self.assertEqual(os.environ["CANRING_AUXILIARIES"].split(","), ["aux1", "aux2", "proxy_aux"])

    def test_package(self):
        import canring
        import pykiso
        from canring.auxiliaries import aux1
        from pykiso.auxiliaries import aux1 as same

        self.assertIs(aux1, same)
        self.assertTrue(issubclass(pykiso.BasicTest, unittest.TestCase))
        self.assertEqual(aux1.name, "aux1")
        with self.assertRaisesRegex(ImportError, "aux1x"):
            from canring.auxiliaries import aux1x  # noqa: F401
        self.assertTrue(issubclass(canring.LibraryError, ImportError))


class TestOther(unittest.TestCase):
    def test_adds(self):
        self.assertEqual(2 + 2, 4)
