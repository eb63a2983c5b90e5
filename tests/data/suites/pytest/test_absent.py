import pytest

pytest.importorskip("nothing_of_that_name", reason="its module is not there")


def test_never():
    pass
