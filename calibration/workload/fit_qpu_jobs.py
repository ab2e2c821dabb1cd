"""Fit the card of what QPU jobs ask for, and compare what it draws with jobs that the fit did not see.

    python calibration/workload/fit_qpu_jobs.py JOBS.csv [--write]

JOBS.csv has n_2q_gates_total, depth_total, n_qubits_total, shots and n_circuits, one job a row. The comparison fits on
four fifths of the distinct rows and draws; it prints Kolmogorov distances to the rest, beside those of the fifths
themselves (no law can do better) and of the law without its correlations.
"""

from __future__ import annotations

import argparse
import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.stats import ks_2samp, rankdata

from qhpcsim.core.rng import Rng
from qhpcsim.models.qpu import open_qpu
from qhpcsim.models.requests import Request
from qhpcsim.workloads.qpu_shapes import COLUMNS, STRATA, Marginal, ShapeLaw, Stratum

LEVELS = np.array([0, 0.01, 0.025, 0.05, *np.arange(0.1, 0.95, 0.05), 0.95, 0.975, 0.99, 1])
ENDS = 0.002, 0.998
"""Quantiles that stand at levels 0 and 1: what lies beyond is a handful of jobs."""
MIN_SHARE = 0.004
"""Rarer values of a stepped quantity join the next smaller one that is kept."""
RELEASE = "N. Giortamis et al., Qonductor (SC'25), https://github.com/manosgior/Qonductor-SC25 (d85452e)"
FEATURES = ("n_2q_gates_total", "depth_total", "n_qubits_total", "shots", "n_circuits")
N_FOLDS, N_DRAWN = 5, 20_000
UNITS = {"n_circuits": "circuits", "shots": "shots", "width": "qubits", "depth": "layers", "gates_per_layer": "1"}


def per_circuit(table: np.ndarray) -> np.ndarray:
    """Return the quantities of ``COLUMNS``, (n, 5), of a table as numpy reads it."""
    c = table["n_circuits"].astype(float)
    depth = table["depth_total"] / c
    gates = table["n_2q_gates_total"] / np.maximum(table["depth_total"], 1)
    return np.stack([c, table["shots"].astype(float), np.rint(table["n_qubits_total"] / c), depth, gates], axis=1)


def stepped_law(values: np.ndarray) -> Marginal:
    """Return the law of a quantity that takes few values."""
    found, count = np.unique(values, return_counts=True)
    kept = count >= MIN_SHARE * len(values)
    kept[np.argmax(count)] = True
    place = np.maximum(np.searchsorted(found[kept], values, side="right") - 1, 0)
    share = np.bincount(place, minlength=kept.sum()) / len(values)
    return Marginal(found[kept], np.cumsum(share).round(4), True)


def smooth_law(values: np.ndarray) -> Marginal:
    """Return the law of a quantity by its quantiles."""
    return Marginal(np.quantile(values, np.clip(LEVELS, *ENDS)), LEVELS, False)


def rank_correlation(quantities: np.ndarray) -> np.ndarray:
    """Return Spearman's correlations; a constant has none."""
    ranks = np.apply_along_axis(rankdata, 0, quantities)
    ranks = ranks - ranks.mean(axis=0)
    size = np.sqrt((ranks**2).sum(axis=0))
    matrix = ranks.T @ ranks / np.maximum(np.outer(size, size), 1e-9)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def fit_stratum(quantities: np.ndarray) -> Stratum:
    """Return marginals, and the correlations behind them that give the quantities' own rank correlations."""
    laws = [
        stepped_law(q) if name in COLUMNS[:3] else smooth_law(q) for name, q in zip(COLUMNS, quantities.T, strict=True)
    ]
    target = rank_correlation(quantities)
    normals = np.random.default_rng(1).standard_normal((40_000, len(COLUMNS)))
    law = Stratum(tuple(laws), target)
    for _ in range(20):
        gap = target - rank_correlation(law.quantities(normals))
        moved = np.clip(law.correlation + gap, -0.995, 0.995)
        np.fill_diagonal(moved, 1.0)
        law = replace(law, correlation=moved)
    return law


def fit(quantities: np.ndarray) -> ShapeLaw:
    """Return the law of jobs with these quantities."""
    several = quantities[:, 0] > 1
    strata = fit_stratum(quantities[~several]), fit_stratum(quantities[several])
    return ShapeLaw(float(several.mean()), strata)


