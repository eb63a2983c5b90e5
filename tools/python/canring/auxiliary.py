"""Handles of auxiliaries. See canring/auxiliary.h for what each call promises."""

import contextlib
import errno
import json
import math
import operator
from ctypes import byref

from ._native import CanringError, Error, HANDLE, Message, check, function, take


class AuxiliaryCreationError(Exception):
    """An auxiliary's instance could not be made."""

    def __init__(self, name, reason=""):
        super().__init__(f"Auxiliary {name} failed at instance creation"
                         + (f": {reason}" if reason else ""))
        self.name = name


def _seconds(timeout):
    """None waits for ever, as Python has it; negative does for libcanring."""
    seconds = -1.0 if timeout is None else float(timeout)
    if math.isnan(seconds):
        raise ValueError("timeout_in_s: found nan, allowed: seconds, or None for ever")
    return seconds


def _raw(value):
    """Not all that bytes() takes: of a number it makes as many zeros."""
    if isinstance(value, str) or hasattr(value, "__index__") or value is None:
        raise TypeError(f"raw_msg: found {type(value).__name__}, allowed: bytes, or alike")
    return bytes(value)


def _id(value, what):
    """The library checks it, but takes no more than 32 bits."""
    if value is None:
        return 0
    if not hasattr(value, "__index__"):
        raise TypeError(f"remote_id: found {type(value).__name__}, allowed: an integer, or None")
    number = operator.index(value)
    if 0 <= number < 1 << 32:
        return number
    found = f"{number} is negative" if number < 0 else f"0x{number:X} is too large"
    raise CanringError(errno.ERANGE, f"{what}: remote_id {found}: at most 0x7FF, or 0x1FFFFFFF "
                       "with is_extended_id")


def _bytes(value):
    return b"" if value is None else value.encode() if isinstance(value, str) else bytes(value)


class Auxiliary:
    """An auxiliary's process, by its name. Nothing is opened until the first call."""

    def __init__(self, name, handle=None):
        self.name = name
        self._opened = handle

    def __repr__(self):
        return f"{type(self).__name__}({self.name!r})"

    def __del__(self):
        with contextlib.suppress(Exception):  # at the interpreter's end anything may be gone
            self.close()

    @property
    def _handle(self):
        if self._opened is None:
            handle, error = HANDLE(), Error()
            check(function("canring_auxiliary_open")(byref(handle), self.name.encode(),
                                                     byref(error)),
                  f"auxiliary {self.name}", error)
            self._opened = handle
        return self._opened

    def _call(self, name, *arguments):
        return function("canring_" + name)(self._handle, *arguments)

    def _check(self, name, *arguments):
        return check(self._call(name, *arguments), f"{self.name}: {name}")

    def _make(self, name, *arguments):
        error = Error()
        result = self._call(name, *arguments, byref(error))
        if result < 0:
            reason = error.text.decode(errors="replace")
            raise AuxiliaryCreationError(self.name, reason or str(CanringError(-result, name)))
        return result

    def close(self):
        """Give up the handle; the auxiliary goes on."""
        handle, self._opened = self._opened, None
        if handle is not None:
            function("canring_auxiliary_close")(handle)

    def lock_it(self, timeout_in_s=-1):
        return self._check("auxiliary_lock_it", _seconds(timeout_in_s)) > 0

    def unlock_it(self):
        self._check("auxiliary_unlock_it")

    @property
    def is_instance(self):
        return self._call("auxiliary_is_instance") > 0

    def create_instance(self):
        self._make("auxiliary_create_instance")
        return True

    def delete_instance(self):
        """The is-instance flag: False when all went well."""
        return self._check("auxiliary_delete_instance") > 0

    def run_command(self, cmd_message, cmd_data=None, blocking=True, timeout_in_s=0):
        """The reply, or False."""
        message, data, reply = _bytes(cmd_message), _bytes(cmd_data), Message()
        got = self._check("auxiliary_run_command", message, len(message), data, len(data), blocking,
                          _seconds(timeout_in_s), byref(reply))
        return take(reply)[0] if got else False

    def abort_command(self, blocking=True, timeout_in_s=25):
        return self._check("auxiliary_abort_command", blocking, _seconds(timeout_in_s)) > 0

    def wait_and_get_report(self, blocking=False, timeout_in_s=0):
        """The next report, or None."""
        report = Message()
        got = self._check("auxiliary_wait_and_get_report", blocking, _seconds(timeout_in_s),
                          byref(report))
        return take(report)[0] if got else None

    def stop(self):
        self._check("auxiliary_stop")

    def suspend(self):
        self._check("auxiliary_suspend")

    def resume(self):
        self._make("auxiliary_resume")

    def create_copy(self, **config):
        """Suspend this one and return a copy that runs with `config` laid over its own."""
        copy = HANDLE()
        self._make("auxiliary_create_copy", json.dumps(config).encode(), byref(copy))
        return type(self)(f"{self.name} (copy)", copy)

    def destroy_copy(self):
        """Called on the copy: end it and resume the original."""
        error, handle = Error(), self._handle
        result = function("canring_auxiliary_destroy_copy")(handle, byref(error))
        self._opened = None  # it ended with the copy
        check(result, f"{self.name}: destroy_copy", error)


class CommunicationAuxiliary(Auxiliary):
    """Sends and receives messages on its channel."""

    def send_message(self, raw_msg, remote_id=None):
        """True when the bus took it."""
        what, data, error = f"{self.name}: send_message", _raw(raw_msg), Error()
        result = self._call("communication_send", data, len(data), remote_id is not None,
                            _id(remote_id, what), byref(error))
        if result == -errno.EAGAIN:
            return False
        return check(result, what, error) > 0

    def receive_message(self, blocking=True, timeout_in_s=None):
        """The next message, as (bytes, id) when it has an id; None when there is none in time.

        Without a time, and with a negative one, it waits for ever."""
        message = Message()
        if not self._check("communication_receive", blocking, _seconds(timeout_in_s),
                           byref(message)):
            return None
        data, remote_id = take(message)
        return (data, remote_id) if remote_id else data

    def clear_buffer(self):
        self._check("communication_clear_buffer")

    @contextlib.contextmanager
    def collect_messages(self):
        """Keep everything that is received from here on, until the end of the block."""
        self._check("communication_collect_begin")
        try:
            yield self
        finally:
            self._check("communication_collect_end")
