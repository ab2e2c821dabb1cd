"""The figure of the study: what each coupling does to hybrid and to rigid jobs, against holding nodes."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pandas as pd

mpl.use("Agg")
import matplotlib.pyplot as plt

COLOURS = {
    "exclusive": "#D55E00",
    "vqpu": "#CC79A7",
    "hold_unhold": "#E69F00",
    "malleable": "#0072B2",
    "split": "#009E73",
    "pilot": "#56B4E9",
}
ROWS = (("hybrid_s", "hybrid jobs take longer by"), ("rigid_wait_s", "rigid jobs wait longer by"))


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw differences to coupling hold over the QPU's share of a round, one column a batch policy."""
    policies = list(dict.fromkeys(table["policy"]))
    figure, axes = plt.subplots(2, len(policies), figsize=(11, 6.4), sharex=True, sharey="row", layout="constrained")
    for k, policy in enumerate(policies):
        for (key, label), axis in zip(ROWS, axes[:, k], strict=True):
            axis.axhline(0.0, color="black", linewidth=1)
            for coupling, colour in COLOURS.items():
                rows = table[(table["policy"] == policy) & (table["coupling"] == coupling)]
                axis.errorbar(
                    rows["share"],
                    rows[f"d_{key}"] / 60,
                    rows[f"d_{key}_half"] / 60,
                    color=colour,
                    marker="o",
                    markersize=4,
                    capsize=3,
                    linewidth=1.6,
                    label=coupling,
                )
            axis.set_yscale("symlog", linthresh=10)
            axis.yaxis.set_major_formatter(lambda value, _: f"{value:+g}" if value else "0")
            axis.grid(alpha=0.25)
            for side in ("top", "right"):
                axis.spines[side].set_visible(False)
            if k == 0:
                axis.set_ylabel(f"{label} (min)")
        axes[0, k].set_title(policy)
        axes[1, k].set_xlabel("QPU's share of a round")
    legend = figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=6, frameon=False)
    legend.set_title("compared with coupling hold (line at 0); 95 % intervals, paired by seed")
    figure.savefig(path, dpi=150)
    plt.close(figure)
