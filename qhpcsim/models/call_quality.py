"""The fidelity that the calls of hybrid jobs can expect, and which QPUs can run them at all."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from qhpcsim.core.hybrid_records import CallSize
from qhpcsim.core.qpu_records import QpuDemand
from qhpcsim.models.qpu_credits import job_hqc
from qhpcsim.models.qpu_fleet import Fleet, request_of
from qhpcsim.models.qpu_quality import Calibrated, Quality


class CallQuality:
    """Expected fidelity of calls on the QPUs of a fleet at any time.

    Model:
        That of ``models.qpu_quality.Quality``, with the same drift as that of a run with QPUs only: the errors of a
        QPU over time depend on the seed and its name.
    Assumes:
        As there.
    Not modelled:
        As there.
    Source:
        As there.

    Args:
        fleet: The QPUs.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._errors = fleet.quality(demand_of([]))
        self._of: dict[CallSize, Quality] = {}
        self._hqc: dict[CallSize, float] = {}
        self._refused: dict[CallSize, dict[int, str]] = {}

    def at(self, size: CallSize | None, qpu: int, time_s: float) -> float:
        """Return the expected fidelity of a call that starts then; NaN where nobody knows."""
        if size is None:
            return math.nan
        if size not in self._of:
            self._of[size] = self._fleet.quality(demand_of([size]))
        return self._of[size].at(0, qpu, time_s)

    def timeline(self, qpu: int, until_s: float) -> list[Calibrated]:
        """Return one row a calibration of a QPU from time 0; none where its card states no errors."""
        return self._errors.timeline(qpu, until_s)

    def hqc(self, size: CallSize | None) -> float:
        """Return the vendor credits of a call; 0 where nobody says how large it is."""
        if size is None:
            return 0.0
        if size not in self._hqc:
            self._hqc[size] = float(job_hqc(request_of(demand_of([size])))[0])
        return self._hqc[size]

    def refused(self, size: CallSize) -> dict[int, str]:
        """Return why QPUs, by index, cannot run a call."""
        if size not in self._refused:
            found = self._fleet.refusals(demand_of([size]))
            names = self._fleet.names
            self._refused[size] = {names.index(no.qpu): no.message.partition(": job 0: ")[2] for no in found}
        return self._refused[size]


def demand_of(sizes: Sequence[CallSize]) -> QpuDemand:
    """Return calls as a demand, all at time 0."""
    table = np.array([[s.n_circuits, s.shots, s.depth, s.n_2q, s.n_qubits] for s in sizes], dtype=np.float64)
    n_circuits, shots, depth, n_2q, n_qubits = table.reshape(-1, 5).T
    return QpuDemand(
        submit_s=np.zeros(len(sizes)),
        n_circuits=n_circuits,
        shots=shots,
        depth_total=n_circuits * depth,
        n_2q_total=n_circuits * n_2q,
        n_qubits_total=n_circuits * n_qubits,
    )
