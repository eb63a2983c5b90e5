"""`from pykiso.auxiliaries import aux1`"""

from canring import auxiliaries as _auxiliaries


def __getattr__(name):
    return getattr(_auxiliaries, name)
