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

import numpy as np
from numpy.typing import NDArray

from qhpcsim.circuits.cutting_atoms import circuit_of, n_active, ready, sampleable, work
from qhpcsim.circuits.cutting_plan import Experiment, Plan, masks_of, plan, templates
from qhpcsim.circuits.cutting_template import Atom
from qhpcsim.circuits.cutting_terms import terms
from qhpcsim.core.errors import CircuitError, ConfigError
from qhpcsim.core.records import FloatArray
from qhpcsim.core.rng import Rng
from qhpcsim.execution.aer import warm_up
from qhpcsim.execution.circuit_task import qpy_bytes
from qhpcsim.execution.cutting_estimate import Estimate, estimate
from qhpcsim.execution.cutting_more import ROUNDS, add, missing_shots
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
    target_stderr: float = 0.0
    """Standard error that each sum must reach: rounds of more shots follow the first until it does; 0: one round."""
    weights: FloatArray | None = None
    """(S, K) of each observable in each of S sums that must reach it; None: every observable by itself."""
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
    _check_target(chosen)
    _warm_up_here()
    watch = Stopwatch()
    with watch.phase("partition"):
        cut = _partitioned(problem, observables, labels)
    run = run_seed_like if chosen.mode == "seed_like" else _run_fast
    return run(cut, chosen, Workers(engine, workers, scheduler), watch, progress)


def _check_target(chosen: CutOptions) -> None:
    """Refuse a target that more shots cannot reach."""
    if not chosen.target_stderr:
        return
    if not 0.0 < chosen.target_stderr < math.inf:
        raise ConfigError(f"{chosen.target_stderr}", where="target_stderr", allowed="above 0; 0: none")
    exact = chosen.total_shots is None and chosen.shots == 0
    drawn = chosen.num_samples != math.inf
    for bad, where in ((chosen.mode != "fast", "mode"), (drawn, "num_samples"), (exact, "shots")):
        if bad:
            raise ConfigError(
                "cannot be run until a standard error is reached", where=where, allowed="mode fast, all terms, shots"
            )


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
        jobs = _jobs(planned, shots_of(planned, chosen.shots, chosen.total_shots), chosen.seed)
    with who.open() as engine:
        done, result = _rounds(planned, jobs, chosen, engine, watch, progress)
    records = [_record(planned, job, done) for job in jobs]
    return outcome(planned, "fast", result, watch, done, records)


def _rounds(
    planned: Plan, jobs: list[_Job], chosen: CutOptions, engine: Engine, watch: Stopwatch, progress: Progress | None
) -> tuple[Execution, Estimate]:
    """Run the circuits, and again with more shots while a target is asked for and not reached."""
    done, folder = Execution(), None if chosen.folder is None else Path(chosen.folder)
    weights = np.eye(len(planned.known)) if chosen.weights is None else chosen.weights
    for number in range(1, ROUNDS + 1):
        with watch.phase("execute"):
            place = folder / f"more-{number - 1}" if folder is not None and number > 1 else folder
            add(done, execute([job.planned for job in jobs], engine, batches, place, progress))
        with watch.phase("reconstruct"):
            counts = [done.ran[each.name].counts if each.n_bits else None for each in planned.experiments]
            result = estimate(planned, counts)
            if not chosen.target_stderr or number == ROUNDS:
                break
            shots = missing_shots(planned, counts, result, weights, chosen.target_stderr)
        if not shots.any():
            break
        with watch.phase("generate"):
            jobs = _jobs(planned, shots, chosen.seed, f"/{number}")
    return done, result


@dataclass(frozen=True, slots=True)
class _Job:
    """An experiment on its way to a worker."""

    experiment: Experiment
    body: list[Atom]
    """Its instructions as they run."""
    planned: Planned


def _jobs(found: Plan, shots: NDArray[np.int64], seed: int, again: str = "") -> list[_Job]:
    """Return what runs: all experiments that have bits; in a round after the first, only those that get shots."""
    jobs = []
    for experiment, n_shots in zip(found.experiments, shots.tolist(), strict=True):
        if experiment.n_bits and (n_shots or not again):
            body = ready(experiment.atoms, experiment.n_qubits, n_shots)
            name = experiment.name
            masks = tuple(masks_of(found.parts[experiment.partition], experiment)[1])
            qpy = qpy_bytes(circuit_of(body, name))
            drawn = aer_seed(seed, f"cut/{name}{again}")
            jobs.append(_Job(experiment, body, Planned(name, qpy, n_shots, drawn, masks, work(body, n_shots))))
    return jobs


def _record(found: Plan, job: _Job, done: Execution) -> ExperimentRecord:
    name, ran = job.planned.name, done.ran[job.planned.name]
    label = str(found.parts[job.experiment.partition].label)
    n_qubits = n_active(job.body)
    n_added = n_qubits - n_active(job.experiment.atoms)
    per_shot = not sampleable(job.body)
    return ExperimentRecord(
        name, label, n_qubits, n_added, len(job.body), ran.counts.shots, per_shot, ran.seconds, ran.cpu_s,
        name in done.resumed,
    )  # fmt: skip
