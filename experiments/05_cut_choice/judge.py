"""Judges choices and predictions against measured times: top-1, regret, time error, coverage, speed-up accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from rows import MeasuredCase
from scipy.stats import beta

N_DRAWS, LEVELS = 4000, (0.025, 0.975)
CLOSE = (0.02, 0.10, 0.25)


class Predicted(NamedTuple):
    """What a model says about one option."""

    total_s: float
    p5_s: float
    p95_s: float


@dataclass(frozen=True, slots=True)
class Choice:
    """What a strategy chose for a case, and how good that was."""

    case: int
    family: str
    option: int
    hit: bool
    """Within a tie of the best."""
    strict: bool
    regret: float


def choices(
    cases: Sequence[MeasuredCase], choose: Callable[[MeasuredCase, int], int], workers: int = 1
) -> list[Choice]:
    """Return what a strategy chooses for all cases that are decided."""
    found = []
    for case in cases:
        if case.decided(workers):
            option = choose(case, workers)
            regret = case.regret(option, workers)
            found.append(
                Choice(case.number, case.family, option, regret <= case.tie(option, workers), regret == 0.0, regret)
            )
    return found


def proportion(n_hits: int, n: int) -> tuple[float, float]:
    """Return the Clopper–Pearson 95 % interval of a proportion."""
    low = float(beta.ppf(LEVELS[0], n_hits, n - n_hits + 1)) if n_hits else 0.0
    high = float(beta.ppf(LEVELS[1], n_hits + 1, n - n_hits)) if n_hits < n else 1.0
    return low, high


def mean_interval(values: Sequence[float], seed: int = 20261123) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean over cases."""
    draws = np.random.default_rng(seed).choice(np.asarray(values), (N_DRAWS, len(values))).mean(axis=1)
    low, high = np.quantile(draws, LEVELS)
    return float(low), float(high)


def top_1(found: Sequence[Choice]) -> dict[str, float]:
    """Return the figures of a strategy's choices; shares in percent."""
    n, n_hits = len(found), sum(each.hit for each in found)
    low, high = proportion(n_hits, n)
    regrets = [each.regret for each in found]
    regret_low, regret_high = mean_interval(regrets)
    return {
        "cases": n,
        "top1_pct": 100.0 * n_hits / n,
        "low_pct": 100.0 * low,
        "high_pct": 100.0 * high,
        "strict_pct": 100.0 * sum(each.strict for each in found) / n,
        "regret_pct": 100.0 * float(np.mean(regrets)),
        "regret_low_pct": 100.0 * regret_low,
        "regret_high_pct": 100.0 * regret_high,
        "worst_pct": 100.0 * max(regrets),
    }


def times(
    cases: Sequence[MeasuredCase], predicted: Mapping[tuple[int, int], Predicted], workers: int = 1
) -> dict[str, float]:
    """Return error and coverage of predicted times over all options that ran to their end; in percent.

    Args:
        cases: What was measured.
        predicted: By (case, option).
        workers: Number of workers that the predictions are for.
    """
    errors, inside = [], []
    for case in cases:
        for option in case.options:
            if option.finished:
                time_s, found = option.time_s(workers), predicted[case.number, option.number]
                errors.append(found.total_s / time_s - 1.0)
                inside.append(found.p5_s <= time_s <= found.p95_s)
    return {
        "options": len(errors),
        "mape_pct": 100.0 * float(np.mean(np.abs(errors))),
        "median_ape_pct": 100.0 * float(np.median(np.abs(errors))),
        "predicted_over_measured": float(np.exp(np.mean(np.log1p(errors)))),
        "covered_pct": 100.0 * float(np.mean(inside)),
    }


def speed_up_accuracy(
    cases: Sequence[MeasuredCase], speed_up: Callable[[MeasuredCase, int, int], float], workers: int = 1
) -> dict[str, float]:
    """Return Q-Dreamer's accuracy, 100·min/max of predicted and measured speed-up, over all cut options.

    Args:
        cases: What was measured.
        speed_up: Takes a case, the number of an option and of workers; returns the predicted T(uncut)/T(cut).
        workers: How many workers.
    """
    found = []
    for case in cases:
        whole = case.options[0]
        if whole.n_cuts or not whole.finished:
            continue
        for option in case.options:
            if option.finished and option.n_cuts:
                real, said = whole.time_s(workers) / option.time_s(workers), speed_up(case, option.number, workers)
                found.append(100.0 * min(real, said) / max(real, said))
    return {"pairs": len(found), "mean_pct": float(np.mean(found)), "median_pct": float(np.median(found))}


def hardness(cases: Sequence[MeasuredCase], workers: int = 1) -> dict[str, float]:
    """Return how hard the choice is: shares of cases, in percent, whose second best is close or whose best is uncut."""
    gaps, uncut = [], []
    for case in cases:
        if case.decided(workers):
            first, second = sorted(case.times_s(workers))[:2]
            gaps.append(second / first - 1.0)
            uncut.append(case.options[int(np.argmin(case.times_s(workers)))].about["name"] == "no cut")
    shares = {f"second_within_{100 * gap:.0f}_pct": 100.0 * float(np.mean(np.array(gaps) <= gap)) for gap in CLOSE}
    return {"cases": len(gaps), "uncut_best": 100.0 * float(np.mean(uncut)), **shares}


def undecided(cases: Sequence[MeasuredCase], workers: int = 1) -> dict[str, int]:
    """Return how many cases are not judged, and why."""
    alone = sum(len(case.options) < 2 for case in cases)
    return {"one_option": alone, "stopped": sum(not case.decided(workers) for case in cases) - alone}


def nothing_stopped(case: MeasuredCase) -> bool:
    """Return whether all options of a case were measured to their end."""
    return all(option.limit_s == math.inf for option in case.options)
