"""A worker process of ours: started fresh, talked to through a pipe of its own, ended at will.

Why not a pool of the standard library or loky: one dead worker breaks those pools and every task in them. Why not
pebble: its workers share one pipe and one lock, so that a worker killed at the wrong moment can take a task with it
(https://github.com/noxdafox/pebble/issues/153). Here nothing is shared: what one worker does or suffers touches no
other.
"""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from socket import socketpair

from qhpcsim.core.errors import EngineError
from qhpcsim.core.task_records import TaskState
from qhpcsim.execution.child import READY
from qhpcsim.execution.task import Attempt, in_one_line

THREAD_COUNTS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
"""Environment variables by which numerical libraries are told how many threads to use, once, when they load."""
_START = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "  # the parent decides what Ctrl-C ends
    "sys.path[:] = sys.argv[2:]; from qhpcsim.execution.child import main; main(int(sys.argv[1]))"
)
_PATIENCE_S = 2.0


class WorkerProcess:
    """A process that makes one call at a time.

    Args:
        threads: Threads of its numerical libraries.
        warm_up: What it calls before it reports as ready; None: nothing.
    """

    def __init__(self, threads: int = 1, warm_up: Callable[[], object] | None = None) -> None:
        ours, theirs = socketpair()
        environment = {**os.environ, **dict.fromkeys(THREAD_COUNTS, str(threads)), "QISKIT_PARALLEL": "FALSE"}
        with theirs:
            handle = theirs.fileno()
            command = [sys.executable, "-c", _START, str(handle), *sys.path]
            self._process = subprocess.Popen(command, env=environment, pass_fds=[handle], stdin=subprocess.DEVNULL)
        self.pipe = Connection(ours.detach())
        self.name = ""
        """``host:process``, once it is ready."""
        with suppress(OSError):  # one that is dead already is noticed by whoever waits for it
            self.pipe.send_bytes(pickle.dumps(warm_up, protocol=5))

    def greeting(self) -> None:
        """Read the first answer, which must be there, and take the worker's name from it.

        Raises:
            EngineError: if the warm-up failed.
            EOFError, OSError: if the process died.
        """
        word, text = self.pipe.recv()
        if word != READY:
            raise EngineError(f"a worker cannot start: {text}")
        self.name = text

    def send(self, call: bytes) -> None:
        """Send a pickled call; a dead process shows in ``receive``."""
        with suppress(OSError):
            self.pipe.send_bytes(call)

    def receive(self) -> Attempt:
        """Return the answer to the last call; waits for it.

        Raises:
            EOFError, OSError: if the process died.
        """
        return read_answer(self.pipe.recv_bytes(), self.name)

    def exit_words(self) -> str:
        """Return how a process that closed its pipe ended, such as ``signal 9``, and clean up after it."""
        self.pipe.close()
        try:
            code = self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self.exit_words()

    def dismiss(self) -> None:
        """Let an idle process end: it does when its pipe closes."""
        self.exit_words()


def call_bytes(function: Callable[..., object], arguments: tuple[object, ...]) -> bytes:
    """Return a call as a worker takes it; raises what pickle raises."""
    return pickle.dumps((function, arguments), protocol=5)


def read_answer(answer: bytes, worker: str = "") -> Attempt:
    """Return the attempt that a worker process sent."""
    try:
        done: Attempt = pickle.loads(answer)
    except Exception as error:
        words = f"its value cannot be read here: {in_one_line(error)}"
        return Attempt(TaskState.FAILED, None, words, worker, math.nan, math.nan, math.nan)
    return done
