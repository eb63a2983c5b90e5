"""Python's logging into canring's: one place for the records of all processes of a run."""

import logging
import os
from ctypes import byref

from ._native import Error, LibraryError, function
from ._text import fit

TEXT_MAX = 1900  # bytes of one record: more becomes several, cut between lines
_opened = False


def available():
    """Whether there is somewhere to log to: a run's log, and the library."""
    if not os.environ.get("CANRING_LOG"):
        return False
    try:
        function("canring_log_open")
    except LibraryError:
        return False
    return True


def _open():
    global _opened
    if not _opened:
        _opened = True  # a failure means stderr, which needs no second try
        function("canring_log_open")(b"test", byref(Error()))


def log(level, logger, text):
    """One record; `level` as of Python's logging."""
    _open()
    function("canring_log_text")(int(level), fit(logger).encode(), fit(text).encode())


def _pieces(text):
    piece = ""
    for line in text.splitlines(keepends=True):
        if piece and len((piece + line).encode()) > TEXT_MAX:
            yield piece.rstrip("\n")
            piece = ""
        piece += line
    yield piece.rstrip("\n")


class Handler(logging.Handler):
    """logging.getLogger().addHandler(canring.Handler())"""

    def emit(self, record):
        try:
            for piece in _pieces(fit(self.format(record))):
                log(_level(record.levelno), record.name, piece)
        except Exception:
            self.handleError(record)


def _level(number):
    """Python allows any number, canring those that have a name."""
    return max(10, min(50, number // 10 * 10))
