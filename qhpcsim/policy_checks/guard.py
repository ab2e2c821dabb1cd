"""Calls a user's code so that neither an endless loop nor an exception of it ends the check."""

from __future__ import annotations

import ctypes
import threading
import traceback
from collections.abc import Callable
from typing import TypeVar

from qhpcsim.core.errors import shorten
from qhpcsim.policy_checks.report import Fault

T = TypeVar("T")
_PATIENCE_S = 0.5
"""How long a call may take to notice that it is to stop."""


class Stopped(BaseException):
    """Raised in the midst of a call that takes too long; no ``except Exception`` swallows it."""


def guarded(call: Callable[[], T], limit_s: float, file: str = "") -> T:
    """Return what a call gives.

    It runs in a thread of its own: a signal would stop it too, but only where the caller is the main thread.

    Args:
        call: Made once.
        limit_s: Longest wall-clock time.
        file: The user's file, so that an exception names its line.

    Raises:
        Fault: if it raises (``raises``) or does not end in time (``ends``).
    """
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(call())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name="policy-check")
    thread.start()
    thread.join(limit_s)
    if thread.is_alive() and not _stop(thread):
        raise Fault("ends", f"no answer within {limit_s:g} s, and it cannot be stopped")
    if done:
        return done[0]
    error = failed[0]
    if isinstance(error, Fault):
        raise error
    if isinstance(error, Stopped):
        raise Fault("ends", f"no answer within {limit_s:g} s{_line_of(error, file)}")
    raise Fault("raises", f"{type(error).__name__}: {shorten(error, 200)}{_line_of(error, file)}") from error


def _stop(thread: threading.Thread) -> bool:
    """Return whether a thread could be made to stop; code that swallows everything is asked several times."""
    for _ in range(5):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Stopped))
        thread.join(_PATIENCE_S)
        if not thread.is_alive():
            return True
    return False


def _line_of(error: BaseException, file: str) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if file and frame.filename == file]
    return f" (line {frames[-1].lineno}: {shorten(frames[-1].line or '', 80)})" if frames else ""
