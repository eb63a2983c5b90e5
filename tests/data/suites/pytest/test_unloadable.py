import pytest  # noqa: F401

import nothing_of_that_name  # noqa: F401


def test_never():
    pass
