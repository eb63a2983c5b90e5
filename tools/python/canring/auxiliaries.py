"""The auxiliaries of the running configuration, by their names: `from canring.auxiliaries import
aux1`."""

import os

from .auxiliary import CommunicationAuxiliary

_known = {}


def __getattr__(name):
    if name.startswith("_"):
        raise AttributeError(name)
    names = [known for known in os.environ.get("CANRING_AUXILIARIES", "").split(",") if known]
    if names and name not in names:
        import difflib  # for the one time that it is needed
        near = difflib.get_close_matches(name, names, 1)
        # "from … import" throws an AttributeError's words away
        raise ImportError(f"the configuration has no auxiliary '{name}', it has "
                          + ", ".join(names) + (f"; did you mean '{near[0]}'?" if near else ""))
    return _known.setdefault(name, CommunicationAuxiliary(name))
