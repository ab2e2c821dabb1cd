"""The default engine: worker processes on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from socket import socketpair

from qhpcsim.core.errors import EngineError
from qhpcsim.core.registry import register
from qhpcsim.execution.dispatcher import Dispatcher, Lost, Ticket, stopped, unsent
from qhpcsim.execution.engine import EngineOptions
from qhpcsim.execution.task import Attempt
from qhpcsim.execution.worker_process import WorkerProcess, call_bytes

_MOST_BAD_STARTS = 3
"""Workers in a row that may die before they are ready."""


@register("engine", "processes", summary="processes on this machine; a killed one is replaced and its task tried again")
class ProcessEngine(Dispatcher):
    """Runs tasks in processes of this machine; one that overruns its limit is killed and replaced."""

    def __init__(self, options: EngineOptions) -> None:
        super().__init__(options)
        self._bell, self._button = socketpair()
        self._button.setblocking(False)
        self._starting: list[WorkerProcess] = []
        self._idle: list[WorkerProcess] = []
        self._busy: dict[WorkerProcess, tuple[Ticket, float, float]] = {}
        """Worker -> its task, and when it began: Unix time, monotonic time."""
        self._n_bad_starts = 0

    def close(self, *, cancel: bool = False) -> None:
        """End the workers, after everything that was submitted or, with ``cancel``, at once."""
        super().close(cancel=cancel)
        self._bell.close()
        self._button.close()

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # so many rings are waiting already that one more changes nothing
            self._button.send(b"!")

    def _start_some(self) -> None:
        while self._idle and (ticket := self._next()) is not None:
            try:
                call = call_bytes(ticket.task.function, ticket.task.arguments)
            except Exception as error:
                self._take(ticket, unsent(error))
                continue
            worker = self._idle.pop()
            worker.send(call)
            self._busy[worker] = ticket, time.time(), time.monotonic()
        n_workers = len(self._busy) + len(self._idle) + len(self._starting)
        n_wanted = min(self.options.workers - n_workers, len(self._queue) - len(self._starting))
        for _ in range(n_wanted):
            self._starting.append(WorkerProcess(self.options.threads, self.options.warm_up))

    def _events(self, wait_s: float | None) -> Iterator[tuple[Ticket, Attempt | Lost]]:
        workers = {worker.pipe: worker for worker in (*self._starting, *self._idle, *self._busy)}
        for pipe in wait([self._bell, *workers], self._soonest_s(wait_s)):
            if pipe is self._bell:
                self._bell.recv(1 << 16)
                continue
            assert isinstance(pipe, Connection)
            worker = workers[pipe]
            if worker in self._busy:
                yield self._ended(worker)
            elif worker in self._starting:
                self._greet(worker)
            else:
                self._idle.remove(worker)
                worker.exit_words()
        yield from self._overdue()

    def _soonest_s(self, wait_s: float | None) -> float | None:
        """Return the shorter of ``wait_s`` and the time to the first limit of a running task."""
        now_s = time.monotonic()
        limits_s = [since_s + t.limit_s - now_s for t, _, since_s in self._busy.values() if t.limit_s is not None]
        given_s = [] if wait_s is None else [wait_s]
        return max(0.0, min([*given_s, *limits_s])) if given_s or limits_s else None

    def _greet(self, worker: WorkerProcess) -> None:
        """Take a worker that reports as ready into service; give up after several that cannot."""
        self._starting.remove(worker)
        try:
            worker.greeting()
        except (EngineError, EOFError, OSError) as error:
            words = error.message if isinstance(error, EngineError) else f"it died at once: {worker.exit_words()}"
            worker.kill()
            self._n_bad_starts += 1
            if self._n_bad_starts >= _MOST_BAD_STARTS:
                raise EngineError(words, where="engine processes") from error
            return
        self._n_bad_starts = 0
        self._idle.append(worker)

    def _ended(self, worker: WorkerProcess) -> tuple[Ticket, Attempt | Lost]:
        ticket, began_s, _ = self._busy.pop(worker)
        try:
            done = worker.receive()
        except (EOFError, OSError):
            return ticket, Lost(f"its worker died: {worker.exit_words()}", worker.name, began_s)
        self._idle.append(worker)
        return ticket, done

    def _overdue(self) -> Iterator[tuple[Ticket, Attempt]]:
        """Kill the workers whose task is over its limit."""
        now_s = time.monotonic()
        for worker, (ticket, began_s, since_s) in list(self._busy.items()):
            if ticket.limit_s is not None and now_s - since_s >= ticket.limit_s:
                del self._busy[worker]
                worker.kill()
                yield ticket, stopped(ticket, worker.name, began_s, time.monotonic() - since_s)

    def _stop(self, tickets: list[Ticket]) -> None:
        for worker, (ticket, _, _) in list(self._busy.items()):
            if ticket in tickets:
                del self._busy[worker]
                worker.kill()

    def _shut(self) -> None:
        for worker in (*self._busy, *self._starting):
            worker.kill()
        for worker in self._idle:
            worker.dismiss()
        for each in (self._busy, self._starting, self._idle):
            each.clear()
