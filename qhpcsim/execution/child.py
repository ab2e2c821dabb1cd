"""The main loop of a worker process: takes calls from a pipe, makes them, sends back what they gave.

Imports as little as possible: it is started for every worker, before its warm-up.
"""

from __future__ import annotations

import ctypes
import pickle
import signal
from contextlib import suppress
from multiprocessing.connection import Connection

from qhpcsim.core.errors import EngineError
from qhpcsim.core.task_records import TaskState
from qhpcsim.execution.task import attempt, in_one_line, worker_name

_PR_SET_PDEATHSIG = 1
READY, BROKEN = "ready", "broken"


def main(handle: int) -> None:
    """Serve the pipe with this file descriptor until it closes.

    The first message is the pickled warm-up; the answer is (READY, worker's name) or (BROKEN, why). Then each message
    is a pickled (function, arguments), answered by a pickled ``Attempt``.
    """
    _die_with_parent()
    with Connection(handle) as pipe, suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            warm_up = pickle.loads(pipe.recv_bytes())
            if warm_up is not None:
                warm_up()
        except Exception as error:
            pipe.send((BROKEN, in_one_line(error)))
            return
        pipe.send((READY, worker_name()))
        while True:
            pipe.send_bytes(_answer(pipe.recv_bytes()))


def _answer(call: bytes) -> bytes:
    """Return the pickled attempt at a pickled call; what cannot be pickled is the task's failure."""
    try:
        function, arguments = pickle.loads(call)
    except Exception as error:
        function, arguments = _refuse, (f"the worker cannot read the task: {in_one_line(error)}",)
    done = attempt(function, arguments)
    try:
        return pickle.dumps(done, protocol=5)
    except Exception as error:
        done.state, done.value = TaskState.FAILED, None
        done.error = f"its value cannot be sent back: {in_one_line(error)}"
        return pickle.dumps(done, protocol=5)


def _refuse(message: str) -> None:
    raise EngineError(message)


def _die_with_parent() -> None:
    """Ask the kernel to end this process when the thread that started it ends, however that happens."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
