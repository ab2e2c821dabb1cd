"""Hybrid figure 1: what each hybrid job did when, and the QPUs beneath. Counts of jobs where there are many."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from qhpcsim.core.wording import duration
from qhpcsim.report.hybrid_qpu_lanes import QpuLane, qpu_lanes
from qhpcsim.report.hybrid_view import PHASES, HybridView
from qhpcsim.report.hybrid_work import jobs_in_phase, time_shares
from qhpcsim.report.lanes import TITLE_IN, stack_figure
from qhpcsim.report.load_figure import whole_numbers
from qhpcsim.report.qpu_time_figure import draw_shares, fill
from qhpcsim.report.style import Picture, Sheet, draw, legend_above
from qhpcsim.report.text import count, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "What hybrid jobs and QPUs did"
_MAX_BARS = 1_200
"""More phases than this cannot be told apart: shares of intervals are drawn."""
_COLUMNS, _ROWS = 400, 10
"""Intervals of the picture of shares, and the height of a job's lane in it, in pixels."""
_LANE_IN, _LEAST_JOBS_IN, _COUNTS_IN, _QPU_IN = 0.2, 0.8, 2.2, 0.5
_BAR_FRAC = 0.76
_LETTER_IN, _MOST_LETTERS = 0.085, 14
_RECTANGLE = np.array([1, 2, 2, 2, 79], dtype=np.uint8)
"""Path codes: move, three lines, close."""


def hybrid_time_figure(view: HybridView) -> Picture:
    """Return the phases of every job over time, one lane a job, or of how many jobs where there are many."""
    if not view.seen:
        return Picture(TITLE, "", notice="No hybrid job ever waited or ran, so there is nothing to draw here.")
    lanes = qpu_lanes(view)
    uris = draw(lambda sheet: _figure(view, lanes, sheet))
    return Picture(TITLE, _caption(view, lanes), _alt(view, lanes), *uris)


def _figure(view: HybridView, lanes: Sequence[QpuLane], sheet: Sheet) -> Figure:
    from matplotlib.patches import Patch

    if view.one_by_one:
        sheet = dataclasses.replace(sheet, left_in=max(sheet.left_in, 0.24 + _LETTER_IN * max(map(len, _names(view)))))
    labels = [PHASES[k].label for k in view.seen]
    uses = [use for k, use in enumerate(lanes[0].uses) if k] if lanes else []
    gaps_in = [sheet.head_in(labels)]
    gaps_in += [TITLE_IN + (0.0 if k else sheet.legend_in([use.label for use in uses])) for k in range(len(lanes))]
    heights_in = [_jobs_in(view), *[_QPU_IN] * len(lanes)]
    figure, axes = stack_figure(heights_in, gaps_in, view.axis.bottom_in(sheet), sheet)
    (_draw_jobs if view.one_by_one else _draw_counts)(axes[0], view)
    legend_above(axes[0], [Patch(color=PHASES[k].colour) for k in view.seen], labels, sheet)
    for row, lane in zip(axes[1:], lanes, strict=True):
        draw_shares(row, view.axis.at(lane.edges_s), lane.shares, lane.uses)
        row.set_title(plain(lane.title, 60), pad=5)
        row.spines[["top", "right"]].set_visible(False)
    if uses:
        legend_above(axes[1], [Patch(**fill(use)) for use in uses], [use.label for use in uses], sheet)
    for row in axes:
        view.axis.dress(row, sheet, labelled=row is axes[-1])
    return figure


def _names(view: HybridView) -> list[str]:
    return [plain(name, _MOST_LETTERS) for name in view.data.name]


def _jobs_in(view: HybridView) -> float:
    return max(_LEAST_JOBS_IN, _LANE_IN * view.data.n) if view.one_by_one else _COUNTS_IN


