"""What each policy changes against EASY, sample by sample."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qhpcsim.studies.pairs import Difference, correct, difference

BASE = "easy"
GREATEST = ("longest_wait_h",)
Z_95 = 1.645
"""Figures without an interval: a maximum over all samples has none."""


def compared(samples: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each workload, policy and figure: means, paired difference, interval, corrected p.

    Args:
        samples: Under ``workload``, ``policy``, ``sample`` and one column a figure.
    """
    places, found = [], []
    figures = [name for name in samples.columns if name not in ("workload", "policy", "sample", *GREATEST)]
    for workload, rows in samples.groupby("workload", sort=False):
        wide = rows.pivot(index="sample", columns="policy", values=figures).sort_index()
        for figure in figures:
            table = wide[figure].dropna()
            for policy in rows["policy"].unique():
                if len(table):
                    pair = table[BASE].to_numpy(), table[policy].to_numpy()
                    found.append(difference(figure, (BASE, policy), *pair))
                    places.append((workload, policy, figure, follows(pair[1] - pair[0])))
    correct([each for each in found if each.other != BASE])
    return pd.DataFrame([_row(*place, each) for place, each in zip(places, found, strict=True)])


def _row(workload: str, policy: str, figure: str, follows: float, found: Difference) -> dict[str, object]:
    half, alike = 0.5 * (found.high - found.low), follows > Z_95 / np.sqrt(found.n)
    return {
        **{"workload": workload, "policy": policy, "figure": figure, "samples": found.n},
        **{"mean": found.mean_other, "difference": found.mean, "half": half},
        **{"percent": 100 * found.mean / found.mean_first, "percent_half": 100 * half / found.mean_first},
        **{"p_holm": found.p_holm, "follows": follows, "alike": alike},
        "settled": policy != BASE and found.settled and not alike,
    }


def follows(gaps: np.ndarray) -> float:
    """Return the correlation of differences that follow each other; independent samples have about none.

    Beyond 1.645/√n they resemble each other (one side, 5 %): their interval is then too narrow.
    """
    gaps = gaps - gaps.mean()
    return float((gaps[1:] * gaps[:-1]).sum() / (gaps**2).sum()) if gaps.any() else 0.0
