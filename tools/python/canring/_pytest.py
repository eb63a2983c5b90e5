"""Runs the tests of one file with pytest for `canring test`, as canring_runner.py runs unittest's.

A plugin: it tells the cases, chooses among them, and makes a fixture of each auxiliary. Collecting,
fixtures, marks and conftest.py are pytest's own.
"""

import ast
import fnmatch
import inspect
import os
import re
import sys
import types
import warnings

from . import auxiliaries
from ._progress import (RANK, first_line, make_importable, normal_tags, stem_of, wanted_tags,
                        why_not)
from .testing import StepReport

NEEDED = ("it needs pytest, which {python} has not: install it (Debian: python3-pytest, "
          "or: {python} -m pip install pytest)")


# ---- which files are pytest's -------------------------------------------------------------------

def _imports_pytest(node):
    if isinstance(node, ast.Import):
        return any(name.name.partition(".")[0] == "pytest" for name in node.names)
    return isinstance(node, ast.ImportFrom) and node.level == 0 and \
        (node.module or "").partition(".")[0] == "pytest"


def _is_test_function(node):
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test")


def _is_test_class(node):
    """One that unittest would not look at: it has no base."""
    return isinstance(node, ast.ClassDef) and node.name.startswith("Test") and not node.bases and \
        any(_is_test_function(item) for item in node.body)


def is_for(path):
    """Whether the file imports pytest, or has test functions or plain test classes. It is read, not
    imported: pytest has to do that itself."""
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read(), path)
    except (OSError, SyntaxError, ValueError):
        return False  # loading it says what is wrong
    return any(_imports_pytest(node) or _is_test_function(node) or _is_test_class(node)
               for node in tree.body)


# ---- the plugin ---------------------------------------------------------------------------------

def _reason(report):
    """Of a skip: pytest keeps (file, line, "Skipped: why")."""
    words = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return words[len("Skipped: "):] if words.startswith("Skipped: ") else words


def _raised(trace):
    """The line of pytest's traceback that names the exception."""
    marked = [line[1:].strip() for line in trace.splitlines() if line.startswith("E ")]
    named = [line for line in marked if re.match(r"[A-Za-z_][\w.]*(:|$)", line)]
    return (named or marked or trace.strip().splitlines() or ["?"])[-1]


def _verdict(report, failures):
    """Outcome and message of one phase of a case."""
    expected = getattr(report, "wasxfail", None)
    error = getattr(report, "canring_error", None)
    if expected is not None and not report.failed:
        return ("skipped", f"expected failure: {expected}") if report.skipped else ("passed", None)
    if report.skipped:
        return "skipped", _reason(report)
    if not report.failed:
        return "passed", None
    message = first_line(error) if error else str(report.longrepr).strip().partition("\n")[0]
    if report.when != "call":
        return "error", f"{report.when}: {message}"
    return ("failed" if not error or issubclass(error[0], failures) else "error"), message


