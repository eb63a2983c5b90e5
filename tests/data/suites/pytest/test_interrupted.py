import os

import pytest


def test_a_before():
    pass


def test_b_ends(request):
    if os.environ["HOW"] == "exit":
        pytest.exit("no rig")
    if os.environ["HOW"] == "interrupt":
        raise KeyboardInterrupt
    request.session.shouldstop = "that is enough"


def test_c_after():
    pass
