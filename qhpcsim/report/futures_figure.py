"""Queue length and busy nodes over time in several futures that share one past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from qhpcsim.core.records import FloatArray, JobState, JobTable, Schedule
from qhpcsim.report.load_figure import whole_numbers
from qhpcsim.report.series import Steps, steps
from qhpcsim.report.style import INK, MUTED, PALETTE, WIDE, legend_above, looks, svg_text
from qhpcsim.report.time_axis import TimeAxis, time_axis
from qhpcsim.scenario import Partition

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PAST = "#9aa1ab"
_PAST_SHARE = 0.35
"""Part of the figure's width for the past."""
_LEAST_S = 6 * 3600.0
"""Shortest future that is shown, if the run is that long."""
_BEYOND = 3.0
"""The future is shown this many times as long as the standing queue lasts in the slowest future."""


class Outcome(Protocol):
    """What the figure needs of a result."""

    table: JobTable
    schedule: Schedule
    partitions: dict[str, Partition]


def futures_svg(futures: Sequence[tuple[str, Outcome]], at_s: float, window_end_s: float) -> str:
    """Return the figure as SVG: the past in grey, the futures in colour from the moment on.

    Args:
        futures: (name, result); the first is that without changes.
        at_s: The moment, on the simulations' axis.
        window_end_s: Nothing later need be shown.
    """
    with looks():
        return svg_text(_figure(futures, at_s, window_end_s))


def _figure(futures: Sequence[tuple[str, Outcome]], at_s: float, window_end_s: float) -> Figure:
    axis, names = _axis(futures, at_s, window_end_s), [name for name, _ in futures]
    sheet = WIDE.for_legend(names)
    head_in = sheet.head_in(names)
    figure = sheet.new_figure(4.6 + head_in)
    above, below = figure.subplots(2, 1, sharex=True)
    sheet.margins(figure, top_in=head_in, hspace=0.16)
    for axes, series_of, label in ((above, waiting, "jobs in the queue"), (below, busy, "nodes in use")):
        lines = _draw(axes, axis, [_from(series_of(result), at_s) for _, result in futures])
        axes.set_ylabel(label)
        whole_numbers(axes)
        axis.dress(axes, sheet, labelled=axes is below)
        if axes is above:
            legend_above(axes, lines, names, sheet)
    return figure


def _axis(futures: Sequence[tuple[str, Outcome]], at_s: float, window_end_s: float) -> TimeAxis:
    """Return the times to show, 0 at the moment: until the queue that stands then has long gone everywhere."""
    lasts = [_standing_s(result, at_s) for _, result in futures]
    ahead_s = min(max(_BEYOND * max(lasts), _LEAST_S), max(window_end_s - at_s, max(lasts), 1.0))
    before_s = min(at_s, ahead_s * _PAST_SHARE / (1 - _PAST_SHARE))
    return time_axis(-before_s, ahead_s, "time from the moment on")


def _from(series: Steps, at_s: float) -> Steps:
    return Steps(series.time_s - at_s, series.value)


def _standing_s(result: Outcome, at_s: float) -> float:
    """Return after how long the last job that waits at the moment starts; 0 if none does."""
    table, schedule = result.table, result.schedule
    stand = (table.submit_s < at_s) & (schedule.start_s >= at_s)
    return float((schedule.start_s[stand] - at_s).max(initial=0.0))


def waiting(result: Outcome) -> Steps:
    """Return the number of jobs in the queue over time; rejected jobs never wait."""
    joined = (result.schedule.state != JobState.REJECTED) & np.isfinite(result.table.submit_s)
    submit_s, start_s = result.table.submit_s[joined], result.schedule.start_s[joined]
    return steps(submit_s, start_s, None, _span(result))


def busy(result: Outcome) -> Steps:
    """Return the number of nodes that jobs hold over time."""
    schedule = result.schedule
    job = np.repeat(np.arange(result.table.n), np.diff(schedule.offset))
    size = (schedule.hi - schedule.lo + 1).astype(np.float64)
    return steps(schedule.start_s[job], schedule.end_s[job], size, _span(result))


def _span(result: Outcome) -> tuple[float, float]:
    ends = np.concatenate([result.schedule.end_s, result.table.submit_s[np.isfinite(result.table.submit_s)], [0.0]])
    return float(min(0.0, result.table.submit_s.min(initial=0.0))), float(np.nanmax(ends))


def _draw(axes: Axes, axis: TimeAxis, series: Sequence[Steps]) -> list[object]:
    """Draw one past, the futures behind it, and the moment between them, at 0."""
    past = _between(series[0], axis.first_s, 0.0)
    axes.step(axis.at(past.time_s), past.value, where="post", color=_PAST)
    axes.axvline(0.0, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    lines: list[object] = []
    for k, each in enumerate(series):
        ahead = _between(each, 0.0, axis.last_s)
        colour = INK if k == 0 else PALETTE[(k - 1) % len(PALETTE)]
        lines += axes.step(axis.at(ahead.time_s), ahead.value, where="post", zorder=3 + k, color=colour)
    return lines


def _between(series: Steps, low_s: float, high_s: float) -> Steps:
    """Return a part of a step function, from ``low_s`` to ``high_s``; it stands at its last value after its end."""
    inside = (series.time_s > low_s) & (series.time_s < high_s)
    times: FloatArray = np.concatenate([[low_s], series.time_s[inside], [high_s]])
    at = np.searchsorted(series.time_s, times, side="right") - 1
    return Steps(times, series.value[np.maximum(at, 0)])
