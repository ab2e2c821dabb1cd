"""What engines with workers share: the queue, retries after a lost worker, and the budget."""

from __future__ import annotations

import logging
import math
import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from qhpcsim.core.task_records import TaskState
from qhpcsim.execution.engine import Engine, EngineOptions
from qhpcsim.execution.task import Attempt, Task, TaskResult, in_one_line

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lost:
    """Says that a worker died under a task, or that the task never reached it."""

    error: str
    worker: str = ""
    started_s: float = math.nan


@dataclass(eq=False, slots=True)
class Ticket:
    """A submitted task and how far it got."""

    task: Task
    future: Future[TaskResult]
    submitted_s: float
    attempts: int = 0
    claimed: bool = False
    """Whether its future can no longer be cancelled."""
    limit_s: float | None = None
    """Run time after which the running attempt is stopped; None: never."""
    limit_state: TaskState = TaskState.TIMED_OUT
    """What stopping it there means."""

    def settle(self, state: TaskState, error: str, lost: Lost | None = None) -> None:
        """End the task without a value."""
        result = TaskResult(self.task.task_id, state, None, error, submitted_s=self.submitted_s, attempts=self.attempts)
        if lost is not None:
            result.worker, result.started_s = lost.worker, lost.started_s
        self._hand_over(result)

    def finish(self, done: Attempt) -> None:
        """End the task with what an attempt gave."""
        self._hand_over(
            TaskResult(
                self.task.task_id, done.state, done.value, done.error, done.worker, self.submitted_s, done.started_s,
                done.ended_s, done.seconds, self.attempts,
            )
        )  # fmt: skip

    def claim(self) -> bool:
        """Return whether the task may start: False if its future was cancelled."""
        if not self.claimed:
            self.claimed = self.future.set_running_or_notify_cancel()
        return self.claimed

    def _hand_over(self, result: TaskResult) -> None:
        if self.claim() and not self.future.done():
            self.future.set_result(result)


