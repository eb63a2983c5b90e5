"""libcanring through ctypes: the structures and prototypes of canring/auxiliary.h and log.h."""

import ctypes
import ctypes.util
import os
from ctypes import (POINTER, Structure, byref, c_bool, c_char, c_char_p, c_double, c_int, c_size_t,
                    c_uint32, c_void_p)


class LibraryError(ImportError):
    """libcanring cannot be loaded, or has not what is needed."""


class CanringError(OSError):
    """A call failed: errno, and what went wrong in words."""


class Error(Structure):
    _fields_ = [("code", c_int), ("text", c_char * 512)]


class Message(Structure):
    _fields_ = [("data", c_void_p), ("size", c_size_t), ("remote_id", c_uint32)]


HANDLE = c_void_p
PROTOTYPES = {
    "canring_message_free": (None, [POINTER(Message)]),
    "canring_auxiliary_open": (c_int, [POINTER(HANDLE), c_char_p, POINTER(Error)]),
    "canring_auxiliary_close": (None, [HANDLE]),
    "canring_auxiliary_lock_it": (c_int, [HANDLE, c_double]),
    "canring_auxiliary_unlock_it": (c_int, [HANDLE]),
    "canring_auxiliary_create_instance": (c_int, [HANDLE, POINTER(Error)]),
    "canring_auxiliary_delete_instance": (c_int, [HANDLE]),
    "canring_auxiliary_is_instance": (c_int, [HANDLE]),
    "canring_auxiliary_run_command": (c_int, [HANDLE, c_char_p, c_size_t, c_char_p, c_size_t, c_bool,
                                              c_double, POINTER(Message)]),
    "canring_auxiliary_abort_command": (c_int, [HANDLE, c_bool, c_double]),
    "canring_auxiliary_wait_and_get_report": (c_int, [HANDLE, c_bool, c_double, POINTER(Message)]),
    "canring_auxiliary_stop": (c_int, [HANDLE]),
    "canring_auxiliary_suspend": (c_int, [HANDLE]),
    "canring_auxiliary_resume": (c_int, [HANDLE, POINTER(Error)]),
    "canring_auxiliary_create_copy": (c_int, [HANDLE, c_char_p, POINTER(HANDLE), POINTER(Error)]),
    "canring_auxiliary_destroy_copy": (c_int, [HANDLE, POINTER(Error)]),
    "canring_communication_send": (c_int, [HANDLE, c_char_p, c_size_t, c_bool, c_uint32,
                                           POINTER(Error)]),
    "canring_communication_receive": (c_int, [HANDLE, c_bool, c_double, POINTER(Message)]),
    "canring_communication_clear_buffer": (c_int, [HANDLE]),
    "canring_communication_collect_begin": (c_int, [HANDLE]),
    "canring_communication_collect_end": (c_int, [HANDLE]),
    "canring_log_open": (c_int, [c_char_p, POINTER(Error)]),
    "canring_log_text": (None, [c_int, c_char_p, c_char_p]),
    "canring_log_wanted": (c_bool, [c_int, c_char_p]),
}

_library = None
_functions = {}


def _load():
    global _library
    if _library is None:
        path = os.environ.get("CANRING_LIBRARY") or ctypes.util.find_library("canring")
        if not path:
            raise LibraryError("libcanring is not installed, and CANRING_LIBRARY does not name it")
        try:
            _library = ctypes.CDLL(path)
        except OSError as reason:
            raise LibraryError(f"libcanring cannot be loaded: {reason}") from None
    return _library


def function(name):
    """One of PROTOTYPES, ready to be called."""
    if name not in _functions:
        try:
            found = getattr(_load(), name)
        except AttributeError:
            raise LibraryError(f"this libcanring ({_load()._name}) has no {name}: "
                               "it is older than this package") from None
        found.restype, found.argtypes = PROTOTYPES[name]
        _functions[name] = found
    return _functions[name]


def check(result, what, error=None):
    """The result, unless it is a negative errno."""
    if result >= 0:
        return result
    words = error.text.decode(errors="replace") if error is not None and error.text else ""
    raise CanringError(-result, f"{what}: {words or os.strerror(-result)}")


def take(message):
    """The bytes of a message, and its id; the message is freed."""
    data = ctypes.string_at(message.data, message.size) if message.size else b""
    remote_id = message.remote_id
    function("canring_message_free")(byref(message))
    return data, remote_id
