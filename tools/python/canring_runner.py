"""Runs the cases of one Python file for `canring test`, and says what becomes of each.

Those of unittest; a file that is for pytest (canring/_pytest.py says which) is run with that.

Started by canring with a socket whose number is in CANRING_PROGRESS_FD; on it go JSON lines
(see src/proxy/suite_progress.h). What tests print is theirs: it is never looked at. By hand:

    CANRING_PROGRESS_FD=2 python3 canring_runner.py test_something.py
"""

import argparse
import faulthandler
import fnmatch
import importlib.util
import inspect
import logging
import os
import signal
import sys
import traceback
import unittest

from canring import _pytest, logs
from canring._progress import (RANK, Progress, cut, first_line, make_importable, normal_tags,
                               stem_of, wanted_tags, why_not)
from canring._text import words_of


def class_of(test):
    return type(test).__name__


def method_of(test):
    return getattr(test, "_testMethodName", str(test))


def description_of(test):
    return inspect.getdoc(getattr(test, method_of(test), None))


class Result(unittest.TestResult):
    """Tells each case's start and end; a case with subtests ends once, as the worst of them."""

    def __init__(self, progress, recorder):
        super().__init__()
        self.progress = progress
        self.recorder = recorder
        self.current = None
        self.started = set()  # identities of cases
        self.told_of = set()  # classes, or the module, whose fixture said why they do not run

    def startTest(self, test):
        super().startTest(test)
        self.started.add(id(test))
        self.current = {"outcome": None, "message": None, "details": []}
        self.progress.start(class_of(test), method_of(test))
        if self.recorder:
            self.recorder.begin(getattr(test, "step_report", None), description_of(test))

    def stopTest(self, test):
        super().stopTest(test)
        if self.recorder:
            self.recorder.end()
        if self.is_leaving():
            return  # the case stays open: the end of the file is its end
        if self.current["outcome"] is None:
            self.note(test, "error", "it has ended, but neither passed nor failed")
        self.progress.end(self.current["outcome"], self.current["message"],
                          "\n".join(self.current["details"]))
        self.current = None

    def is_leaving(self):
        """unittest catches all that a test raises but KeyboardInterrupt."""
        error = sys.exc_info()[1]
        return isinstance(error, KeyboardInterrupt) or \
            (error is not None and self.current["outcome"] is None)

    def note(self, test, outcome, message, details=""):
        if self.current is None:  # a fixture of a class or module: it has no start
            self.lone(test, outcome, message, details)
            return
        if RANK.index(outcome) > RANK.index(self.current["outcome"]):
            self.current.update(outcome=outcome, message=message)
        if details:
            self.current["details"].append(details)

    def lone(self, test, outcome, message, details):
        where, _, inside = str(test).partition(" (")
        owner = inside.rstrip(")").rpartition(".")[2] or "file"
        self.told_of.add("" if where == "setUpModule" else owner)
        self.progress.lone(owner, where, outcome, message, details)

    def note_error(self, test, outcome, error, prefix=""):
        self.note(test, outcome, prefix + first_line(error),
                  prefix + self._exc_info_to_string(error, test))

    def _exc_info_to_string(self, err, test):
        try:
            return super()._exc_info_to_string(err, test)
        except Exception as reason:  # what cannot be shown is an error still
            return f"its traceback cannot be shown: {type(reason).__name__}\n"

    def addSuccess(self, test):
        super().addSuccess(test)
        self.note(test, "passed", None)

    def addError(self, test, err):
        super().addError(test, err)
        self.note_error(test, "error", err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note_error(test, "failed", err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "skipped", words_of(reason, "reason"))

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.note(test, "passed", None)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.note(test, "failed", "it passed, but was expected to fail")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            failed = issubclass(err[0], test.failureException)
            self.note_error(test, "failed" if failed else "error", err,
                            f"{parameters_of(subtest)}: ")


def parameters_of(subtest):
    try:
        return subtest._subDescription()
    except Exception:
        return "(<repr() of its parameters failed>)"


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def tags_of(test):
    return normal_tags(getattr(test, "tag", None))


def load(path, directory):
    """The module of the file, by its path: its name need not be one of Python's."""
    make_importable(path, directory)
    name = stem_of(path)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def use_shim():
    """Suites written for pykiso find its names here, unless it is installed itself."""
    if importlib.util.find_spec("pykiso") is None:
        sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim"))


def show_logs():
    """What tests log joins the records of all processes; without a run's log it goes to stderr."""
    level = logging.getLevelName(os.environ.get("CANRING_LOG_LEVEL", "INFO"))
    level = level if isinstance(level, int) else logging.INFO
    if logs.available():
        logging.basicConfig(level=level, handlers=[logs.Handler()], format="%(message)s")
    else:
        logging.basicConfig(
            level=level, datefmt="%H:%M:%S",
            format="%(asctime)s.%(msecs)03d %(levelname)s test [%(name)s] %(message)s")


def matches(test, options):
    # pykiso numbers the classes of its suites: the pattern is about the name as it is written
    if class_of(test) == "_FailedTest":  # unittest's own, for what could not be loaded
        return True
    return fnmatch.fnmatchcase(class_of(test).partition("-")[0], options.classes) and \
        fnmatch.fnmatchcase(method_of(test), options.methods)


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--dir", default=".")
    parser.add_argument("--suite-id", type=int, default=0)
    parser.add_argument("--collect", action="store_true")
    parser.add_argument("--failfast", action="store_true")
    parser.add_argument("--steps", action="store_true")
    parser.add_argument("--class", dest="classes", default="*")
    parser.add_argument("--method", dest="methods", default="*")
    parser.add_argument("--tag", action="append", default=[])
    return parser.parse_args()


def order(test):
    """pykiso's fixtures of a suite come first and last."""
    return getattr(test, "fixture_order", 0)


def find(module):
    """The cases of the file itself; pykiso's base classes, imported by name, have test methods too."""
    suite = unittest.TestLoader().loadTestsFromModule(module)
    own = [test for test in flatten(suite) if not type(test).__module__.startswith("canring.")]
    return sorted(own, key=order)


def run(tests, options, progress, recorder):
    result = Result(progress, recorder)
    result.failfast = options.failfast
    wanted = wanted_tags(options)
    for test in tests:
        reason = why_not(tags_of(test), wanted)
        if reason:
            unittest.skip(reason)(type(test))
    unittest.TestSuite(tests).run(result)
    tell_left(tests, result, progress)


def tell_left(tests, result, progress):
    """What result.stop() left out; of a fixture and of --failfast it is known already."""
    if "" in result.told_of or result.failfast and not result.wasSuccessful():
        return
    for test in tests:
        if id(test) not in result.started and class_of(test) not in result.told_of:
            progress.lone(class_of(test), method_of(test), "error", "not run: unittest left it out")


def without_us(path):
    """The traceback of what a file raised, from its own lines on."""
    kind, error, trace = sys.exc_info()
    while trace and trace.tb_frame.f_code.co_filename != path:
        trace = trace.tb_next
    return cut("".join(traceback.format_exception(kind, error, trace)))


def load_and_find(options, progress):
    """The cases of the file, or None when why there are none has been reported."""
    path = os.path.abspath(options.file)
    try:
        return find(load(path, os.path.abspath(options.dir)))
    except unittest.SkipTest as reason:
        what = ("skipped", words_of(reason))
    except (Exception, SystemExit):  # whatever a file does while it is imported
        what = ("error", f"cannot be loaded: {first_line(sys.exc_info())}", without_us(path))
    progress.plan([], [])
    if not options.collect:
        progress.lone(stem_of(path), stem_of(path), *what)
    return None


def run_unittest(options, progress, recorder):
    tests = load_and_find(options, progress)
    if tests is None:
        return
    chosen = [test for test in tests if matches(test, options)]
    progress.plan([(class_of(test), method_of(test)) for test in chosen],
                  {name for test in tests for name in (tags_of(test) or {})})
    if not options.collect:
        run(chosen, options, progress, recorder)


def make_recorder(progress):
    from canring import _steps
    recorder = _steps.Recorder(progress)
    recorder.install()
    return recorder


def main():
    options = parse()
    progress = Progress()
    faulthandler.enable()
    faulthandler.register(signal.SIGTERM, chain=True)  # a timeout shows where the test hangs
    sys.argv = [options.file]
    use_shim()
    show_logs()
    recorder = make_recorder(progress) if options.steps and not options.collect else None
    if _pytest.is_for(options.file):
        _pytest.run(options, progress, recorder)
    else:
        run_unittest(options, progress, recorder)
    progress.say("done")


if __name__ == "__main__":
    main()
