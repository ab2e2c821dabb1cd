"""Empirical distributions of waits, on an axis that tells seconds from seconds and months from months."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.wording import duration
from qhpcsim.report.style import MUTED, ONE_LINE_IN, PALETTE, TWO_LINES_IN, Sheet, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHES = (0, (3, 2))
_END: dict[str, Any] = {"marker": "o", "markersize": 3.5, "linestyle": "none"}
"""A dot at the longest wait: a curve whose jobs all started at once would be nothing else."""
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
_LONG_S = 86400.0
"""Where the longest wait passes a day, seconds are not told apart: the axis is logarithmic above a minute."""
_LINEAR_DECADES = 0.45
"""Room of the linear part, in decades of the logarithmic one."""
_LEGEND_IN = 2.45
_TICK_IN = 0.52
"""Room that a label of the x axis needs."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The waits of one group of jobs."""

    label: str
    """Name in the legend; empty: the curve is drawn without an entry."""
    wait_s: FloatArray
    colour: str
    dashed: bool = False


def ecdf_figure(curves: Sequence[Curve], dashed_label: str, x_label: str, sheet: Sheet) -> Figure:
    """Return the curves, step by step, with their legend outside the axes.

    Args:
        curves: At least one wait each.
        dashed_label: What all dashed curves together are called; empty: they have their own labels.
        x_label: What a wait is.
        sheet: What it is drawn on.
    """
    labels = [curve.label for curve in curves if curve.label] + [dashed_label] * bool(dashed_label)
    legend_in = sheet.legend_in(labels)
    figure = sheet.new_figure(3.6 + legend_in)
    axes = figure.subplots()
    right_in = _LEGEND_IN if sheet.beside else 0.135
    bottom_in = ONE_LINE_IN if sheet.beside else TWO_LINES_IN
    sheet.margins(figure, top_in=0.13 + legend_in, bottom_in=bottom_in, right_in=right_in)
    handles: list[Any] = [handle for curve in curves if (handle := _draw(axes, curve)) is not None]
    if dashed_label:
        from matplotlib.lines import Line2D

        handles.append(Line2D([], [], color=MUTED, linestyle=DASHES))
    _dress(axes, max(float(curve.wait_s.max()) for curve in curves), x_label, sheet)
    if sheet.beside:
        axes.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
    else:
        legend_above(axes, handles, labels, sheet)
    return figure


def _draw(axes: Axes, curve: Curve) -> object | None:
    x, y = ecdf(curve.wait_s)
    line: Any = DASHES if curve.dashed else "-"
    width = 1.1 if curve.dashed else 1.7
    (drawn,) = axes.step(x, y, where="post", color=curve.colour, linestyle=line, linewidth=width)
    axes.plot(x[-1:], y[-1:], color=curve.colour, **_END)
    return drawn if curve.label else None


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


def _dress(axes: Axes, longest_s: float, x_label: str, sheet: Sheet) -> None:
    from matplotlib.ticker import NullLocator

    right = max(longest_s * 1.3, 10.0)
    bend = bend_s(longest_s)
    axes.set_xscale("symlog", linthresh=bend, linscale=_LINEAR_DECADES)
    ticks = _ticks(bend, right, sheet)
    axes.set_xticks([at for at, _ in ticks], [text for _, text in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    left = -0.08 * bend
    axes.set_xlim(left, right)
    axes.set_ylim(0, 102)
    axes.set_ylabel("jobs that had started (%)")
    above = f"(logarithmic above {duration(bend)})"
    axes.set_xlabel(f"{x_label} {above}" if sheet.beside else f"{x_label}\n{above}")
    axes.axvspan(left, bend, color=PALETTE[7], alpha=0.10, linewidth=0, zorder=0)
    axes.spines[["top", "right"]].set_visible(False)


def _ticks(bend: float, right: float, sheet: Sheet) -> list[tuple[float, str]]:
    """Return the labelled waits: all that have room, always 0."""
    shown = [(at, text) for at, text in _TICKS if (at == 0.0 or at >= bend) and at <= right]
    room = int((sheet.width_in - sheet.left_in) / _TICK_IN)
    return shown if len(shown) <= room else shown[::2]
