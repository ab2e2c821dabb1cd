"""What runs inside a Dask worker: it hands each call to a worker process of ours and watches over it.

The call does not run in the Dask worker itself: Aer keeps Python's lock for as long as a circuit runs, so the worker
would miss its heartbeats, be taken for dead after five minutes, and could not be told to stop.
"""

from __future__ import annotations

import pickle
import threading
import time
from dataclasses import dataclass

from qhpcsim.core.errors import EngineError
from qhpcsim.execution.worker_process import WorkerProcess


@dataclass(frozen=True, slots=True)
class Call:
    """A call on its way to a Dask worker."""

    content: bytes
    """Pickled function and arguments."""
    limit_s: float | None
    """Run time after which it is stopped."""
    from_arrival: bool
    """Whether that time includes the start of a process, as for a budget."""


@dataclass(frozen=True, slots=True)
class Household:
    """Whose processes they are and how they are started."""

    token: str
    """The engine's; also the topic under which starts are reported."""
    threads: int
    warm_up: bytes
    """Pickled callable or None."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a call: an answer, or one of the other three."""

    answer: bytes = b""
    """Pickled ``Attempt``."""
    broken: str = ""
    """Why no process could start."""
    died: str = ""
    """How the process ended."""
    stopped_after_s: float | None = None
    worker: str = ""
    began_s: float = 0.0


_processes: dict[tuple[str, int], WorkerProcess] = {}
"""(engine, thread of the Dask worker) -> its process, kept for the next call."""


def run_here(call: Call, household: Household, key: str) -> Reply:
    """Make a call in this thread's process and return what became of it; runs in a thread of a Dask worker."""
    arrived_s = time.monotonic()
    place = household.token, threading.get_ident()
    try:
        process = _processes.get(place) or _started(place, household)
    except EngineError as error:
        return Reply(broken=error.message)
    spent_s = time.monotonic() - arrived_s if call.from_arrival else 0.0
    limit_s = None if call.limit_s is None else max(0.0, call.limit_s - spent_s)
    _report(household.token, key)
    began_s, since_s = time.time(), time.monotonic()
    process.send(call.content)
    try:
        if process.pipe.poll(limit_s):
            return Reply(answer=process.pipe.recv_bytes())
    except (EOFError, OSError):
        del _processes[place]
        return Reply(died=process.exit_words(), worker=process.name, began_s=began_s)
    del _processes[place]
    process.kill()
    return Reply(stopped_after_s=time.monotonic() - since_s, worker=process.name, began_s=began_s)


def release(token: str) -> None:
    """End this Dask worker's processes of one engine."""
    for place in [place for place in _processes if place[0] == token]:
        _processes.pop(place).kill()


def _started(place: tuple[str, int], household: Household) -> WorkerProcess:
    process = WorkerProcess(household.threads, pickle.loads(household.warm_up))
    try:
        process.greeting()
    except EngineError:
        process.kill()
        raise
    except (EOFError, OSError):
        raise EngineError(f"a worker died at once: {process.exit_words()}") from None
    _processes[place] = process
    return process


def _report(token: str, key: str) -> None:
    """Tell the engine that a task starts, so that it can count how often it did."""
    from distributed import get_worker

    get_worker().log_event(token, {"key": key})
