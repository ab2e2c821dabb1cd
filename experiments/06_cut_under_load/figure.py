"""The figure of the study: time to solution over load, which way is taken, and what is lost against hindsight."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import pandas as pd

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

COLOURS = {
    "none": "#000000",
    "fixed_width": "#E69F00",
    "min_overhead": "#CC79A7",
    "qdreamer_v02": "#999999",
    "qdreamer_v04": "#56B4E9",
    "qdreamer_refit": "#009E73",
    "workers only": "#D55E00",
    "modelled": "#0072B2",
}
ALWAYS = {"always whole": "none", "always two parts": "min_overhead"}
TITLES = {"cpu": "CPU nodes", "h100": "H100 nodes", "qpu": "QPUs"}
WAYS = {"in_1": "whole", "in_2": "two parts", "in_3": "three"}
SHADES = ("#1B2A41", "#3D6FA5", "#8FB8DE")


def draw(
    table: pd.DataFrame, regrets: pd.DataFrame, runs: pd.DataFrame, loads: Mapping[str, float], path: Path
) -> None:
    """Draw one column for each kind of device."""
    kinds = list(dict.fromkeys(table["kind"]))
    figure, axes = plt.subplots(3, len(kinds), figsize=(11.5, 10), layout="constrained")
    lost = regrets.groupby(["kind", "strategy", "load"], sort=False)["regret_pct"].mean().reset_index()
    words = [f"{name}\n{load:g}" for name, load in loads.items()]
    for k, kind in enumerate(kinds):
        of_kind = table[table["kind"] == kind]
        _times(axes[0, k], of_kind)
        if kind == "qpu":
            _queue(axes[1, k], runs[runs["kind"] == kind], loads)
        else:
            _ways(axes[1, k], of_kind[of_kind["strategy"] == "modelled"])
        _lost(axes[2, k], lost[lost["kind"] == kind], list(loads.values()))
        axes[0, k].set_title(TITLES[kind])
        for axis in axes[:, k] if kind != "qpu" else axes[::2, k]:
            axis.set_xticks(range(len(loads)), words)
        axes[2, k].set_xlabel("load of the others")
    axes[0, 0].set_ylabel("longer than with modelled (s)")
    axes[1, 0].set_ylabel("taken by modelled")
    axes[2, 0].set_ylabel("longer than best in hindsight\n(mean, %)")
    axes[1, 0].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
    handles = axes[0, 0].get_legend_handles_labels()
    title = "strategy; differences paired by seed, 95 % intervals"
    figure.legend(*handles, loc="outside upper center", ncols=4, frameon=False, title=title)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _times(axis: Axes, table: pd.DataFrame) -> None:
    axis.axhline(0.0, color=COLOURS["modelled"], linewidth=2.4)
    for j, (name, colour) in enumerate(COLOURS.items()):
        rows = table[table["strategy"] == name]
        if name != "modelled":
            places = [k + (j - 3) * 0.08 for k in range(len(rows))]
            axis.errorbar(places, rows["d_solution_s"], rows["d_solution_s_half"], color=colour, marker="o",
                          markersize=5, capsize=2, linewidth=1.4, linestyle="none", label=name)  # fmt: skip
    axis.set_yscale("symlog", linthresh=10 if table["d_solution_s"].max() < 1000 else 100)
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:+,g}" if value else "0")
    _tidy(axis)


def _ways(axis: Axes, rows: pd.DataFrame) -> None:
    below = [0.0] * len(rows)
    for (key, label), shade in zip(WAYS.items(), SHADES, strict=True):
        axis.bar(range(len(rows)), rows[key], bottom=below, color=shade, label=label, width=0.7)
        below = [low + value for low, value in zip(below, rows[key], strict=True)]
    axis.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    _tidy(axis)


def _queue(axis: Axes, runs: pd.DataFrame, loads: Mapping[str, float]) -> None:
    """Draw how often a circuit is left whole over how long that takes, a point for each run."""
    light = min(loads.values())
    whole = runs[(runs["strategy"] == "none") & (runs["load"] == light)].set_index("seed")["solution_s"]
    for (name, load), shade in zip(loads.items(), SHADES, strict=False):
        own = runs[(runs["strategy"] == "modelled") & (runs["load"] == load)]
        axis.plot(whole[own["seed"]], own["in_1"], "o", color=shade, label=name, markersize=7)
    axis.set_xscale("log")
    axis.set_xlabel("a whole circuit on the cloud takes (s), by seed")
    axis.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axis.set_ylabel("left whole")
    axis.legend(title="own QPU", frameon=False)
    _tidy(axis)


def _lost(axis: Axes, lost: pd.DataFrame, loads: list[float]) -> None:
    for name in dict.fromkeys(lost["strategy"]):
        rows, colour = lost[lost["strategy"] == name], COLOURS[ALWAYS.get(name, name)]
        places = [loads.index(load) for load in rows["load"]]
        axis.plot(places, rows["regret_pct"], color=colour, marker="o", markersize=4,
                  linewidth=2.4 if name == "modelled" else 1.3)  # fmt: skip
    axis.set_yscale("symlog", linthresh=1)
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_ylim(bottom=0)
    _tidy(axis)


def _tidy(axis: Axes) -> None:
    axis.grid(axis="y", alpha=0.25)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
