"""Circuit cutting: find cuts, fan out sub-experiments, reconstruct."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from qhpcsim.core.cards import Card, card
from qhpcsim.core.circuit_times import CircuitRun, CircuitTimes
from qhpcsim.core.errors import ConfigError
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng
from qhpcsim.core.workflow_records import Alternative, Bag, Choice, ClientWork, Workflow
from qhpcsim.workloads.motifs.parts import MotifParams, Slot, bag, calls, check_counts, check_times, merged, time_s

MAPS_OF_GATE, MAPS_OF_WIRE = 6, 8
"""Sub-experiments that the quasi-probability decomposition of one cut multiplies by."""
MEASURED_OF_GATE = 1.0 / 3.0
"""Share of the maps of a cut gate that measure a given one of its two sides."""
CUT = "cut"
"""Alternative that cuts the circuits."""


@dataclass(frozen=True)
class CircuitCuttingParams(MotifParams, Slot):
    """Parameters of circuit cutting, named as in the mini-app; None: what the card ``motifs/circuit_cutting`` says."""

    coupling: ClassVar[str] = "loose"
    mode: ClassVar[str] = "HPC-for-Quantum"

    base_qubits: int = 36
    scale_factor: int = 1
    """The circuit has ``base_qubits`` · ``scale_factor`` qubits."""
    reps: int = 1
    """Blocks of EfficientSU2 on a line; each costs a cut gate at every border."""
    subcircuit_size: int = 18
    """Most qubits of a part."""
    gate_cuts: int | None = None
    """None: ``reps`` at each border."""
    wire_cuts: int = 0
    num_samples: int = 1_000_000_000
    """Most draws of the decomposition; as many maps or more: exact."""
    groups: int = 1
    """Sets of commuting observables, each measured on its own."""
    shots: int = 4096
    """Of each sub-experiment."""
    experiments_per_task: int = 1
    """0: all of one part in one task."""
    full_circuit: bool = False
    """Run the uncut circuit first, for comparison, as one task."""
    strategy: str = ""
    """Registered ``cutting`` strategy that takes the size of the parts when the work begins, knowing the workers there
    are then; ``shots`` are those of the uncut circuit. Empty: ``subcircuit_size``."""
    max_experiments: int = 100_000
    """A strategy takes no cut with more sub-experiments than this."""
    find_s: float | None = None
    generate_s: float | None = None
    transpile_s: float | None = None
    reconstruct_s: float | None = None

    @property
    def n_qubits(self) -> int:
        """Of the circuit."""
        return self.base_qubits * self.scale_factor

    @property
    def is_cut(self) -> bool:
        """Whether parts are narrower than the circuit; it stays whole otherwise."""
        return self.subcircuit_size < self.n_qubits


@dataclass(frozen=True)
class Cuts:
    """How a circuit is cut."""

    widths: tuple[int, ...]
    """Qubits of each part."""
    gate_cuts: int
    wire_cuts: int
    n_maps: int
    """Sub-experiments of each part and group."""
    touching: tuple[int, ...]
    """Gate cuts at the borders of each part."""
    groups: int

    @property
    def n_experiments(self) -> int:
        """Sub-experiments in all."""
        return len(self.widths) * self.groups * self.n_maps

    def n_measured(self, part: int) -> int:
        """Return how many sub-experiments of a part measure a qubit on the way."""
        share = 1.0 - (1.0 - MEASURED_OF_GATE) ** self.touching[part]
        return round(self.groups * self.n_maps * share)


def cuts_of(params: CircuitCuttingParams) -> Cuts:
    """Return parts, cuts and numbers of sub-experiments.

    The maps of all cuts are equally likely. With fewer samples than maps, as many different ones are run as so many
    draws find in the mean.

    Raises:
        ConfigError: if nothing is cut, or a part would be wider than the circuit.
    """
    n = params.n_qubits
    if not 1 <= params.subcircuit_size < n:
        raise ConfigError(f"{params.subcircuit_size}", where="subcircuit_size", allowed=f"1 to {n - 1}")
    full, rest = divmod(n, params.subcircuit_size)
    widths = (params.subcircuit_size,) * full + ((rest,) if rest else ())
    borders = len(widths) - 1
    gate_cuts = params.reps * borders if params.gate_cuts is None else params.gate_cuts
    if gate_cuts + params.wire_cuts < borders:
        raise ConfigError(
            f"{gate_cuts} gate and {params.wire_cuts} wire cuts", where="gate_cuts", allowed=f"{borders} or more in all"
        )
    maps = MAPS_OF_GATE**gate_cuts * MAPS_OF_WIRE**params.wire_cuts
    at_border = [gate_cuts // borders + (k < gate_cuts % borders) for k in range(borders)]
    touching = tuple(a + b for a, b in zip([0, *at_border], [*at_border, 0], strict=True))
    return Cuts(widths, gate_cuts, params.wire_cuts, _distinct(maps, params.num_samples), touching, params.groups)


def _distinct(maps: int, samples: int) -> int:
    """Return how many of equally likely maps are run."""
    if samples >= maps:
        return maps
    return max(1, round(-maps * math.expm1(samples * math.log1p(-1.0 / maps))))


@register(
    "motif",
    "circuit_cutting",
    summary="find cuts, fan out sub-experiments, reconstruct",
    source="quantum mini-apps, arXiv:2405.07333; Mitarai & Fujii 2021, doi:10.1088/1367-2630/abd7bc",
    params=CircuitCuttingParams,
)
def circuit_cutting(params: CircuitCuttingParams, rng: np.random.Generator, times: CircuitTimes) -> Workflow:
    """Return find → generate → transpile → sub-experiments → reconstruct.

    Model:
        P · 6^g · 8^w sub-experiments for P parts, g gate cuts and w wire cuts, times the groups, fewer where
        ``num_samples`` is; a third of a cut gate's maps measure one side on the way, and a simulator then runs every
        shot on its own. The other stages are serial work of the client. Widest parts first. With a ``strategy`` the
        workflow is one stage, which becomes all this when it begins (``cut_ways``).
    Assumes:
        EfficientSU2 on a line; all maps are equally likely, as for CX and for wires.
    Not modelled:
        Equal sub-experiments run once only, deferred measurements, batching of shots.
    Source:
        qiskit-addon-cutting; phases: calibration/motifs/circuit_cutting.yaml.
    """
    check_counts(params, "base_qubits", "scale_factor", "reps", "num_samples", "groups", "shots", "max_experiments")
    check_counts(params, "wire_cuts", "experiments_per_task", least=0)
    check_times(params)
    if params.strategy:
        return _decided_later(params, int(rng.integers(2**63)), times)
    cuts = cuts_of(params)
    constants = card("motifs/circuit_cutting")
    flow = Workflow("", "circuit_cutting")
    if params.full_circuit:
        n = params.n_qubits
        whole = CircuitRun(f"efficient_su2:{n}:reps={params.reps}", params.shots, "Z" + "I" * (n - 1))
        flow.add("full circuit", bag(whole, 1, params, times, rng))
    for name, seconds in _before(params, cuts, constants, rng):
        flow.add(name, ClientWork(seconds, f"cutting_{name}"))
    before = len(flow.stages) - 1
    if params.on_qpu:
        ends = tuple(_on_qpu(flow, before, params, cuts, times, rng))
    else:
        ends = (flow.add("sub-experiments", _tasks(params, cuts, times, rng), (before,)),)
    flow.add("reconstruct", ClientWork(_reconstruct_s(params, cuts, constants), "cutting_reconstruct"), ends)
    return flow


@dataclass(frozen=True, slots=True)
class CutLater:
    """Makes a cut workflow once it is known how many workers are free; equal numbers give equal workflows.

    Args:
        params: How to cut.
        strategy: Parameters and workers -> the parameters that are cut with; parts as wide as the circuit: it is run
            whole.
        seed: Of the random numbers.
        times: Device models.
        whole: Whether a strategy may leave the circuit whole.
    """

    params: CircuitCuttingParams
    strategy: Callable[[CircuitCuttingParams, int], CircuitCuttingParams]
    seed: int
    times: CircuitTimes
    whole: bool = True

    def __call__(self, n_workers: int) -> Workflow:
        """Return what is run on so many workers.

        Raises:
            ConfigError: if the parameters name a strategy and none was put in place.
        """
        chosen = self.strategy(self.params, n_workers)
        if chosen.strategy:
            raise ConfigError(f"{chosen.strategy!r} has nobody to ask", where="strategy", hint="run it in a scenario")
        rng = Rng(self.seed).stream("cut")
        return (circuit_cutting if chosen.is_cut else uncut)(chosen, rng, self.times)


def as_given(params: CircuitCuttingParams, n_workers: int) -> CircuitCuttingParams:
    """Return the parameters as they are."""
    return params


def _decided_later(params: CircuitCuttingParams, seed: int, times: CircuitTimes) -> Workflow:
    """Return one stage, which a strategy turns into the whole when it begins.

    Raises:
        ConfigError: if the parameters decide what the strategy is for.
    """
    for name, free in (("gate_cuts", None), ("wire_cuts", 0), ("full_circuit", False)):
        if getattr(params, name) != free:
            raise ConfigError(f"{getattr(params, name)}", where=name, allowed=f"{free} with a strategy, which decides")
    flow = Workflow("", "circuit_cutting")
    later = CutLater(params, as_given, seed, times)
    flow.add(CUT, Choice((Alternative(CUT, make=later, worker=params.need, parts=2),)))
    return flow


def uncut(params: CircuitCuttingParams, rng: np.random.Generator, times: CircuitTimes) -> Workflow:
    """Return the circuit in one piece, once for each group, sampled like the sub-experiments of a cut."""
    n = params.n_qubits
    run = CircuitRun(f"efficient_su2:{n}:reps={params.reps}", params.shots)
    flow = Workflow("", "circuit_cutting")
    if params.on_qpu:
        flow.add("circuits", calls(run, params.groups, params.access, times, rng))
    else:
        flow.add("circuits", bag(run, params.groups, params, times, rng))
    return flow


def _before(
    params: CircuitCuttingParams, cuts: Cuts, constants: Card, rng: np.random.Generator
) -> Iterator[tuple[str, float]]:
    """Yield the client's stages before the sub-experiments, with their times."""
    log_n = math.log(params.n_qubits)
    a, b, c = constants.array("find_law")
    n_cuts = min(cuts.gate_cuts + cuts.wire_cuts, constants.value("find_cuts_most"))
    find_s = math.exp(a + b * n_cuts + c * log_n + constants.value("find_sigma") * rng.standard_normal())
    a, c = constants.array("generate_law")
    each_s = math.exp(a + c * log_n + constants.value("generate_sigma") * rng.standard_normal())
    compile_s = time_s(constants, "transpile_fixed")
    compile_s += time_s(constants, "transpile_per_experiment") * cuts.n_experiments
    yield "find", find_s if params.find_s is None else params.find_s
    yield "generate", each_s * cuts.n_experiments if params.generate_s is None else params.generate_s
    yield "transpile", compile_s if params.transpile_s is None else params.transpile_s


