"""What is asked of a QPU (arrays, one element a job) and what a model answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.records import FloatArray

LOWEST = {"n_circuits": 1.0, "shots": 1.0, "depth_total": 0.0, "n_2q_total": 0.0, "n_qubits_total": 1.0}
"""Columns of a request and the smallest value that makes sense."""


@dataclass(frozen=True, slots=True)
class Request:
    """QPU jobs as columns of equal length; totals are sums over the circuits of a job.

    Use ``Request.of``, which checks and broadcasts.
    """

    n_circuits: FloatArray
    shots: FloatArray
    """Shots of each circuit."""
    depth_total: FloatArray
    n_2q_total: FloatArray
    n_qubits_total: FloatArray
    duration_total_s: FloatArray | None = None
    """Scheduled durations of the circuits, each padded as the service pads it; None: estimated from the depth."""

    def __len__(self) -> int:
        return len(self.n_circuits)

    @property
    def width(self) -> FloatArray:
        """Mean number of qubits of a job's circuits."""
        return self.n_qubits_total / self.n_circuits

    def take(self, jobs: NDArray[np.bool_]) -> Request:
        """Return some of the jobs."""
        return Request(
            self.n_circuits[jobs],
            self.shots[jobs],
            self.depth_total[jobs],
            self.n_2q_total[jobs],
            self.n_qubits_total[jobs],
            None if self.duration_total_s is None else self.duration_total_s[jobs],
        )

    @classmethod
    def of(
        cls,
        n_circuits: Any = 1,
        shots: Any = 1024,
        depth_total: Any = 0,
        n_2q_total: Any = 0,
        n_qubits_total: Any = 1,
        duration_total_s: Any = None,
        where: str = "request",
    ) -> Request:
        """Return checked columns, single numbers repeated for every job.

        Raises:
            ConfigError: for a value that is not finite, or below ``LOWEST``; names the job and the column.
        """
        given = dict(zip(LOWEST, (n_circuits, shots, depth_total, n_2q_total, n_qubits_total), strict=True))
        if duration_total_s is not None:
            given["duration_total_s"] = duration_total_s
        columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in given.values()))
        for name, column in zip(given, columns, strict=True):
            check_column(column, name, where)
        return cls(*(np.ascontiguousarray(column) for column in columns))


def check_column(column: FloatArray, name: str, where: str, lines: Sequence[int] | None = None) -> None:
    """Raise ``ConfigError`` for the first impossible value of a request's column.

    Args:
        column: The values.
        name: Column of ``Request``.
        where: File or key path for the message.
        lines: Line of each value in that file; None: the message counts jobs from 0.
    """
    lowest = LOWEST.get(name, 0.0)
    good = np.isfinite(column) & (column >= lowest)
    if name in ("n_circuits", "shots"):
        good &= column == np.floor(column)
    if good.all():
        return
    row = int(np.argmin(good))
    place = f"{where}:{lines[row]}" if lines is not None else f"{where}, job {row}"
    kind = "a whole number" if name in ("n_circuits", "shots") else "a finite number"
    raise ConfigError(f"{name} is {column[row]:g}", where=place, allowed=f"{kind} ≥ {lowest:g}")


@dataclass(frozen=True, slots=True)
class Prediction:
    """Service time of each job: its median and the ends of a 90 % interval, in seconds."""

    median_s: FloatArray
    p5_s: FloatArray
    p95_s: FloatArray


@dataclass(frozen=True, slots=True)
class Outside:
    """Jobs beyond the range in which a card was fitted: allowed, and always reported."""

    column: str
    low: float
    high: float
    jobs: NDArray[np.bool_]

    def __str__(self) -> str:
        n_out = int(self.jobs.sum())
        return f"{n_out} of {len(self.jobs)} jobs outside the fitted {self.column} {self.low:g} … {self.high:g}"
