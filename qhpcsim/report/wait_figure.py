"""Figure 3: what share of the jobs had started after how long a wait, by size class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.report.data import RunData
from qhpcsim.report.style import MUTED, PALETTE, SIZE_COLOURS, Picture, looks, new_figure, svg_uri
from qhpcsim.report.text import count, duration, percent, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "How long jobs waited"
_MAX_POINTS = 300
_TICKS = (
    (0.0, "0"),
    (1.0, "1 s"),
    (10.0, "10 s"),
    (60.0, "1 min"),
    (600.0, "10 min"),
    (3600.0, "1 h"),
    (36000.0, "10 h"),
    (259200.0, "3 d"),
    (2592000.0, "30 d"),
    (31536000.0, "1 y"),
)
_DASHES = (0, (3, 2))
_LONG_S = 86400.0
"""Where the longest wait passes a day, seconds are not told apart: the axis is logarithmic above a minute."""


def wait_figure(run: RunData) -> Picture:
    """Return the empirical distribution of waits by size class, the baseline's dashed."""
    wait = run.jobs.wait_s
    started = ~np.isnan(wait)
    if not started.any():
        return Picture(TITLE, "", notice="No job started, so there are no waits to show.")
    groups = run.groups
    with looks():
        figure = new_figure(3.6)
        axes = figure.subplots()
        figure.subplots_adjust(left=0.085, right=0.715, top=0.965, bottom=0.135)
        handles: list[Any] = []
        labels: list[str] = []
        for k, label in enumerate(groups.labels):
            mine = started & (groups.of_job == k)
            if mine.any():
                handles.append(_curve(axes, wait[mine], SIZE_COLOURS[k], "-"))
                labels.append(f"{label} ({count(int(mine.sum()), 'job')})")
        longest = _draw_baseline(axes, run, handles, labels)
        _dress(axes, max(longest, float(wait[started].max())))
        axes.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
        uri = svg_uri(figure)
    zero = float(np.mean(wait[started] <= 0))
    alt = f"Cumulative distribution of waits in {count(len(labels), 'line')}; {percent(zero)} of the jobs did not wait."
    return Picture(TITLE, _caption(run, zero), alt, uri)


def _draw_baseline(axes: Axes, run: RunData, handles: list[Any], labels: list[str]) -> float:
    """Draw the other policy's curves dashed, matched by job size; return its longest wait."""
    from matplotlib.lines import Line2D

    other = run.baseline_jobs
    if other is None or not other.started.any():
        return 0.0
    of_job = run.groups.of(other.nodes)
    for k in range(len(run.groups.labels)):
        mine = other.started & (of_job == k)
        if mine.any():
            _curve(axes, other.wait_s[mine], SIZE_COLOURS[k], _DASHES)
    handles.append(Line2D([], [], color=MUTED, linestyle=_DASHES))
    labels.append(f"dashed: {plain(run.baseline_name, 20)}")
    return float(np.nanmax(other.wait_s))


def _curve(axes: Axes, wait_s: FloatArray, colour: str, line: Any) -> object:
    x, y = ecdf(wait_s)
    width = 1.7 if line == "-" else 1.1
    (drawn,) = axes.step(x, y, where="post", color=colour, linestyle=line, linewidth=width)
    return drawn


def ecdf(wait_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the steps of the empirical distribution in per cent, thinned to a few hundred points.

    The curve starts at zero wait, at the share of jobs that did not wait at all.
    """
    ordered = np.sort(np.maximum(wait_s, 0.0))
    share = np.arange(1, len(ordered) + 1) / len(ordered) * 100.0
    last = np.append(ordered[1:] != ordered[:-1], True)
    x, y = ordered[last], share[last]
    if len(x) > _MAX_POINTS:
        keep = np.unique(np.searchsorted(y, np.linspace(y[0], 100.0, _MAX_POINTS)).clip(max=len(y) - 1))
        x, y = x[keep], y[keep]
    if x[0] > 0:
        x, y = np.concatenate([[0.0], x]), np.concatenate([[0.0], y])
    return x, y


def bend_s(longest_s: float) -> float:
    """Return the wait, in seconds, below which the axis is linear."""
    return 60.0 if longest_s > _LONG_S else 1.0


def _dress(axes: Axes, longest_s: float) -> None:
    from matplotlib.ticker import NullLocator

    right = max(longest_s * 1.3, 10.0)
    bend = bend_s(longest_s)
    axes.set_xscale("symlog", linthresh=bend, linscale=0.45)
    ticks = [(at, text) for at, text in _TICKS if (at == 0.0 or at >= bend) and at <= right]
    axes.set_xticks([at for at, _ in ticks], [text for _, text in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    left = -0.08 * bend
    axes.set_xlim(left, right)
    axes.set_ylim(0, 102)
    axes.set_ylabel("jobs that had started (%)")
    axes.set_xlabel(f"wait from submission to start (logarithmic above {duration(bend)})")
    axes.axvspan(left, bend, color=PALETTE[7], alpha=0.10, linewidth=0, zorder=0)
    axes.spines[["top", "right"]].set_visible(False)


def _caption(run: RunData, zero: float) -> str:
    never = int((~run.jobs.started).sum())
    text = (
        "Read it as: this share of the jobs waited at most so long. "
        f"{percent(zero)} of the started jobs did not wait (grey strip: short waits, linear)."
    )
    if never:
        text += f" {count(never, 'job')} that never started left out."
    return text
