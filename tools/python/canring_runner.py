"""Runs the unittest cases of one file for `canring test`, and says what becomes of each.

Started by canring with a socket whose number is in CANRING_PROGRESS_FD; on it go JSON lines
(see src/proxy/suite_progress.h). What tests print is theirs: it is never looked at. By hand:

    CANRING_PROGRESS_FD=2 python3 canring_runner.py test_something.py
"""

import argparse
import faulthandler
import fnmatch
import importlib.util
import inspect
import json
import logging
import os
import signal
import stat
import sys
import time
import traceback
import unittest

TEXT_MAX = 64 * 1024


class Progress:
    """The way to canring. Nobody else may write to it: neither the tests nor their children."""

    def __init__(self):
        number = int(os.environ.pop("CANRING_PROGRESS_FD", "2"))
        self.fd = os.dup(number)  # not inheritable
        self.answers = stat.S_ISSOCK(os.fstat(self.fd).st_mode)
        if number > 2:
            os.close(number)

    def say(self, event, **what):
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, OSError, ValueError):
                pass  # a test closed or replaced it
        line = (json.dumps(dict(event=event, **what)) + "\n").encode()
        while line:
            line = line[os.write(self.fd, line):]
        if self.answers and event in ("start", "end", "lone"):
            os.read(self.fd, 1)  # what was written until now has been read, and so belongs here


def cut(text):
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX // 2] + "\n…\n" + text[-TEXT_MAX // 2:]


def class_of(test):
    return type(test).__name__


def method_of(test):
    return getattr(test, "_testMethodName", str(test))


def first_line(error):
    words = str(error[1]).strip().splitlines()
    return cut(f"{error[0].__name__}: {words[0]}" if words else error[0].__name__)