def _plugin(pytest, options, progress, recorder):
    """The class is made here, since pytest is there only now."""
    stem, wanted = stem_of(options.file), wanted_tags(options)
    failures = (AssertionError, pytest.fail.Exception)

    def owner_of(item):
        names = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
        return ".".join(names) or stem

    def tags_of(item):
        tags = getattr(getattr(item, "cls", None), "tag", None)
        for mark in item.iter_markers("tags"):  # the nearest first
            tags = {**mark.kwargs, **(tags or {})}
        return normal_tags(tags)

    def like(name, pattern):
        return name == pattern or fnmatch.fnmatchcase(name, pattern)

    def matches(item):
        owner, names = owner_of(item), {item.name, getattr(item, "originalname", None) or item.name}
        if owner == stem and options.methods == "*" and \
                any(like(name, options.classes) for name in names):
            return True  # FILE::FUNCTION, as pytest writes it
        return like(owner, options.classes) and any(like(name, options.methods) for name in names)

    def is_own(item):
        """pykiso's base classes, imported by name, have test methods too."""
        return not getattr(getattr(item, "cls", None), "__module__", "").startswith("canring.")

    def report_of(item):
        """pykiso's, of its classes; the fixture's of all others."""
        own = getattr(getattr(item, "cls", None), "step_report", None)
        return own if isinstance(own, StepReport) else item.stash.setdefault(key, StepReport())

    key = pytest.StashKey()

    class Plugin:
        def __init__(self):
            self.known, self.current, self.internal = set(), None, None
            self.left = {}  # of the plan: node's id, and (class, name)
            self.bad, self.why = False, "pytest ended before it"

        @pytest.hookimpl(trylast=True)
        def pytest_configure(self, config):
            config.addinivalue_line("markers", "tags(**values): run by canring's --TAG options")
            config.addinivalue_line("markers", "test_ids(**values): pykiso's, not looked at")
            reporter = config.pluginmanager.getplugin("terminalreporter")
            if reporter:  # others ask for it: there is one, and it is not heard
                config.pluginmanager.unregister(reporter)
                self.silence = open(os.devnull, "w")
                config.pluginmanager.register(type(reporter)(config, self.silence),
                                              "terminalreporter")

        @pytest.hookimpl(trylast=True)
        def pytest_collection_modifyitems(self, items):
            own = [item for item in items if is_own(item)]
            self.known = {name for item in own for name in (tags_of(item) or {})}
            items[:] = sorted(filter(matches, own), key=lambda item: getattr(
                getattr(item, "cls", None), "fixture_order", 0))
            for item in items:
                reason = why_not(tags_of(item), wanted)
                if reason:
                    item.add_marker(pytest.mark.skip(reason=reason))

        def pytest_collection_finish(self, session):
            self.left = {item.nodeid: (owner_of(item), item.name) for item in session.items}
            progress.plan([(owner_of(item), item.name) for item in session.items], self.known)

        def pytest_collectreport(self, report):
            if options.collect or report.passed:
                return
            name = report.nodeid.rpartition("::")[2] if "::" in report.nodeid else stem
            if report.skipped:
                progress.lone(stem, name, "skipped", _reason(report))
                return
            progress.lone(stem, name, "error", f"cannot be loaded: {_raised(report.longreprtext)}",
                          report.longreprtext)

        @pytest.fixture
        def step_report(self, request):
            """For --step-report: header, message, current_table, step()."""
            return report_of(request.node)

        def pytest_assertion_pass(self, item, lineno, orig, expl):
            if recorder:
                recorder.step(None, True, expression=orig, found=expl)

        def pytest_runtestloop(self, session):
            return True if options.collect else None

        @pytest.hookimpl(hookwrapper=True, tryfirst=True)
        def pytest_runtest_protocol(self, item):
            self.current = {"outcome": "passed", "message": None, "details": [], "ended": False}
            self.left.pop(item.nodeid, None)
            progress.start(owner_of(item), item.name)
            if recorder:
                recorder.begin(report_of(item), inspect.getdoc(getattr(item, "obj", None)))
            outcome = yield
            if recorder:
                recorder.end()
            if not self.current["ended"]:
                error = outcome.excinfo
                self.note("error", "it was interrupted" + (f": {first_line(error)}" if error else ""))
            self.bad |= self.current["outcome"] in ("failed", "error")
            progress.end(self.current["outcome"], self.current["message"],
                         "\n".join(self.current["details"]))
            self.current = None

        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_makereport(self, item, call):
            report = (yield).get_result()
            if call.excinfo:
                report.canring_error = (call.excinfo.type, call.excinfo.value)
                if recorder and report.failed:
                    self.failed_step(call.excinfo)

        def failed_step(self, excinfo):
            """A plain assert; unittest's own are steps already."""
            entry = excinfo.traceback[-1]
            if excinfo.errisinstance(AssertionError) and "unittest" not in entry.frame.f_globals.get(
                    "__name__", ""):
                recorder.step(None, False, expression=str(entry.statement).strip(),
                              found=first_line((excinfo.type, excinfo.value)))

        def pytest_runtest_logreport(self, report):
            if report.when == "teardown":
                self.current["ended"] = True
            outcome, message = _verdict(report, failures)
            self.note(outcome, message, report.longreprtext if report.failed else "")

        def note(self, outcome, message, details=""):
            if RANK.index(outcome) > RANK.index(self.current["outcome"]):
                self.current.update(outcome=outcome, message=message)
            if details:
                self.current["details"].append(details)

        def pytest_warning_recorded(self, warning_message):
            warning = warning_message
            sys.stderr.write(warnings.formatwarning(warning.message, warning.category,
                                                    warning.filename, warning.lineno))

        def pytest_internalerror(self, excrepr):
            self.internal = str(excrepr)

        def pytest_keyboard_interrupt(self, excinfo):
            """And pytest.exit, and session.shouldstop."""
            self.why = first_line((excinfo.type, excinfo.value))

        def tell_left(self):
            if options.failfast and self.bad:
                return  # canring tells it
            for owner, name in self.left.values():
                progress.lone(owner, name, "error", f"not run: {self.why}")

    return Plugin()


def _fixtures(pytest):
    """Each auxiliary and proxy of the configuration, by its name; a test may override them."""
    def make(name):
        @pytest.fixture(name=name, scope="session")
        def auxiliary():
            return getattr(auxiliaries, name)
        return auxiliary

    plugin = types.ModuleType("canring_auxiliaries")
    for name in os.environ.get("CANRING_AUXILIARIES", "").split(","):
        if name.isidentifier() and not name.startswith("_"):
            setattr(plugin, "fixture_of_" + name, make(name))
    return plugin


def _arguments(options):
    """addopts and $PYTEST_ADDOPTS are for a terminal; the ini file's other settings hold."""
    os.environ.pop("PYTEST_ADDOPTS", None)
    words = [os.path.abspath(options.file), "--override-ini=addopts=", "--capture=no",
             "--continue-on-collection-errors", "-pno:cacheprovider", "-pno:faulthandler"]
    if options.steps:
        words.append("--override-ini=enable_assertion_pass_hook=true")
    return words + ["--exitfirst"] * options.failfast


def run(options, progress, recorder):
    """The whole file, from its plan on."""
    path, stem = os.path.abspath(options.file), stem_of(options.file)
    make_importable(path, os.path.abspath(options.dir))
    try:
        import pytest
    except ImportError:
        progress.plan([], [])
        if not options.collect:
            progress.lone(stem, stem, "error", NEEDED.format(python=sys.executable))
        return
    if recorder:  # what pytest has compiled before knows no steps
        sys.pycache_prefix, sys.dont_write_bytecode = os.path.join(os.devnull, "none"), True
    plugin = _plugin(pytest, options, progress, recorder)
    status = int(pytest.main(_arguments(options), plugins=[plugin, _fixtures(pytest)]))
    broken = plugin.internal is not None or not progress.planned
    if not progress.planned:
        progress.plan([], [])
    if options.collect:
        return
    if broken:
        progress.lone(stem, stem, "error", f"pytest could not go on, its status is {status}: see "
                      "what it wrote", plugin.internal)
    plugin.tell_left()
