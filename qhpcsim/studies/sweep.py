"""``sweep``: every combination of values under every seed, recorded in a ledger, as one table."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qhpcsim.core.errors import StudyError, shorten
from qhpcsim.results.csv_text import cell
from qhpcsim.results.run_folder import parquet_path
from qhpcsim.studies.figures import Figures
from qhpcsim.studies.identity import code_version, plain
from qhpcsim.studies.intervals import Mean, mean_of
from qhpcsim.studies.ledger import DONE, FAILED, Ledger
from qhpcsim.studies.points import Grid, Run, grid_of
from qhpcsim.studies.simulating import Ended, Progress, Workers, simulate_all
from qhpcsim.studies.steady import with_steady_figures

if TYPE_CHECKING:
    import pandas as pd

RESULTS = "results.csv"


@dataclass
class Sweep:
    """What a sweep found."""

    grid: Grid
    folder: Path
    rows: list[tuple[Run, Figures]]
    """Runs with a result, point by point, seed by seed."""
    failed: list[tuple[Run, str]] = field(default_factory=list)
    """Runs whose simulation raised an error, and what it said."""
    lost: list[str] = field(default_factory=list)
    """Why runs have no result that the same command may still give."""
    n_kept: int = 0
    """Runs that an earlier call had finished."""
    n_damaged: int = 0
    """Records that were found damaged and made anew."""

    @property
    def complete(self) -> bool:
        """Whether every run has a result."""
        return len(self.rows) == self.grid.n_runs

    @cached_property
    def figures(self) -> list[str]:
        """Names of all figures, in order of first appearance."""
        kinds = dict.fromkeys(figures.names for _, figures in self.rows)
        return list(dict.fromkeys(name for names in kinds for name in names))

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a run: the swept keys, ``seed``, and every figure; NaN where a run has none."""
        import pandas as pd

        columns: dict[str, list[Any]] = {
            axis.key: [self.choices(run)[axis.key] for run, _ in self.rows] for axis in self.grid.axes
        }
        columns["seed"] = [run.seed for run, _ in self.rows]
        for name in self.figures:
            values = [figures.get(name) for _, figures in self.rows]
            columns[name] = [math.nan if value is None else value for value in values]
        return pd.DataFrame(columns)

    def choices(self, run: Run) -> dict[str, str]:
        """Return the swept values of a run."""
        return self.grid.points[run.point].choices

    def series(self, figure: str, point: int) -> dict[int, float]:
        """Return seed -> value of a figure at a point, where a run has one."""
        values = ((run.seed, figures.get(figure)) for run, figures in self._at(point))
        return {seed: float(value) for seed, value in values if value is not None}

    def name(self, point: int) -> str:
        """Return a point in words: its swept keys and values."""
        return " ".join(f"{key}={value}" for key, value in self.grid.points[point].choices.items()) or "the only point"

    def _at(self, point: int) -> list[tuple[Run, Figures]]:
        return self._by_point.get(point, [])

    @cached_property
    def _by_point(self) -> dict[int, list[tuple[Run, Figures]]]:
        found: dict[int, list[tuple[Run, Figures]]] = {}
        for run, figures in self.rows:
            found.setdefault(run.point, []).append((run, figures))
        return found

    def means(self, figure: str, level: float = 0.95) -> list[Mean]:
        """Return the mean of a figure over the seeds of each point, with its confidence interval.

        Raises:
            StudyError: if no run has a figure of that name.
        """
        self.check(figure)
        values: list[list[float | int | None]] = [[] for _ in self.grid.points]
        for run, figures in self.rows:
            values[run.point].append(figures.get(figure))
        return [mean_of(each, level) for each in values]

    def check(self, figure: str) -> None:
        """Raise ``StudyError`` if no run has a figure of that name."""
        if figure not in self.figures:
            from qhpcsim.core.errors import nearest

            raise StudyError(
                f"no figure {shorten(figure)!r}",
                where="--metric",
                suggestion=nearest(figure, self.figures),
                hint=f"the columns of {self.folder / RESULTS}",
            )


