"""Whatever a case raises, it has not passed, and the rest of the file is run."""

import pytest


class Mute(Exception):
    def __str__(self):
        raise OSError("no words")

    __repr__ = __str__


class Odd(BaseException):
    pass


@pytest.fixture
def untidy():
    yield
    raise Mute


def test_base():
    raise Odd("of no kind")


def test_exit():
    raise SystemExit(0)


def test_mute():
    raise Mute


def test_compared():
    assert Mute() == 1


def test_teardown(untidy):
    pass


def test_zero():
    pass
