"""How QPUs spent their time: shares of every interval, each instant counted once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.metrics.qpu_data import BoolArray, QpuData
from qhpcsim.metrics.qpu_spans import clipped, united
from qhpcsim.report import palette
from qhpcsim.report.series import interval_edges, steps


class Use(NamedTuple):
    """Something that a QPU's time goes into."""

    key: str
    label: str
    colour: str
    hatch: str


USES = (
    Use("own", "jobs", palette.ON_QPU, ""),
    Use("others", "jobs of others", palette.OTHERS_ON_QPU, ""),
    Use("held", "held, but idle", palette.HELD_IDLE, ""),
    Use("calibration", "calibration, warm-up", palette.CALIBRATION, ""),
    Use("outage", "outage", palette.MIDDLEWARE, "////"),
    Use("closed", "closed", palette.CLOSED, ""),
)
"""In the order in which they are stacked; the rest is idle."""
_CLAIM = ("closed", "outage", "calibration", "own", "others", "held")
"""Who has an instant that several claim: no job is on a QPU that is closed, down or calibrating."""


def uses(data: QpuData, qpu: int) -> dict[str, FloatArray]:
    """Return the (k, 2) spans of each use of a QPU, as the tables state them; they may overlap."""
    here = (data.qpu == qpu) & data.started
    kinds = {
        "closed": ("closed",),
        "outage": ("outage",),
        "calibration": ("calibration", "warm_up"),
        "held": ("session", "reservation"),
    }
    found = {use: data.intervals.spans(qpu, *words) for use, words in kinds.items()}
    found["own"] = _on_qpu(data, here & ~data.background)
    found["others"] = _on_qpu(data, here & data.background)
    return {use: clipped(spans, data.horizon_s) for use, spans in found.items()}


def _on_qpu(data: QpuData, members: BoolArray) -> FloatArray:
    return np.column_stack([data.started_s[members], data.until_s[members]])


def edges(spans: list[dict[str, FloatArray]], horizon_s: float, most: int) -> tuple[FloatArray, float]:
    """Return the edges of intervals for the lanes of a figure, and their familiar width; 0: at every change.

    Args:
        spans: The uses of each QPU.
        horizon_s: End of the run.
        most: Intervals at most.
    """
    changes = [s.ravel() for lane in spans for s in lane.values()]
    return interval_edges(np.concatenate([np.empty(0), *changes]), (0.0, horizon_s), most)


def shares(spans: dict[str, FloatArray], edges_s: FloatArray) -> dict[str, FloatArray]:
    """Return which share of each interval goes into each use; together at most 1.

    An instant belongs to the first claim, so a use has what its union with all earlier claims adds.
    """
    within, before = np.diff(edges_s), np.zeros(len(edges_s) - 1)
    claimed, found = np.empty((0, 2)), {}
    for use in _CLAIM:
        claimed = united(np.concatenate([claimed, spans[use]]))
        covered = steps(claimed[:, 0], claimed[:, 1], None, (float(edges_s[0]), float(edges_s[-1])))
        now = np.diff(covered.integral(edges_s))
        found[use] = np.clip((now - before) / within, 0.0, 1.0)
        before = now
    return found
