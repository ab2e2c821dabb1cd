"""A cut the plain way, to compare with: every sub-experiment is a task, and the library reconstructs from single shots.

Nothing is merged, deferred or batched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qhpcsim.circuits.cutting_atoms import atoms_of, sampleable
from qhpcsim.circuits.cutting_plan import Experiment, Part, Plan
from qhpcsim.circuits.cutting_terms import Terms, numpy_seed, terms
from qhpcsim.circuits.simulator import for_simulator
from qhpcsim.core.errors import ConfigError, InvariantError
from qhpcsim.core.records import FloatArray
from qhpcsim.core.rng import Rng
from qhpcsim.execution.circuit_task import qpy_bytes
from qhpcsim.execution.cutting_estimate import Counts, Estimate, estimate
from qhpcsim.execution.cutting_outcome import CutOutcome, ExperimentRecord, Stopwatch, outcome
from qhpcsim.execution.cutting_run import Execution, Workers, execute
from qhpcsim.execution.cutting_work import Planned
from qhpcsim.execution.seeds import aer_seed

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from qhpcsim.execution.cutting import CutOptions


def run_seed_like(cut: Any, chosen: CutOptions, who: Workers, watch: Stopwatch, progress: Any) -> CutOutcome:
    """Return what ``run_cut`` does, with ``mode="seed_like"``; the standard errors are ours.

    Raises:
        ConfigError: for exact values or a circuit in one piece.
    """
    if not cut.bases:
        raise ConfigError("nothing is cut", where="mode", hint="mode fast")
    if not (chosen.shots if chosen.total_shots is None else chosen.total_shots):
        raise ConfigError("exact values", where="shots", allowed="1 or more with mode seed_like")
    with watch.phase("generate"):
        circuits, found = _generated(cut, chosen)
    planned = _unmerged(cut, found, circuits)
    n_circuits = len(planned.experiments)
    shots = chosen.shots if chosen.total_shots is None else max(1, chosen.total_shots // n_circuits)
    with watch.phase("transpile"):
        compiled = [for_simulator(circuit) for group in circuits.values() for circuit in group]
    to_run = [
        Planned(each.name, _qpy(circuit, each.name), shots, aer_seed(chosen.seed, f"seed_like/{each.name}"), (), 0.0)
        for each, circuit in zip(planned.experiments, compiled, strict=True)
    ]
    heavy = {job.name: circuit.depth() * circuit.num_qubits for job, circuit in zip(to_run, compiled, strict=True)}
    with who.open() as engine, watch.phase("execute"):
        done = execute(
            to_run,
            engine,
            lambda left, _: [(each,) for each in sorted(left, key=lambda each: (-heavy[each.name], each.name))],
            chosen.folder,
            progress,
        )
    counts = [done.ran[each.name].counts for each in planned.experiments]
    with watch.phase("reconstruct"):
        values = library_values(planned, counts, cut.subobservables)
    result = Estimate(values, estimate(planned, counts).covariance)
    records = [
        _record(planned, each, circuit, shots, done)
        for each, circuit in zip(planned.experiments, compiled, strict=True)
    ]
    return outcome(planned, "seed_like", result, watch, done, records)


def _generated(cut: Any, chosen: CutOptions) -> tuple[dict[Any, list[QuantumCircuit]], Terms]:
    """Return the library's sub-experiments by partition, and the terms that they belong to."""
    from qiskit_addon_cutting import generate_cutting_experiments

    sequence = Rng(chosen.seed).sequence("cut/terms")
    with numpy_seed(sequence):
        circuits, weights = generate_cutting_experiments(cut.subcircuits, cut.subobservables, chosen.num_samples)
    found = terms(cut.bases, chosen.num_samples, sequence)
    if not np.allclose([weight for weight, _ in weights], found.coefficients, rtol=1e-9, atol=0.0):
        raise InvariantError("the library's coefficients differ from ours")
    return circuits, found


def _unmerged(cut: Any, found: Terms, circuits: dict[Any, list[QuantumCircuit]]) -> Plan:
    """Return the plan of the library: each sub-experiment is its own."""
    from qiskit_addon_cutting.utils.observable_grouping import ObservableCollection

    parts: list[Part] = []
    experiments: list[Experiment] = []
    for number, (label, observables) in enumerate(cut.subobservables.items()):
        collection = ObservableCollection(observables)
        n_groups, first = len(collection.groups), len(experiments)
        place = np.arange(found.n * n_groups).reshape(found.n, n_groups) + first
        where = [collection.lookup[each][0] for each in observables]
        masks = [collection.groups[group].pauli_bitmasks[index] for group, index in where]
        parts.append(Part(label, place, np.array([group for group, _ in where]), masks))
        for index, circuit in enumerate(circuits[label]):
            n_observable = next(len(reg) for reg in circuit.cregs if reg.name == "observable_measurements")
            name, group = f"{number}/{index}", index % n_groups
            width, n_bits = circuit.num_qubits, circuit.num_clbits
            experiments.append(Experiment(name, number, group, width, (), n_observable, n_bits))
    n_observables = len(parts[0].mask)
    return Plan(found, parts, experiments, np.ones(n_observables), len(cut.bases))


def library_values(plan: Plan, counts: list[Counts], subobservables: dict[Any, Any]) -> FloatArray:
    """Return the library's expectation values from the counts of an unmerged plan, shot by shot as it does."""
    from qiskit.primitives import PrimitiveResult
    from qiskit_addon_cutting import reconstruct_expectation_values

    results = {}
    for number, part in enumerate(plan.parts):
        pairs = zip(plan.experiments, counts, strict=True)
        results[part.label] = PrimitiveResult([_pub(each, got) for each, got in pairs if each.partition == number])
    weights = [(coefficient, None) for coefficient in plan.terms.coefficients.tolist()]
    return np.array(reconstruct_expectation_values(results, weights, subobservables))


def _pub(experiment: Experiment, counts: Counts) -> Any:
    """Return counts as the bits of single shots in the library's two registers."""
    from qiskit.primitives import BitArray, DataBin, PubResult

    shots = np.repeat(counts.keys, counts.numbers.astype(np.int64))
    bits = (shots[:, None] >> np.arange(experiment.n_bits, dtype=np.uint64) & np.uint64(1)).astype(np.bool_)
    n = experiment.n_observable_bits
    seen = BitArray.from_bool_array(bits[:, :n], order="little")
    cuts = BitArray.from_bool_array(bits[:, n:], order="little")
    return PubResult(DataBin(observable_measurements=seen, qpd_measurements=cuts, shape=()))


def _qpy(circuit: QuantumCircuit, name: str) -> bytes:
    circuit.name = name
    return qpy_bytes(circuit)


def _record(
    plan: Plan, experiment: Experiment, circuit: QuantumCircuit, shots: int, done: Execution
) -> ExperimentRecord:
    name, ran = experiment.name, done.ran[experiment.name]
    label, per_shot = str(plan.parts[experiment.partition].label), not sampleable(atoms_of(circuit))
    n_gates = len(circuit.data)
    return ExperimentRecord(
        name, label, circuit.num_qubits, 0, n_gates, shots, per_shot, ran.seconds, ran.cpu_s, name in done.resumed
    )
