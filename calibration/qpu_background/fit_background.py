"""Fit the background card: ``python calibration/qpu_background/fit_background.py PENDING_1MIN.csv[.gz]``.

The file has a column ``timestamp`` and one column of pending jobs for each QPU, one row a minute. For each QPU the fit
simulates the law on its own seeds, compares the means of the statistics with the data's, and moves each parameter by
the ratio: knots of the level by quantiles of the series, the gap between looks by the number of batches, its cv by the
cv of the gaps between batches, the rate of jobs by the number of jobs. Only ``background_report.py`` sees other seeds.
"""

from __future__ import annotations

import gzip
import sys
from dataclasses import dataclass, replace
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.rng import Rng
from qhpcsim.workloads.backlog_level import LevelLaw
from qhpcsim.workloads.laws import ServiceLaw
from qhpcsim.workloads.pending_series import MINUTE_S, SeriesStatistics, simulate, statistics
from qhpcsim.workloads.qpu_background import QpuBackground

PROBABILITIES = (
    *(0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.36, 0.42, 0.58),
    *(0.64, 0.7, 0.8, 0.85, 0.9, 0.95, 0.975, 0.985, 0.995, 1.0),
)
LEVELS = {0.42: 0.5, 0.58: 0.5, 0.985: 0.99, 0.995: 0.99}
"""Knots that stand for another quantile: the level stands still there, so that a span too few turns long by a part
of one has the same median and p99."""
SEEN = tuple(LEVELS.get(p, p) for p in PROBABILITIES)
WIDEST = 2.0
"""Largest factor between the level and the quantile of the series."""
TURN_CV = 0.1
RISE_FRAC = 0.1
RECOVERY_H = 0.5
SERVICE_CV = 2.2
N_USERS = 50
TURN_SHARE = 0.75
"""Share of the jobs left over by single ones that fills the turns; the rest lets the queue recover."""
TURNS = (3, 10)
"""Fewest and most turns in the span of the series."""
SEEDS = tuple(range(9000, 9008))
N_STEPS = 16
SPARE_RATE = 0.85
"""Least rate of jobs over the rate of looks, so that the queue follows a level that stands still; it may be below 1
because some users balk."""

LEAST_CV = 1.001
"""Least cv of the gaps between looks, just above that of the exponential law."""

HEAD = """\
# Background load of other users on twelve IBM QPUs. One set of entries for each QPU; level_probabilities holds for all.
card: Background load of twelve IBM QPUs, 16 to 26 November 2023
model: qpu_background
method: fit by simulation to 10 days of pending jobs, one value a minute; see fit.md
source: >-
  pending jobs published with Qonductor (MIT licence), https://github.com/manosgior/Qonductor-SC25, commit d85452e,
  data/ibm_status/load_imbalance
licence: MIT
script: calibration/qpu_background/fit_background.py
date: 2026-11-22
uncertainty: null
note: one realisation of ten days tells no uncertainty; fit.md gives the spread between seeds
entries:
"""


SHARED = """\
  level_probabilities: {{value: [{knots}], unit: "1", method: chosen,
    note: "knots of NAME.levels; equal neighbours near 0.5 and 0.99 hold the median and p99"}}
  rise_frac: {{value: {rise}, unit: "1", method: assumption,
    note: "share of a turn in which the level rises; the series rise in hours and fall in days"}}
  turn_cv: {{value: {turn_cv}, unit: "1", method: assumption,
    note: "ten days hold too few turns to tell it; the mean is the span over a whole number of turns"}}
  recovery: {{value: {recovery}, unit: h, method: assumption,
    note: "jobs of a batch that lags behind the falling level are the shorter; this keeps the queue close to it"}}
  service_cv: {{value: {service_cv}, unit: "1", method: measured,
    note: "standard deviation over mean of 4962 job times published beside the series"}}
  n_users: {{value: {n_users}, unit: "1", method: assumption, note: "the series names no users"}}
"""


@dataclass(frozen=True, slots=True)
class Target:
    """What the law shall reproduce."""

    n_minutes: int
    quantiles: FloatArray
    figures: SeriesStatistics