class Dispatcher(Engine):
    """An engine whose thread hands queued tasks to workers; subclasses know the workers."""

    window = 4096  # more than there are workers; a task that waits here takes some kB

    def __init__(self, options: EngineOptions) -> None:
        super().__init__(options)
        self._inbox: SimpleQueue[Ticket] = SimpleQueue()
        self._queue: deque[Ticket] = deque()
        self._running: dict[Ticket, None] = {}
        self._closing = self._cancelling = False
        self._crash: BaseException | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name="qhpcsim-engine", daemon=True)

    def submit(self, task: Task, submitted_s: float | None = None) -> Future[TaskResult]:
        """Queue a task."""
        ticket = Ticket(task, Future(), time.time() if submitted_s is None else submitted_s)
        with self._lock:
            if self._crash is not None:
                raise self._crash
            if self._closing:
                raise RuntimeError("the engine is closed")
            if not self._thread.is_alive():
                self._thread.start()
            self._inbox.put(ticket)
        self._wake()
        return ticket.future

    def close(self, *, cancel: bool = False) -> None:
        """End the workers, after everything that was submitted or, with ``cancel``, at once."""
        with self._lock:
            self._closing, self._cancelling = True, self._cancelling or cancel
            idle = not self._thread.is_alive()
        if idle:
            self._shut()
            return
        self._wake()
        self._thread.join()

    # What subclasses do; all but _wake run in the dispatcher's thread.

    @abstractmethod
    def _start_some(self) -> None:
        """Hand queued tasks to free workers, by ``_next``."""

    @abstractmethod
    def _events(self, wait_s: float | None) -> Iterable[tuple[Ticket, Attempt | Lost]]:
        """Return what ended; wait for it, or for ``_wake``, at most ``wait_s`` (None: for ever)."""

    @abstractmethod
    def _wake(self) -> None:
        """Make a waiting ``_events`` return."""

    @abstractmethod
    def _stop(self, tickets: list[Ticket]) -> None:
        """Stop running tasks; nothing more is heard of them."""

    @abstractmethod
    def _shut(self) -> None:
        """End all workers; called once or more, after the last task."""

    def _next(self) -> Ticket | None:
        """Return the task to start now, with its limits set and counted as running; None: there is none."""
        while self._queue:
            ticket = self._queue.popleft()
            if not ticket.claim():
                continue
            task, left_s = ticket.task, self.deadline - time.monotonic()
            ticket.limit_s = self.options.timeout_s if task.timeout_s is None else task.timeout_s
            ticket.limit_state = TaskState.TIMED_OUT
            if left_s < (math.inf if ticket.limit_s is None else ticket.limit_s):
                ticket.limit_s, ticket.limit_state = left_s, TaskState.BUDGET
            ticket.attempts += 1
            self._running[ticket] = None
            return ticket
        return None

    def _serve(self) -> None:
        try:
            while True:
                self._take_in()
                if self._cancelling:
                    self._cancel_all()
                self._spend()
                self._start_some()
                if self._closing and not self._queue and not self._running and self._inbox.empty():
                    break
                for ticket, end in self._events(self._patience_s()):
                    self._take(ticket, end)
        except BaseException as error:
            self._fail_all(error)
        finally:
            self._shut()

    def _take_in(self) -> None:
        while True:
            try:
                self._queue.append(self._inbox.get_nowait())
            except Empty:
                return

    def _spend(self) -> None:
        """End what has not started when the budget is spent; running tasks carry it in their limits."""
        if time.monotonic() < self.deadline:
            return
        while self._queue:
            ticket = self._queue.popleft()
            again = f" again after {ticket.attempts} lost workers" if ticket.attempts else ""
            ticket.settle(TaskState.BUDGET, f"never started{again}: the budget was spent")

    def _patience_s(self) -> float | None:
        """Return how long to wait before the budget ends queued tasks."""
        return max(0.0, self.deadline - time.monotonic()) if self._queue and math.isfinite(self.deadline) else None

    def _take(self, ticket: Ticket, end: Attempt | Lost) -> None:
        if ticket not in self._running:
            return
        del self._running[ticket]
        if isinstance(end, Attempt):
            ticket.finish(end)
        elif ticket.attempts <= self.options.retries:
            log.info("task %s lost its worker: %s; it starts again", ticket.task.task_id, end.error)
            self._queue.appendleft(ticket)
        else:
            ticket.settle(TaskState.LOST_WORKER, f"{end.error}; started {ticket.attempts} times", end)

    def _cancel_all(self) -> None:
        running = list(self._running)
        self._running.clear()
        self._stop(running)
        for ticket in (*running, *self._queue):
            ticket.settle(TaskState.CANCELLED, "cancelled")
        self._queue.clear()

    def _fail_all(self, error: BaseException) -> None:
        """Hand an engine's own failure to everyone who waits, so that nobody waits for ever."""
        with self._lock:
            self._crash = error
        log.debug("the engine failed: %s", in_one_line(error))
        self._take_in()
        for ticket in (*self._running, *self._queue):
            if ticket.claim() and not ticket.future.done():
                ticket.future.set_exception(error)
        self._running.clear()
        self._queue.clear()


def stopped(ticket: Ticket, worker: str, began_s: float, seconds: float) -> Attempt:
    """Return the attempt of a task that was stopped at its limit."""
    why = "its time limit" if ticket.limit_state is TaskState.TIMED_OUT else "the end of the budget"
    words = f"stopped after {seconds:.3g} s, at {why}"
    return Attempt(ticket.limit_state, None, words, worker, began_s, began_s + seconds, seconds)


def unsent(error: BaseException) -> Attempt:
    """Return the failed attempt of a task that could not be handed to a worker."""
    words = f"the task cannot be sent to a worker: {in_one_line(error)}"
    return Attempt(TaskState.FAILED, None, words, "", math.nan, math.nan, math.nan)
