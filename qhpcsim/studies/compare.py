"""``compare``: points of a sweep against the first of them, seed by seed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qhpcsim.core.errors import StudyError, nearest, shorten
from qhpcsim.studies.pairs import METHODS, Difference, correct, difference, seeds_needed
from qhpcsim.studies.points import grid_of
from qhpcsim.studies.simulating import Progress, Workers
from qhpcsim.studies.steady import PREFIX
from qhpcsim.studies.sweep import Sweep, sweep

PREFERRED = (
    ("workflows.mean_time_to_solution_s", "hybrid.mean_time_to_solution_s", "mean_wait_s", "qpu.mean_wait_s"),
    ("workflows.p95_time_to_solution_s", "held_idle_frac", "p95_wait_s", "qpu.p95_wait_s"),
    ("mean_wait_s", "loop_throughput_per_s", "mean_bounded_slowdown"),
    ("qpu_utilisation", "utilisation_frac"),
)
"""Figures to show where the user names none: of each line, the first that varies between runs."""
FIRST_SEEDS, MOST_SEEDS = 10, 1000
"""Of a comparison that goes on until its intervals are narrow."""
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


@dataclass
class Comparison:
    """Differences of every point to the first one."""

    found: Sweep
    differences: list[Difference]
    level: float
    method: str
    stopped: str = ""
    """Why a sequential comparison ended; empty: it was not one."""
    left_out: list[str] = field(default_factory=list)
    """Figures that nobody asked for and that have no steady state at any point."""


def preferred(found: Sweep) -> list[str]:
    """Return the figures that tell most about a study of its kind."""
    chosen: list[str] = []
    for names in PREFERRED:
        there = [name for name in names if name in found.figures and name not in chosen and _varies(found, name)]
        chosen += there[:1]
    return chosen or found.figures[:1]


def compare(
    scenario: str,
    overrides: Sequence[str],
    seeds: int = 20,
    metrics: Sequence[str] = (),
    by: str = "",
    level: float = 0.95,
    method: str = METHODS[0],
    steady: bool = False,
    until: str = "",
    out: str | Path | None = None,
    workers: Workers | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Return how the points of a sweep differ from its first one, with intervals over common seeds.

    Args:
        scenario: A name or a path, as ``qhpcsim.load`` takes it.
        overrides: ``key=value``; at least one key has several values.
        seeds: Seeds from the scenario's own on.
        metrics: Figures; empty: those that tell most, or with ``steady`` those of the steady state.
        by: Compare by class too: ``size_class``, ``partition``, ``motif``, … as the figures ``by_…`` have them.
        level: Of the intervals.
        method: ``both``, ``t``, ``hall`` or ``bca``, see ``difference``.
        steady: Compare mean waits with the warm-up cut off (MSER-5).
        until: Go on until the interval of the first figure's difference is at most this half-width: ``2%`` of the first
            point's mean, or a number in the figure's own unit; ``seeds`` is then the first look.
        out: Folder; None: ``runs/NAME-compare``.
        workers: Where the runs are simulated.
        progress: Told of the runs that ended and of all.

    Raises:
        StudyError: if nothing is compared, or a figure does not exist.
        ConfigError: for a point that is no valid scenario.
    """
    _check(level, method, until)
    grid = grid_of(scenario, overrides, 1)
    if len(grid.points) < 2:
        raise StudyError(
            "one point has nothing to be compared with", where="compare", hint="for example policy=fcfs,easy"
        )
    folder = Path(out) if out is not None else Path("runs") / f"{grid.points[0].scenario.name}-compare"

    def look(n_seeds: int) -> Comparison:
        found = sweep(scenario, overrides, n_seeds, folder, workers, steady, progress)
        return compared(found, metrics, by, level, method, steady)

    return looked_until(look, until, max(seeds, FIRST_SEEDS)) if until else look(seeds)


def compared(
    found: Sweep,
    metrics: Sequence[str] = (),
    by: str = "",
    level: float = 0.95,
    method: str = METHODS[0],
    steady: bool = False,
) -> Comparison:
    """Return the differences of a sweep's points to the first one.

    Raises:
        StudyError: if a figure or class does not exist, or no run has a result.
    """
    if not found.rows:
        raise StudyError("no run has a result", where=str(found.folder), hint="qhpcsim sweep … says why")
    names = list(metrics)
    left_out: list[str] = []
    if not names and steady:
        names, left_out = _steady_names(found)
    names = names or preferred(found)
    for name in names:
        found.check(name)
    _check_steady(found, names)
    if by:
        names = [name for base in names for name in (base, *_by_class(found, base, by))]
    differences = []
    for name in names:
        first = found.series(name, 0)
        for k in range(1, len(found.grid.points)):
            other = found.series(name, k)
            common = [seed for seed in found.grid.seeds if seed in first and seed in other]
            pair = [[values[seed] for seed in common] for values in (first, other)]
            differences.append(difference(name, (found.name(0), found.name(k)), pair[0], pair[1], level, method))
    correct(differences)
    return Comparison(found, differences, level, method, left_out=left_out)


