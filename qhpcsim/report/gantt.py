"""Figure 1: which nodes were busy when. Bars for thousands of jobs, an occupancy map for more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.report.columns import IntArray
from qhpcsim.report.data import PartitionView, RunData
from qhpcsim.report.held import Bars
from qhpcsim.report.occupancy import occupancy, row_edges
from qhpcsim.report.style import INK, MUTED, SIZE_COLOURS, Picture, Sheet, draw, legend_above
from qhpcsim.report.text import count, plain
from qhpcsim.report.time_axis import TimeAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Which nodes ran what"
_MAX_VECTOR_BARS = 2_000
"""Above this many, bars are painted as pixels: the file stays small."""
_MAX_BARS = 8_000
"""Above this many, single bars cannot be told apart: the share of busy nodes is drawn instead."""
_MAX_OUTLINED_BARS = 400
_MAX_NAMED_BARS = 40
_LETTER_IN = 0.11
"""Width of a letter inside a bar, with room to spare."""
_MAX_LANES = 8
_LOW_PT = 43.0
"""Height of a lane, in points, below which node numbers would touch."""
_MAP_ROWS, _MAP_COLUMNS = 240, 900
_RECTANGLE = np.array([1, 2, 2, 2, 79], dtype=np.uint8)
"""Path codes: move, three lines, close."""


def gantt(run: RunData) -> Picture:
    """Return the Gantt chart of a run, nodes over time, one lane per partition."""
    jobs = run.jobs
    if len(jobs.range_job) == 0:
        return Picture(TITLE, "", notice="No job was given nodes, so there is nothing to draw here.")
    lanes, left_out = _lanes(run)
    as_map = len(jobs.range_job) > _MAX_BARS
    uris = draw(lambda sheet: _figure(run, lanes, as_map, sheet))
    return Picture(TITLE, _caption(run, as_map, left_out), _alt(run, as_map), *uris)


def _figure(run: RunData, lanes: list[int], as_map: bool, sheet: Sheet) -> Figure:
    legend = [""] if as_map else list(run.groups.labels)
    figure, axes = _stack(run, lanes, sheet, sheet.legend_in(legend))
    mesh = None
    for row, lane in zip(axes, lanes, strict=True):
        mesh = _draw_map(row, run, lane) if as_map else _draw_bars(row, run, lane, sheet)
        _dress(row, run.axis, run.partitions[lane], sheet, last=row is axes[-1])
    if as_map:
        _colour_bar(figure, axes, mesh, sheet)
    else:
        _legend(axes[0], run, sheet)
    return figure


def _lanes(run: RunData) -> tuple[list[int], int]:
    """Return the partitions to draw, in their order, and how many are left out: those with the fewest bars."""
    bars = np.bincount(run.job_bars.lane, minlength=len(run.partitions))
    busiest = np.argsort(-bars, kind="stable")[:_MAX_LANES]
    return sorted(int(k) for k in busiest), max(0, len(run.partitions) - _MAX_LANES)


def _stack(run: RunData, lanes: list[int], sheet: Sheet, legend_in: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with one axes per lane; small partitions stay readable beside large ones."""
    nodes = np.array([run.partitions[k].nodes for k in lanes], dtype=float)
    ratios = np.maximum(np.sqrt(nodes / nodes.max()), 0.25)
    height_in = 1.15 + min(2.6 * ratios.sum(), 2.2 + 0.75 * len(lanes)) + legend_in
    figure = sheet.new_figure(height_in)
    grid = figure.subplots(len(lanes), 1, squeeze=False, sharex=True, height_ratios=ratios)
    sheet.margins(figure, top_in=0.32 + legend_in, bottom_in=run.axis.bottom_in(sheet), hspace=0.36)
    return figure, list(grid[:, 0])


def _draw_bars(axes: Axes, run: RunData, lane: int, sheet: Sheet) -> object:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    part, n_bars = run.partitions[lane], len(run.job_bars.lo)
    bars = run.job_bars.of(lane)
    job = run.jobs.range_job[run.job_bars.lane == lane]
    corners = _corners(bars, run.axis, part.first)
    few = n_bars <= _MAX_OUTLINED_BARS
    for k in range(len(run.groups.labels)):
        mine = corners[run.groups.of_job[job] == k]
        patch = PathPatch(
            Path(mine.reshape(-1, 2), np.tile(_RECTANGLE, len(mine))),
            facecolor=SIZE_COLOURS[k],
            edgecolor="white" if few else SIZE_COLOURS[k],
            linewidth=0.8 if few else 0.25,
            alpha=0.7 if part.shared else None,
            rasterized=n_bars > _MAX_VECTOR_BARS,
            zorder=2,
        )
        axes.add_artist(patch)  # add_patch would walk every bar in Python to find limits that we set ourselves
    if n_bars <= _MAX_NAMED_BARS:
        _name_bars(axes, run, job, corners, _LETTER_IN / sheet.width_in)
    return None


