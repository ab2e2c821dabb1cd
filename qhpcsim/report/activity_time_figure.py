"""Figure of what each hybrid job or application did when, GPUs and QPUs beneath; counts where there are many."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qhpcsim.core.wording import duration
from qhpcsim.report.activity import Activity, Phase
from qhpcsim.report.activity_gpu_lanes import GpuLane, draw_gpus, gpu_lanes
from qhpcsim.report.activity_qpu_lanes import QpuLane, qpu_lanes
from qhpcsim.report.activity_series import jobs_in_phase, time_shares
from qhpcsim.report.lanes import TITLE_IN, stack_figure
from qhpcsim.report.load_figure import whole_numbers
from qhpcsim.report.palette import HELD_IDLE
from qhpcsim.report.qpu_time_figure import draw_shares, fill
from qhpcsim.report.style import Picture, Sheet, draw, legend_above
from qhpcsim.report.text import count, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_BARS = 1_200
"""More phases than this cannot be told apart: shares of intervals are drawn."""
_COLUMNS, _ROWS = 400, 10
"""Intervals of the picture of shares, and the height of a job's lane in it, in pixels."""
_LANE_IN, _LEAST_JOBS_IN, _COUNTS_IN, _DEVICE_IN = 0.2, 0.8, 2.2, 0.5
_BAR_FRAC = 0.76
_LETTER_IN, _MOST_LETTERS = 0.085, 14
_IDLE = "held, but idle"
_RECTANGLE = np.array([1, 2, 2, 2, 79], dtype=np.uint8)
"""Path codes: move, three lines, close."""


Lane = GpuLane | QpuLane


def activity_time_figure(jobs: Activity) -> Picture:
    """Return the phases of every job over time, one lane a job, or of how many jobs where there are many."""
    lanes: list[Lane] = [*gpu_lanes(jobs), *qpu_lanes(jobs)]
    title = f"What {_whose(jobs, lanes)} did"
    if not jobs.seen:
        return Picture(title, "", notice=f"No {jobs.noun} ever waited or ran, so there is nothing to draw here.")
    uris = draw(lambda sheet: _figure(jobs, lanes, sheet))
    return Picture(title, _caption(jobs, lanes), _alt(jobs, lanes), *uris)


def _whose(jobs: Activity, lanes: Sequence[Lane]) -> str:
    """Return who does something in the figure."""
    devices = [word for word, kind in (("GPUs", GpuLane), ("QPUs", QpuLane)) if any(isinstance(e, kind) for e in lanes)]
    names = [f"{jobs.noun}s", *devices]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _figure(jobs: Activity, lanes: Sequence[Lane], sheet: Sheet) -> Figure:
    if jobs.one_by_one:
        sheet = dataclasses.replace(sheet, left_in=max(sheet.left_in, 0.24 + _LETTER_IN * max(map(len, _names(jobs)))))
    keys = _keys(jobs, lanes)
    gaps_in = [sheet.head_in(list(keys)), *[TITLE_IN] * len(lanes)]
    heights_in = [_jobs_in(jobs), *[_DEVICE_IN] * len(lanes)]
    figure, axes = stack_figure(heights_in, gaps_in, jobs.axis.bottom_in(sheet), sheet)
    (_draw_jobs if jobs.one_by_one else _draw_counts)(axes[0], jobs)
    for row, lane in zip(axes[1:], lanes, strict=True):
        if isinstance(lane, GpuLane):
            draw_gpus(row, jobs.axis, lane)
        else:
            draw_shares(row, jobs.axis.at(lane.edges_s), lane.shares, lane.uses)
        row.set_title(plain(lane.title, 60), pad=5)
        row.spines[["top", "right"]].set_visible(False)
    for row in axes:
        jobs.axis.dress(row, sheet, labelled=row is axes[-1])
    legend_above(axes[0], list(keys.values()), list(keys), sheet.for_legend(list(keys)))
    return figure


def _keys(jobs: Activity, lanes: Sequence[Lane]) -> dict[str, Any]:
    """Return the legend of all lanes together: one thing has one colour."""
    from matplotlib.patches import Patch

    keys: dict[str, Any] = {jobs.looks[k].label: Patch(color=jobs.looks[k].colour) for k in jobs.seen}
    if any(isinstance(lane, GpuLane) for lane in lanes):
        keys[_IDLE] = Patch(color=HELD_IDLE)
    for use in [use for lane in lanes if isinstance(lane, QpuLane) for use in lane.uses]:
        keys.setdefault(use.label, Patch(**fill(use)))
    return keys


def _names(jobs: Activity) -> list[str]:
    return [plain(name, _MOST_LETTERS) for name in jobs.name]


def _jobs_in(jobs: Activity) -> float:
    return max(_LEAST_JOBS_IN, _LANE_IN * jobs.n) if jobs.one_by_one else _COUNTS_IN


