"""What the runner says to `canring test`, and what unittest's and pytest's cases have in common.

On the socket go JSON lines (src/proxy/suite_progress.h). Nothing here looks at what tests print.
"""

import json
import os
import stat
import sys
import threading

from ._text import fit, words_of

TEXT_MAX = 64 * 1024
RANK = [None, "passed", "skipped", "failed", "error"]  # of several outcomes the last one counts
ANSWERED = ("start", "end", "lone")


class Progress:
    """The way to canring. Nobody else may write to it: neither the tests nor their children."""

    def __init__(self):
        number = int(os.environ.pop("CANRING_PROGRESS_FD", "2"))
        self.fd = os.dup(number)  # not inheritable
        self.answers = stat.S_ISSOCK(os.fstat(self.fd).st_mode)
        self.pid = os.getpid()
        self.planned = False
        self.lock = threading.Lock()  # assertions in a test's threads tell steps
        if number > 2:
            os.close(number)

    def say(self, event, **what):
        if event in ANSWERED:
            flush()
        if os.getpid() != self.pid:
            os._exit(1)  # a child of a test, out of the test by what it raised: it runs no others
        line = (json.dumps(sayable(dict(event=event, **what))) + "\n").encode()
        with self.lock:
            while line:
                line = line[os.write(self.fd, line):]
        if self.answers and event in ANSWERED:
            os.read(self.fd, 1)  # what was written until now has been read, and so belongs here

    def plan(self, cases, tags):
        """`cases`: (class, name) of each that is going to run."""
        self.planned = True
        for part in in_parts(cases):
            self.say("plan", cases=part, tags=sorted(tags))
            tags = ()

    def start(self, owner, name):
        self.say("start", **{"class": owner, "name": name})

    def end(self, outcome, message, details):
        self.say("end", outcome=outcome, message=message, details=details or None)

    def lone(self, owner, name, outcome, message, details=None):
        """A result without a start: of a fixture, or of the file."""
        self.say("lone", **{"class": owner, "name": name, "outcome": outcome, "message": message,
                            "details": details or None})


def in_parts(cases):
    """Lists of them whose lines are no longer than canring reads; one at least."""
    part, size = [], 0
    for case in cases:
        if size > TEXT_MAX:
            yield part
            part, size = [], 0
        part.append(list(case))
        size += sum(min(len(text), TEXT_MAX) for text in case)
    yield part


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass  # a test closed or replaced it


def sayable(value):
    if isinstance(value, str):
        return fit(cut(value))
    if isinstance(value, list):
        return [sayable(item) for item in value]
    return {key: sayable(item) for key, item in value.items()} if isinstance(value, dict) else value


def cut(text):
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX // 2] + "\n…\n" + text[-TEXT_MAX // 2:]


def first_line(error):
    """Of (type, value, …): one line that tells both."""
    words = words_of(error[1]).strip().splitlines()
    return cut(f"{error[0].__name__}: {words[0]}" if words else error[0].__name__)


def stem_of(path):
    return os.path.splitext(os.path.basename(path))[0]


def make_importable(path, directory):
    """What lies beside the test file, and in the suite's folder."""
    for folder in (os.path.dirname(path), directory):
        if folder not in sys.path:
            sys.path.insert(0, folder)


# ---- tags ---------------------------------------------------------------------------------------

def normal(name):
    """--branch-level, branch_level and branchlevel are one name."""
    return name.replace("-", "").replace("_", "")


def normal_tags(tags):
    """None: a case without tags."""
    if not isinstance(tags, dict):
        return None
    return {normal(name): [values] if isinstance(values, str) else values
            for name, values in tags.items()}


def wanted_tags(options):
    wanted = {}
    for tag in options.tag:
        name, _, values = tag.partition("=")
        wanted[normal(name)] = values.split(",")
    return wanted


def why_not(tags, wanted):
    """pykiso's rule: a case without tags runs; one with tags needs all that are wanted."""
    if tags is None:
        return None
    for name, values in wanted.items():
        if name not in tags:
            return f"it has no tag '{name}'"
        if not any(value in tags[name] for value in values):
            return f"its tag '{name}' is {tags[name]}, asked for is {', '.join(values)}"
    return None
