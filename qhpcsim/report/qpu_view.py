"""The QPU side of a run as the report shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.metrics.qpu_data import BoolArray, QpuData
from qhpcsim.report.time_axis import TimeAxis, time_axis

MAX_LANES = 8
"""QPUs that are drawn; tables show all."""
_CLOCK = "time since the simulation began"


class Quality(NamedTuple):
    """Errors of one QPU from every calibration on, as arrays of length k; NaN where the card says nothing."""

    time_s: FloatArray
    error_2q: FloatArray
    error_readout: FloatArray
    t1_s: FloatArray
    t2_s: FloatArray
    n_dead_couplers: FloatArray


@dataclass
class QpuView:
    """QPU jobs, QPUs and their figures."""

    data: QpuData
    quality: Sequence[Quality]
    """One a QPU, in the service's order."""
    summary: Mapping[str, Any]
    """Key ``qpu`` of ``summary.json``."""
    cards: Sequence[str] = field(default=())
    """Calibration card of each QPU; empty: not known."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the QPUs."""
        return self.data.qpu_names

    @cached_property
    def own(self) -> BoolArray:
        """(n,) the job belongs to the workload, not to other users."""
        return ~self.data.background

    @property
    def has_others(self) -> bool:
        """Whether other users share the QPUs."""
        return bool(self.data.background.any())

    @cached_property
    def axis(self) -> TimeAxis:
        """The time axis of all QPU figures."""
        return time_axis(0.0, self.data.horizon_s, _CLOCK)

    @cached_property
    def lanes(self) -> list[int]:
        """QPUs to draw, in their order: those with most jobs."""
        n_jobs = np.bincount(self.data.qpu[self.data.qpu >= 0], minlength=len(self.names))
        return sorted(int(k) for k in np.argsort(-n_jobs, kind="stable")[:MAX_LANES])

    @property
    def left_out(self) -> str:
        """A sentence on the QPUs that are not drawn; empty if all are."""
        if len(self.lanes) == len(self.names):
            return ""
        return f" The {len(self.lanes)} of {len(self.names):,} QPUs that had most jobs; the tables show all."


def quality_of(rows: Sequence[Sequence[float]] | FloatArray) -> Quality:
    """Return rows of (time_s, error_2q, error_readout, t1_s, t2_s, n_dead_couplers) as columns."""
    table = np.array(rows, dtype=np.float64).reshape(-1, len(Quality._fields))
    return Quality(*table.T)
