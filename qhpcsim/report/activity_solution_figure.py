"""Hybrid figure 4: time to solution, as the share of the jobs that were done after how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.wording import duration
from qhpcsim.report.ecdf import DASHES, ecdf
from qhpcsim.report.hybrid_view import HybridView
from qhpcsim.report.style import PALETTE, Picture, Sheet, draw, legend_above
from qhpcsim.report.text import count, percent
from qhpcsim.report.time_axis import UNITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Time to solution"
_MOST_DOTS = 60
_FAR = 50.0
"""A longest time of so many times the shortest is drawn on a logarithmic axis."""
_ROOM = 0.3
"""Room before the first time, as a share of the spread, on an axis that does not begin at 0."""
_BASELINE = "#4b5563"


def hybrid_solution_figure(view: HybridView) -> Picture:
    """Return the empirical distribution of the time from submission to end, means marked."""
    data = view.data
    took_s = np.sort(data.time_to_solution_s[data.completed])
    if not len(took_s):
        return Picture(TITLE, "", notice="No hybrid job was completed, so there is no time to solution.")
    uris = draw(lambda sheet: _figure(view, took_s, sheet))
    return Picture(TITLE, _caption(view, took_s), _alt(took_s), *uris)


def _figure(view: HybridView, took_s: FloatArray, sheet: Sheet) -> Figure:
    unit_s, unit = next((size, name) for limit, size, name in UNITS if took_s[-1] <= limit)
    means = _means(view, took_s)
    labels = ["hybrid jobs", *(f"{label} {duration(mean_s)}" for label, mean_s, _ in means)]
    figure = sheet.new_figure(2.7 + sheet.head_in(labels))
    axes = figure.subplots()
    sheet.margins(figure, top_in=sheet.head_in(labels))
    handles = [_steps(axes, took_s / unit_s, len(took_s) / view.data.n)]
    handles += [axes.axvline(mean_s / unit_s, linewidth=1.3, **looks) for _, mean_s, looks in means]
    marks = np.array([took_s[0], took_s[-1], *(mean_s for _, mean_s, _ in means)]) / unit_s
    _dress(axes, float(marks.min()), float(marks.max()), unit)
    legend_above(axes, handles, labels, sheet)
    return figure


def _steps(axes: Axes, took: FloatArray, share: float) -> Any:
    """Draw the steps of the distribution, a dot at each where they are few; the last is at ``share``."""
    x, y = ecdf(took)
    x, y = x[x > 0.0], y[x > 0.0] * share
    (line,) = axes.step(x, y, where="post", color=PALETTE[0], linewidth=1.7, zorder=3)
    if len(took) <= _MOST_DOTS:
        axes.plot(x, y, "o", color=PALETTE[0], markersize=4, zorder=4)
    return line


def _dress(axes: Axes, first: float, last: float, unit: str) -> None:
    from matplotlib.ticker import FuncFormatter

    if last > _FAR * first > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    else:
        axes.set_xlim(_left(first, last), 1.03 * last or 1.0)
    axes.set_ylim(0, 102)
    axes.set_ylabel("jobs that were done (%)")
    axes.set_xlabel(f"time from submission to end ({unit})")
    axes.spines[["top", "right"]].set_visible(False)


def _left(first: float, last: float) -> float:
    """Return where the axis begins: at 0, unless all times are alike."""
    return max(0.0, first - _ROOM * (last - first)) if 0.5 * last < first < last else 0.0


def _means(view: HybridView, took_s: FloatArray) -> list[tuple[str, float, dict[str, Any]]]:
    found: list[tuple[str, float, dict[str, Any]]] = [("mean", float(took_s.mean()), {"color": PALETTE[3]})]
    other_s = view.baseline.get("mean_time_to_solution_s")
    if other_s is not None:
        found.append(("mean, baseline", other_s, {"color": _BASELINE, "linestyle": DASHES}))
    return found


def _caption(view: HybridView, took_s: FloatArray) -> str:
    text = "Read it as: this share of all hybrid jobs was done at most so long after its submission."
    middle, high = (float(np.percentile(took_s, q)) for q in (50, 95))
    text += f" Of those that were done, half took at most {duration(middle)}, 95 % at most {duration(high)}."
    lost = view.data.n - len(took_s)
    return text + (f" {percent(lost / view.data.n)} did not get done." if lost else "")


def _alt(took_s: FloatArray) -> str:
    low, middle, high = (duration(float(t)) for t in (took_s[0], np.median(took_s), took_s[-1]))
    return f"Cumulative distribution of {count(len(took_s), 'time')} to solution: {low} to {high}, median {middle}."
