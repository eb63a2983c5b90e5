import pykiso
import pytest
from pykiso import BasicTestSuiteSetup


class TestBetween:
    def test_between(self):
        pass


class SuiteTeardown(pykiso.BasicTestSuiteTeardown):
    def test_suite_tearDown(self):
        pass


class SuiteSetup(BasicTestSuiteSetup):
    def test_suite_setUp(self):
        pass


@pytest.mark.usefixtures("tmp_path")
def test_function():
    pass
