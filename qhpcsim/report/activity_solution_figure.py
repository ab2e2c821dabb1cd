"""Figure of the time to solution: the share of hybrid jobs or applications that were done after how long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.wording import duration
from qhpcsim.report.activity import Activity
from qhpcsim.report.ecdf import DASHES, ecdf
from qhpcsim.report.style import PALETTE, Picture, Sheet, draw, legend_above
from qhpcsim.report.text import count, percent, plain
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
_MEAN = "#4b5563"


def activity_solution_figure(jobs: Activity) -> Picture:
    """Return the empirical distribution of the time from submission to end, one curve a kind of job, means marked."""
    if not jobs.done.any():
        return Picture(TITLE, "", notice=f"No {jobs.noun} was completed, so there is no time to solution.")
    curves = solution_curves(jobs)
    uris = draw(lambda sheet: _figure(jobs, curves, sheet))
    return Picture(TITLE, _caption(jobs), _alt(jobs), *uris)


class Curve(NamedTuple):
    """The times of the completed jobs of one kind."""

    label: str
    took_s: FloatArray
    """Sorted."""
    share: float
    """Share of the kind that was completed."""


def solution_curves(jobs: Activity) -> list[Curve]:
    """Return a curve for each kind of job with completed ones."""
    kinds = np.array(jobs.motif or [f"{jobs.noun}s"] * jobs.n, dtype=object)
    curves = []
    for kind in dict.fromkeys(kinds.tolist()):
        took_s = np.sort(jobs.took_s[(kinds == kind) & jobs.done])
        if len(took_s):
            curves.append(Curve(plain(kind, 28), took_s, len(took_s) / int((kinds == kind).sum())))
    return curves


def _figure(jobs: Activity, curves: Sequence[Curve], sheet: Sheet) -> Figure:
    longest_s = max(float(curve.took_s[-1]) for curve in curves)
    unit_s, unit = next((size, name) for limit, size, name in UNITS if longest_s <= limit)
    means = _means(jobs)
    labels = [curve.label for curve in curves] + [f"{label} {duration(mean_s)}" for label, mean_s, _ in means]
    figure = sheet.new_figure(2.7 + sheet.head_in(labels))
    axes = figure.subplots()
    sheet.margins(figure, top_in=sheet.head_in(labels))
    handles = [_steps(axes, curve, unit_s, PALETTE[k % len(PALETTE)]) for k, curve in enumerate(curves)]
    handles += [axes.axvline(mean_s / unit_s, linewidth=1.3, **looks) for _, mean_s, looks in means]
    marks = [float(t) for curve in curves for t in curve.took_s[[0, -1]]] + [mean_s for _, mean_s, _ in means]
    _dress(axes, min(marks) / unit_s, max(marks) / unit_s, unit)
    legend_above(axes, handles, labels, sheet.for_legend(labels))
    return figure


def _steps(axes: Axes, curve: Curve, unit_s: float, colour: str) -> Any:
    """Draw the steps of a distribution, a dot at each where they are few."""
    x, y = ecdf(curve.took_s / unit_s)
    x, y = x[y > 0.0], y[y > 0.0] * curve.share
    (line,) = axes.step(x, y, where="post", color=colour, linewidth=1.7, zorder=3)
    if len(curve.took_s) <= _MOST_DOTS:
        axes.plot(x, y, "o", color=colour, markersize=4, zorder=4)
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


def _means(jobs: Activity) -> list[tuple[str, float, dict[str, Any]]]:
    mean_s = float(jobs.took_s[jobs.done].mean())
    found: list[tuple[str, float, dict[str, Any]]] = [("mean", mean_s, {"color": _MEAN})]
    if jobs.baseline_mean_s is not None:
        found.append(("mean, baseline", jobs.baseline_mean_s, {"color": _MEAN, "linestyle": DASHES}))
    return found


def _caption(jobs: Activity) -> str:
    took_s = jobs.took_s[jobs.done]
    whom = f"the {jobs.noun}s of a kind" if jobs.motif else f"all {jobs.noun}s"
    text = f"Read it as: this share of {whom} was done at most so long after its submission."
    middle, high = (float(np.percentile(took_s, q)) for q in (50, 95))
    text += f" Of all that were done, half took at most {duration(middle)}, 95 % at most {duration(high)}."
    lost = jobs.n - len(took_s)
    return text + (f" {percent(lost / jobs.n)} did not get done." if lost else "")


def _alt(jobs: Activity) -> str:
    took_s = jobs.took_s[jobs.done]
    low, middle, high = (duration(float(t)) for t in (took_s.min(), np.median(took_s), took_s.max()))
    return f"Cumulative distribution of {count(len(took_s), 'time')} to solution: {low} to {high}, median {middle}."
