"""The figure of the study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

import qhpcsim
from qhpcsim.circuits.topology import edges, heavy_hex_places

mpl.use("Agg")
COLOURS = dict(zip(("checked", "reserved", "queued"), sns.color_palette("colorblind", 3), strict=True))
NAMES = {"checked": "checked (as published)", "reserved": "reserved", "queued": "queue, no polling"}
AFTER_S = 1000.0
"""The picture of the lattice is of the first call in vain after this."""


def draw(
    table: pd.DataFrame,
    published: pd.DataFrame,
    loops: qhpcsim.RegionLoops,
    qpus: Sequence[qhpcsim.SharedQpu],
    path: Path,
) -> None:
    """Draw the summary of the study, and one moment of a run of ``loops``, into a file."""
    import matplotlib.pyplot as plt

    sns.set_theme(style="whitegrid", context="paper", font_scale=1.1)
    figure, axes = plt.subplots(2, 2, figsize=(11.5, 8.6), constrained_layout=True)
    _sweep(axes[0, 0], table, published, "t_occ", ("checked", "reserved"))
    axes[0, 0].set(title="Time that a call is with a QPU", ylabel="$T_{occ}$, s per call")
    _sweep(axes[0, 1], table, published, "turnaround", tuple(NAMES))
    axes[0, 1].set(title="Time that a job takes", ylabel="mean turnaround, s")
    _fragmented(axes[1, 0], table, published)
    _moment(axes[1, 1], loops, qpus)
    for axis in (axes[0, 0], axes[0, 1], axes[1, 0]):
        axis.set(xlabel="calls per job, k", xticks=published["k"])
        axis.legend(frameon=True, title="lines: mean of 10 seeds\nbands: least to greatest")
        sns.despine(ax=axis)
    for axis in axes.flat:
        axis.title.set_weight("bold")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _rows(table: pd.DataFrame, variant: str, name: str) -> pd.DataFrame:
    return table[(table["variant"] == variant) & (table["figure"] == name) & (table["k"] > 0)].sort_values("k")


def _published(axis: Axes, k: pd.Series, values: pd.Series) -> None:
    axis.plot(k, values, "kx", ms=8, mew=2, label="published (one run)", zorder=5)


def _sweep(axis: Axes, table: pd.DataFrame, published: pd.DataFrame, name: str, variants: Sequence[str]) -> None:
    for variant in variants:
        rows, colour = _rows(table, variant, name), COLOURS[variant]
        axis.fill_between(rows["k"], rows["min"], rows["max"], color=colour, alpha=0.2, lw=0)
        axis.plot(rows["k"], rows["mean"], "o-", color=colour, ms=4, label=NAMES[variant])
    _published(axis, published["k"], published[name])
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter("{x:g}")


def _fragmented(axis: Axes, table: pd.DataFrame, published: pd.DataFrame) -> None:
    rows = _rows(table, "checked", "fragmented")
    rows = rows[rows["k"] >= 6]  # At k = 3 there are 0 to 3 attempts in vain.
    axis.fill_between(rows["k"], rows["min"], rows["max"], color=COLOURS["checked"], alpha=0.2, lw=0)
    axis.plot(rows["k"], rows["mean"], "o-", color=COLOURS["checked"], ms=4, label=NAMES["checked"])
    _published(axis, published["k"], published["fragmented"])
    axis.set(ylim=(0, 105), title="Attempts in vain although enough qubits were free")
    axis.set_ylabel("% of attempts in vain")


def _moment(axis: Axes, loops: qhpcsim.RegionLoops, qpus: Sequence[qhpcsim.SharedQpu]) -> None:
    """Draw the QPU of the first call that was admitted, hence had enough free qubits, and got no region."""
    run = qhpcsim.share_qpus(loops, qpus)
    in_vain = np.flatnonzero((run.started_s > run.admitted_s) & (run.admitted_s > AFTER_S))
    call = in_vain[np.argmin(run.admitted_s[in_vain])]
    now_s, qpu = run.admitted_s[call], run.qpu[call]
    running = np.flatnonzero((run.qpu == qpu) & (run.started_s <= now_s) & (run.ended_s > now_s))
    wanted = run.region_offset[call + 1] - run.region_offset[call]
    places, palette = np.array(heavy_hex_places(127)), sns.color_palette("husl", len(running))
    for a, b in edges("heavy_hex", 127):
        axis.plot(*places[[a, b]].T, color="0.75", lw=1, zorder=1)
    free = np.ones(127, bool)
    for row, colour in zip(running, palette, strict=True):
        region = run.qubit[run.region_offset[row] : run.region_offset[row + 1]]
        free[region] = False
        axis.scatter(*places[region].T, color=[colour], s=60, zorder=2)
    axis.scatter(*places[free].T, facecolor="white", edgecolor="black", s=60, zorder=2)
    axis.set_title(
        f"{len(running)} calls on one QPU, {free.sum()} qubits free (white):\na call that wants {wanted} must wait"
    )
    axis.invert_yaxis()
    axis.set_aspect("equal")
    axis.set_axis_off()
