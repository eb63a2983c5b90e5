"""The steps of a case for `canring test --step-report`: each assertion, with what was looked at.

Installed by the runner when a step report was asked for; otherwise assertions are as they were.
unittest's assertions are wrapped in their class; those of pytest come from its own hook.
"""

import ast
import functools
import inspect
import linecache
import os
import sys
import threading
import time
import unittest
import unittest.util

from ._text import words_of
from .testing import StepReport

__unittest = True  # unittest leaves our lines out of its tracebacks, as its own
TEXT_MAX = 1000
STEPS_MAX = 2000  # of one case; canring keeps fewer

# What an assertion wants of its first argument; {1} is the second.
EXPECTED = {
    "assertTrue": "true", "assertFalse": "false", "assertIsNone": "None",
    "assertIsNotNone": "not None", "assertNotEqual": "not {1}", "assertIsNot": "not {1}",
    "assertIn": "in {1}", "assertNotIn": "not in {1}", "assertIsInstance": "instance of {1}",
    "assertNotIsInstance": "no instance of {1}", "assertGreater": "> {1}",
    "assertGreaterEqual": "≥ {1}", "assertLess": "< {1}", "assertLessEqual": "≤ {1}",
    "assertAlmostEqual": "about {1}", "assertNotAlmostEqual": "not about {1}",
    "assertRegex": "matches {1}", "assertNotRegex": "does not match {1}",
    "assertCountEqual": "{1}, in any order"}
RAISING = {"assertRaises": "raises", "assertRaisesRegex": "raises", "assertWarns": "warns",
           "assertWarnsRegex": "warns", "assertLogs": "logs", "assertNoLogs": "does not log"}


def shown(value):
    text = value if isinstance(value, str) else unittest.util.safe_repr(value)
    return text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + "…"


class Recorder:
    """Of the case that runs; told by the runner when one begins and ends."""

    def __init__(self, progress):
        self.progress = progress
        self.report = None
        self.began = None
        self.count = 0
        self.pid = os.getpid()
        self.inside = threading.local()

    def begin(self, report, description=None):
        self.report = report if report is not None else StepReport()
        self.report.begin(self.step)
        self.began, self.count = time.monotonic(), 0
        if description:
            self.note("description", description)

    def end(self):
        for name, value in self.report.header.items():
            self.note(name, value)
        self.report.begin(None)
        self.report = self.began = None

    def note(self, name, value):
        self.progress.say("step", note=True, message=shown(words_of(name, "name")), found=shown(value))

    def step(self, message, passed, expression=None, expected=None, found=None):
        if self.began is None or os.getpid() != self.pid:
            return  # between cases, or a child of the test
        report, self.count = self.report, self.count + 1
        if report.message:
            message, report.message = report.message, ""
        if not passed:
            report.success, report.last_error_message = False, str(message or found or "")
        if self.count > STEPS_MAX and passed:
            return
        texts = {"table": report.current_table, "message": message, "expression": expression,
                 "expected": expected, "found": found}
        self.progress.say("step", passed=bool(passed), at=time.monotonic() - self.began,
                          **{key: shown(text) for key, text in texts.items() if text is not None})

    # ---- unittest -------------------------------------------------------------------------------

    def install(self):
        for name, method in list(vars(unittest.TestCase).items()):
            if inspect.isfunction(method) and (name.startswith("assert") or name == "fail"):
                setattr(unittest.TestCase, name, self.wrapped(name, method))

    def wrapped(self, name, method):
        signature = inspect.signature(method)

        @functools.wraps(method)
        def wrapper(*args, **kwargs):
            if self.began is None or getattr(self.inside, "assertion", False):
                return method(*args, **kwargs)  # part of another assertion
            caller = sys._getframe(1)
            place = (caller.f_code.co_filename, caller.f_lineno)
            texts = functools.partial(self.described, name, signature, args, kwargs, place)
            result = self.call(lambda: method(*args, **kwargs), texts)
            if name in RAISING and hasattr(result, "__exit__"):
                return Scope(self, result, texts)
            self.step(passed=True, **texts())
            return result
        return wrapper

    def call(self, function, texts):
        """An assertion, or the end of its scope; its failure is a step."""
        self.inside.assertion = True
        try:
            return function()
        except Exception as error:  # also what comparing raised
            self.inside.assertion = False
            what = texts()
            first = (words_of(error).splitlines() or [""])[0]
            self.step(passed=False, **{**what, "found": what["found"] or first})
            raise
        finally:
            self.inside.assertion = False

    def described(self, *what):
        """Never in the way of the assertion itself, whatever its arguments do when looked at."""
        try:
            return self.describe(*what)
        except Exception as error:
            return {"message": f"cannot be shown: {type(error).__name__}", "expression": None,
                    "expected": None, "found": None}

    @staticmethod
    def describe(name, signature, args, kwargs, place):
        """The texts of a step."""
        try:
            values = dict(list(signature.bind(*args, **kwargs).arguments.items())[1:])
        except TypeError:
            values = {}
        message = values.pop("msg", None)
        texts = [shown(value.__name__ if isinstance(value, type) else value)
                 for value in values.values()]
        expected = EXPECTED.get(name, "{1}" if len(texts) > 1 else "")
        if name in RAISING:
            expected = " ".join([RAISING[name], *texts[:2]]).replace("{", "{{").replace("}", "}}")
            texts = []
        expected = expected.format("", texts[1] if len(texts) > 1 else "")
        for limit in ("delta", "places"):
            if values.get(limit) is not None:
                expected += f", {limit} {values[limit]}"
        source, argument = source_of(*place, name)
        return {"message": message if message is None else str(message),
                "expression": source if name in RAISING else argument or source, "expected": expected or None,
                "found": texts[0] if texts else None}


class Scope:
    """`with self.assertRaises(…)`: a step when it ends."""

    def __init__(self, recorder, inner, texts):
        self.recorder, self.inner, self.texts = recorder, inner, texts

    def __enter__(self):
        return self.inner.__enter__()

    def __exit__(self, *error):
        found = f"{error[0].__name__}: {words_of(error[1])}" if error[0] else None
        texts = {**self.texts(), "found": found}
        swallowed = self.recorder.call(lambda: self.inner.__exit__(*error), lambda: texts)
        self.recorder.step(passed=swallowed or error[0] is None, **texts)
        return swallowed


@functools.lru_cache(maxsize=4096)
def source_of(filename, line, name):
    """The statement's text, and that of the assertion's first argument; either may be ''."""
    first = linecache.getline(filename, line).strip()
    text = ""
    for number in range(line, line + 20):
        text += linecache.getline(filename, number)
        try:
            tree = ast.parse(text.strip())
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", None) == name:
                argument = node.args[0] if node.args else None
                return first, (argument is not None and
                               ast.get_source_segment(text.strip(), argument)) or ""
        break
    return first, ""
