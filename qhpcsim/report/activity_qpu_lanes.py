"""Lanes of QPUs beneath the lanes of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.report.activity import Activity, Held
from qhpcsim.report.activity_series import MAX_BINS, mean_held
from qhpcsim.report.qpu_time import USES, Use, edges, shares, uses
from qhpcsim.report.qpu_view import QpuView
from qhpcsim.report.series import interval_edges
from qhpcsim.report.text import count, percent, plain

MAX_LANES = 4
"""QPUs that are drawn here; the section on QPUs has more."""
_HELD = next(use for use in USES if use.key == "held")


@dataclass(frozen=True, slots=True)
class QpuLane:
    """What one QPU did, in shares of intervals."""

    title: str
    edges_s: FloatArray
    shares: dict[str, FloatArray]
    uses: Sequence[Use]
    """What the shares are of; the first is the jobs' calls."""
    remark: str = ""
    """What a reader must know, a sentence with a space before it."""


def qpu_lanes(jobs: Activity) -> list[QpuLane]:
    """Return the lanes of the QPU service's QPUs, or one of all QPUs that jobs held themselves."""
    if len(jobs.own_qpus.start_s):
        return [_own_lane(jobs)]
    return [] if jobs.qpus is None else _service_lanes(jobs, jobs.qpus)


def _calls(jobs: Activity) -> Use:
    look = jobs.looks[jobs.call]
    return Use("own", look.label, look.colour, "")


def _service_lanes(jobs: Activity, qpus: QpuView) -> list[QpuLane]:
    n_jobs = np.bincount(qpus.data.qpu[qpus.own & (qpus.data.qpu >= 0)], minlength=len(qpus.names))
    chosen = sorted(int(k) for k in np.argsort(-n_jobs, kind="stable")[:MAX_LANES])
    spans = [uses(qpus.data, qpu) for qpu in chosen]
    edges_s, _ = edges(spans, qpus.data.horizon_s, MAX_BINS)
    lanes = [shares(each, edges_s) for each in spans]
    more = [use for use in USES if use.key != "own" and any(lane[use.key].any() for lane in lanes)]
    left_out = len(qpus.names) - len(chosen)
    remark = f" {count(left_out, 'QPU')} with the fewest jobs not drawn here." if left_out else ""
    return [
        QpuLane(
            _title(qpus.names[qpu], lane["own"], edges_s),
            edges_s,
            lane,
            [_calls(jobs), *more],
            remark,
        )
        for qpu, lane in zip(chosen, lanes, strict=True)
    ]


def _own_lane(jobs: Activity) -> QpuLane:
    """Return one lane of all QPUs: the share on which a call was, and the share held without one."""
    on_qpu = jobs.phase == jobs.call
    calls = Held(jobs.start_s[on_qpu], jobs.end_s[on_qpu], np.ones(int(on_qpu.sum())))
    changes_s = np.concatenate([*jobs.own_qpus[:2], *calls[:2]])
    edges_s, _ = interval_edges(changes_s, (jobs.axis.first_s, jobs.axis.last_s), MAX_BINS)
    n_qpus = max(jobs.n_qpus, 1)
    busy = mean_held(calls, edges_s) / n_qpus
    held = np.clip(mean_held(jobs.own_qpus, edges_s) / n_qpus - busy, 0.0, 1.0)
    return QpuLane(
        _title(f"{count(n_qpus, 'QPU')}, held by jobs", busy, edges_s),
        edges_s,
        {"own": busy, "held": held},
        [_calls(jobs), _HELD],
        " Held: a job has the QPU for itself and no call on it.",
    )


def _title(name: str, busy: FloatArray, edges_s: FloatArray) -> str:
    step_s = np.diff(edges_s)
    whole_s = float(step_s.sum())
    share = percent(float((busy * step_s).sum()) / whole_s) if whole_s else "never"
    return f"{plain(name, 20)} · in calls {share}"
