"""Simulates points for a plan or a sensitivity study; what the ledger knows is not run again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qhpcsim.core.errors import QhpcsimError, StudyError
from qhpcsim.execution.task import Task, TaskResult
from qhpcsim.scenario import Scenario
from qhpcsim.studies.figures import Figures
from qhpcsim.studies.ledger import DONE, Ledger
from qhpcsim.studies.points import Run
from qhpcsim.studies.simulating import Workers, opened, simulate_all

Told = Callable[[int, int], None]
"""Takes the number of runs that ended and of all that are now asked for."""
LOST = "the run was lost"


@dataclass(slots=True)
class Sample:
    """The runs of one point."""

    rows: dict[int, Figures] = field(default_factory=dict)
    """Seed -> figures, of the runs that have a result."""
    problem: str = ""
    """Why some run has none; empty: all have."""
    lost: bool = False
    """Whether another try may still give one."""

    @property
    def impossible(self) -> bool:
        """Whether every run ended with an error: the point does not make a facility that can run its jobs."""
        return bool(self.problem) and not self.rows and not self.lost

    def values(self, figure: str) -> list[float]:
        """Return a figure under each seed, where a run has it."""
        return [float(value) for _, row in sorted(self.rows.items()) if (value := row.get(figure)) is not None]


class Runner:
    """Runs points under seeds; a context manager that keeps the workers for all that it is asked.

    Args:
        ledger: Open, of this study.
        workers: Where simulations run.
        code: Version of the code.
        progress: Told after each run.
    """

    def __init__(self, ledger: Ledger, workers: Workers, code: str, progress: Told | None = None) -> None:
        self.ledger, self.workers, self.code, self.progress = ledger, workers, code, progress
        self.n_runs = 0
        """Runs asked for, each once, whether the ledger knew them or not."""
        self.n_new = 0
        """Those that were simulated now."""
        self.lost: list[str] = []
        """Why runs were lost that another try may still give."""
        self._seen: dict[tuple[str, int], Figures | str] = {}
        self._engine = opened(workers, code)

    def __enter__(self) -> Runner:
        """Return the runner."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the workers."""
        self._engine.close(cancel=error[0] is not None)

    def sample(self, name: str, scenario: Callable[[int], Scenario], seeds: Iterable[int]) -> Sample:
        """Return the runs of one point, see ``samples``."""
        return self.samples([(name, scenario)], seeds)[0]

    def samples(self, points: Sequence[tuple[str, Callable[[int], Scenario]]], seeds: Iterable[int]) -> list[Sample]:
        """Return the runs of points under the same seeds.

        Args:
            points: What a point is called, once and for all, and its scenario under a seed.
            seeds: The same for all points.
        """
        seeds = list(seeds)
        wanted: list[tuple[tuple[str, int], Run]] = []
        for k, (name, scenario) in enumerate(points):
            for seed in seeds:
                if (name, seed) in self._seen:
                    continue
                try:
                    wanted.append(((name, seed), Run(k, seed, scenario(seed))))
                except QhpcsimError as error:
                    self._seen[name, seed] = _line(error)
        self._run(wanted)
        return [self._sample(name, seeds) for name, _ in points]

    def call(self, function: Callable[..., Any], *arguments: Any) -> TaskResult:
        """Return what a function gave in a worker, or why it gave nothing; the ledger does not keep it."""
        return next(iter(self._engine.map([Task(function.__name__, function, arguments)])))

    def _run(self, wanted: list[tuple[tuple[str, int], Run]]) -> None:
        if not wanted:
            return
        runs = [run for _, run in wanted]
        ended = simulate_all(runs, self.ledger, self.workers, self.code, False, self.progress, self._engine)
        self.n_runs += len(runs)
        self.n_new += len(set(ended.keys)) - ended.n_kept
        self.lost += ended.lost
        for (place, _), key in zip(wanted, ended.keys, strict=True):
            entry = ended.entries.get(key)
            if entry is None:
                self._seen[place] = LOST
            else:
                self._seen[place] = entry.figures if entry.state == DONE else entry.error

    def _sample(self, name: str, seeds: list[int]) -> Sample:
        sample = Sample()
        for seed in seeds:
            found = self._seen[name, seed]
            if isinstance(found, str):
                sample.problem = sample.problem or f"seed {seed}: {found}"
                sample.lost |= found == LOST
            else:
                sample.rows[seed] = found
        return sample


def study_ledger(folder: Path, study: Mapping[str, Any]) -> Ledger:
    """Return the ledger of a study in its folder.

    Raises:
        StudyError: if the folder holds files of others, is another study's or in use.
    """
    names = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    if (folder.exists() and not folder.is_dir()) or (names and not any(name.startswith("ledger.") for name in names)):
        raise StudyError("is not the folder of a study", where=str(folder), hint="choose another --out")
    return Ledger(folder, study)


def _line(error: QhpcsimError) -> str:
    return f"{error.where}: {error.message}" if error.where else error.message