def _draw_jobs(axes: Axes, jobs: Activity) -> None:
    """Draw a lane for each job, the first at the top."""
    if len(jobs.phase) <= _MAX_BARS:
        _draw_bars(axes, jobs)
    else:
        _draw_picture(axes, jobs)
    n = jobs.n
    axes.set_ylim(n, 0)
    axes.set_yticks(np.arange(n) + 0.5, _names(jobs), fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_bars(axes: Axes, jobs: Activity) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    left, right = jobs.axis.at(jobs.start_s), jobs.axis.at(jobs.end_s)
    top = jobs.owner + 0.5 * (1 - _BAR_FRAC)
    x = np.stack([left, right, right, left, left], axis=1)
    y = np.stack([top, top, top + _BAR_FRAC, top + _BAR_FRAC, top], axis=1)
    corners = np.stack([x, y], axis=2)
    for k in jobs.seen:
        mine = corners[jobs.phase == k]
        outline = Path(mine.reshape(-1, 2), np.tile(_RECTANGLE, len(mine)))
        axes.add_artist(PathPatch(outline, facecolor=jobs.looks[k].colour, linewidth=0, zorder=2))


def _draw_picture(axes: Axes, jobs: Activity) -> None:
    """Paint the shares of equal intervals, stacked within each lane, as one small picture."""
    edges_s = np.linspace(jobs.axis.first_s, jobs.axis.last_s, _COLUMNS + 1)
    x = jobs.axis.at(edges_s)
    pixels = _pixels(time_shares(jobs, edges_s), jobs.looks)
    place = (float(x[0]), float(x[-1]), jobs.n, 0)
    axes.imshow(pixels, extent=place, aspect="auto", interpolation="none", zorder=2)


def _pixels(shares: np.ndarray, looks: Sequence[Phase]) -> np.ndarray:
    """Return (jobs, phases, intervals) shares as an (rows, intervals, 4) picture, stacked upwards within each lane."""
    from matplotlib.colors import to_rgba_array

    colours = np.concatenate([to_rgba_array([look.colour for look in looks]), [[1.0, 1.0, 1.0, 0.0]]])
    height = round(_ROWS * _BAR_FRAC)
    tops = np.round(np.cumsum(shares, axis=1) * height)
    level = height - 1 - np.arange(height)
    phase = (level[None, None, :, None] >= tops[:, :, None, :]).sum(axis=1)
    full = np.full((len(shares), _ROWS, shares.shape[2]), len(looks))
    first = (_ROWS - height) // 2
    full[:, first : first + height] = phase
    return np.asarray(np.round(colours[full.reshape(-1, shares.shape[2])] * 255).astype(np.uint8))


def _draw_counts(axes: Axes, jobs: Activity) -> None:
    """Draw how many jobs are in each phase, stacked, the topmost first and down to zero."""
    edges_s, counts, _ = jobs_in_phase(jobs)
    tops = np.cumsum([counts[k] for k in jobs.seen], axis=0)
    for k, top in reversed(list(zip(jobs.seen, tops, strict=True))):
        axes.stairs(top, jobs.axis.at(edges_s), fill=True, color=jobs.looks[k].colour, linewidth=0, zorder=2)
    axes.set_ylabel(f"{jobs.noun}s")
    whole_numbers(axes)


def _caption(jobs: Activity, lanes: Sequence[Lane]) -> str:
    if not jobs.one_by_one:
        width_s = jobs_in_phase(jobs)[2]
        text = f"How many of the {count(jobs.n, jobs.noun)} were in each phase"
        text += f", mean of intervals of {duration(width_s)}." if width_s else "."
    elif len(jobs.phase) > _MAX_BARS:
        width_s = (jobs.axis.last_s - jobs.axis.first_s) / _COLUMNS
        text = (
            f"One lane for each {jobs.noun}. The run is cut into {_COLUMNS} equal intervals of {duration(width_s)}, "
            "and each is coloured by the shares of its time, work below and waits above."
        )
    else:
        text = f"One lane for each {jobs.noun}, from its submission to its end."
    gpus = [lane for lane in lanes if isinstance(lane, GpuLane)]
    if gpus:
        width_s = max(lane.width_s for lane in gpus)
        text += f" GPUs{f' (means of intervals of {duration(width_s)})' if width_s else ''}: in use by tasks, held by "
        text += "pilots with no task on them" + (", and all that there are (dashed)." if _has_line(gpus) else ".")
        text += " In use, in per cent: of the GPU time held."
    if any(isinstance(lane, QpuLane) for lane in lanes):
        text += " QPUs: the share of time in which a call was on them, and that of the whole run."
    return text + "".join(dict.fromkeys(lane.remark for lane in lanes))


def _has_line(lanes: Sequence[GpuLane]) -> bool:
    return any(lane.top == lane.n_gpus for lane in lanes)


def _alt(jobs: Activity, lanes: Sequence[Lane]) -> str:
    total_s = jobs.spent_s[:, : len(jobs.looks)].sum(axis=0)
    whole_s = float(total_s.sum()) or 1.0
    parts = ", ".join(f"{jobs.looks[k].label} {100 * total_s[k] / whole_s:.1f} %" for k in jobs.seen)
    kind = "Gantt chart of" if jobs.one_by_one else "Stacked counts of"
    beneath = f"; beneath, {'; '.join(lane.title for lane in lanes)}" if lanes else ""
    return f"{kind} {count(jobs.n, jobs.noun)} over time. Of all their time: {parts}{beneath}."