def looked_until(look: Callable[[int], Comparison], until: str, n_seeds: int) -> Comparison:
    """Return the first look whose leading figure's interval is narrow enough for every point."""
    while True:
        seen = look(n_seeds)
        leading = [each for each in seen.differences if each.metric == seen.differences[0].metric]
        needed = [_needed(each, _target(until, each)) for each in leading]
        if all(n is not None and n <= n_seeds for n in needed):
            seen.stopped = f"after {n_seeds} seeds: every interval of {leading[0].metric} is narrow enough"
            return seen
        if n_seeds >= MOST_SEEDS:
            seen.stopped = f"after {n_seeds} seeds, the most that are tried: the intervals are not narrow enough"
            return seen
        most = max(MOST_SEEDS if n is None else n for n in needed)
        n_seeds = min(MOST_SEEDS, 2 * n_seeds, max(n_seeds + 1, most))


def _needed(found: Difference, half_width: float) -> int | None:
    """Return the seeds at which a t interval would be so narrow, judged by the spread of those seen."""
    if found.n < 2:
        return None
    if found.low == found.high:
        return found.n
    half = 0.5 * (found.high - found.low)
    if half <= half_width:
        return found.n
    from qhpcsim.studies.intervals import t_quantile

    return seeds_needed(half * math.sqrt(found.n) / t_quantile(found.level, found.n - 1), half_width, found.level)


def _target(until: str, found: Difference) -> float:
    percent = _PERCENT.fullmatch(until.strip())
    return float(percent[1]) / 100.0 * abs(found.mean_first) if percent else float(until)


def _check(level: float, method: str, until: str) -> None:
    if not 0.5 <= level < 1.0:
        raise StudyError(f"{level}", where="--level", allowed="from 0.5 to below 1")
    if method not in METHODS:
        raise StudyError(
            f"{method!r}", where="--interval", allowed=", ".join(METHODS), suggestion=nearest(method, METHODS)
        )
    if until:
        try:
            wanted = float(_PERCENT.fullmatch(until.strip())[1]) if "%" in until else float(until)  # type: ignore[index]
        except (ValueError, TypeError):
            wanted = math.nan
        if not (math.isfinite(wanted) and wanted > 0):
            raise StudyError(f"{shorten(until)!r}", where="--until-half-width", allowed="2% or a number above 0")


def _by_class(found: Sweep, base: str, by: str) -> list[str]:
    """Return the figures of the same name by class.

    Raises:
        StudyError: if there are no such classes.
    """
    head, _, leaf = base.rpartition(".")
    start = f"{head}." if head else ""
    inside = re.compile(re.escape(f"{start}by_{by}.") + r"[^.]+\." + re.escape(leaf))
    names = [name for name in found.figures if inside.fullmatch(name)]
    if not names:
        kinds = sorted({part[3:] for name in found.figures for part in name.split(".") if part.startswith("by_")})
        raise StudyError(
            f"{base} is not known by {shorten(by)!r}",
            where="--by",
            allowed=", ".join(kinds) or "nothing in this study",
            suggestion=nearest(by, kinds),
        )
    return names


def _steady_names(found: Sweep) -> tuple[list[str], list[str]]:
    """Return the means of steady states, and those that no run has: all of them, if there is no other."""
    names = [name for name in found.figures if name.startswith(f"{PREFIX}.mean_")]
    known = [name for name in names if any(figures.get(name) is not None for _, figures in found.rows)]
    return (known, [name for name in names if name not in known]) if known else (names, [])


def _check_steady(found: Sweep, names: Sequence[str]) -> None:
    """Raise ``StudyError`` if one of these is the mean of a steady state and some point has none."""
    start = f"{PREFIX}.mean_"
    for series in (name.removeprefix(start) for name in names if name.startswith(start)):
        for k in range(len(found.grid.points)):
            if any(found.series(f"{PREFIX}.refused_{series}", k).values()):
                raise StudyError(
                    f"no steady state; {found.name(k)}: {series} has a trend over the seeds, or is too short",
                    where="--steady",
                    hint="longer runs, a lower load, or compare whole runs: leave --steady out",
                )


def _varies(found: Sweep, name: str) -> bool:
    values = {figures.get(name) for _, figures in found.rows}
    return values != {None} and (len(values) > 1 or len(found.rows) == 1)