def read(path: Path) -> dict[str, FloatArray]:
    """Return the series of each QPU, nan where a minute has no value."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt") as lines:
        names = next(lines).strip().split(",")
        rows = [[float(x) if x else np.nan for x in line.rstrip("\n").split(",")[1:]] for line in lines]
    return dict(zip(names[1:], np.array(rows).T, strict=True))


def target(series: FloatArray) -> Target:
    """Return what a law shall reproduce of a series."""
    return Target(len(series), np.nanquantile(series, SEEN), statistics(series))


def first_guess(backend: str, goal: Target) -> QpuBackground:
    """Return a law of the right size; as many turns as there are jobs left over for them."""
    figures, top = goal.figures, float(goal.quantiles[-1])
    span_s = goal.n_minutes * MINUTE_S
    n_turns = int(np.clip(round(TURN_SHARE * (figures.n_jobs - 1.2 * figures.n_batches) / top), *TURNS))
    level = LevelLaw(PROBABILITIES, tuple(goal.quantiles.tolist()), span_s / n_turns, TURN_CV, RISE_FRAC)
    gap = ServiceLaw("hyperexponential", 0.8 * span_s / figures.n_batches, max(figures.batch_gap_cv, 1.01))
    rate_hz = max((figures.n_jobs - n_turns * top) / span_s, SPARE_RATE / gap.mean_s)
    return QpuBackground(backend, level, gap, rate_hz, RECOVERY_H * 3600.0, SERVICE_CV, N_USERS, 1.0)


def fit(backend: str, goal: Target) -> QpuBackground:
    """Return the law after all steps, the last half of them averaged in the logarithm."""
    law = first_guess(backend, goal)
    kept: list[FloatArray] = []
    for step in range(N_STEPS):
        law = _moved(law, goal, gain=0.6 if step < N_STEPS // 2 else 0.25)
        if step >= N_STEPS // 2:
            kept.append(np.log(np.array([*_parameters(law), *(np.array(law.level.jobs) + 1.0)])))
    mean = np.exp(np.mean(kept, axis=0))
    return _law(law, *mean[:3], np.round(mean[3:] - 1.0, 2))


def _moved(law: QpuBackground, goal: Target, gain: float) -> QpuBackground:
    """Return the law with every parameter moved towards the data by the power ``gain`` of its ratio."""
    span_s = goal.n_minutes * MINUTE_S
    seen = [simulate(law, span_s, Rng(seed)).pending(goal.n_minutes) for seed in SEEDS]
    figures = [statistics(s) for s in seen]

    def step(name: str) -> float:
        mean = float(np.mean([getattr(f, name) for f in figures]))
        return float(np.clip(getattr(goal.figures, name) / mean, 0.6, 1.6)) ** gain

    quantiles = np.mean([np.quantile(s, SEEN) for s in seen], axis=0)
    ratio = np.clip((goal.quantiles + 1.0) / (quantiles + 1.0), 0.6, 1.6) ** gain
    gap_s, cv, rate_hz = _parameters(law)
    wide = np.clip((np.array(law.level.jobs) + 1.0) * ratio / (goal.quantiles + 1.0), 1.0 / WIDEST, WIDEST)
    jobs = wide * (goal.quantiles + 1.0) - 1.0
    cv_step = step("batch_gap_cv")
    fewer = min(cv_step, 1.0) if cv <= LEAST_CV * 1.01 else 1.0  # fewer looks, where the law cannot be more even
    return _law(law, gap_s / (step("n_batches") * fewer), cv * cv_step, rate_hz * step("n_jobs"), jobs)


def _parameters(law: QpuBackground) -> tuple[float, float, float]:
    return law.look_gap.mean_s, float(law.look_gap.cv or 1.0), law.job_rate_hz


def _law(law: QpuBackground, gap_s: float, cv: float, rate_hz: float, jobs: FloatArray) -> QpuBackground:
    """Return the law with these parameters, kept where they make sense."""
    above = np.maximum(jobs, 0.0)
    rising = (np.maximum.accumulate(above) + np.minimum.accumulate(above[::-1])[::-1]) / 2.0
    return replace(
        law,
        level=replace(law.level, jobs=tuple(rising.tolist())),
        look_gap=ServiceLaw("hyperexponential", float(gap_s), float(np.clip(cv, LEAST_CV, 20.0))),
        job_rate_hz=max(float(rate_hz), SPARE_RATE / float(gap_s)),
    )


def entries(law: QpuBackground) -> str:
    """Return the lines of one QPU on the card."""
    name, level = law.backend, law.level
    jobs = ", ".join(f"{x:.4g}" for x in level.jobs[:10]) + ",\n    " + ", ".join(f"{x:.4g}" for x in level.jobs[10:])
    return (
        f"  {name}.levels: {{value: [{jobs}], unit: jobs}}\n"
        f"  {name}.turn: {{value: {level.turn_s / 3600.0:.2f}, unit: h}}\n"
        f"  {name}.look_gap: {{value: {law.look_gap.mean_s:.1f}, unit: s}}\n"
        f'  {name}.look_gap_cv: {{value: {law.look_gap.cv:.3f}, unit: "1"}}\n'
        f"  {name}.job_rate: {{value: {law.job_rate_hz * 3600.0:.3f}, unit: 1/h}}\n"
    )


def shared() -> str:
    """Return the lines of the card that hold for all QPUs."""
    knots = ", ".join(f"{p:g}" for p in PROBABILITIES[:10]) + ",\n    "
    knots += ", ".join(f"{p:g}" for p in PROBABILITIES[10:])
    numbers = {"rise": RISE_FRAC, "turn_cv": TURN_CV, "recovery": RECOVERY_H, "service_cv": SERVICE_CV}
    return SHARED.format(knots=knots, n_users=N_USERS, **numbers)


def _fit_series(item: tuple[str, FloatArray]) -> QpuBackground:
    return fit(item[0], target(item[1]))


if __name__ == "__main__":
    card = Path(__file__).with_name("ibm_2023.yaml")
    with Pool(2) as workers:
        laws = workers.map(_fit_series, read(Path(sys.argv[1])).items(), chunksize=1)
    card.write_text(HEAD + shared() + "".join(entries(law) for law in laws))
