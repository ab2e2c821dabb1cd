"""Lanes of GPUs beneath the lanes of jobs: in use by tasks, held but idle, and how many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.report.activity import Activity, GpuUse, Held
from qhpcsim.report.activity_series import MAX_BINS, mean_held
from qhpcsim.report.load_figure import whole_numbers
from qhpcsim.report.palette import HELD_IDLE, ON_GPU
from qhpcsim.report.series import interval_edges
from qhpcsim.report.style import MUTED
from qhpcsim.report.text import count, percent, plain
from qhpcsim.report.time_axis import TimeAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_LANES = 4
"""Partitions that are drawn."""
_FAR = 4.0
"""More GPUs than this many times the most that were held: their number is said, not drawn."""


@dataclass(frozen=True, slots=True)
class GpuLane:
    """Mean numbers of GPUs of one partition in intervals."""

    title: str
    edges_s: FloatArray
    used: FloatArray
    idle: FloatArray
    width_s: float
    """Width of the intervals; 0: there is an edge at every change, so the numbers are exact."""
    n_gpus: int
    """All of the partition."""
    remark: str = ""
    """What a reader must know, a sentence with a space before it."""

    @property
    def top(self) -> float:
        """Top of the axis: all GPUs, or the most that were held where that is far less."""
        most = float((self.used + self.idle).max())
        return self.n_gpus if self.n_gpus <= _FAR * most else most


def gpu_lanes(jobs: Activity) -> list[GpuLane]:
    """Return a lane for each partition whose GPUs were held, those with the most GPU time if there are many."""
    held_gpu_s = np.array([_gpu_s(each.held) for each in jobs.gpus])
    chosen = sorted(int(k) for k in np.argsort(-held_gpu_s, kind="stable")[:MAX_LANES])
    left_out = len(jobs.gpus) - len(chosen)
    remark = f" {count(left_out, 'partition')} with the least GPU time held not drawn." if left_out else ""
    return [_lane(jobs, jobs.gpus[k], remark) for k in chosen]


def _gpu_s(held: Held) -> float:
    return float(((held.end_s - held.start_s) * held.weight).sum())


def _lane(jobs: Activity, gpus: GpuUse, remark: str) -> GpuLane:
    span_s = (jobs.axis.first_s, jobs.axis.last_s)
    used, held = (Held(np.clip(h[0], *span_s), np.clip(h[1], *span_s), h[2]) for h in (gpus.used, gpus.held))
    edges_s, width_s = interval_edges(np.concatenate([*held[:2], *used[:2]]), span_s, MAX_BINS)
    in_use, all_held = mean_held(used, edges_s), mean_held(held, edges_s)
    duty = percent(_gpu_s(gpus.used) / _gpu_s(gpus.held))
    title = f"{plain(gpus.partition, 14)} · {count(gpus.n_gpus, 'GPU')}, in use {duty}"
    idle = np.clip(all_held - in_use, 0.0, None)
    return GpuLane(title, edges_s, in_use, idle, width_s, gpus.n_gpus, remark)


def draw_gpus(axes: Axes, axis: TimeAxis, lane: GpuLane) -> None:
    """Draw the GPUs of a partition: held below all, used before it, a dashed line at their number if it is near."""
    x = axis.at(lane.edges_s)
    axes.stairs(lane.used + lane.idle, x, fill=True, color=HELD_IDLE, linewidth=0, zorder=2)
    axes.stairs(lane.used, x, fill=True, color=ON_GPU, linewidth=0, zorder=2.1)
    if lane.top == lane.n_gpus:
        axes.axhline(lane.n_gpus, color=MUTED, linestyle=(0, (5, 3)), linewidth=1.0, zorder=3)
    axes.set_ylim(0, 1.08 * lane.top or 1.0)
    whole_numbers(axes, 2)
    axes.set_ylabel("GPUs")
    axes.grid(visible=False)
