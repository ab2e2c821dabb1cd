"""The figure and the tables of the study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from differences import BASE
from matplotlib.axes import Axes

mpl.use("Agg")
HEADS = {
    "solution_h": "time to solution, h",
    "wait_h": "mean wait, h",
    "p95_wait_h": "p95 wait, h",
    "slowdown": "bounded slowdown",
    "narrow_h": "wait of narrow jobs, h",
    "wide_h": "wait of wide jobs, h",
    "short_h": "wait of short jobs, h",
    "long_h": "wait of long jobs, h",
    "jain": "Jain's index",
    "used_pct": "used, %",
}
"""Figure -> its words; the tables have them in this order."""
PANELS = ("wait_h", "slowdown", ("wide_h", "solution_h"), "jain")
"""Of each row of the figure; of two, the one that the workload has."""
SETTLED, OPEN = "#0072B2", "0.55"


def draw(table: pd.DataFrame, policies: Sequence[str], path: Path) -> None:
    """Draw differences to EASY in percent: a row a workload, a column a figure, filled where the sign is certain."""
    import matplotlib.pyplot as plt

    workloads = list(dict.fromkeys(table["workload"]))
    shown = [name for name in policies if name != BASE]
    size = {"figsize": (13.0, 2.75 * len(workloads)), "sharey": True, "layout": "constrained"}
    figure, axes = plt.subplots(len(workloads), len(PANELS), **size)
    for workload, line in zip(workloads, axes, strict=True):
        rows = table[table["workload"] == workload].set_index(["figure", "policy"])
        for panel, axis in zip(PANELS, line, strict=True):
            there = [name for name in ((panel,) if isinstance(panel, str) else panel) if name in rows.index]
            if not there:
                axis.set_axis_off()
                continue
            _panel(axis, rows.loc[there[0]].reindex(shown))
            axis.set_title(HEADS[there[0]].removesuffix(", h"), fontsize=10)
        line[0].set_ylabel(workload, fontsize=12, fontweight="bold")
    for axis in axes[-1]:
        axis.set_xlabel("change against EASY, %")
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _panel(axis: Axes, rows: pd.DataFrame) -> None:
    axis.axvline(0.0, color="black", linewidth=1)
    for place, row in enumerate(rows.itertuples()):
        colour = SETTLED if row.settled is True else OPEN
        fill = colour if row.settled is True else "white"
        bars = {"fmt": "o", "markersize": 5, "capsize": 2.5, "color": colour, "markerfacecolor": fill}
        axis.errorbar(row.percent, place, xerr=row.percent_half, **bars)
    axis.set_yticks(range(len(rows)), rows.index)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xscale("symlog", linthresh=30, linscale=1.2)
    low, high = (rows["percent"] - rows["percent_half"]).min(), (rows["percent"] + rows["percent_half"]).max()
    ticks = [t for t in (-100, -30, -10, 0, 10, 100, 1000, 10_000) if 1.2 * low <= t <= 1.2 * high or t == 0]
    axis.set_xticks(ticks, [f"{t:+,d}" if t else "0" for t in ticks], fontsize=8)
    axis.minorticks_off()
    axis.grid(alpha=0.25)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def write_tables(table: pd.DataFrame, longest: pd.DataFrame, policies: Sequence[str], readme: Path) -> None:
    """Put a table for each workload between the marks of a README."""
    lines = []
    for workload in dict.fromkeys(table["workload"]):
        rows = table[table["workload"] == workload]
        most = longest[longest["workload"] == workload].set_index("policy")["longest_wait_h"]
        lines += [f"### {workload}: {rows['samples'].max()} samples", "", *markdown(rows, most, policies), ""]
    before, _, rest = readme.read_text(encoding="utf-8").partition("<!-- results -->\n")
    after = rest.partition("<!-- end of results -->")[2]
    text = "\n".join(lines)
    readme.write_text(f"{before}<!-- results -->\n{text}<!-- end of results -->{after}", encoding="utf-8")


def markdown(rows: pd.DataFrame, longest: pd.Series, policies: Sequence[str]) -> list[str]:
    """Return the table of a workload: EASY's means, the others' differences.

    Bold: the sign is certain. †: samples resemble each other, so that the interval is too narrow.
    """
    figures = [name for name in HEADS if name in set(rows["figure"])]
    by = rows.set_index(["policy", "figure"])
    lines = [["policy", *(HEADS[name] for name in figures), "longest wait, d"], ["---"] * (len(figures) + 2)]
    for policy in sorted(set(rows["policy"]), key=lambda name: (name != BASE, list(policies).index(name))):
        cells = [_cell(by.loc[(policy, name)], policy == BASE) for name in figures]
        lines.append([policy, *cells, f"{longest[policy] / 24:.1f}"])
    return [f"| {' | '.join(cells)} |" for cells in lines]


def _cell(row: pd.Series, base: bool) -> str:
    if base:
        return _digits(row["mean"])
    text = f"{'+' if row['difference'] > 0 else ''}{_digits(row['difference'])} ± {_digits(row['half'])}"
    return f"**{text}**" if row["settled"] else f"{text} †" if row["alike"] else text


def _digits(value: float) -> str:
    n_places = next((places for below, places in ((1, 3), (10, 2), (100, 1)) if abs(value) < below), 0)
    return f"{value:,.{n_places}f}"
