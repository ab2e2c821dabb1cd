"""One interface to everything that runs tasks: ``with open_engine("processes") as engine: engine.map(tasks)``."""

from __future__ import annotations

import math
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from types import TracebackType
from typing import Any, ClassVar, Self

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.registry import lookup
from qhpcsim.execution.task import Task, TaskResult

Progress = Callable[[float], None]
"""Takes the fraction of tasks that ended."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How an engine runs tasks."""

    workers: int
    scheduler: str = ""
    """Dask only: address of a scheduler, or the batch system that dask-jobqueue is to ask for workers."""
    threads: int = 1
    """Threads of numerical libraries in each worker."""
    retries: int = 2
    """How often a task is started again after its worker died; its own failures are final."""
    timeout_s: float | None = None
    """Longest run time of a task that says none itself."""
    budget_s: float | None = None
    """Longest time from here to the last result; what does not fit ends with the reason ``budget``."""
    warm_up: Callable[[], object] | None = None
    """Called once in each worker before its first task; outside every task's time."""


class Engine(ABC):
    """Runs tasks and hands back ``TaskResult``; a task never raises, it ends with a reason.

    Use it as a context manager: leaving it waits for what was submitted, leaving it by an exception drops that.
    """

    window: ClassVar[int | None] = None
    """Most tasks that ``map`` keeps submitted; None: all."""

    def __init__(self, options: EngineOptions) -> None:
        self.options = options
        self.deadline = math.inf if options.budget_s is None else time.monotonic() + options.budget_s
        """On the clock of ``time.monotonic``."""

    @abstractmethod
    def submit(self, task: Task, submitted_s: float | None = None) -> Future[TaskResult]:
        """Return a future that will hold the result.

        Args:
            task: What to run.
            submitted_s: Unix time at which it was handed over; None: now.
        """

    @abstractmethod
    def close(self, *, cancel: bool = False) -> None:
        """End the workers, after everything that was submitted or, with ``cancel``, at once."""

    def map_unordered(self, tasks: Iterable[Task], progress: Progress | None = None) -> Iterator[TaskResult]:
        """Yield the results as they come.

        Args:
            tasks: Started in their order: put the longest first for the shortest total.
            progress: Told of the fraction done, where the number of tasks is known.
        """
        for _, result in self._stream(tasks, progress):
            yield result

    def map(self, tasks: Iterable[Task], progress: Progress | None = None) -> Iterator[TaskResult]:
        """Yield the results in the order of the tasks, each as soon as all before it are there."""
        early: dict[int, TaskResult] = {}
        following = 0
        for place, result in self._stream(tasks, progress):
            early[place] = result
            while following in early:
                yield early.pop(following)
                following += 1

    def _stream(self, tasks: Iterable[Task], progress: Progress | None) -> Iterator[tuple[int, TaskResult]]:
        n_tasks = len(tasks) if isinstance(tasks, Sized) else None
        submitted_s = time.time()
        source = enumerate(tasks)
        pending: dict[Future[TaskResult], int] = {}
        done: SimpleQueue[Future[TaskResult]] = SimpleQueue()
        n_done = 0
        try:
            while True:
                room = None if self.window is None else self.window - len(pending)
                for place, task in islice(source, room):
                    future = self.submit(task, submitted_s)
                    pending[future] = place
                    future.add_done_callback(done.put)
                if not pending:
                    return
                future = done.get()
                n_done += 1
                if progress is not None and n_tasks:
                    progress(n_done / n_tasks)
                yield pending.pop(future), future.result()
        finally:
            for future in pending:
                future.cancel()

    def __enter__(self) -> Self:
        """Return the engine."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Close the engine."""
        self.close(cancel=kind is not None)


def open_engine(name: str = "processes", workers: int | None = None, scheduler: str = "", **options: Any) -> Engine:
    """Return an engine, ready to take tasks.

    Args:
        name: A name from ``qhpcsim list engines``.
        workers: How many tasks run at once; None: one a core that this process may use.
        scheduler: Dask only, see ``EngineOptions``.
        **options: The other fields of ``EngineOptions``.

    Raises:
        UnknownNameError: if there is no such engine.
        ConfigError: for an option that makes no sense, or a scheduler where none is used.
        EngineError: if it cannot start.
    """
    target = lookup("engine", name, "engine").target
    n_workers = len(os.sched_getaffinity(0)) if workers is None else workers
    if n_workers < 1:
        raise ConfigError(f"{n_workers} workers", where="workers", allowed="1 or more")
    if scheduler and name != "dask":
        hint = "--engine dask --scheduler ADDRESS"
        raise ConfigError(f"engine {name} has no scheduler", where="scheduler", hint=hint)
    engine: Engine = target(EngineOptions(n_workers, scheduler, **options))
    return engine
