import pykiso


@pykiso.define_test_parameters(suite_id=1, case_id=1, tag={"branch_level": ["dev", "master"]})
class TestTagged(pykiso.BasicTest):
    def test_dev(self):
        self.assertEqual(self.test_suite_id, 1)


@pykiso.define_test_parameters(suite_id=1, case_id=2, tag={"branch_level": ["nightly"]})
class TestNightly(pykiso.BasicTest):
    @classmethod
    def setUpClass(cls):
        raise AssertionError("of a class that was not asked for")

    def test_nightly(self):
        pass


@pykiso.define_test_parameters(suite_id=1, case_id=3)
class TestUntagged(pykiso.BasicTest):
    def test_untagged(self):
        pass


@pykiso.define_test_parameters(suite_id=1)
class SuiteTeardown(pykiso.BasicTestSuiteTeardown):
    def test_suite_tearDown(self):
        print("last")


@pykiso.define_test_parameters(suite_id=1)
class SuiteSetup(pykiso.BasicTestSuiteSetup):
    def test_suite_setUp(self):
        print("first")
