"""The figure and the table of the study."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

mpl.use("Agg")
COLOURS = dict(zip((0.0, 5.0, 30.0), sns.color_palette("colorblind", 3), strict=True))
MINUTE_S = 60.0


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw the summary of the study into a file."""
    import matplotlib.pyplot as plt

    sns.set_theme(style="whitegrid", context="paper", font_scale=1.05)
    swept = table[table["variant"] == ""]
    figure, axes = plt.subplots(1, 3, figsize=(12.5, 4.1), constrained_layout=True)
    _alone(axes[0], swept[swept["world"] == "alone"])
    _cloud(axes[1], swept[swept["world"] == "cloud"])
    _everyone(axes[2], swept[(swept["world"] == "cloud") & (swept["share"] == 0.5)])
    for axis in axes:
        axis.title.set_weight("bold")
        sns.despine(ax=axis)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _alone(axis: Axes, table: pd.DataFrame) -> None:
    for think_s, rows in table.groupby("think_s"):
        share = 100 * rows["share"]
        axis.plot(share, rows["mg1"], color=COLOURS[think_s], lw=1.2)
        bars = {"fmt": "o", "ms": 5, "capsize": 3, "color": COLOURS[think_s]}
        axis.errorbar(share, rows["mean"], rows["mean_half"], label=f"{think_s:g} s", **bars)
    axis.plot([], [], color="0.4", lw=1.2, label="M/G/1")
    axis.set(yscale="log", title="One QPU alone, first come first served", ylabel="mean wait of single jobs, s")
    axis.set_xlabel("users with sessions, %")
    axis.legend(title="think time", frameon=True)


def _cloud(axis: Axes, table: pd.DataFrame) -> None:
    for think_s, rows in table.groupby("think_s"):
        share, more = 100 * rows["share"], rows["d_mean"] / MINUTE_S
        half = rows["d_mean_half"] / MINUTE_S
        axis.plot(share, more, "o-", color=COLOURS[think_s], ms=5, lw=1.4, label=f"{think_s:g} s")
        axis.fill_between(share, more - half, more + half, color=COLOURS[think_s], alpha=0.15, lw=0)
    base = table.loc[table["share"] == 0.0, "mean"].mean() / MINUTE_S
    axis.axhline(0.0, color="0.3", lw=0.8)
    axis.set(title="Cloud QPU with other users, fair share", xlabel="users with sessions, %")
    axis.set_ylabel(f"more mean wait of single jobs, min\n(nobody has sessions: {base:.1f} min)")
    axis.legend(title="think time", loc="upper left", frameon=True)


def _everyone(axis: Axes, table: pd.DataFrame) -> None:
    loops = "loops: first\nsubmission to\nlast result"
    groups = {"mean": "single jobs:\nwait", "others": "other users:\nwait", "loop": loops}
    for k, (think_s, row) in enumerate(table.set_index("think_s").iterrows()):
        for place, key in enumerate(groups):
            base = row[key] - row[f"d_{key}"]
            change, half = 100 * row[f"d_{key}"] / base, 100 * row[f"d_{key}_half"] / base
            at = place + 0.27 * (k - 1)
            label = f"{think_s:g} s" if place == 0 else None
            axis.bar(at, change, 0.25, yerr=half, capsize=3, color=COLOURS[think_s], label=label)
    axis.axhline(0.0, color="0.3", lw=0.8)
    axis.set(title="Cloud QPU: half of the users with sessions", ylabel="change, %", xticks=range(len(groups)))
    axis.set_xticklabels(groups.values())
    axis.legend(title="think time", loc="upper right", frameon=True)
    axis.grid(axis="x", visible=False)


def write_table(table: pd.DataFrame, readme: Path) -> None:
    """Put the table of the study between the marks of a README."""
    cloud = table[table["world"] == "cloud"].sort_values(["variant", "think_s", "share"])
    columns = {"mean": "single jobs: mean", "median": "median", "p95": "p95", "others": "other users: mean"}
    columns["loop"] = "loops"
    heads = ["think time", "with sessions", *columns.values(), "held idle"]
    rows = [heads, ["---"] * len(heads)]
    for _, row in cloud.iterrows():
        think = f"{row['think_s']:g} s" + (f", {row['variant']}" if row["variant"] else "")
        first = row["share"] == 0.0
        cells = [f"{row[k] / 60:.1f}" if first else _change(row[f"d_{k}"], row[f"d_{k}_half"]) for k in columns]
        rows.append([think, f"{100 * row['share']:.0f} %", *cells, f"{100 * row['held_idle']:.1f} %"])
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    before, _, rest = readme.read_text(encoding="utf-8").partition("<!-- results -->\n")
    after = rest.partition("<!-- end of results -->")[2]
    readme.write_text(f"{before}<!-- results -->\n{lines}\n<!-- end of results -->{after}", encoding="utf-8")


def _change(mean_s: float, half_s: float) -> str:
    """Return minutes with their interval."""
    return f"{mean_s / MINUTE_S:+.1f} ± {half_s / MINUTE_S:.1f}".replace("-", "−")
