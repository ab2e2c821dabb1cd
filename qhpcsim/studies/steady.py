"""Figures of the steady state: mean waits of each run with the warm-up cut off, where the other seeds say it ends.

Each run leaves its series as batch means; what of them counts is known when all seeds of a point are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.results.result import Result
from qhpcsim.studies.figures import Figures, Number
from qhpcsim.studies.points import Run
from qhpcsim.studies.warm_up import BATCH, LEAST, cuts_of

PREFIX = "steady"
_SERIES = "steady_series"
"""Figures of a run that stand for its series until all seeds are there."""
MOST_BATCHES = 128


@dataclass(frozen=True, slots=True)
class Series:
    """A series as means of equal batches."""

    n: int
    """Values."""
    mean: float
    """Of all of them, those behind the last whole batch included; NaN of none."""
    size: int
    """Values in a batch."""
    batches: FloatArray

    def coarse(self, size: int) -> FloatArray:
        """Return means of larger batches, of a power of two of these."""
        factor = size // self.size
        whole = len(self.batches) // factor
        return np.asarray(self.batches[: whole * factor].reshape(whole, factor).mean(axis=1))

    def mean_after(self, n_batches: int, size: int) -> float:
        """Return the mean of what comes after so many batches of a size."""
        cut = n_batches * size
        if not cut:
            return self.mean
        before = float(self.coarse(size)[:n_batches].mean())
        return (self.n * self.mean - cut * before) / (self.n - cut)


def series_figures(result: Result) -> dict[str, Any]:
    """Return the waits of batch jobs and of QPU jobs, in order of submission, as batch means.

    Calls of hybrid jobs count until the first of these leaves for good: behind it, fewer and fewer share the QPU.
    """
    found: dict[str, Any] = {}
    if result.table.n:
        found["wait_s"] = _figures(result.schedule.start_s - result.table.submit_s)
    if result.qpu is not None:
        data = result.qpu.data
        counted = ~data.background & (data.submitted_s < _drains_s(result))
        order = np.argsort(data.submitted_s[counted], kind="stable")
        found["qpu_wait_s"] = _figures((data.started_s - data.submitted_s)[counted][order])
    return {_SERIES: found}


def _drains_s(result: Result) -> float:
    """Return when the first hybrid job leaves after the last one has come; infinite if there are none."""
    if result.hybrid is None or not result.hybrid.runs:
        return np.inf
    ended_s = np.array([run.ended_s for run in result.hybrid.runs], np.float64)
    last_s = np.nanmax(np.array([run.started_s for run in result.hybrid.runs], np.float64))
    return float(np.min(ended_s[ended_s >= last_s], initial=np.inf))


def _figures(wait_s: FloatArray) -> dict[str, Any]:
    values = wait_s[np.isfinite(wait_s)]
    size = BATCH
    while len(values) // size > MOST_BATCHES:
        size *= 2
    whole = len(values) // size
    means = values[: whole * size].reshape(whole, size).mean(axis=1)
    mean = float(values.mean()) if len(values) else None
    batches = {f"{k:03d}": float(each) for k, each in enumerate(means)}
    return {"n": len(values), "mean": mean, "size": size, "batches": batches}


def with_steady_figures(rows: Sequence[tuple[Run, Figures]]) -> list[tuple[Run, Figures]]:
    """Return the rows of a study with the figures of the steady state in place of the series.

    Under ``steady``: for each series the mean after the warm-up, the number of values cut, and whether nothing can be
    said of a steady state; the mean is then None at all seeds of the point.
    """
    places: dict[int, list[int]] = {}
    for k, (run, _) in enumerate(rows):
        places.setdefault(run.point, []).append(k)
    found: dict[int, Figures] = {}
    for ks in places.values():
        found |= dict(zip(ks, _of_point([rows[k][1] for k in ks]), strict=True))
    return [(run, found[k]) for k, (run, _) in enumerate(rows)]


def _of_point(rows: Sequence[Figures]) -> list[Figures]:
    """Return the figures of one point's runs, the series replaced."""
    texts = [name.split(".") for row in rows for name in row if name.startswith(f"{_SERIES}.") and name.endswith(".n")]
    more: list[dict[str, Number]] = [{} for _ in rows]
    for name in dict.fromkeys(parts[1] for parts in texts):
        for figures, row in zip(more, _steady(name, [_read(row, name) for row in rows]), strict=True):
            figures |= row
    plain = [{name: row[name] for name in row if not name.startswith(f"{_SERIES}.")} for row in rows]
    return [_figures_of({**row, **extra}) for row, extra in zip(plain, more, strict=True)]


def _figures_of(row: dict[str, Number]) -> Figures:
    return Figures(tuple(row), tuple(row.values()))


def _read(row: Figures, name: str) -> Series:
    start = f"{_SERIES}.{name}"
    batches = [row[each] for each in row if each.startswith(f"{start}.batches.")]
    mean, size = row.get(f"{start}.mean"), row.get(f"{start}.size")
    return Series(
        n=int(row.get(f"{start}.n") or 0),
        mean=np.nan if mean is None else float(mean),
        size=int(size or BATCH),
        batches=np.array(batches, np.float64),
    )


def _steady(name: str, runs: Sequence[Series]) -> list[dict[str, Number]]:
    """Return the figures of one series of each of a point's runs."""
    size = max(run.size for run in runs)
    shortest = min(runs, key=lambda run: run.n).n
    cuts, why_not = [0] * len(runs), "too few values"
    if shortest >= LEAST:
        cuts, why_not = cuts_of([run.coarse(size) for run in runs])
    return [
        {
            f"{PREFIX}.mean_{name}": None if why_not else run.mean_after(cut, size),
            f"{PREFIX}.n_cut_{name}": cut * size,
            f"{PREFIX}.refused_{name}": int(bool(why_not)),
        }
        for run, cut in zip(runs, cuts, strict=True)
    ]
