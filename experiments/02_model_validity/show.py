"""The figure and the tables of the study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from judged import HELD_OUT, NEVER, TRAINING, Judged
from matplotlib.axes import Axes

mpl.use("Agg")
AREAS = ("CPU", "one GPU", "several GPUs", "gradients", "tasks on nodes", "pilots and clients")
COLOURS = dict(zip(AREAS, sns.color_palette("colorblind", len(AREAS)), strict=True))
MARKS = {HELD_OUT: "o", NEVER: "D", TRAINING: "|"}


def draw(judged: Sequence[Judged], table: pd.DataFrame, path: Path) -> None:
    """Draw errors by data set, and all predictions against what was measured."""
    import matplotlib.pyplot as plt

    sns.set_theme(style="whitegrid", context="paper", font_scale=0.95)
    figure, axes = plt.subplots(1, 2, figsize=(13.5, 7.8), width_ratios=(1.25, 1), constrained_layout=True)
    _errors(axes[0], table[table["area"] != "pilots and clients"])
    _ratio(axes[1], [found for found in judged if not found.how.startswith(TRAINING)])
    for axis in axes:
        axis.title.set_weight("bold")
        sns.despine(ax=axis)
    figure.savefig(path, dpi=140)
    plt.close(figure)


def _errors(axis: Axes, table: pd.DataFrame) -> None:
    names = list(dict.fromkeys(zip(table["area"], table["model"], table["data"], strict=True)))
    for _, row in table.iterrows():
        at = names.index((row["area"], row["model"], row["data"]))
        colour, mape = COLOURS[row["area"]], row["mape_pct"]
        reach = [[max(mape - row["low_pct"], 0.0)], [max(row["high_pct"] - mape, 0.0)]]
        if row["split"] == TRAINING:
            axis.plot(mape, at, "|", color=colour, ms=11, mew=1.6)
        else:
            axis.errorbar(mape, at, xerr=reach, fmt=MARKS[row["split"]], color=colour, ms=5, capsize=2, lw=1.1)
    for mark, label in (("o", "held out"), ("D", "never fitted"), ("|", "training")):
        axis.plot([], [], mark, color="0.3", label=label, ms=6)
    names = [f"{data}: {model.split(',')[0]}" if "ratio of" in model else data for _, model, data in names]
    axis.set_yticks(range(len(names)), names, fontsize=7.5)
    axis.set(xscale="log", xlabel="mean absolute relative error, % (90 % interval)", title="Error by data set")
    axis.invert_yaxis()
    axis.legend(loc="upper right", frameon=True)


def _ratio(axis: Axes, judged: Sequence[Judged]) -> None:
    for found in judged:
        if found.area == "pilots and clients" or "ratio of" in found.model:
            continue
        fill = COLOURS[found.area] if found.how.startswith(HELD_OUT) else "none"
        axis.plot(found.measured_s, found.predicted_s / found.measured_s, "o", ms=3.5, mew=0.7, alpha=0.7,
                  color=COLOURS[found.area], mfc=fill)  # fmt: skip
    for area in AREAS[:-1]:
        axis.plot([], [], "o", ms=5, color=COLOURS[area], label=area)
    axis.axhline(1.0, color="0.3", lw=0.8)
    for factor in (0.5, 2.0):
        axis.axhline(factor, color="0.5", lw=0.7, ls="--")
    ticks = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
    axis.set(xscale="log", yscale="log", ylim=(0.03, 12), xlabel="measured, s", ylabel="predicted / measured")
    axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.set_title("Rows that no fit saw (hollow: never fitted)")
    axis.legend(frameon=True, loc="lower right")


def write_tables(table: pd.DataFrame, qpu: Sequence[dict[str, str]], readme: Path) -> None:
    """Put the tables of the study between the marks of a README."""
    lines = []
    never = "Never fitted: other software, machines or kinds of work"
    for split, title in {HELD_OUT: "Held out", NEVER: never, TRAINING: "Training"}.items():
        lines += [f"### {title}", "", *_table(table[table["split"] == split], split), ""]
    lines += ["### QPU service times", "", *_qpu(qpu), ""]
    before, _, rest = readme.read_text(encoding="utf-8").partition("<!-- results -->\n")
    after = rest.partition("<!-- end of results -->")[2]
    text = "\n".join(lines)
    readme.write_text(f"{before}<!-- results -->\n{text}<!-- end of results -->{after}", encoding="utf-8")


def _table(table: pd.DataFrame, split: str) -> list[str]:
    left = ["left out"] if split == HELD_OUT else []
    heads = ["area", "model", "data", *left, "rows", "MAPE, %", "worst, %", "pred./meas.", "in 90 % interval"]
    lines = [heads, ["---"] * len(heads)]
    for _, row in table.iterrows():
        held = [row["left_out"]] if left else []
        inside = "" if pd.isna(row["covered_pct"]) else f"{row['covered_pct']:.0f} %"
        error = f"{_digits(row['mape_pct'])} ({_digits(row['low_pct'])} … {_digits(row['high_pct'])})"
        ratio = f"{row['predicted_over_measured']:.2f}"
        lines.append([row["area"], row["model"], row["data"], *held, str(row["rows"]), error,
                      _digits(row["worst_pct"]), ratio, inside])  # fmt: skip
    return [f"| {' | '.join(cells)} |" for cells in lines]


def _qpu(lines: Sequence[dict[str, str]]) -> list[str]:
    columns = {"model": "model", "stratum": "jobs", "median_ape_pct": "median error, %",
               "median_ape_ci95": "95 % interval", "within_20pct": "within 20 %, %",
               "predicted_over_real": "pred./meas.", "coverage90_pct": "in 90 % interval, %"}  # fmt: skip
    rows = [list(columns.values()), ["---"] * len(columns), *([line[key] for key in columns] for line in lines)]
    return [f"| {' | '.join(cells)} |" for cells in rows]


def _digits(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"
