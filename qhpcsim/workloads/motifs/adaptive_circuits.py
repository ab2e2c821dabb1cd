"""Adaptive circuits: rounds of circuits that are simulated, sent to a QPU, or cut, as is decided round by round."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from qhpcsim.core.circuit_times import QPU, CircuitRun, CircuitTimes, Simulator
from qhpcsim.core.errors import CircuitError, ConfigError
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng
from qhpcsim.core.workflow_records import Alternative, Choice, ClientWork, Workflow
from qhpcsim.workloads.motifs.circuit_cutting import CUT, CircuitCuttingParams, CutLater, as_given, cuts_of
from qhpcsim.workloads.motifs.cut_ways import ways
from qhpcsim.workloads.motifs.parts import MotifParams, Slot, bag, calls, check_counts, check_times


@dataclass(frozen=True)
class AdaptiveCircuitsParams(MotifParams):
    """Parameters of adaptive circuits."""

    coupling: ClassVar[str] = "loose"
    mode: ClassVar[str] = "Quantum-in-HPC"

    alternatives: tuple[str, ...] = ("gpu:a100_80", "qpu", "cut")
    """Any of ``gpu:CARD``, ``cpu:CARD``, ``qpu`` and ``cut``; ties go to the first."""
    qubits: int = 24
    circuit_depth: int = 1
    """Blocks of EfficientSU2 on a line."""
    num_entries: int = 16
    """Circuits of each round."""
    rounds: int = 1
    """Times that is decided anew, one after the other."""
    step_s: float = 0.0
    """Work of the application after each round, on the client."""
    shots: int = 4096
    """Of each circuit on a QPU and of each sub-experiment; state vectors give exact values."""
    cores: float = 1.0
    """Of each task that simulates."""
    gpus: float = 1.0
    """The same."""
    access: str = "job"
    """On QPUs: ``job``, ``batch`` or ``session``."""
    cut_device: str = "gpu:a100_80"
    """Where the sub-experiments of ``cut`` run: ``gpu:CARD``, ``cpu:CARD`` or ``qpu``."""
    subcircuit_size: int = 0
    """Most qubits of a part; 0: two halves."""
    num_samples: int = 1_000_000_000
    """Most draws of the decomposition; as many maps or more: exact."""
    experiments_per_task: int = 0
    """0: evenly over the workers that are free when the choice is made; on a QPU, all of a part in one job."""
    max_experiments: int = 100_000
    """Circuits with more sub-experiments than this are not cut."""
    strategy: str = ""
    """Registered ``cutting`` strategy that takes the size of the parts, as in ``circuit_cutting``; ``shots`` are then
    those of an uncut circuit. Empty: ``subcircuit_size``."""

    def slot(self, device: str) -> Slot:
        """Return where circuits run on a device."""
        return Slot(device, self.cores, self.gpus, self.access)


@register(
    "motif",
    "adaptive_circuits",
    summary="rounds of circuits; a placement policy decides for each whether to simulate, to use a QPU, or to cut",
    source="arXiv:2604.03445 (run-time adaptation); cutting: motif circuit_cutting",
    params=AdaptiveCircuitsParams,
)
def adaptive_circuits(params: AdaptiveCircuitsParams, rng: np.random.Generator, times: CircuitTimes) -> Workflow:
    """Return rounds, each a choice among ways of running the same circuits.

    Model:
        A round wants one expectation value of ``num_entries`` EfficientSU2 circuits: simulated exactly as a task each,
        sent to the QPUs as a job each, or cut (motif ``circuit_cutting``, the circuits as its ``groups``).
    Assumes:
        A QPU's or a cut circuit's estimate, with ``shots``, serves as well as the exact value. Each alternative draws
        from a random stream of its own.
    Not modelled:
        More shots to make up for the noise of a QPU or the variance of cutting.
    Source:
        arXiv:2604.03445.
    """
    check_counts(params, "qubits", "circuit_depth", "num_entries", "rounds", "shots", "num_samples", "max_experiments")
    check_counts(params, "subcircuit_size", "experiments_per_task", least=0)
    check_times(params)
    if not params.alternatives:
        raise ConfigError("no alternatives", where="alternatives", allowed="gpu:CARD, cpu:CARD, qpu, cut")
    streams = Rng(int(rng.integers(2**63)))
    flow = Workflow("", "adaptive_circuits")
    for k in range(params.rounds):
        ways = (_alternative(text, k, params, streams, times) for text in params.alternatives)
        flow.add(f"round {k + 1}", Choice(tuple(ways)))
        if params.step_s > 0:
            flow.add(f"step {k + 1}", ClientWork(params.step_s, "step"))
    return flow


def _alternative(text: str, k: int, params: AdaptiveCircuitsParams, streams: Rng, times: CircuitTimes) -> Alternative:
    """Return one way of running the circuits of a round, or why there is none."""
    rng = streams.stream(f"{text}/{k}")
    if text == CUT:
        return _cut(params, int(rng.integers(2**63)), times)
    n = params.qubits
    circuit, observable = f"efficient_su2:{n}:reps={params.circuit_depth}", "Z" + "I" * (n - 1)
    flow = Workflow("", "")
    try:
        if text == QPU:
            run = CircuitRun(circuit, params.shots, observable)
            flow.add("circuits", calls(run, params.num_entries, params.access, times, rng))
        else:
            Simulator.of(text, "alternatives")
            run = CircuitRun(circuit, 0, observable)
            flow.add("circuits", bag(run, params.num_entries, params.slot(text), times, rng))
    except (CircuitError, ConfigError) as error:
        if isinstance(error, ConfigError) and text != QPU:
            raise
        return Alternative(text, why_not=error.message)
    return Alternative(text, flow)


def spread_evenly(params: CircuitCuttingParams, n_workers: int) -> CircuitCuttingParams:
    """Return parameters with so many sub-experiments in a task that each worker gets one task's worth of them.

    On equal sub-experiments that takes no more waves than one a task, with fewer tasks to dispatch.
    """
    n = cuts_of(params).n_experiments
    return replace(params, experiments_per_task=-(-n // n_workers))


def _cut(params: AdaptiveCircuitsParams, seed: int, times: CircuitTimes) -> Alternative:
    """Return the alternative that cuts, or why it cannot."""
    size = params.subcircuit_size or -(-params.qubits // 2)
    if size >= params.qubits:
        return Alternative(CUT, why_not=f"parts of {size} qubits hold the whole circuit")
    slot = params.slot(params.cut_device)
    how = CircuitCuttingParams(
        device=slot.device,
        cores=slot.cores,
        gpus=slot.gpus,
        access=slot.access,
        base_qubits=params.qubits,
        reps=params.circuit_depth,
        subcircuit_size=size,
        num_samples=params.num_samples,
        groups=params.num_entries,
        shots=params.shots,
        experiments_per_task=params.experiments_per_task,
        strategy=params.strategy,
        max_experiments=params.max_experiments,
    )
    n_all = cuts_of(how).n_experiments
    offered = ways(how, whole=False) if params.strategy else [how] if n_all <= params.max_experiments else []
    if not offered:
        most = params.max_experiments
        return Alternative(CUT, why_not=f"{n_all} sub-experiments, more than max_experiments = {most}")
    spreads = not params.experiments_per_task and not slot.on_qpu
    later = CutLater(how, spread_evenly if spreads else as_given, seed, times, whole=False)
    reasons = [_why_not(replace(later, params=each), slot.on_qpu) for each in offered]
    if all(reasons):
        return Alternative(CUT, why_not=reasons[0])
    return Alternative(CUT, make=later, worker=slot.need, parts=len(cuts_of(offered[0]).widths))


def _why_not(later: CutLater, on_qpu: bool) -> str:
    """Return why a cut can never be run; empty: it can.

    Raises:
        ConfigError: for a simulator that does not exist.
    """
    try:
        later(1)
    except (CircuitError, ConfigError) as error:
        if isinstance(error, ConfigError) and not on_qpu:
            raise
        return error.message
    return ""
