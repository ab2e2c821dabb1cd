"""The figure of the study: QPUs to buy over the load that calls put on them, and what the plan's neighbours give."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

mpl.use("Agg")
import matplotlib.pyplot as plt

LOOKS = {"hold": ("#0072B2", "o", -0.06), "vqpu": ("#CC79A7", "s", 0.0), "malleable": ("#009E73", "^", 0.06)}
FIGURE, LIMIT_MIN = "hybrid.mean_time_to_solution_s", 75
TICKS_MIN = (40, 50, 60, 80, 120, 160, 200, 300)
VERDICTS = {
    "meets": ("#029E73", "o"),
    "fails": ("#D55E00", "X"),
    "open": ("#B08A00", "D"),
    "looked at": ("#6b7280", "o"),
}


def draw(table: pd.DataFrame, points: Path, path: Path) -> None:
    """Draw both panels.

    Args:
        table: results.csv.
        points: points.csv of the plan.
        path: Of the PNG.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    _needed(left, table)
    _frontier(right, pd.read_csv(points))
    for axis in (left, right):
        axis.grid(alpha=0.25)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _needed(axis: Axes, table: pd.DataFrame) -> None:
    most = float(table["qpu_load"].max()) * 1.1
    axis.plot([0, most], [0, most], color="#555555", linewidth=1, linestyle="--", label="as many as calls keep busy")
    for (coupling, gap_min), rows in table.groupby(["coupling", "gap_min"], sort=False):
        colour, marker, shift = LOOKS[str(coupling)]
        busier = gap_min != table["gap_min"].max()
        axis.errorbar(
            rows["qpu_load"] + (0.0 if busier else shift),  # set apart sideways, to be seen
            rows["qpus"],
            [rows["qpus"] - rows["qpus_at_least"], 0 * rows["qpus"]],
            linestyle="none",
            marker=marker,
            markersize=9,
            color=colour,
            markerfacecolor="white" if busier else colour,
            label=f"{coupling}, {60 / float(gap_min):g} hybrid jobs an hour",
        )
    axis.set(xlim=(0, most), ylim=(0, 5.5), xlabel="QPUs that the calls would keep busy all the time")
    axis.set_title("QPUs of the cheapest plan", loc="left", fontsize=11, fontweight="bold")
    axis.legend(frameon=False, loc="upper left", fontsize=9)


def _frontier(axis: Axes, points: pd.DataFrame) -> None:
    known = points[points[FIGURE].notna()]
    for verdict, rows in known.groupby("verdict", sort=False):
        colour, marker = VERDICTS[str(verdict)]
        ends = np.abs(rows[[f"{FIGURE}_low", f"{FIGURE}_high"]].to_numpy().T - rows[FIGURE].to_numpy()) / 60
        shown = {"meets": "the plan", "fails": "shown to fail", "open": "not decided", "looked at": "dearer, looked at"}
        axis.errorbar(
            rows["objective"] / 1000,
            rows[FIGURE] / 60,
            ends,
            linestyle="none",
            marker=marker,
            markersize=8,
            color=colour,
            label=shown[str(verdict)],
        )
    axis.axhline(LIMIT_MIN, color="black", linewidth=1, linestyle="--")
    axis.set(yscale="log", xlabel="cost (million EUR a year, example prices)", ylabel="mean time of a hybrid job, min")
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if value in TICKS_MIN else "")
    axis.set_title("The plan and its neighbours", loc="left", fontsize=11, fontweight="bold")
    axis.legend(frameon=False, loc="upper right", fontsize=9)
