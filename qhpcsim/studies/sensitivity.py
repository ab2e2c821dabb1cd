"""``sensitivity``: which unknown of a scenario matters most for a figure, and so what to measure next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qhpcsim.config import load
from qhpcsim.core.errors import StudyError, nearest, shorten
from qhpcsim.core.records import FloatArray
from qhpcsim.core.rng import Rng
from qhpcsim.scenario import Scenario
from qhpcsim.studies.identity import code_version
from qhpcsim.studies.plan_cards import CardNumber, card_numbers
from qhpcsim.studies.plan_robust import Loaded, between
from qhpcsim.studies.plan_runs import Runner, Sample, Told, study_ledger
from qhpcsim.studies.sensitivity_files import write_sensitivity
from qhpcsim.studies.sensitivity_indices import Morris, Sobol, morris, morris_design, sobol, sobol_design
from qhpcsim.studies.simulating import Workers

MOST_DEVIATIONS = 2.0
"""Numbers of cards are drawn from a normal law cut there."""
_RANGE = re.compile(r"(-?[0-9.][^:,\s]*):(-?[0-9.][^:,\s]*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that is not known well: a key between two values, or a number of a card."""

    name: str
    low: str
    high: str
    number: CardNumber | None = None

    def overrides(self, scenario: Scenario, share: float) -> list[str]:
        """Return the overrides that put it at a share (0 to 1) of its law."""
        if self.number is None:
            return [f"{self.name}={between(scenario, self.name, self.low, self.high, share)}"]
        from scipy.special import ndtr, ndtri

        outside = float(ndtr(-MOST_DEVIATIONS))
        return self.number.overrides(float(ndtri(outside + share * (1.0 - 2.0 * outside))))


@dataclass
class Sensitivity:
    """What a sensitivity study found."""

    figure: str
    unknowns: list[Unknown]
    scenario: str
    fixed: list[str]
    folder: Path
    morris: Morris
    sobol: Sobol | None
    mean: float
    """Of the figure over all points."""
    deviation: float
    """Standard deviation of the figure over all points: how uncertain the unknowns make it."""
    noise_frac: float | None
    """Share of that variance that is chance, after averaging over the seeds; None: one seed, so nothing is known."""
    n_trajectories: int
    n_sobol: int
    n_points: int
    n_runs: int
    n_seeds: int
    seed: int
    """First one."""
    code: str
    """Version of the code that ran."""

    @property
    def ranked(self) -> list[int]:
        """Unknowns from the one that matters most on: by total index where there is one, else by Morris's µ*."""
        values = self.morris.mean_abs.value if self.sobol is None else self.sobol.total.value
        return [int(k) for k in np.argsort(-values, kind="stable")]

    @property
    def top_frac(self) -> float:
        """Share of bootstrap resamples that put the same unknown first."""
        return self.morris.top_frac if self.sobol is None else self.sobol.top_frac


def sensitivity(
    scenario: str,
    overrides: Sequence[str],
    figure: str,
    cards: bool = False,
    trajectories: int = 10,
    n_sobol: int = 0,
    seeds: int = 3,
    out: str | Path | None = None,
    workers: Workers | None = None,
    progress: Told | None = None,
) -> Sensitivity:
    """Return how a figure depends on what is not known well.

    Args:
        scenario: A name or a path, as ``qhpcsim.load`` takes it.
        overrides: ``key=low:high`` are unknown, any value between as likely; ``key=value`` hold for every run.
        figure: A number of ``summary.json``, by its dotted name.
        cards: Numbers of QPU cards that state an uncertainty are unknown too.
        trajectories: Of Morris's screening; it takes trajectories × (unknowns + 1) points.
        n_sobol: Base points of Sobol's indices, a power of two; they take n × (unknowns + 2) points. 0: none.
        seeds: The same for every point; the figure is their mean.
        out: Folder; None: ``runs/NAME-sensitivity``.
        workers: Where the runs are simulated.
        progress: Told of the runs that ended and of all that are now asked for.

    Raises:
        ConfigError: for a value that a key cannot take.
        StudyError: if nothing is unknown, a run fails, or the figure does not exist or does not vary.
    """
    _check(trajectories, n_sobol, seeds)
    ranges, fixed = _split(overrides)
    base = load(scenario, fixed)
    unknowns = _unknowns(scenario, ranges, fixed, base, cards)
    folder = Path(out) if out is not None else Path("runs") / f"{base.name}-sensitivity"
    workers = workers or Workers()
    design = _Design.of(len(unknowns), trajectories, n_sobol, Rng(base.seed))
    points = [Loaded(scenario, [*fixed, *_texts(unknowns, base, row)]) for row in design.points]
    code = code_version(workers.plugins)
    identity = {"sensitivity": str(scenario), "fixed": fixed, "code": code}
    with study_ledger(folder, identity) as ledger, Runner(ledger, workers, code, progress) as runner:
        named = [(f"{k}", point) for k, point in enumerate(points)]
        table = _table(runner.samples(named, range(base.seed, base.seed + seeds)), figure, seeds)
    values = table.mean(axis=1)
    screened, shares = design.indices(values)
    found = Sensitivity(
        figure=figure,
        unknowns=unknowns,
        scenario=str(scenario),
        fixed=fixed,
        folder=folder,
        morris=screened,
        sobol=shares,
        mean=float(values.mean()),
        deviation=float(values.std(ddof=1)),
        noise_frac=_noise_frac(table),
        n_trajectories=trajectories,
        n_sobol=n_sobol,
        n_points=len(design.points),
        n_runs=runner.n_runs,
        n_seeds=seeds,
        seed=base.seed,
        code=code,
    )
    write_sensitivity(found)
    return found


