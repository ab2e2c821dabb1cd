"""What a run of a cut, or of a circuit in one piece, found and what each part of it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from qhpcsim.circuits.cutting_plan import Plan
from qhpcsim.core.records import FloatArray
from qhpcsim.execution.cutting_estimate import Estimate
from qhpcsim.execution.cutting_run import Execution
from qhpcsim.execution.task import TaskResult, worker_name

PHASES = ("partition", "transpile", "generate", "deduplicate", "execute", "reconstruct")
"""In the order in which they are reported; ``transpile`` comes before ``generate`` where partitions are compiled."""


@dataclass(slots=True)
class Phase:
    """What a part of a run took."""

    name: str
    wall_s: float = 0.0
    cpu_s: float = 0.0
    """Processor time here and, for ``execute``, in the workers."""


@dataclass(slots=True)
class Stopwatch:
    """Times the phases of a run; a phase may come more than once."""

    phases: dict[str, Phase] = field(default_factory=lambda: {name: Phase(name) for name in PHASES})

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time spent inside to a phase."""
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.phases[name].wall_s += time.perf_counter() - wall_s
            self.phases[name].cpu_s += time.process_time() - cpu_s


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """One circuit as it ran: a row for a cost model."""

    name: str
    partition: str
    n_qubits: int
    """Qubits simulated, those for deferred measurements among them."""
    n_deferral_qubits: int
    """Qubits that were added so that all measurements come last."""
    n_gates: int
    """Instructions, measurements among them."""
    shots: int
    """0: exact values."""
    per_shot: bool
    """Whether each shot was simulated by itself."""
    seconds: float
    """Wall time on the worker, reading the circuit included."""
    cpu_s: float
    resumed: bool
    """Whether an earlier, interrupted run did it."""


@dataclass(slots=True)
class CutOutcome:
    """K expectation values and how they came about."""

    values: FloatArray
    """(K,)"""
    stderr: FloatArray
    """(K,) standard errors from the counts and, if terms were drawn, from drawing them; 0 for exact values."""
    covariance: FloatArray
    """(K, K) of the values, for sums of them: ``h @ covariance @ h``."""
    mode: str
    phases: list[Phase]
    n_cuts: int
    n_partitions: int
    n_terms: int
    n_experiments: int
    """Sub-experiments that the library would run."""
    n_distinct: int
    """Different ones among them."""
    experiments: list[ExperimentRecord]
    """Those that ran; the others have no measured bit and are +1."""
    tasks: list[TaskResult]

    @property
    def shots_total(self) -> int:
        """Shots of all circuits."""
        return sum(each.shots for each in self.experiments)

    @property
    def n_resumed(self) -> int:
        """Circuits that an earlier run had done."""
        return sum(each.resumed for each in self.experiments)

    @property
    def n_per_shot(self) -> int:
        """Circuits of which each shot was simulated by itself."""
        return sum(each.per_shot for each in self.experiments)

    @property
    def wall_s(self) -> float:
        """Wall time of all phases."""
        return sum(each.wall_s for each in self.phases)

    @property
    def cpu_s(self) -> float:
        """Processor time of all phases."""
        return sum(each.cpu_s for each in self.phases)


def outcome(
    plan: Plan, mode: str, found: Estimate, watch: Stopwatch, done: Execution, records: list[ExperimentRecord]
) -> CutOutcome:
    """Return the outcome of a run; the workers' processor time joins that of ``execute``."""
    here = worker_name()
    elsewhere = [run for result in done.tasks if result.ok and result.worker != here for run in result.value]
    watch.phases["execute"].cpu_s += sum(run.cpu_s for run in elsewhere)
    return CutOutcome(
        found.values,
        found.stderr,
        found.covariance,
        mode,
        list(watch.phases.values()),
        plan.n_cuts,
        len(plan.parts),
        plan.terms.n,
        plan.n_sub_experiments,
        len(plan.experiments),
        records,
        done.tasks,
    )
