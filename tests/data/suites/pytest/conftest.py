import pytest


@pytest.fixture
def broken():
    raise OSError("no rig")


@pytest.fixture
def untidy():
    yield
    raise ValueError("left a mess")


@pytest.fixture
def aux2(aux2):
    """Laid over canring's own of that name."""
    return "mine", aux2
