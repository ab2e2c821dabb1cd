"""What an engine is given and what it gives back."""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qhpcsim.core.errors import QhpcsimError, shorten
from qhpcsim.core.task_records import REASON, TaskState

_ERROR_CHARS = 300


@dataclass(frozen=True, slots=True)
class Task:
    """A call for a worker to make.

    Args:
        task_id: What the result is known by.
        function: A function of a module that workers can import; it and its arguments are pickled.
        arguments: What it is called with.
        timeout_s: Longest run time; None: the engine's own.
    """

    task_id: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    timeout_s: float | None = None


@dataclass(slots=True)
class TaskResult:
    """What became of a task. Times are Unix seconds on the clock of the machine that took them, NaN if there is none.

    ``submitted_s`` is read where tasks are submitted, the other two where they run: across machines, a wait is only
    as good as their clocks agree.
    """

    task_id: str
    state: TaskState
    value: Any = None
    """What the function returned; None without success."""
    error: str = ""
    """One line; empty on success."""
    worker: str = ""
    """``host:process`` of the last attempt."""
    submitted_s: float = math.nan
    started_s: float = math.nan
    ended_s: float = math.nan
    seconds: float = math.nan
    """Time of the last attempt by a clock that never jumps."""
    attempts: int = 0

    @property
    def ok(self) -> bool:
        """Whether there is a value."""
        return self.state is TaskState.SUCCESS

    @property
    def reason(self) -> str:
        """Why there is no value: failed, timed_out, lost_worker, budget or cancelled; empty on success."""
        return REASON[self.state]


@dataclass(slots=True)
class Attempt:
    """One run of a task on one worker."""

    state: TaskState
    value: Any
    error: str
    worker: str
    started_s: float
    ended_s: float
    seconds: float


def attempt(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Attempt:
    """Make a call and return what it gave, or what it raised, with its times."""
    started_s, tick = time.time(), time.perf_counter()
    value, error, state = None, "", TaskState.SUCCESS
    try:
        value = function(*arguments)
    except (Exception, SystemExit) as raised:
        error, state = in_one_line(raised), TaskState.FAILED
    seconds = time.perf_counter() - tick
    return Attempt(state, value, error, worker_name(), started_s, started_s + seconds, seconds)


def in_one_line(error: BaseException) -> str:
    """Return an error as one line."""
    if isinstance(error, QhpcsimError):
        return shorten(f"{error.where}: {error.message}" if error.where else error.message, _ERROR_CHARS)
    return shorten(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__, _ERROR_CHARS)


def worker_name() -> str:
    """Return ``host:process`` of the running process."""
    return f"{socket.gethostname()}:{os.getpid()}"
