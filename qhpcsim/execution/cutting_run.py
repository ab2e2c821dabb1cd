"""Runs planned circuits on an engine, keeps what comes, and says what became of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from qhpcsim.core.errors import EngineError
from qhpcsim.execution.aer import warm_up
from qhpcsim.execution.cutting_store import Store, open_store
from qhpcsim.execution.cutting_work import Planned, Ran, tasks
from qhpcsim.execution.engine import Engine, Progress, open_engine
from qhpcsim.execution.task import TaskResult

Batching = Callable[[Sequence[Planned], int], list[tuple[Planned, ...]]]
"""Takes circuits and a number of workers; returns the circuits of each task in the order of the tasks."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Who runs the circuits."""

    engine: str | Engine = "serial"
    """A name from ``qhpcsim list engines``, or an engine that is open; that one stays open."""
    workers: int | None = None
    scheduler: str = ""

    @contextmanager
    def open(self) -> Iterator[Engine]:
        """Open the engine, if it is not, and close it after."""
        if isinstance(self.engine, Engine):
            yield self.engine
            return
        here = self.engine == "serial"
        workers = 1 if here else self.workers
        with open_engine(self.engine, workers, self.scheduler, warm_up=None if here else warm_up) as engine:
            yield engine


@dataclass(slots=True)
class Execution:
    """What the circuits of a run gave."""

    ran: dict[str, Ran] = field(default_factory=dict)
    resumed: set[str] = field(default_factory=set)
    tasks: list[TaskResult] = field(default_factory=list)


def execute(
    planned: Sequence[Planned],
    engine: Engine,
    batching: Batching,
    folder: str | Path | None = None,
    progress: Progress | None = None,
) -> Execution:
    """Return the counts of all circuits.

    Args:
        planned: The circuits.
        engine: Runs them; it starts those again whose worker died.
        batching: How they are put into tasks.
        folder: Where counts are kept as they come; what is there already is not run again. None: nowhere.
        progress: Told of the fraction of tasks that ended.

    Raises:
        EngineError: if a circuit gave nothing; the others are in the folder.
        RunFolderError: if the folder cannot be used for this run.
    """
    with open_store(Path(folder), planned) if folder is not None else nullcontext() as store:
        found = Execution()
        if store is not None:
            found.ran = store.finished(planned)
            found.resumed = set(found.ran)
        left = [each for each in planned if each.name not in found.ran]
        for result in engine.map_unordered(tasks(batching(left, engine.options.workers)), progress):
            found.tasks.append(result)
            if result.ok:
                _take(result.value, found, store)
    failed = next((result for result in found.tasks if not result.ok), None)
    if failed is not None:
        n_missing = len(planned) - len(found.ran)
        words = f"{n_missing} of {len(planned)} circuits gave nothing; first: {failed.reason}: {failed.error}"
        hint = "give a folder: finished circuits are kept there" if folder is None else "run it again to go on"
        raise EngineError(words, where="execution", hint=hint)
    return found


def _take(ran: list[Ran], found: Execution, store: Store | None) -> None:
    found.ran.update((each.name, each) for each in ran)
    if store is not None:
        store.keep(ran)
