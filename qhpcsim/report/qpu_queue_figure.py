"""QPU figure 2: how many jobs waited for each QPU at every moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qhpcsim.core.qpu_records import QpuJobState
from qhpcsim.core.wording import number
from qhpcsim.metrics.qpu_data import BoolArray, QpuData
from qhpcsim.report.lanes import lane_bins, lane_figure
from qhpcsim.report.load_figure import is_long, step_line, whole_numbers
from qhpcsim.report.qpu_view import QpuView
from qhpcsim.report.series import Steps, steps
from qhpcsim.report.style import PALETTE, Picture, Sheet, draw, legend_above
from qhpcsim.report.text import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Jobs that waited for each QPU"
_MAX_BINS = 450
_DEEP = 100
"""Queues longer than this, and shared with others, are drawn on a logarithmic axis."""
_ALL, _OWN = PALETTE[6], PALETTE[0]


class Queue(NamedTuple):
    """Waiting jobs of one QPU over time."""

    all: Steps
    own: Steps
    """Those of the workload."""


def qpu_queue_figure(qpus: QpuView) -> Picture:
    """Return the queue of each QPU over time, the jobs of other users told from the workload's."""
    data = qpus.data
    waits = waited(data)
    if data.horizon_s <= 0 or not waits.any():
        return Picture(TITLE, "", notice="No job reached a QPU's queue.")
    queues = [
        Queue(queue_steps(data, waits & (data.qpu == qpu)), queue_steps(data, waits & qpus.own & (data.qpu == qpu)))
        for qpu in qpus.lanes
    ]
    uris = draw(lambda sheet: _figure(qpus, queues, sheet))
    return Picture(TITLE, _caption(qpus, queues), _alt(qpus, queues), *uris)


def waited(data: QpuData) -> BoolArray:
    """Return (n,) whether a job was in a queue from its arrival to its start, or to the end of the run."""
    to_the_end = ~data.started & (data.state == QpuJobState.QUEUED)
    return np.asarray((data.qpu >= 0) & np.isfinite(data.queued_s) & (data.started | to_the_end))


def queue_steps(data: QpuData, members: BoolArray) -> Steps:
    """Return how many of some jobs wait, over the whole run."""
    arrived_s = np.minimum(data.queued_s[members], data.horizon_s)
    return steps(arrived_s, np.minimum(data.started_s[members], data.horizon_s), None, (0.0, data.horizon_s))


def _figure(qpus: QpuView, queues: Sequence[Queue], sheet: Sheet) -> Figure:
    labels = ["all jobs", "jobs of users"] if qpus.has_others else []
    notes = [_mean(qpus, qpu) for qpu in qpus.lanes]
    figure, axes = lane_figure(qpus, 1.5 if len(queues) == 1 else 0.9, labels, notes, sheet)
    n_bins = lane_bins(qpus, _MAX_BINS)
    handles: list[object] = []
    for row, queue in zip(axes, queues, strict=True):
        handles = [step_line(row, qpus.axis, queue.all, _ALL, n_bins)] if qpus.has_others else []
        handles.append(step_line(row, qpus.axis, queue.own, _OWN, n_bins))
        row.set_ylabel("jobs")
        if is_deep(qpus, queues):
            _logarithmic(row, float(queue.all.value.max()))
        else:
            whole_numbers(row, 5 if len(queues) == 1 else 3)
    if labels:
        legend_above(axes[0], handles, labels, sheet)
    return figure


def is_deep(qpus: QpuView, queues: Sequence[Queue]) -> bool:
    """Return whether the queues of other users dwarf the workload's, so that counts need a logarithmic axis."""
    return qpus.has_others and max(float(queue.all.value.max()) for queue in queues) > _DEEP


def _logarithmic(axes: Axes, longest: float) -> None:
    from matplotlib.ticker import NullLocator

    axes.set_yscale("symlog", linthresh=1.0, linscale=0.8)
    ticks = [0, *(10**k for k in range(1 + int(np.log10(max(longest, 1.0)))))]
    axes.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(0, max(longest, 1.0) * 1.5)


def _mean(qpus: QpuView, qpu: int) -> str:
    length = (qpus.summary["by_qpu"][qpus.names[qpu]] or {}).get("mean_queue_length")
    return "" if length is None else f"mean {number(length)} jobs"


def _caption(qpus: QpuView, queues: Sequence[Queue]) -> str:
    text = "A job waits from its arrival at the service to its start; rejected jobs do not wait."
    if any(is_long(queue.all) for queue in queues):
        n_bins = lane_bins(qpus, _MAX_BINS)
        text += f" The run is cut into {n_bins} equal intervals: line = mean, band = least to greatest value."
    if is_deep(qpus, queues):
        text += " The axis is logarithmic above 1."
    n_lost = int((~waited(qpus.data) & (qpus.data.state == QpuJobState.FAILED) & ~qpus.data.started).sum())
    if n_lost:
        text += f" {n_lost:,} that failed before their start left out: the tables do not say when they left."
    return text + qpus.left_out


def _alt(qpus: QpuView, queues: Sequence[Queue]) -> str:
    parts = [f"{plain(qpus.names[k], 24)} {q.all.value.max():,.0f}" for k, q in zip(qpus.lanes, queues, strict=True)]
    return f"Step lines over time, one lane a QPU: waiting jobs, at most {', '.join(parts)}."
