"""What is asked of a QPU (arrays, one element a job) and what a model answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.qpu_columns import LOWEST, check_column
from qhpcsim.core.records import FloatArray


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

    def take(self, jobs: NDArray[np.bool_] | slice) -> Request:
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


@dataclass(frozen=True, slots=True)
class Prediction:
    """Service time of each job: its median and the ends of a 90 % interval, in seconds."""

    median_s: FloatArray
    p5_s: FloatArray
    p95_s: FloatArray


@dataclass(frozen=True, slots=True)
class Limit:
    """The most of something that a device takes of a job, and what each job asks."""

    what: str
    most: float
    asked: FloatArray

    @property
    def broken(self) -> NDArray[np.bool_]:
        """(n,) whether a job asks for more."""
        return self.asked > self.most

    def message(self, job: int, device: str) -> str:
        """Return what is wrong with a job."""
        return f"{self.asked[job]:g} {self.what} are too many for {device}"


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
