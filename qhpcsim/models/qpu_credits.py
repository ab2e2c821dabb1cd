"""Quantinuum's credits, the unit in which that provider counts work."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.models.fidelity import N_1Q_PER_2Q
from qhpcsim.models.requests import Request


def hqc(n_1q: FloatArray, n_2q: FloatArray, n_measured: FloatArray, shots: FloatArray) -> FloatArray:
    """Return the credits of circuits: HQC = 5 + C (N1q + 10 N2q + 5 Nm) / 5000, C shots.

    Source: Quantinuum documentation, "H-Series credits".
    """
    return np.asarray(5.0 + shots * (n_1q + 10.0 * n_2q + 5.0 * n_measured) / 5000.0)


def job_hqc(request: Request) -> FloatArray:
    """Return the credits of each job: those of its circuits together, shape (n,).

    Model: the circuits of a job are alike, every qubit is measured once, and two single-qubit gates go with each
        two-qubit gate.
    Assumes: each circuit is charged like a job of its own.
    Not modelled: mid-circuit measurement and reset, which count as measured qubits too.
    Source: as ``hqc``.
    """
    c = request.n_circuits
    n_2q = request.n_2q_total / c
    return c * hqc(N_1Q_PER_2Q * n_2q, n_2q, request.width, request.shots)
