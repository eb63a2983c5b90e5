"""Auxiliaries of canring from Python: what a test needs, as pykiso has it.

    from canring.auxiliaries import aux1
    aux1.send_message(b"\\x01\\x02")
    with aux1.collect_messages():
        ...

Thin: every call is one of libcanring's (ctypes). The library is $CANRING_LIBRARY, else the
system's. Importing loads nothing; what is missing is said when it is first used.
"""

from ._native import CanringError, LibraryError
from .auxiliary import Auxiliary, AuxiliaryCreationError, CommunicationAuxiliary
from .logs import Handler, log
from .testing import (BasicTest, BasicTestSuiteSetup, BasicTestSuiteTeardown, RemoteTest,
                      RemoteTestSuiteSetup, RemoteTestSuiteTeardown, StepReport,
                      define_test_parameters)

__all__ = ["Auxiliary", "AuxiliaryCreationError", "BasicTest", "BasicTestSuiteSetup",
           "BasicTestSuiteTeardown", "CanringError", "CommunicationAuxiliary", "Handler",
           "LibraryError", "RemoteTest", "RemoteTestSuiteSetup", "RemoteTestSuiteTeardown", "StepReport",
           "define_test_parameters", "log"]