def _corners(bars: Bars, axis: TimeAxis, first: int) -> FloatArray:
    """Return the (n, 5, 2) closed outlines of bars in axis units, nodes counted from ``first``."""
    left, right = axis.at(bars.start_s), axis.at(bars.end_s)
    low, high = (bars.lo - first).astype(float), (bars.hi - first + 1).astype(float)
    x = np.stack([left, right, right, left, left], axis=1)
    y = np.stack([low, low, high, high, low], axis=1)
    return np.stack([x, y], axis=2)


def _name_bars(axes: Axes, run: RunData, job: IntArray, corners: FloatArray, letter_frac: float) -> None:
    """Write the job id into every bar that is wide enough for it."""
    span = (run.axis.last_s - run.axis.first_s) / run.axis.unit_s or 1.0
    looks: dict[str, Any] = {
        "ha": "center",
        "va": "center",
        "fontsize": 8,
        "color": "white",
        "fontweight": "bold",
        "zorder": 3,
    }
    for j, corner in zip(job, corners, strict=True):
        name = plain(run.jobs.job_id[int(j)], 14)
        (left, low), (right, high) = corner[0], corner[2]
        if (right - left) / span > letter_frac * (len(name) + 1):
            axes.text((left + right) / 2, (low + high) / 2, name, **looks)


def _draw_map(axes: Axes, run: RunData, lane: int) -> object:
    times = np.linspace(run.axis.first_s, run.axis.last_s, _MAP_COLUMNS + 1)
    part, rows = run.partitions[lane], row_edges(run.partitions[lane].nodes, _MAP_ROWS)
    busy = np.minimum(occupancy(run.in_use.of(lane), part.first + rows, times), 1.0)
    return axes.pcolormesh(run.axis.at(times), rows, busy, cmap="Blues", vmin=0.0, vmax=1.0, rasterized=True, zorder=2)


def _dress(axes: Axes, axis: TimeAxis, part: PartitionView, sheet: Sheet, last: bool) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.dress(axes, sheet, labelled=last)
    axes.set_ylim(0, part.nodes)
    axes.set_ylabel("node")
    axes.yaxis.set_major_locator(MaxNLocator(2 if _is_low(axes) else 4, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(visible=False, axis="y")
    axes.set_title(f"{plain(part.name, 40)} · {count(part.nodes, 'node')}", pad=5)


def _is_low(axes: Axes) -> bool:
    """Return whether a lane has room for no more than three node numbers."""
    return bool(axes.bbox.height < _LOW_PT)


def _legend(axes: Axes, run: RunData, sheet: Sheet) -> None:
    from matplotlib.patches import Patch

    labels = list(run.groups.labels)
    legend_above(axes, [Patch(color=SIZE_COLOURS[k]) for k in range(len(labels))], labels, sheet)


def _colour_bar(figure: Figure, axes: list[Axes], mesh: Any, sheet: Sheet) -> None:
    top = axes[0].get_position()
    inches = figure.get_size_inches()[1]
    right, length = top.x1 - 0.4 / sheet.width_in, (1.8 if sheet.beside else 1.3) / sheet.width_in
    above = 0.13 if sheet.beside else 0.32
    slot = figure.add_axes((right - length, top.y1 + above / inches, length, 0.09 / inches))
    bar = figure.colorbar(mesh, cax=slot, orientation="horizontal", ticks=[])
    bar.outline.set_edgecolor(MUTED)
    for x, text, side in ((-0.02, "idle", "right"), (1.02, "busy", "left")):
        slot.text(x, 0.45, text, transform=slot.transAxes, ha=side, va="center", fontsize=8.5, color=INK)
    slot.set_position((right - length, top.y1 + above / inches, length, 0.09 / inches))


def _caption(run: RunData, as_map: bool, left_out: int) -> str:
    if as_map:
        text = (
            f"{count(run.jobs.n, 'job')} are too many for single bars: the colour is the share of each patch of nodes "
            "and time in use, from idle (light) to busy (dark)."
        )
    else:
        text = "One bar per block of neighbouring nodes that a job held; the colour is the job's size."
    if not as_map and any(p.shared for p in run.partitions):
        text += " Where jobs share a node their bars overlap."
    if left_out:
        text += f" {count(left_out, 'partition')} with the fewest jobs not drawn."
    return text


def _alt(run: RunData, as_map: bool) -> str:
    kind = "Occupancy map" if as_map else "Gantt chart"
    return f"{kind} of {count(run.jobs.n, 'job')} on {count(run.n_nodes, 'node')}: nodes upwards, time to the right."