def sweep(
    scenario: str,
    overrides: Sequence[str] = (),
    seeds: int | None = None,
    out: str | Path | None = None,
    workers: Workers | None = None,
    steady: bool = False,
    progress: Progress | None = None,
) -> Sweep:
    """Simulate every combination of the values of ``overrides`` under every seed.

    The folder has ``ledger.sqlite``, in which each run is recorded once when it ends, and ``results.csv``, the same
    bytes for any engine, number of workers and history. Called again after it was killed, or with more seeds, it goes
    on where it stopped.

    Args:
        scenario: A name or a path, as ``qhpcsim.load`` takes it.
        overrides: ``key=value``; ``key=a,b,c`` and ``key=range(1,9)`` are axes.
        seeds: Seeds from the scenario's own on, the same for every point: common random numbers. None: 1.
        out: Folder; None: ``runs/NAME-sweep``.
        workers: Where the runs are simulated; None: processes on all cores.
        steady: Add figures of the steady state: mean waits with the warm-up cut off.
        progress: Told of the runs that ended and of all.

    Raises:
        ConfigError: for a point that is no valid scenario, before anything is simulated.
        StudyError: if the folder is another study's or in use, or cannot be written.
        EngineError: if no worker can start.
    """
    workers = workers or Workers()
    grid = grid_of(scenario, overrides, seeds)
    folder = Path(out) if out is not None else Path("runs") / f"{grid.points[0].scenario.name}-sweep"
    code = code_version(workers.plugins)
    runs = grid.runs()
    with open_ledger(folder, grid, scenario, overrides, code, steady) as ledger:
        ended = simulate_all(runs, ledger, workers, code, steady, progress)
        found = _found(grid, folder, runs, ended, ledger.n_damaged)
        if steady:
            found.rows = with_steady_figures(found.rows)
        write_results(found, folder / RESULTS)
    return found


def open_ledger(folder: Path, grid: Grid, scenario: str, overrides: Sequence[str], code: str, steady: bool) -> Ledger:
    """Return the ledger of a sweep.

    Raises:
        StudyError: if the folder holds files of others, is another study's or in use.
    """
    if folder.exists() and not folder.is_dir():
        raise StudyError("is not a folder", where=str(folder), hint="choose another --out")
    names = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    if names and not any(name.startswith("ledger.") for name in names):
        raise StudyError(
            "the folder holds files that are not a study's", where=str(folder), hint="choose another --out"
        )
    study = {
        "scenario": str(scenario),
        "overrides": list(overrides),
        "code": code,
        "steady": steady,
        "base": plain(grid.points[0].scenario),
    }
    return Ledger(folder, study)


def _found(grid: Grid, folder: Path, runs: Sequence[Run], ended: Ended, n_damaged: int) -> Sweep:
    found = Sweep(grid, folder, [], lost=ended.lost, n_kept=ended.n_kept, n_damaged=n_damaged)
    for run, key in zip(runs, ended.keys, strict=True):
        entry = ended.entries.get(key)
        if entry is not None and entry.state == DONE:
            found.rows.append((run, entry.figures))
        elif entry is not None and entry.state == FAILED:
            found.failed.append((run, entry.error))
    return found


def write_results(found: Sweep, path: Path) -> None:
    """Write ``results.csv``: swept keys, seed and figures, point by point, seed by seed; it appears whole or not.

    Raises:
        StudyError: if it cannot be written, as on a full disk.
    """
    scratch = path.with_suffix(".csv.part")
    try:
        with scratch.open("w", encoding="utf-8", newline="") as file:
            file.writelines(_lines(found))
            file.flush()
            os.fsync(file.fileno())
        parquet_path(path).unlink(missing_ok=True)  # of an earlier table
        scratch.replace(path)
    except OSError as error:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        failure = StudyError(
            f"cannot be written: {error.strerror}",
            where=str(path),
            hint="every run is recorded: free some space and give the same command again",
        )
        failure.exit_code = 1
        raise failure from error


def _lines(found: Sweep) -> Iterator[str]:
    keys, names = [axis.key for axis in found.grid.axes], tuple(found.figures)
    yield ",".join(cell(name) for name in (*keys, "seed", *names)) + "\n"
    for run, figures in found.rows:
        choices = found.choices(run)
        values = figures.values_ if figures.names == names else map(figures.get, names)
        texts = ["" if value is None else repr(value) for value in values]
        yield ",".join([*(cell(choices[key]) for key in keys), str(run.seed), *texts]) + "\n"
