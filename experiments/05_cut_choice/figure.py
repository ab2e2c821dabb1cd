"""The figure of the study: how often each strategy is right, what a wrong choice costs, predicted by measured time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

mpl.use("Agg")
import matplotlib.pyplot as plt

COLOURS = {
    "none": "#999999",
    "fixed_width": "#F0E442",
    "min_overhead": "#E69F00",
    "qdreamer_v02": "#CC79A7",
    "qdreamer_v04": "#D55E00",
    "qdreamer_refit": "#009E73",
    "modelled, card": "#56B4E9",
    "modelled, crossed": "#0072B2",
}


def draw(
    table: pd.DataFrame, regrets: Mapping[str, Sequence[float]], pairs: Sequence[tuple[float, float, bool]], path: Path
) -> None:
    """Draw the three panels.

    Args:
        table: Rows of strategies and workers with ``top1_pct``, ``low_pct`` and ``high_pct``.
        regrets: Of each strategy on one worker, a number for each case.
        pairs: Measured seconds, predicted seconds and whether it is a cut, for each option on one worker.
        path: Of the picture.
    """
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.8), layout="constrained", width_ratios=(1.5, 1, 1))
    _shares(axes[0], table)
    _regrets(axes[1], regrets)
    _times(axes[2], pairs)
    for axis in axes:
        axis.grid(alpha=0.25)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _shares(axis: plt.Axes, table: pd.DataFrame) -> None:
    groups = list(dict.fromkeys(table["basis"]))
    for k, (strategy, colour) in enumerate(COLOURS.items()):
        rows = table[table["strategy"] == strategy].set_index("basis").reindex(groups)
        place = np.arange(len(groups)) + (k - (len(COLOURS) - 1) / 2) * 0.11
        reach = [rows["top1_pct"] - rows["low_pct"], rows["high_pct"] - rows["top1_pct"]]
        axis.errorbar(place, rows["top1_pct"], reach, fmt="o", color=colour, capsize=2, markersize=4, label=strategy)
    axis.set_xticks(range(len(groups)), [_label(name) for name in groups], fontsize=8)
    axis.set_ylabel("right choice, % of cases (95 % interval)")
    axis.set_ylim(0, 102)
    axis.legend(fontsize=8, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.1), frameon=False)


def _label(basis: str) -> str:
    """Return a basis in two short lines."""
    return basis.removeprefix("1 worker, ").replace("scheduled", "sched.").replace(" ", "\n")


def _regrets(axis: plt.Axes, regrets: Mapping[str, Sequence[float]]) -> None:
    for strategy, values in regrets.items():
        share = np.sort(values)[::-1]
        axis.step(100 * share, 100 * np.arange(1, len(share) + 1) / len(share), where="post",
                  color=COLOURS[strategy], linewidth=1.6)  # fmt: skip
    axis.set_xscale("symlog", linthresh=1)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.set_xlabel("time lost by the choice, % (one worker)")
    axis.set_ylabel("cases that lose more, %")
    axis.set_xlim(0)
    axis.set_ylim(0)


def _times(axis: plt.Axes, pairs: Sequence[tuple[float, float, bool]]) -> None:
    for cut, colour, label in ((True, "#56B4E9", "cut"), (False, "#000000", "uncut")):
        chosen = np.array([(x, y / x) for x, y, is_cut in pairs if is_cut == cut]).reshape(-1, 2)
        axis.plot(*chosen.T, ".", color=colour, markersize=3, label=label)
    axis.axhline(1.0, color="black", linewidth=1)
    axis.set_xscale("log")
    axis.set_yscale("log")
    ratios = [y / x for x, y, _ in pairs]
    ticks = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
    axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.set_ylim(min(0.45, 0.95 * min(ratios)), max(2.2, 1.05 * max(ratios)))
    axis.set_xlabel("measured time (s)")
    axis.set_ylabel("predicted over measured, modelled by card")
    axis.legend(fontsize=8)
