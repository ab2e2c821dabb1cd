"""Figures with one lane a QPU, under one another on one time axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qhpcsim.report.qpu_view import QpuView
from qhpcsim.report.style import Sheet
from qhpcsim.report.text import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LEAST_BINS, _ALL_BINS = 170, 900
"""Intervals of a lane, and of all lanes together where that leaves each enough."""
TITLE_IN = 0.36
"""Room between lanes for the title of the lower one."""


def lane_figure(
    qpus: QpuView, lane_in: float, legend: Sequence[str], notes: Sequence[str], sheet: Sheet
) -> tuple[Figure, list[Axes]]:
    """Return a figure and its axes, one for each QPU that is drawn, time axis and titles in place.

    Args:
        qpus: The QPUs.
        lane_in: Height of a lane.
        legend: Labels of the legend that the caller puts over the first lane.
        notes: What stands behind the name of each QPU that is drawn.
        sheet: What it is drawn on.
    """
    n, legend_in, bottom_in = len(qpus.lanes), sheet.legend_in(legend), qpus.axis.bottom_in(sheet)
    top_in = TITLE_IN + legend_in
    figure = sheet.new_figure(top_in + n * lane_in + (n - 1) * TITLE_IN + bottom_in)
    axes = list(figure.subplots(n, 1, squeeze=False, sharex=True)[:, 0])
    sheet.margins(figure, top_in=top_in, bottom_in=bottom_in, hspace=TITLE_IN / lane_in)
    for row, qpu, note in zip(axes, qpus.lanes, notes, strict=True):
        qpus.axis.dress(row, sheet, labelled=row is axes[-1])
        row.set_title(" · ".join(filter(None, (plain(qpus.names[qpu], 24), note))), pad=5)
        row.spines[["top", "right"]].set_visible(False)
    return figure, axes


def stack_figure(
    heights_in: Sequence[float], gaps_in: Sequence[float], bottom_in: float, sheet: Sheet
) -> tuple[Figure, list[Axes]]:
    """Return a figure of axes of different heights under one another, which share one x axis.

    Args:
        heights_in: Height of each, the uppermost first.
        gaps_in: Room above each.
        bottom_in: Room below the last.
        sheet: What it is drawn on.
    """
    total_in = sum(gaps_in) + sum(heights_in) + bottom_in
    figure = sheet.new_figure(total_in)
    width = (sheet.width_in - sheet.left_in - 0.135) / sheet.width_in
    axes: list[Axes] = []
    at_in = total_in
    for height_in, gap_in in zip(heights_in, gaps_in, strict=True):
        at_in -= gap_in + height_in
        place = (sheet.left_in / sheet.width_in, at_in / total_in, width, height_in / total_in)
        axes.append(figure.add_axes(place, sharex=axes[0] if axes else None))
    return figure, axes


def lane_bins(qpus: QpuView, most: int) -> int:
    """Return how many bins each lane may have, so that a page with many lanes stays small."""
    return max(_LEAST_BINS, min(most, _ALL_BINS // len(qpus.lanes)))
