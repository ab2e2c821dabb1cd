"""Runs the simulations of a study on an engine and records each in the ledger; what is recorded is not run again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from qhpcsim.core.errors import EngineError, QhpcsimError, StudyError
from qhpcsim.core.plugins import load_plugin
from qhpcsim.core.task_records import TaskState
from qhpcsim.execution.engine import Engine, open_engine
from qhpcsim.execution.task import Task, TaskResult, in_one_line, worker_name
from qhpcsim.scenario import Scenario
from qhpcsim.simulation import simulate
from qhpcsim.studies.figures import Figures, figures_of
from qhpcsim.studies.identity import Parts, code_version, file_hash, run_key
from qhpcsim.studies.ledger import DONE, FAILED, Entry, Ledger
from qhpcsim.studies.points import Run
from qhpcsim.studies.steady import series_figures

Progress = Callable[[int, int], None]
"""Takes the number of runs that ended and of all."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Where simulations run."""

    engine: str = "processes"
    """A name from ``qhpcsim list engines``."""
    workers: int | None = None
    """None: one for each core."""
    scheduler: str = ""
    """Dask only: an address, or ``slurm`` and the like."""
    plugins: tuple[str, ...] = ()
    """Python files that every worker imports first."""
    timeout_s: float | None = None
    """Longest run; None: no limit."""


@dataclass(slots=True)
class Ended:
    """What became of the runs of a study."""

    entries: dict[str, Entry] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    """Key of each run, in the order of the runs."""
    n_kept: int = 0
    """Runs that the ledger knew already."""
    lost: list[str] = field(default_factory=list)
    """Why runs have no result although they were tried, a line each."""


def simulate_all(
    runs: Sequence[Run],
    ledger: Ledger,
    workers: Workers,
    code: str,
    steady: bool = False,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> Ended:
    """Simulate what the ledger does not know yet.

    Args:
        runs: The simulations; started in this order.
        ledger: Takes each result when it comes.
        workers: Where they run.
        code: Version of the code, see ``code_version``.
        steady: Whether to add figures of the steady state.
        progress: Told after each run.
        engine: What ``opened`` gave, for studies that ask again and again; None: one of its own.

    Raises:
        EngineError: if no worker can start.
        StudyError: if the ledger cannot be written; what was recorded stays.
    """
    parts = Parts()
    keys = [run_key(run.scenario, parts, code, steady) for run in runs]
    known = ledger.entries()
    ended = Ended({key: known[key] for key in keys if key in known and known[key].state == DONE}, keys)
    ended.n_kept = len(ended.entries)
    wanted = {key: run for key, run in zip(keys, runs, strict=True) if key not in ended.entries}
    tasks = (Task(key, simulated, (run.scenario, steady, parts.inputs(run.scenario))) for key, run in wanted.items())
    for result in _results(tasks, len(wanted), workers, code, engine):
        if (entry := _entry(result)) is None:
            ended.lost.append(f"{result.reason}: {result.error}")
        else:
            ledger.record(entry)
            ended.entries[entry.key] = entry
        if progress is not None:
            progress(len(ended.entries) + len(ended.lost), ended.n_kept + len(wanted))
    return ended


def simulated(scenario: Scenario, steady: bool = False, inputs: Mapping[str, str] | None = None) -> Figures:
    """Return the figures of one run; runs in a worker.

    Args:
        scenario: What to simulate.
        steady: Whether to add figures of the steady state.
        inputs: Path -> SHA-256 of the files that it reads, as they are to be.

    Raises:
        StudyError: if a file is not as it is to be: changed meanwhile, or another one on this machine.
    """
    result = simulate(scenario)
    for path, digest in (inputs or {}).items():
        if file_hash(path) != digest:
            raise StudyError("is not the file that it was when the study began", where=path)
    return figures_of({**result.summary, **series_figures(result)} if steady else result.summary)


def _results(
    tasks: Iterable[Task], n_tasks: int, workers: Workers, code: str, engine: Engine | None
) -> Iterator[TaskResult]:
    """Yield what comes back; a study of no tasks starts no workers."""
    if not n_tasks:
        return
    if engine is not None:
        yield from engine.map_unordered(tasks)
        return
    with opened(workers, code, n_tasks) as own:
        yield from own.map_unordered(tasks)


def opened(workers: Workers, code: str, n_tasks: int | None = None) -> Engine:
    """Return the engine that simulations run on, with no more worker processes than tasks.

    Args:
        workers: What is wanted.
        code: What ``code_version`` gave here; workers of a cluster must have the same.
        n_tasks: Number of runs, if it is known.

    Raises:
        EngineError: if no worker can start.
    """
    n_workers = workers.workers
    if workers.engine == "processes" and n_workers is not None and n_tasks is not None:
        n_workers = min(n_workers, n_tasks)
    warm_up = partial(ready, workers.plugins, code if workers.engine == "dask" else "")
    return open_engine(workers.engine, n_workers, workers.scheduler, warm_up=warm_up, timeout_s=workers.timeout_s)


def ready(plugins: tuple[str, ...], code: str) -> None:
    """Import in a worker what every run needs.

    Raises:
        EngineError: if a plug-in cannot be loaded there, or the code there is not the one with the version ``code``.
    """
    try:
        for path in plugins:
            load_plugin(path)
        if code and code_version(plugins) != code:
            raise EngineError(f"{worker_name()} has another version of qhpcsim, its cards or a plug-in")
    except (OSError, QhpcsimError) as error:
        raise EngineError(in_one_line(error)) from error


def _entry(result: TaskResult) -> Entry | None:
    """Return the record of a run; None for one that may go better another time."""
    if result.state is TaskState.SUCCESS:
        return Entry(result.task_id, DONE, result.value, "", result.seconds, result.worker)
    if result.state is TaskState.FAILED:
        tried_s = 0.0 if math.isnan(result.seconds) else result.seconds  # NaN: it could not even be sent
        return Entry(result.task_id, FAILED, Figures((), ()), result.error, tried_s, result.worker)
    return None
