"""What is said of cases has NUL and lone surrogates."""

import os

import pytest

NAME = os.fsdecode(b"caf\xe9.log")


@pytest.mark.parametrize("name", [NAME, "a\x00b"])
def test_names(name):
    pass


def test_difference():
    assert "abc\x00" == "abc" + NAME


def test_skip():
    pytest.skip("n\x00 " + NAME)


def test_says_so():
    pytest.fail("nul \x00 " + NAME)