def figures(quantities: np.ndarray) -> dict[str, np.ndarray]:
    """Return what a service feels of the jobs."""
    c, shots, width, depth, gates = quantities.T
    request = Request.of(c, shots, c * depth, c * gates * depth, c * width)
    return {
        "service time": open_qpu("ibm_2023").medians_s(request),
        "executions": c * shots,
        "layers of a circuit": depth,
        "gates of a circuit": gates * depth,
    }


def distances(sample: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Return Kolmogorov's distance in each figure, and the ratio of mean service times."""
    pairs = list(zip(figures(sample).values(), figures(held).values(), strict=True))
    return np.array([*(ks_2samp(a, b).statistic for a, b in pairs), pairs[0][0].mean() / pairs[0][1].mean()])


def held_out(table: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return mean distances over folds, (3, 5): of the law, of the law without correlations, of the other jobs."""
    _, row = np.unique(table[list(FEATURES)], return_inverse=True)
    fold = np.random.default_rng(seed).permutation(row.max() + 1)[row] % N_FOLDS
    quantities = per_circuit(table)
    found = np.empty((N_FOLDS, 3, 5))
    for k in range(N_FOLDS):
        seen, held = quantities[fold != k], quantities[fold == k]
        law = fit(seen)
        loose = replace(law, strata=tuple(replace(s, correlation=np.eye(len(COLUMNS))) for s in law.strata))
        drawn = [each.draw(N_DRAWN, Rng(k), "fit") for each in (law, loose)]
        found[k] = [distances(sample, held) for sample in (*drawn, seen)]
    return found.mean(axis=0)


def card_text(table: np.ndarray) -> str:
    """Return the text of the card."""
    law, compared = fit(per_circuit(table)), held_out(table)
    lines = []
    for name, stratum in zip(STRATA, law.strata, strict=True):
        for column, marginal in zip(COLUMNS, stratum.marginals, strict=True):
            values = ", ".join(f"{v:g}" if marginal.stepped else f"{v:.4g}" for v in marginal.values)
            lines.append(f'  {name}.{column}: {{value: [{values}], unit: "{UNITS[column]}"}}')
            if marginal.stepped:
                shares = ", ".join(f"{v:.4g}" for v in marginal.levels)
                lines.append(
                    f'  {name}.{column}_share: {{value: [{shares}], unit: "1", note: "jobs up to this value"}}'
                )
        matrix = ", ".join("[" + ", ".join(f"{v + 0.0:.3f}" for v in row) + "]" for row in stratum.correlation.round(3))
        lines.append(f'  {name}.correlation: {{value: [{matrix}], unit: "1"}}')
    p, n_distinct = law.several_frac, len(np.unique(table[list(FEATURES)]))
    tied, loose, others = (", ".join(f"{v:.3f}" for v in row) for row in compared)
    return f"""# Written by calibration/workload/fit_qpu_jobs.py; do not edit by hand.
card: what QPU jobs ask for, of one circuit and of several
method: fit to {len(table)} jobs; quantiles tied by a Gaussian copula with the jobs' rank correlations
source: "real IBM jobs of 2023 released with {RELEASE}, data/regression_dataset.npz"
licence: MIT
script: calibration/workload/fit_qpu_jobs.py
date: {dt.date.today()}
uncertainty: null
note: >-
  quantities are per circuit; correlations in the order {", ".join(COLUMNS)}.
  The jobs are one group's, collected to train estimators: most circuits have 5 or 7 qubits, and other users' may differ
entries:
  several_frac: {{value: {p:.4f}, unit: "1", uncertainty: {np.sqrt(p * (1 - p) / n_distinct):.2g}}}
  levels: {{value: [{", ".join(f"{v:.4g}" for v in LEVELS)}], unit: "1", method: definition,
    note: "of the smooth quantities; the ends are the quantiles {ENDS[0]} and {ENDS[1]}"}}
{chr(10).join(lines)}
  held_out_distance: {{value: [{tied}], unit: "1",
    note: "Kolmogorov distance to jobs not fitted: service time, executions, layers, gates; last: ratio of mean times"}}
  held_out_distance_loose: {{value: [{loose}], unit: "1", note: "the same without the correlations"}}
  held_out_distance_jobs: {{value: [{others}], unit: "1", note: "the same of the fitted jobs themselves: the floor"}}
"""


def main() -> None:
    """Print the card, and write it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", type=Path)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    text = card_text(np.genfromtxt(args.jobs, delimiter=",", names=True))
    print(text)
    if args.write:
        (Path(__file__).parent / "qpu_jobs.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