class Result(unittest.TestResult):
    """Tells each case's start and end; a case with subtests ends once, as the worst of them."""

    RANK = ["passed", "skipped", "failed", "error"]

    def __init__(self, progress):
        super().__init__()
        self.progress = progress
        self.current = None

    def startTest(self, test):
        super().startTest(test)
        self.current = {"outcome": "passed", "message": None, "details": []}
        self.began = time.monotonic()
        self.progress.say("start", **{"class": class_of(test), "name": method_of(test)})

    def stopTest(self, test):
        super().stopTest(test)
        details = cut("\n".join(self.current["details"])) or None
        self.progress.say("end", outcome=self.current["outcome"], message=self.current["message"],
                          details=details, duration=time.monotonic() - self.began)
        self.current = None

    def note(self, test, outcome, message, details=""):
        if self.current is None:  # a fixture of a class or module: it has no start
            self.lone(test, outcome, message, details)
            return
        if self.RANK.index(outcome) > self.RANK.index(self.current["outcome"]):
            self.current.update(outcome=outcome, message=message)
        if details:
            self.current["details"].append(details)

    def lone(self, test, outcome, message, details):
        where, _, inside = str(test).partition(" (")
        owner = inside.rstrip(")").rpartition(".")[2] or "file"
        self.progress.say("lone", **{"class": owner, "name": where, "outcome": outcome,
                                     "message": message, "details": cut(details) or None})

    def note_error(self, test, outcome, error, prefix=""):
        self.note(test, outcome, prefix + first_line(error),
                  prefix + self._exc_info_to_string(error, test))

    def addSuccess(self, test):
        super().addSuccess(test)

    def addError(self, test, err):
        super().addError(test, err)
        self.note_error(test, "error", err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note_error(test, "failed", err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "skipped", str(reason))

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.note(test, "failed", "it passed, but was expected to fail")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            failed = issubclass(err[0], test.failureException)
            self.note_error(test, "failed" if failed else "error", err,
                            f"{subtest._subDescription()}: ")


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def normal(name):
    """--branch-level, branch_level and branchlevel are one name."""
    return name.replace("-", "").replace("_", "")


def tags_of(test):
    tag = getattr(test, "tag", None)
    return None if tag is None else {normal(name): values for name, values in tag.items()}


def why_not(test, wanted):
    """pykiso's rule: a case without tags runs; one with tags needs all that are wanted."""
    tags = tags_of(test)
    if tags is None:
        return None
    for name, values in wanted.items():
        if name not in tags:
            return f"it has no tag '{name}'"
        if not any(value in tags[name] for value in values):
            return f"its tag '{name}' is {tags[name]}, asked for is {', '.join(values)}"
    return None


def load(path, directory):
    """The module of the file, by its path: its name need not be one of Python's."""
    for folder in (os.path.dirname(path), directory):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    name = os.path.splitext(os.path.basename(path))[0]
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
    """What tests log goes to stderr, from the command line's level on: into report and -v."""
    level = logging.getLevelName(os.environ.get("CANRING_LOG_LEVEL", "INFO"))
    logging.basicConfig(level=level if isinstance(level, int) else logging.INFO,
                        format="%(asctime)s.%(msecs)03d %(levelname)s test [%(name)s] %(message)s",
                        datefmt="%H:%M:%S")


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
    parser.add_argument("--class", dest="classes", default="*")
    parser.add_argument("--method", dest="methods", default="*")
    parser.add_argument("--tag", action="append", default=[])
    return parser.parse_args()


def wanted_tags(options):
    wanted = {}
    for tag in options.tag:
        name, _, values = tag.partition("=")
        wanted[normal(name)] = values.split(",")
    return wanted


def order(test):
    """pykiso's fixtures of a suite come first and last."""
    return getattr(test, "fixture_order", 0)


def find(module):
    """The cases of the file itself; pykiso's base classes, imported by name, have test methods too."""
    suite = unittest.TestLoader().loadTestsFromModule(module)
    own = [test for test in flatten(suite) if not type(test).__module__.startswith("canring.")]
    return sorted(own, key=order)


def written_for_pytest(module):
    return any(name.startswith("test") and inspect.isfunction(value)
               for name, value in vars(module).items())


def run(tests, options, progress):
    result = Result(progress)
    result.failfast = options.failfast
    wanted = wanted_tags(options)
    for test in tests:
        reason = why_not(test, wanted)
        if reason:
            unittest.skip(reason)(type(test))
    unittest.TestSuite(tests).run(result)


def without_us(path):
    """The traceback of what a file raised, from its own lines on."""
    kind, error, trace = sys.exc_info()
    while trace and trace.tb_frame.f_code.co_filename != path:
        trace = trace.tb_next
    return cut("".join(traceback.format_exception(kind, error, trace)))


def load_and_find(options, progress):
    """The module and its cases, or None when that has been reported."""
    path = os.path.abspath(options.file)
    stem = os.path.splitext(os.path.basename(path))[0]
    try:
        module = load(path, os.path.abspath(options.dir))
        return module, find(module)
    except unittest.SkipTest as reason:
        what = {"outcome": "skipped", "message": str(reason), "details": None}
    except (Exception, SystemExit):  # whatever a file does while it is imported
        what = {"outcome": "error", "message": f"cannot be loaded: {first_line(sys.exc_info())}",
                "details": without_us(path)}
    progress.say("plan", cases=[], tags=[])
    if not options.collect:
        progress.say("lone", **{"class": stem, "name": stem}, **what)
    return None


def main():
    options = parse()
    progress = Progress()
    faulthandler.enable()
    faulthandler.register(signal.SIGTERM, chain=True)  # a timeout shows where the test hangs
    sys.argv = [options.file]
    use_shim()
    show_logs()
    found = load_and_find(options, progress)
    if found:
        module, tests = found
        known = sorted({name for test in tests for name in (tags_of(test) or {})})
        chosen = [test for test in tests if matches(test, options)]
        progress.say("plan", cases=[[class_of(test), method_of(test)] for test in chosen],
                     tags=known)
        if not options.collect and not tests and written_for_pytest(module):
            progress.say("lone", **{"class": module.__name__, "name": module.__name__},
                         outcome="error", details=None,
                         message="its test functions need pytest: only unittest's cases are run")
        if not options.collect:
            run(chosen, options, progress)
    progress.say("done")


if __name__ == "__main__":
    main()