def _draw_jobs(axes: Axes, view: HybridView) -> None:
    """Draw a lane for each job, the first at the top."""
    if len(view.phase) <= _MAX_BARS:
        _draw_bars(axes, view)
    else:
        _draw_picture(axes, view)
    n = view.data.n
    axes.set_ylim(n, 0)
    axes.set_yticks(np.arange(n) + 0.5, _names(view), fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_bars(axes: Axes, view: HybridView) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    data = view.data
    left, right = view.axis.at(data.phase_start_s), view.axis.at(data.phase_end_s)
    top = data.phase_job + 0.5 * (1 - _BAR_FRAC)
    x = np.stack([left, right, right, left, left], axis=1)
    y = np.stack([top, top, top + _BAR_FRAC, top + _BAR_FRAC, top], axis=1)
    corners = np.stack([x, y], axis=2)
    for k in view.seen:
        mine = corners[view.phase == k]
        outline = Path(mine.reshape(-1, 2), np.tile(_RECTANGLE, len(mine)))
        axes.add_artist(PathPatch(outline, facecolor=PHASES[k].colour, linewidth=0, zorder=2))


def _draw_picture(axes: Axes, view: HybridView) -> None:
    """Paint the shares of equal intervals, stacked within each lane, as one small picture."""
    edges_s = np.linspace(view.axis.first_s, view.axis.last_s, _COLUMNS + 1)
    x = view.axis.at(edges_s)
    pixels = _pixels(time_shares(view, edges_s))
    place = (float(x[0]), float(x[-1]), view.data.n, 0)
    axes.imshow(pixels, extent=place, aspect="auto", interpolation="none", zorder=2)


def _pixels(shares: np.ndarray) -> np.ndarray:
    """Return (jobs, 5, intervals) shares as an (rows, intervals, 4) picture, stacked upwards within each lane."""
    from matplotlib.colors import to_rgba_array

    colours = np.concatenate([to_rgba_array([phase.colour for phase in PHASES]), [[1.0, 1.0, 1.0, 0.0]]])
    height = round(_ROWS * _BAR_FRAC)
    tops = np.round(np.cumsum(shares, axis=1) * height)
    level = height - 1 - np.arange(height)
    phase = (level[None, None, :, None] >= tops[:, :, None, :]).sum(axis=1)
    full = np.full((len(shares), _ROWS, shares.shape[2]), len(PHASES))
    first = (_ROWS - height) // 2
    full[:, first : first + height] = phase
    return np.asarray(np.round(colours[full.reshape(-1, shares.shape[2])] * 255).astype(np.uint8))


def _draw_counts(axes: Axes, view: HybridView) -> None:
    """Draw how many jobs are in each phase, stacked, the topmost first and down to zero."""
    edges_s, counts, _ = jobs_in_phase(view)
    tops = np.cumsum([counts[k] for k in view.seen], axis=0)
    for k, top in reversed(list(zip(view.seen, tops, strict=True))):
        axes.stairs(top, view.axis.at(edges_s), fill=True, color=PHASES[k].colour, linewidth=0, zorder=2)
    axes.set_ylabel("hybrid jobs")
    whole_numbers(axes)


def _caption(view: HybridView, lanes: Sequence[QpuLane]) -> str:
    if not view.one_by_one:
        width_s = jobs_in_phase(view)[2]
        text = f"How many of the {count(view.data.n, 'hybrid job')} were in each phase"
        text += f", mean of intervals of {duration(width_s)}." if width_s else "."
    elif len(view.phase) > _MAX_BARS:
        width_s = (view.axis.last_s - view.axis.first_s) / _COLUMNS
        text = (
            f"One lane a job. The run is cut into {_COLUMNS} equal intervals of {duration(width_s)}, and each is "
            "coloured by the shares of its time, work below and waits above."
        )
    else:
        text = "One lane a job, from its submission to its end."
    if lanes:
        text += " Beneath, the share of time in which a call was on the QPU."
        text += "".join(sorted({lane.remark for lane in lanes}))
    return text


def _alt(view: HybridView, lanes: Sequence[QpuLane]) -> str:
    total_s = view.spent_s[:, : len(PHASES)].sum(axis=0)
    whole_s = float(total_s.sum()) or 1.0
    parts = ", ".join(f"{PHASES[k].label} {100 * total_s[k] / whole_s:.1f} %" for k in view.seen)
    kind = "Gantt chart of" if view.one_by_one else "Stacked counts of"
    beneath = f"; beneath, {'; '.join(lane.title for lane in lanes)}" if lanes else ""
    return f"{kind} {count(view.data.n, 'hybrid job')} over time. Of all their time: {parts}{beneath}."
