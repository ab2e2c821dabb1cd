"""Fit and cross-validate the service-time model on real IBM job times.

    python calibration/qpu/fit_service_time.py JOBS.csv [--repeats 10] [--write]

JOBS.csv has n_2q_gates_total, depth_total, n_qubits_total, shots, n_circuits, time_taken_s. Jobs with equal features
stay in one fold. ``--write`` replaces ibm_2023.yaml, service_time_fit.csv and service_time_fit.md beside this file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import service_time_baselines as baselines
import service_time_card
from scipy.optimize import minimize

from qhpcsim.core.cards import Card
from qhpcsim.models.qpu_superconducting import SuperconductingQpu
from qhpcsim.models.requests import Prediction, Request
from qhpcsim.models.spread import shares

NAMES = ("load", "load_wide", "load_several", "load_per_circuit", "shot", "time_layer", "execution_floor")
START = np.array([0.9, 1.0, 2.7, 0.008, 267e-6, 0.23e-6, 1.9])
REP_DELAY_S = 250e-6
WIDE_FROM = (5.0, 7.0)
SOFT = 0.03
"""Relative errors below this count quadratically: keeps the absolute error smooth at 0."""
LEVELS = np.array([0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99])
LONG_S, SHORT_S = 60.0, 40.0
"""Executions longer than the first show the factor; several circuits shorter than the second show the overhead."""


def model(numbers: dict[str, object]) -> SuperconductingQpu:
    """Return the shipped model with these numbers."""
    return SuperconductingQpu("fit", Card("fit", "", {}, "superconducting"), {"n_qubits": 127} | numbers)


def as_numbers(parameters: np.ndarray) -> dict[str, object]:
    """Return the card entries for a vector in the order of ``NAMES``."""
    found: dict[str, object] = {name: float(value) for name, value in zip(NAMES, parameters, strict=True)}
    extra = float(found.pop("shot")) - REP_DELAY_S  # type: ignore[arg-type]
    return found | {"rep_delay": REP_DELAY_S, "time_shot_extra": max(extra, 0.0), "load_wide_from": WIDE_FROM}


def typical_s(parameters: np.ndarray, request: Request) -> np.ndarray:
    """Return execution plus typical overhead, without randomness; the model's formula, in one expression."""
    load, wide, several, per_circuit, shot, layer, floor = parameters
    c = request.n_circuits
    execution = request.shots * (c * shot + request.depth_total * layer)
    width = np.clip(request.width, *WIDE_FROM) - WIDE_FROM[0]
    return load + np.where(c > 1, several, wide * width) + per_circuit * c + np.maximum(execution, floor)


def fit_typical(request: Request, time_s: np.ndarray) -> np.ndarray:
    """Return the parameters that minimise the mean absolute error of the logarithm of the time."""
    target = np.log(time_s)

    def loss(scaled: np.ndarray) -> float:
        error = np.log(np.maximum(typical_s(scaled * START, request), 1e-3)) - target
        return float(np.sqrt(error * error + SOFT * SOFT).sum())

    bounds = [(0.0, None)] * len(START)
    found = minimize(loss, np.ones(len(START)), method="L-BFGS-B", bounds=bounds)
    options = {"maxiter": 1500, "maxfev": 1500, "xatol": 1e-3, "fatol": 1e-2, "adaptive": True}
    return minimize(loss, found.x, method="Nelder-Mead", bounds=bounds, options=options).x * START


def fit(request: Request, time_s: np.ndarray) -> dict[str, object]:
    """Return all numbers of the card: the typical time, then the laws of factor and overhead."""
    numbers = as_numbers(fit_typical(request, time_s))
    parts = model(numbers).parts(request)
    long = parts.execution_s > LONG_S
    log_factor = np.log((time_s - parts.overhead_s)[long] / parts.execution_s[long])
    numbers["time_factor_sigma"] = float(1.4826 * np.median(np.abs(log_factor - np.median(log_factor))))
    numbers["overhead_levels"] = LEVELS
    share = shares(time_s, parts)
    several = request.n_circuits > 1
    for name, jobs, seen in (
        ("one", ~several, ~several),
        ("several", several, several & (parts.execution_s < SHORT_S)),
    ):
        raw = np.quantile(share[seen], LEVELS)
        numbers[f"overhead_share_{name}"] = widened(numbers, name, raw, request.take(jobs), time_s[jobs])
    return numbers


def widened(numbers: dict, name: str, raw: np.ndarray, request: Request, time_s: np.ndarray) -> np.ndarray:
    """Return quantiles of the overhead's share, spread about 1 so that 90 % of these jobs lie in the interval."""
    low, high = 0.5, 2.0
    for _ in range(14):
        factor = 0.5 * (low + high)
        share = np.maximum(0.0, 1.0 + factor * (raw - 1.0))
        trial = numbers | {"overhead_share_one": share, "overhead_share_several": share}
        low, high = (factor, high) if covered(model(trial).predict(request), time_s).mean() < 0.9 else (low, factor)
    return share


def covered(prediction: Prediction, time_s: np.ndarray) -> np.ndarray:
    """Return which jobs lie in their 90 % interval."""
    return (time_s >= prediction.p5_s) & (time_s <= prediction.p95_s)


def read(path: Path) -> tuple[Request, np.ndarray, np.ndarray]:
    """Return requests, times in seconds, and a number for each distinct row of features."""
    rows = np.genfromtxt(path, delimiter=",", names=True)
    names = ("n_circuits", "shots", "depth_total", "n_2q_gates_total", "n_qubits_total")
    features = np.stack([rows[name] for name in names], axis=1)
    group = np.unique(features, axis=0, return_inverse=True)[1].ravel()
    return Request.of(*features.T), rows["time_taken_s"], group


def held_out(request: Request, time_s: np.ndarray, group: np.ndarray, seed: int, n_folds: int = 5) -> Prediction:
    """Return the prediction of every job by a fit that saw no job with the same features."""
    fold = np.random.default_rng(seed).integers(0, n_folds, group.max() + 1)[group]
    found = np.empty((3, len(time_s)))
    for k in range(n_folds):
        test = fold == k
        numbers = fit(request.take(~test), time_s[~test])
        p = model(numbers).predict(request.take(test))
        found[:, test] = p.median_s, p.p5_s, p.p95_s
    return Prediction(*found)


def bootstrap_sd(request: Request, time_s: np.ndarray, group: np.ndarray, n: int) -> np.ndarray:
    """Return standard deviations of the parameters over resamples of the distinct rows."""
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    rng = np.random.default_rng(1)
    found = []
    for _ in range(n):
        jobs = np.concatenate([members[g] for g in rng.integers(0, len(members), len(members))])
        found.append(fit_typical(request.take(jobs), time_s[jobs]))
    return np.std(found, axis=0)


def main() -> None:
    """Cross-validate, fit to all jobs, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", type=Path)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    request, time_s, group = read(args.jobs)
    runs = [held_out(request, time_s, group, seed) for seed in range(args.repeats)]
    report = baselines.Report(request, time_s, group, runs)
    print(report.markdown())
    numbers = fit(request, time_s)
    if args.write:
        sd = bootstrap_sd(request, time_s, group, 30)
        here = Path(__file__).parent
        (here / "service_time_fit.md").write_text(report.markdown(), encoding="utf-8")
        (here / "service_time_fit.csv").write_text(report.csv(), encoding="utf-8")
        text = service_time_card.text(numbers, dict(zip(NAMES, sd, strict=True)), report)
        (here / "ibm_2023.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
