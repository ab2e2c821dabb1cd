"""Runs a cut circuit for real: each different sub-experiment once, on any engine, and its expectation values.

The same entry runs a circuit in one piece, so that the two are compared with the same estimator and standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qhpcsim.circuits.cutting_atoms import circuit_of, n_active, ready, sampleable, work
from qhpcsim.circuits.cutting_plan import Experiment, Plan, masks_of, plan, templates
from qhpcsim.circuits.cutting_template import Atom
from qhpcsim.circuits.cutting_terms import terms
from qhpcsim.core.errors import CircuitError, ConfigError
from qhpcsim.core.rng import Rng
from qhpcsim.execution.aer import warm_up
from qhpcsim.execution.circuit_task import qpy_bytes
from qhpcsim.execution.cutting_estimate import estimate
from qhpcsim.execution.cutting_outcome import CutOutcome, ExperimentRecord, Stopwatch, outcome
from qhpcsim.execution.cutting_run import Execution, Workers, execute
from qhpcsim.execution.cutting_seed_like import run_seed_like
from qhpcsim.execution.cutting_shots import shots_of
from qhpcsim.execution.cutting_work import Planned, batches
from qhpcsim.execution.engine import Engine, Progress
from qhpcsim.execution.seeds import aer_seed

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit_addon_cutting import PartitionedCuttingProblem

MODES = ("fast", "seed_like")


@dataclass(frozen=True, slots=True)
class CutOptions:
    """How a cut is run."""

    shots: int = 1024
    """Of each different circuit; 0: exact values of each, as from infinitely many shots."""
    total_shots: int | None = None
    """Of all circuits together, divided by their weight in the sum; None: ``shots`` each."""
    num_samples: float = math.inf
    """Terms drawn from the quasi-probability distribution; infinity: all terms."""
    seed: int = 0
    mode: str = "fast"
    """``fast``, or ``seed_like``: every sub-experiment of the library by itself, and its reconstruction."""
    folder: str | Path | None = None
    """Where counts are kept as they come, so that an interrupted run goes on; None: nowhere."""


def run_cut(
    problem: PartitionedCuttingProblem | QuantumCircuit,
    observables: Any = None,
    *,
    labels: Sequence[Hashable] | None = None,
    engine: str | Engine = "serial",
    workers: int | None = None,
    scheduler: str = "",
    progress: Progress | None = None,
    **options: Any,
) -> CutOutcome:
    """Return the expectation values of observables on a cut circuit, or on a circuit in one piece.

    Args:
        problem: From ``partition_problem``, with observables; or a circuit without measurements.
        observables: ``PauliList`` or Pauli strings, for a circuit; the last letter acts on qubit 0.
        labels: Partition of each qubit of a circuit; None: it runs in one piece.
        engine: A name from ``qhpcsim list engines`` or an open engine. Results are the same on each.
        workers: How many circuits run at once; None: one a core.
        scheduler: Dask only, see ``EngineOptions``.
        progress: Told of the fraction of tasks that ended.
        **options: Fields of ``CutOptions``.

    Raises:
        ConfigError: for an option that makes no sense.
        CircuitError: if the problem cannot be run.
        EngineError: if a circuit gave nothing after all retries.
        RunFolderError: if the folder is in use or holds another run.
    """
    chosen = CutOptions(**options)
    if chosen.mode not in MODES:
        raise ConfigError(f"{chosen.mode!r}", where="mode", allowed=", ".join(MODES))
    _warm_up_here()
    watch = Stopwatch()
    with watch.phase("partition"):
        cut = _partitioned(problem, observables, labels)
    run = run_seed_like if chosen.mode == "seed_like" else _run_fast
    return run(cut, chosen, Workers(engine, workers, scheduler), watch, progress)


@cache
def _warm_up_here() -> None:
    """Load what this process needs once, so that no phase is charged for it."""
    warm_up()


def _partitioned(problem: Any, observables: Any, labels: Sequence[Hashable] | None) -> PartitionedCuttingProblem:
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import PauliList
    from qiskit_addon_cutting import PartitionedCuttingProblem, partition_problem

    if not isinstance(problem, QuantumCircuit):
        if observables is not None or labels is not None:
            raise ConfigError("a partitioned problem has its own", where="observables, labels")
        if not problem.subobservables:
            raise CircuitError("the problem has no observables", where="cuts", hint="give them to partition_problem")
        return problem
    if observables is None or not len(observables):
        raise ConfigError("none", where="observables", allowed="one Pauli string or more")
    if problem.num_clbits or problem.num_parameters:
        raise CircuitError("it has classical bits or free parameters", where="circuit", hint="remove or bind them")
    paulis = PauliList(observables)
    if paulis.num_qubits != problem.num_qubits:
        words = f"{paulis.num_qubits} letters for a circuit of {problem.num_qubits} qubits"
        raise CircuitError(words, where="observables")
    if labels is None:
        return PartitionedCuttingProblem({0: problem}, [], {0: paulis})
    try:
        return partition_problem(problem, list(labels), paulis)
    except ValueError as error:
        raise CircuitError(str(error), where="labels") from None


def _run_fast(
    cut: PartitionedCuttingProblem, chosen: CutOptions, who: Workers, watch: Stopwatch, progress: Progress | None
) -> CutOutcome:
    with watch.phase("transpile"):
        compiled = templates(cut.subcircuits)
    with watch.phase("generate"):
        found = terms(cut.bases, chosen.num_samples, Rng(chosen.seed).sequence("cut/terms"))
    with watch.phase("deduplicate"):
        planned = plan(compiled, cut.subobservables, found, len(cut.bases))
    with watch.phase("generate"):
        jobs = _jobs(planned, chosen)
    with who.open() as engine, watch.phase("execute"):
        done = execute([job.planned for job in jobs], engine, batches, chosen.folder, progress)
    with watch.phase("reconstruct"):
        counts = {job.experiment.name: done.ran[job.planned.name].counts for job in jobs}
        result = estimate(planned, [counts.get(each.name) for each in planned.experiments])
    records = [_record(planned, job, done) for job in jobs]
    return outcome(planned, "fast", result, watch, done, records)


@dataclass(frozen=True, slots=True)
class _Job:
    """An experiment on its way to a worker."""

    experiment: Experiment
    body: list[Atom]
    """Its instructions as they run."""
    planned: Planned


def _jobs(found: Plan, chosen: CutOptions) -> list[_Job]:
    """Return what runs: all experiments but those without bits."""
    shots = shots_of(found, chosen.shots, chosen.total_shots).tolist()
    jobs = []
    for experiment, n_shots in zip(found.experiments, shots, strict=True):
        if experiment.n_bits:
            body = ready(experiment.atoms, experiment.n_qubits, n_shots)
            name = experiment.name
            masks = tuple(masks_of(found.parts[experiment.partition], experiment)[1])
            qpy = qpy_bytes(circuit_of(body, name))
            seed = aer_seed(chosen.seed, f"cut/{name}")
            jobs.append(_Job(experiment, body, Planned(name, qpy, n_shots, seed, masks, work(body, n_shots))))
    return jobs


def _record(found: Plan, job: _Job, done: Execution) -> ExperimentRecord:
    name, ran = job.planned.name, done.ran[job.planned.name]
    label = str(found.parts[job.experiment.partition].label)
    n_qubits = n_active(job.body)
    n_added = n_qubits - n_active(job.experiment.atoms)
    per_shot = not sampleable(job.body)
    return ExperimentRecord(
        name, label, n_qubits, n_added, len(job.body), job.planned.shots, per_shot, ran.seconds, ran.cpu_s,
        name in done.resumed,
    )  # fmt: skip
