"""The measured rows as cases with options, and their times on one or several workers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from store import Store

from qhpcsim.circuits.cutting_batches import batch_ends
from qhpcsim.core.data import data_dir
from qhpcsim.execution.cutting_outcome import PHASES
from qhpcsim.models.cutting_schedule import makespan_s

ROWS = data_dir("calibration") / "cutting" / "choice_rows.csv"
ROWS_2 = ROWS.with_name("choice_rows_w2.csv")
Rows = list[dict[str, str]]
QUIET_CORES = 0.10
NOISE_LEAST, NOISE_MOST = 0.02, 0.05
"""Bounds of what counts as a tie, relative to the least time."""


@dataclass
class Option:
    """A candidate of a case and its runs."""

    number: int
    about: dict[str, str]
    """Columns of its first row: what it is."""
    runs: list[dict[str, str]] = field(default_factory=list)
    """Rows of its finished runs with one worker."""
    least: list[dict[str, str]] = field(default_factory=list)
    """Rows with each phase as short as in any run of a round of measurements."""
    limit_s: float = math.inf
    """Where it was stopped; infinity: it was not."""
    runs_2: list[dict[str, str]] = field(default_factory=list)
    """Rows of its finished runs with two workers, undisturbed."""
    work: list[float] = field(default_factory=list)
    """What the pipeline takes for the length of each circuit, descending; empty: one task for each circuit."""
    idle_s: float = 0.0
    """What each circuit waits without computing on a quiet machine."""

    @property
    def n_cuts(self) -> int:
        """Gate cuts and wire cuts."""
        return int(self.about["n_gate_cuts"]) + int(self.about["n_wire_cuts"])

    @property
    def finished(self) -> bool:
        """Whether it was measured to the end."""
        return bool(self.runs) and self.limit_s == math.inf

    @property
    def times_s(self) -> list[float]:
        """Wall times of whole runs with one worker, ascending."""
        return sorted(float(row["wall_s"]) for row in self.runs)

    @cached_property
    def phases_s(self) -> dict[str, float]:
        """Wall time of each phase, as short as in any run."""
        rows = [*self.runs, *self.least]
        return {name: min(float(row[f"{name}_wall_s"]) for row in rows) for name in PHASES}

    @property
    def spread(self) -> float:
        """Second shortest time over the shortest, less one; 0 with one run."""
        times = self.times_s
        return times[1] / times[0] - 1.0 if len(times) > 1 else 0.0

    def time_s(self, workers: int = 1) -> float:
        """Return the time of its phases, each as short as in any run; scheduled for more workers than one.

        Infinity for a candidate that was stopped: it took longer than ``limit_s``.
        """
        if not self.finished:
            return math.inf
        if workers == 1:
            return sum(self.phases_s.values())
        known = [row for row in [*self.least, *self.runs] if row["circuits"]]
        row = min(known, key=lambda row: float(row["execute_wall_s"]))
        circuits = sorted((each + self.idle_s for each in circuits_s(row["circuits"])), reverse=True)
        ends = batch_ends(self.work, workers) if self.work else range(1, len(circuits) + 1)
        tasks = [sum(circuits[first:end]) for first, end in pairwise([0, *ends])]
        others_s = sum(each for name, each in self.phases_s.items() if name != "execute")
        return others_s + max(0.0, float(row["execute_wall_s"]) - sum(circuits)) + makespan_s(tasks, workers)


@dataclass
class MeasuredCase:
    """A circuit, its options, and which is best."""

    number: int
    family: str
    options: list[Option]
    others: float
    """Cores that other work took on average while it was measured."""

    def times_s(self, workers: int = 1) -> list[float]:
        """Return the time of each option."""
        return [option.time_s(workers) for option in self.options]

    def best_s(self, workers: int = 1) -> float:
        """Return the least time."""
        return min(self.times_s(workers))

    def decided(self, workers: int = 1) -> bool:
        """Return whether there is a choice and no stopped candidate can be the best."""
        bounds = [option.limit_s / workers for option in self.options if option.limit_s < math.inf]
        return len(self.options) > 1 and self.best_s(workers) < min(bounds, default=math.inf)

    def tie(self, chosen: int, workers: int = 1) -> float:
        """Return how far above the least time the chosen option still counts as best, as the protocol says."""
        times = self.times_s(workers)
        best = times.index(min(times))
        spread = max(self.options[chosen].spread, self.options[best].spread)
        return min(NOISE_MOST, max(NOISE_LEAST, spread))

    def regret(self, chosen: int, workers: int = 1) -> float:
        """Return time of the chosen over the least time, less one; for a stopped option the least it can be."""
        option = self.options[chosen]
        time_s = option.time_s(workers) if option.finished else option.limit_s / workers
        return time_s / self.best_s(workers) - 1.0


def on_two_workers(case: MeasuredCase) -> MeasuredCase:
    """Return a case with its wall times on two workers, as if they were those of one.

    An option that was not measured there, because it takes long, needs half its time on one worker or more.
    """
    options = []
    for option in case.options:
        least_s = min(option.time_s(), option.limit_s) / 2
        options.append(
            Option(option.number, option.about, option.runs_2, limit_s=math.inf if option.runs_2 else least_s)
        )
    return MeasuredCase(case.number, case.family, options, case.others)


def circuits_s(text: str) -> list[float]:
    """Return the times of all circuits from a row: the longest of each kind, the others at their mean; in seconds."""
    found: list[float] = []
    for word in text.split():
        number, times = word.partition("*")[2].split("=")
        total, longest = (float(part) / 1e3 for part in times.split(":"))
        n_others = int(number) - 1
        found += [longest, *[max(0.0, total - longest) / max(1, n_others)] * n_others]
    return found


def read(path: Path = ROWS, path_2: Path = ROWS_2) -> list[MeasuredCase]:
    """Return all cases by number, from the rows of one worker and those of two."""
    rows = _rows(path)
    idle_s = usual_wait_s(rows)
    options: dict[int, dict[int, Option]] = {}
    families: dict[int, str] = {}
    load: dict[int, list[float]] = {}
    for row in rows:
        case, number = int(row["case"]), int(row["option"])
        found = options.setdefault(case, {})
        if number not in found:
            found[number] = Option(number, row)
            families[case] = row["family"]
        load.setdefault(case, []).append(float(row["others"]))
        if row["status"] == "ok":
            found[number].runs.append(row)
        elif row["status"] == "least":
            found[number].least.append(row)
        else:
            found[number].limit_s = min(found[number].limit_s, float(row["cpu_s"]))
    for row in _rows(path_2):
        if row["status"] == "ok" and float(row["others"]) < QUIET_CORES and int(row["case"]) in options:
            options[int(row["case"])][int(row["option"])].runs_2.append(row)
    for option in (option for found in options.values() for option in found.values()):
        option.idle_s = idle_s
    return [
        MeasuredCase(case, families[case], [found[key] for key in sorted(found)], fmean(load[case]))
        for case, found in sorted(options.items())
    ]


def usual_wait_s(rows: Rows) -> float:
    """Return what a circuit waits on a quiet machine: lower quartile of wall less processor time; 0: none was quiet."""
    n_runs = {(row["case"], row["option"]): int(row["n_runs"]) for row in rows if row["n_runs"]}
    waits = sorted(
        (float(row["execute_wall_s"]) - float(row["execute_cpu_s"])) / n_runs[row["case"], row["option"]]
        for row in rows
        if row["status"] == "ok" and float(row["others"]) < QUIET_CORES
    )
    return max(0.0, waits[len(waits) // 4]) if waits else 0.0


def _rows(path: Path) -> Rows:
    return [row for rows in Store(path).cases.values() for row in rows]


def z_scores(cases: Iterable[MeasuredCase]) -> list[float]:
    """Return (value − exact)/stderr of every run whose exact value is known.

    Rounds of measurements have the same seeds: a value that came again counts once.
    """
    found = []
    for case in cases:
        exact = case.options[0].about["exact"]
        if exact:
            for option in case.options:
                drawn = dict.fromkeys((float(row["value"]), float(row["stderr"])) for row in option.runs)
                found += [(value - float(exact)) / stderr for value, stderr in drawn if stderr]
    return found


def error_ratios(cases: Iterable[MeasuredCase]) -> dict[int, list[float]]:
    """Return the standard error found over the one asked for of every run, by number of cuts."""
    found: dict[int, list[float]] = {}
    for option in (option for case in cases for option in case.options):
        target = float(option.about["target"])
        found.setdefault(option.n_cuts, []).extend(float(row["stderr"]) / target for row in option.runs)
    return dict(sorted(found.items()))
