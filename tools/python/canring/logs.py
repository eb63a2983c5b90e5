"""Python's logging into canring's: one place for the records of all processes of a run."""

import logging
from ctypes import byref

from ._native import Error, function

_opened = False


def _open():
    global _opened
    if not _opened:
        _opened = True  # a failure means stderr, which needs no second try
        function("canring_log_open")(b"test", byref(Error()))


def log(level, logger, text):
    """One record; `level` as of Python's logging."""
    _open()
    function("canring_log_text")(int(level), logger.encode(), text.encode(errors="replace"))


class Handler(logging.Handler):
    """logging.getLogger().addHandler(canring.Handler())"""

    def emit(self, record):
        try:
            log(_level(record.levelno), record.name, self.format(record))
        except Exception:
            self.handleError(record)


def _level(number):
    """Python allows any number, canring those that have a name."""
    return max(10, min(50, number // 10 * 10))
