"""What QPU calls of applications were charged: each is a job of the QPU service."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray
from qhpcsim.metrics.qpu_data import QpuData


def call_costs(
    qpu: QpuData, is_call: NDArray[np.bool_], device: Sequence[str], submitted_s: FloatArray, started_s: FloatArray
) -> dict[str, FloatArray]:
    """Return what each of m tasks was charged, (m,) by currency; nothing where nobody states prices.

    Args:
        qpu: Jobs of the QPU service.
        is_call: (m,) whether the task is a call.
        device: QPU of each call.
        submitted_s: (m,) submission.
        started_s: (m,) start; NaN: never.
    """
    if qpu.cost is None or not any(qpu.currency):
        return {}
    calls = np.flatnonzero(is_call)
    rows = call_rows(qpu, [device[k] for k in calls.tolist()], submitted_s[calls], started_s[calls])
    found: dict[str, FloatArray] = {}
    for currency in dict.fromkeys(word for word in qpu.currency if word):
        priced = [k for k, word in enumerate(qpu.currency) if word == currency]
        here = (rows >= 0) & np.isin(qpu.qpu[rows], priced)
        amount = np.zeros(len(is_call))
        amount[calls[here]] = np.nan_to_num(qpu.cost[rows[here]])
        found[currency] = amount
    return found


def call_rows(qpu: QpuData, device: Sequence[str], submitted_s: FloatArray, started_s: FloatArray) -> NDArray[np.int64]:
    """Return (k,) the row of ``qpu.csv`` that each call is: the one on its QPU with its times; -1: none."""
    place = {name: k for k, name in enumerate(qpu.qpu_names)}
    home = np.array([place.get(name, -1) for name in device], dtype=np.float64)
    known = np.column_stack([qpu.qpu.astype(np.float64), qpu.submitted_s, qpu.started_s])
    return matched(np.column_stack([home, submitted_s, started_s]), known)


def matched(asked: FloatArray, known: FloatArray) -> NDArray[np.int64]:
    """Return (k,) the row of ``known`` that equals each row of ``asked``; -1: none, or a cell is NaN."""
    both = np.concatenate([known, asked])
    _, code = np.unique(both, axis=0, return_inverse=True)
    code = code.reshape(-1)
    row = np.full(int(code.max(initial=-1)) + 1, -1)
    row[code[: len(known)]] = np.arange(len(known))
    found = row[code[len(known) :]]
    return np.where(np.isfinite(asked).all(axis=1), found, -1)
