"""Test cases with suite and case numbers and tags, as pykiso has them."""

import unittest


class StepReport:
    """What a case says for `canring test --step-report`; without that nothing comes of it."""

    def __init__(self):
        self.header = {}  # information: name and value
        self.begin(None)

    def begin(self, tell):
        """Of a case. The header stays: pykiso has one for each class."""
        self.message = ""  # of the next assertion, instead of its own
        self.current_table = None  # of the assertions from here on
        self.success, self.last_error_message = True, ""
        self._tell = tell

    def step(self, message, passed=True, expected=None, found=None):
        """A step that is no assertion; it does not change the case's result."""
        if self._tell:
            self._tell(message, passed, expected=expected, found=found)


class BasicTest(unittest.TestCase):
    """A test case; define_test_parameters sets what is None here."""

    step_report = StepReport()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.step_report = StepReport()

    test_suite_id = test_case_id = None
    aux_list = ()
    setup_timeout = run_timeout = teardown_timeout = None
    test_ids = None
    tag = None


class BasicTestSuiteSetup(BasicTest):
    """Runs before all others of its file."""

    fixture_order = -1

    def test_suite_setUp(self):
        pass


class BasicTestSuiteTeardown(BasicTest):
    """Runs after all others of its file."""

    fixture_order = 1

    def test_suite_tearDown(self):
        pass


class RemoteTest(BasicTest):
    pass


class RemoteTestSuiteSetup(BasicTestSuiteSetup):
    pass


class RemoteTestSuiteTeardown(BasicTestSuiteTeardown):
    pass


def define_test_parameters(suite_id=0, case_id=0, aux_list=None, setup_timeout=None,
                           run_timeout=None, teardown_timeout=None, test_ids=None, tag=None):
    """Number and tag a test case. `tag`: {"branch_level": ["dev", "master"]}."""

    def define(case):
        case.test_suite_id, case.test_case_id = suite_id, case_id
        case.aux_list = list(aux_list or ())
        case.setup_timeout, case.run_timeout = setup_timeout, run_timeout
        case.teardown_timeout = teardown_timeout
        case.test_ids, case.tag = test_ids, tag
        return case

    return define
