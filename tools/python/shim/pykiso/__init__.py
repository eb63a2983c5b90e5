"""The names of pykiso that test suites use, for suites that run under `canring test` unchanged.

On the path only when pykiso itself is not installed. It is not pykiso: names that are not here do
not exist.
"""

from canring import (AuxiliaryCreationError, BasicTest, BasicTestSuiteSetup, BasicTestSuiteTeardown,
                     RemoteTest, RemoteTestSuiteSetup, RemoteTestSuiteTeardown,
                     define_test_parameters)

__all__ = ["AuxiliaryCreationError", "BasicTest", "BasicTestSuiteSetup", "BasicTestSuiteTeardown",
           "RemoteTest", "RemoteTestSuiteSetup", "RemoteTestSuiteTeardown",
           "define_test_parameters"]