@dataclass(frozen=True, slots=True)
class _Design:
    """Points of Morris's trajectories, shape (r, k + 1, k), and behind them those of Sobol's indices."""

    trajectories: FloatArray
    points: FloatArray
    """All of them, shape (n, k)."""
    n_sobol: int
    rng: Rng

    @classmethod
    def of(cls, n_unknowns: int, n_trajectories: int, n_sobol: int, rng: Rng) -> _Design:
        """Return the points for so many unknowns."""
        first = morris_design(n_unknowns, n_trajectories, rng.stream("sensitivity/morris"))
        points = first.reshape(-1, n_unknowns)
        if n_sobol:
            second = sobol_design(n_unknowns, n_sobol, rng.stream("sensitivity/sobol"))
            points = np.concatenate([points, second.reshape(-1, n_unknowns)])
        return cls(first, points, n_sobol, rng)

    def indices(self, values: FloatArray) -> tuple[Morris, Sobol | None]:
        """Return Morris's measures and, where there are points for them, Sobol's indices of (n,) values."""
        shape = self.trajectories.shape
        n_first = shape[0] * shape[1]
        screened = morris(
            self.trajectories, values[:n_first].reshape(shape[:2]), self.rng.stream("sensitivity/resamples")
        )
        if not self.n_sobol:
            return screened, None
        rows = values[n_first:].reshape(shape[2] + 2, self.n_sobol)
        return screened, sobol(rows, self.rng.stream("sensitivity/resamples/sobol"))


def _unknowns(
    scenario: str, ranges: Sequence[tuple[str, str, str]], fixed: list[str], base: Scenario, cards: bool
) -> list[Unknown]:
    """Return what is unknown, both ends of each tried.

    Raises:
        ConfigError: for an end that a key cannot take.
        StudyError: if nothing is unknown.
    """
    unknowns = [Unknown(key, low, high) for key, low, high in ranges]
    unknowns += [_of_card(number) for number in card_numbers(base)] if cards else []
    if not unknowns:
        raise StudyError("nothing is unknown", where="sensitivity", hint="key=low:high, such as workload.load=0.6:0.8")
    for unknown in unknowns:
        for share in (0.0, 1.0):
            load(scenario, [*fixed, *unknown.overrides(base, share)])
    return unknowns


def _check(trajectories: int, n_sobol: int, seeds: int) -> None:
    if trajectories < 2:
        raise StudyError(f"{trajectories}", where="--trajectories", allowed="2 or more")
    if n_sobol and (n_sobol < 8 or n_sobol & (n_sobol - 1)):
        raise StudyError(f"{n_sobol}", where="--sobol", allowed="a power of two from 8, such as 64 or 256")
    if seeds < 1:
        raise StudyError(f"{seeds}", where="--seeds", allowed="1 or more")


def _split(overrides: Sequence[str]) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Return the ranges and the overrides that hold for every run."""
    ranges: list[tuple[str, str, str]] = []
    fixed: list[str] = []
    for text in overrides:
        key, _, value = text.partition("=")
        if found := _RANGE.fullmatch(value):
            if key in [each[0] for each in ranges]:
                raise StudyError("is there twice", where=shorten(key), hint="one range")
            ranges.append((key, found[1], found[2]))
        else:
            fixed.append(text)
    return ranges, fixed


def _of_card(number: CardNumber) -> Unknown:
    ends = [number.value - MOST_DEVIATIONS * number.deviation, number.value + MOST_DEVIATIONS * number.deviation]
    low, high = (f"{max(end, 1e-3 * number.value):.3g} {number.unit}".removesuffix(" 1") for end in ends)
    return Unknown(number.name, low, high, number)


def _texts(unknowns: list[Unknown], base: Scenario, row: FloatArray) -> list[str]:
    return [
        text for unknown, share in zip(unknowns, row, strict=True) for text in unknown.overrides(base, float(share))
    ]


def _table(samples: list[Sample], figure: str, n_seeds: int) -> FloatArray:
    """Return the figure, shape (points, seeds).

    Raises:
        StudyError: if a run has no result or no such figure, as indices need every point, or it does not vary.
    """
    for sample in samples:
        if sample.problem:
            raise StudyError(f"a run has no result: {sample.problem}", where="sensitivity", hint="narrower ranges")
    names = list(dict.fromkeys(name for sample in samples for row in sample.rows.values() for name in row))
    if figure not in names:
        raise StudyError(f"no figure {shorten(figure)!r}", where="--figure", suggestion=nearest(figure, names))
    values = [sample.values(figure) for sample in samples]
    missing = sum(1 for each in values if len(each) < n_seeds)
    if missing:
        raise StudyError(f"{missing} of {len(values)} points lack it in some run", where=figure, hint="narrower ranges")
    table = np.array(values)
    means = table.mean(axis=1)
    if not means.std() > 1e-12 * abs(means.mean()):
        raise StudyError(f"is {means[0]:g} whatever the unknowns are", where=figure, hint="wider ranges, other keys")
    return table


def _noise_frac(table: FloatArray) -> float | None:
    """Return the share of the variance of the means that is chance which the common seeds do not share."""
    n_points, n_seeds = table.shape
    if n_seeds < 2:
        return None
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0, keepdims=True) + table.mean()
    variance = float((rest**2).sum()) / ((n_points - 1) * (n_seeds - 1))
    of_means = float(np.var(table.mean(axis=1), ddof=1))
    return float(min(1.0, variance / n_seeds / of_means))
