import logging
import unittest
import warnings

import pytest

print("said at import")


@pytest.mark.parametrize("number,square", [(2, 4), (3, 10)], ids=["right", "wrong"])
def test_square(number, square):
    print("said by a case,", number)
    assert number * number == square


@pytest.mark.skip(reason="not today")
def test_skipped():
    assert False


@pytest.mark.xfail(reason="known")
def test_expected():
    assert False


@pytest.mark.xfail(strict=True, reason="was known")
def test_unexpected():
    pass


def test_setup(broken):
    pass


def test_teardown(untidy):
    pass


def test_raises():
    raise RuntimeError("out of order")


def test_says_so():
    pytest.fail("because")


def test_auxiliaries(aux1, aux2, proxy_aux):
    from canring.auxiliaries import aux1 as imported

    assert aux1 is imported
    assert aux2[0] == "mine" and aux2[1].name == "aux2"
    assert proxy_aux.name == "proxy_aux"


@pytest.mark.tags(branch_level=["dev"])
class TestTagged:
    def test_dev(self, capsys, caplog):
        print("captured")
        assert capsys.readouterr().out == "captured\n"
        logging.warning("to be seen")
        assert "to be seen" in caplog.text
        warnings.warn("be careful")

    @pytest.mark.tags(branch_level="nightly")
    def test_nightly(self):
        assert False

    class TestInner:
        def test_inner(self):
            pass


class TestUnit(unittest.TestCase):
    def test_unit(self):
        self.assertEqual(1, 1)
