"""What each circuit of a cut takes on a CPU, in terms that a machine's card prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qhpcsim.circuits.cost import CircuitCost
from qhpcsim.circuits.cut_work import CutRuns
from qhpcsim.core.records import FloatArray
from qhpcsim.core.wording import number
from qhpcsim.models.cpu_statevector import USABLE_FRAC, CpuStateVector
from qhpcsim.models.cutting_terms import RUN_TERMS
from qhpcsim.models.statevector_features import NAMES, TERMS, counts

_CALL, _SHOT = ("start-up", "hand-over"), ("shots", "sampling")
_GROUPS = np.array(
    [[term.part in _CALL, term.part not in (*_CALL, *_SHOT), term.part in _SHOT] for term in TERMS], dtype=np.float64
)
_OUTCOME = NAMES.index("outcome")


def cpu_counts(runs: Sequence[CutRuns], cpu: CpuStateVector) -> FloatArray:
    """Return the counts of ``RUN_TERMS`` of every circuit, in the order of ``runs``; shape (R, terms)."""
    return np.concatenate([_of(each, cpu) for each in runs] or [np.zeros((0, len(RUN_TERMS)))])


def _of(runs: CutRuns, cpu: CpuStateVector) -> FloatArray:
    """Return the counts of circuits that differ in their shots: each number of shots is worked out once."""
    shots, which = np.unique(runs.shots, return_inverse=True)
    rows = np.array([_one(replace(runs.cost, shots=int(n)), runs.n_instructions, cpu) for n in shots])
    found: FloatArray = rows[which.reshape(-1)]
    return found


def _one(cost: CircuitCost, n_instructions: int, cpu: CpuStateVector) -> FloatArray:
    found = counts(cost, cpu.machine)
    outcomes = found[_OUTCOME] or min(float(cost.shots), 2.0 ** min(cost.outcome_bits, 60))
    return np.array([1.0, n_instructions, outcomes, float(cost.shots), *((found * cpu.prices) @ _GROUPS)])


def memory_bytes(runs: Sequence[CutRuns], workers: int, threads: int = 1) -> float:
    """Return the size of the largest states that workers can hold at once."""
    sizes: list[float] = []
    for each in runs:
        sizes += [float(each.cost.memory_bytes(threads))] * min(each.n_runs, workers)
    return sum(sorted(sizes, reverse=True)[:workers])


def memory_broken(needed_bytes: float, there_bytes: float, widest: int, where: str, workers: int) -> str:
    """Return why states do not fit, in words; empty: they do."""
    usable = USABLE_FRAC * there_bytes
    if needed_bytes <= usable:
        return ""
    most = max(0, int(np.floor(np.log2(usable / 16.0))))
    several = f" for {workers} at once" if workers > 1 and widest <= most else ""
    return (
        f"states of up to {widest} qubits need {number(needed_bytes / 2**30, 4)} GiB{several}, {where} has "
        f"{number(there_bytes / 2**30, 4)} GiB: at most {most} qubits{', or fewer workers' if several else ''}"
    )
