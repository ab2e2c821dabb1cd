"""Times planned circuits on this machine's simulator: the smallest of many runs, spread over the whole budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qhpcsim.circuits.named import named_circuit
from qhpcsim.circuits.observable import Observable
from qhpcsim.circuits.simulator import for_simulator, with_observable
from qhpcsim.execution.aer import run_once, simulator, warm_up
from qhpcsim.execution.design import Planned
from qhpcsim.execution.seeds import aer_seed
from qhpcsim.execution.undisturbed import undisturbed_s, usual_idle_s

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

VISIT_S = 0.03
"""Short circuits run again within a round until so much time is spent on them …"""
N_VISIT = 12
"""… or they ran so often."""
MIN_ROUNDS = 2
MAX_ROUNDS = 60


@dataclass(slots=True)
class Timed:
    """One circuit and the times of its runs."""

    planned: Planned
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    """Processor time of the whole process during the same runs."""

    def undisturbed_s(self, idle_s: float, threads: int) -> float:
        """Return the wall time that a run takes on a machine that does nothing else."""
        return undisturbed_s(self.wall_s, self.cpu_s, idle_s, threads)


def idle_s(timed: Sequence[Timed]) -> float:
    """Return the time that an uninterrupted run waits without computing: what hand-overs between threads take."""
    return usual_idle_s([min(w - c for w, c in zip(item.wall_s, item.cpu_s, strict=True)) for item in timed])


def measure(
    plan: Sequence[Planned],
    budget_s: float,
    *,
    threads: int = 1,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> list[Timed]:
    """Return the times of all circuits of a plan.

    Rounds over the plan are repeated until the budget is spent, so that a burst of other work on the machine hits few
    runs of each circuit. At least ``MIN_ROUNDS`` are made, whatever they take.

    Args:
        plan: What to run.
        budget_s: Time to spend.
        threads: Threads of the simulator.
        seed: Root of the seeds that the simulator gets; each run has its own, drawn from a SeedSequence.
        progress: Takes the fraction done.
    """
    warm_up(threads)
    sim = simulator(threads)
    timed = [Timed(item) for item in plan]
    circuits = [_ready(item) for item in plan]
    began_s = time.monotonic()
    for turn in range(MAX_ROUNDS):
        for i, (item, circuit) in enumerate(zip(timed, circuits, strict=True)):
            n_visit = max(1, min(N_VISIT, round(VISIT_S / item.planned.expected_s)))
            for again in range(n_visit):
                run_seed = aer_seed(seed, f"calibrate/{i}/{turn}/{again}")
                cpu_s = time.process_time()
                item.wall_s.append(run_once(circuit, item.planned.shots, run_seed, sim)[1])
                item.cpu_s.append(time.process_time() - cpu_s)
            spent_s = time.monotonic() - began_s
            n_rounds = turn + (i + 1) / len(timed)
            if progress is not None:
                progress(min(n_rounds / MIN_ROUNDS, spent_s / budget_s))
            if spent_s > budget_s and n_rounds >= MIN_ROUNDS:
                return timed
    return timed


def _ready(planned: Planned) -> QuantumCircuit:
    circuit = named_circuit(planned.circuit)
    if planned.observable:
        return with_observable(circuit, Observable.parse(planned.observable))
    return for_simulator(circuit)