def _reconstruct_s(params: CircuitCuttingParams, cuts: Cuts, constants: Card) -> float:
    if params.reconstruct_s is not None:
        return params.reconstruct_s
    n_shots = cuts.n_experiments * params.shots
    return time_s(constants, "reconstruct_fixed") + time_s(constants, "reconstruct_per_shot") * n_shots


def _runs(params: CircuitCuttingParams, cuts: Cuts) -> Iterator[tuple[int, CircuitRun, int]]:
    """Yield (part, what one task runs, number of such tasks), sub-experiments with measurements on the way apart."""
    for part, width in enumerate(cuts.widths):
        n_measured = cuts.n_measured(part)
        n_plain = cuts.groups * cuts.n_maps - n_measured
        for family, n in (("efficient_su2", n_plain), ("sub_experiment", n_measured)):
            run = CircuitRun(f"{family}:{width}:reps={params.reps}", params.shots)
            per_task = params.experiments_per_task or max(n, 1)
            n_full, rest = divmod(n, per_task)
            if n_full:
                yield part, replace(run, n_circuits=per_task), n_full
            if rest:
                yield part, replace(run, n_circuits=rest), 1


def _tasks(params: CircuitCuttingParams, cuts: Cuts, times: CircuitTimes, rng: np.random.Generator) -> Bag:
    """Return the sub-experiments as tasks, widest first."""
    pieces = [(part, bag(run, n, params, times, rng)) for part, run, n in _runs(params, cuts)]
    if not params.experiments_per_task:
        pieces = [(part, _whole(part, pieces)) for part in range(len(cuts.widths))]
    return replace(merged([each for _, each in pieces]), kind="sub_experiments")


def _whole(part: int, pieces: list[tuple[int, Bag]]) -> Bag:
    """Return all sub-experiments of a part as one task; two kinds of circuit have no name together."""
    own = [each for at, each in pieces if at == part]
    if len(own) == 1:
        return own[0]
    both = merged(own)
    assert both.predicted_s is not None and both.n_circuits is not None
    return replace(
        both,
        run_s=both.run_s.sum(keepdims=True),
        predicted_s=both.predicted_s.sum(keepdims=True),
        circuit=("",),
        n_circuits=both.n_circuits.sum(keepdims=True, dtype=np.int32),
    )


def _on_qpu(
    flow: Workflow,
    before: int,
    params: CircuitCuttingParams,
    cuts: Cuts,
    times: CircuitTimes,
    rng: np.random.Generator,
) -> Iterator[int]:
    """Add a stage of QPU jobs for each kind of sub-experiment of each part and yield the stages."""
    for part, run, n in _runs(params, cuts):
        yield flow.add(f"sub-experiments of part {part}", calls(run, n, params.access, times, rng), (before,))
