"""Calibrates the CPU model on this machine: plan, measure, fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qhpcsim.circuits.cost import CircuitCost, circuit_cost
from qhpcsim.circuits.named import named_circuit
from qhpcsim.circuits.observable import Observable
from qhpcsim.circuits.simulator import for_simulator
from qhpcsim.core.errors import CardError
from qhpcsim.execution.calibration_rows import Row
from qhpcsim.execution.design import Planned, design
from qhpcsim.execution.host import Host, this_host
from qhpcsim.execution.measure import Timed, idle_s, measure
from qhpcsim.models.statevector_features import SCALES, TERMS, Machine, counts
from qhpcsim.models.statevector_fit import Fit, Timings, fit

_LONGER = "give it more --minutes"
BUSY_RATIO = 1.15
"""Median run over shortest run from which the machine is said to be busy."""
N_MIN = 60
"""Fewest circuits from which a card is made."""
_SPEEDUPS = 9
_ROUGH = {
    "start": 350, "plain": 9.5, "parametric": 14, "controlled_angle": 45, "other": 7, "fusion": 10, "operation": 0.4,
    "random": 0.5, "shot": 20, "sample": 0.4, "sample_bit": 0.06, "outcome": 0.4, "scan_index": 2.5, "scan": 6,
    "index": 1.5, "init": 3, "fresh": 3, "matrix_1": 2.7, "matrix_2": 7.2, "matrix_3": 10.3, "matrix_4": 20,
    "matrix_5": 44, "diagonal_1": 1.5, "diagonal_2": 3, "diagonal_more": 0.7, "phase_1": 1, "phase_2": 3.7,
    "permutation_1": 1.2, "permutation_2": 3.5, "permutation_3": 2.3, "controlled": 4.3, "measure": 10, "reset": 10,
    "expval_z": 1.5, "expval_x": 2, "beyond_l2": 0.2, "beyond_l3": 0.7,
}  # fmt: skip
"""Prices of a server core of 2022, good enough to plan what to measure."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fit and what it was made from."""

    rows: list[Row]
    fit: Fit
    machine: Machine
    host: Host

    @property
    def busy_ratio(self) -> float:
        """Median over circuits of the median run over the shortest one: 1 on a quiet machine."""
        return float(np.median([row.wall_median_s / row.wall_min_s for row in self.rows]))


def calibrate_cpu(
    budget_s: float, threads: int = 1, seed: int = 0, progress: Callable[[float], None] | None = None
) -> Calibration:
    """Return the calibration of this machine after measuring for about ``budget_s``."""
    host = this_host()
    machine = Machine(threads, host.l2_bytes, host.l3_bytes)
    rough = np.array([_ROUGH[term.name] for term in TERMS]) * SCALES
    plan = design(budget_s, lambda cost: float(counts(cost, machine) @ rough), threads)
    timed = measure(plan, budget_s, threads=threads, seed=seed, progress=progress)
    return fitted([_row(item, idle_s(timed), threads) for item in timed], host, seed, [item.planned for item in timed])


def fitted(rows: list[Row], host: Host, seed: int = 0, plan: Sequence[Planned] | None = None) -> Calibration:
    """Return the calibration that measured rows give.

    Args:
        rows: Measured circuits, all with the same number of threads.
        host: The machine that they were measured on.
        seed: Of the bootstrap.
        plan: Circuits of the rows with their features; None: they are made again by name.

    Raises:
        CardError: if there are too few rows, or their threads differ.
    """
    if len(rows) < N_MIN:
        raise CardError(f"{len(rows)} measured circuits", where="calibrate", allowed=f"{N_MIN} or more", hint=_LONGER)
    if len({row.threads for row in rows}) != 1:
        raise CardError("rows with different numbers of threads", where="calibrate", allowed="one number")
    costs = [item.cost for item in plan] if plan is not None else [_cost(row) for row in rows]
    machine, timings = _with_speedup(rows, costs, Machine(rows[0].threads, host.l2_bytes, host.l3_bytes))
    return Calibration(rows, fit(timings, seed), machine, host)


def _with_speedup(rows: list[Row], costs: list[CircuitCost], machine: Machine) -> tuple[Machine, Timings]:
    """Return the machine with the speed-up of its threads on one state that fits best, and the rows counted for it."""
    seconds, sizes = np.array([row.seconds for row in rows]), np.array([float(row.n_active) for row in rows])
    tried = []
    for speedup in np.linspace(1.0, machine.threads, _SPEEDUPS if machine.threads > 1 else 1):
        with_it = replace(machine, speedup=float(speedup))
        terms = np.array([counts(cost, with_it) for cost in costs])
        timings = Timings(terms, seconds, [row.group for row in rows], sizes)
        tried.append((timings.error(), with_it, timings))
    _, best, timings = min(tried, key=lambda each: each[0])
    return best, timings


def _cost(row: Row) -> CircuitCost:
    observable = Observable.parse(row.observable) if row.observable else None
    ready = for_simulator(named_circuit(row.circuit))
    return circuit_cost(ready, shots=row.shots, observable=observable, threads=row.threads)


def _row(item: Timed, waiting_s: float, threads: int) -> Row:
    planned = item.planned
    return Row(
        planned.circuit,
        planned.group,
        planned.shots,
        planned.observable,
        planned.cost.n_active,
        threads,
        len(item.wall_s),
        item.undisturbed_s(waiting_s, threads),
        min(item.wall_s),
        float(np.median(item.wall_s)),
        min(item.cpu_s),
    )
