"""Which ways there are to run a circuit, what each is predicted to take, and which one a strategy takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qhpcsim.circuits.cut_candidate import CutCandidate
from qhpcsim.circuits.cut_request import N_EXPERIMENTS_MAX, CutLimits, CutRequest
from qhpcsim.circuits.cuts import CutPlan
from qhpcsim.circuits.cuts import plan as candidates_of
from qhpcsim.circuits.named import is_named, named_circuit
from qhpcsim.circuits.observable import Observable
from qhpcsim.circuits.qasm import checked, read_circuit
from qhpcsim.core.data import data_dir
from qhpcsim.core.errors import CardError, CircuitError, ConfigError, nearest, shorten
from qhpcsim.models.cutting import FOLDER, CutCost, CutModel
from qhpcsim.policies.cutting.named import strategy_named
from qhpcsim.policies.cutting.strategy import CutOption, CutView

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import SparsePauliOp

Progress = Callable[[float], None]
"""Takes the fraction done."""
STRATEGY = "modelled"
"""Registered strategy that chooses where none is named."""
MAX_SHOTS = 10**9
"""Most shots in all where no limit is given; a simulator keeps about 0.1 kB of each shot of a circuit."""
MACHINE = "amd_epyc_genoa_core"
"""Card in ``calibration/cutting/`` of the machine that is meant where none is named."""
CLASSES = ("cpu", "gpu", "qpu")
"""Folders of cards of what can run circuits."""
_SEARCH = 0.7
"""Share of planning that is spent on the search for cuts, for the bar."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A way to run the circuit, and what it is predicted to take."""

    candidate: CutCandidate
    cost: CutCost

    @property
    def name(self) -> str:
        """Of the candidate."""
        return self.candidate.name

    @property
    def n_shots(self) -> int:
        """Shots of all circuits together: those for the target error, and one each at least."""
        return max(self.candidate.n_runs, self.candidate.shots.n_estimate)


@dataclass(frozen=True)
class CutAnswer:
    """The ways to run a circuit at one standard error, and the one that a strategy takes."""

    request: CutRequest
    found: CutPlan
    ranked: tuple[Ranked, ...]
    """By predicted time; what cannot be run comes last."""
    chosen: Ranked
    """What the strategy takes."""
    strategy: str
    workers: int
    device: str
    """What runs the circuits."""
    machine: str
    """Card of the machine that runs the pipeline."""
    planning_s: float
    """Wall time of planning, reading the circuit included."""
    notes: tuple[str, ...]
    """What was changed, cut short or extrapolated, in words."""
    is_default_observable: bool
    """Whether no observable was given, so that Z on all qubits is meant."""

    def named(self, name: str) -> Ranked:
        """Return the way of that name.

        Raises:
            ConfigError: if there is none.
        """
        names = {each.name: each for each in self.ranked}
        if name not in names:
            raise ConfigError(
                f"no candidate {name!r}", where="candidate", allowed=", ".join(names), suggestion=nearest(name, names)
            )
        return names[name]


def plan(
    circuit: str | Path | QuantumCircuit,
    observables: str | SparsePauliOp | Sequence[str | SparsePauliOp] = (),
    *,
    target_stderr: float = 0.01,
    workers: int = 1,
    device: str = "cpu",
    machine: str = "",
    strategy: str = STRATEGY,
    partitions: Sequence[Sequence[int | str]] = (),
    progress: Progress | None = None,
    **limits: Any,
) -> CutAnswer:
    """Return the ways to run a circuit, ranked by predicted time, and the one that a strategy takes.

    Args:
        circuit: ``family:n:params``, an OpenQASM file, or a Qiskit circuit; measurements at its end are dropped.
        observables: Pauli strings or sums of them (``ZZI + 0.5*IXX``, or Qiskit's ``SparsePauliOp``), the last letter
            for qubit 0; none: Z on all qubits.
        target_stderr: Standard error that every observable must reach; every way gets the shots for it.
        workers: Circuits that run at once.
        device: ``cpu`` (the machine itself), ``cpu:CARD``, ``gpu:CARD``, ``qpu:CARD``; several joined by ``+``.
        machine: Card in ``calibration/cutting/``, or the path of one; empty: the one that ships.
        strategy: Registered under ``cutting``; ``name:key=value,…`` gives it parameters.
        partitions: Explicit ones to consider too: one label for each qubit from qubit 0, such as ``AABB``.
        progress: Told of the fraction done.
        **limits: Fields of ``CutLimits``: ``max_cuts``, ``max_width``, ``memory_bytes``, ``max_shots`` …

    Raises:
        QhpcsimError: for anything that cannot be planned; says what is nearest.
    """
    began_s = time.perf_counter()
    device, machine = devices_of(device, machine or MACHINE)
    model = CutModel.open(_known(machine))
    model.device(device, workers)
    chooser = strategy_named(strategy)
    asked = CutLimits(**{"max_shots": MAX_SHOTS, **limits, "target_error": target_stderr})
    request = _request(circuit, observables, partitions, asked)
    tell = progress or (lambda _: None)
    found = candidates_of(request, lambda fraction: tell(_SEARCH * fraction))
    options = []
    for k, candidate in enumerate(found.candidates):
        tell(_SEARCH + (1.0 - _SEARCH) * k / len(found.candidates))
        options.append(Ranked(candidate, model.predict(candidate, workers, device)))
    _check_able(request, found, options)
    memory_bytes = asked.memory_bytes or model.memory_bytes / workers
    offered = tuple(CutOption.of(each.candidate, each.cost) for each in options)
    chosen = options[chooser.choose(CutView(found.circuit.n_qubits, workers, memory_bytes, offered))]
    ranked = sorted(options, key=lambda each: (bool(each.cost.feasible), each.cost.total_s))
    notes = dict.fromkeys((*found.notes, *(f"{each.name}: {note}" for each in ranked for note in each.cost.notes)))
    planning_s = time.perf_counter() - began_s
    return CutAnswer(
        request, found, tuple(ranked), chosen, strategy, workers, device, model.name, planning_s, tuple(notes),
        not len(observables),
    )  # fmt: skip


def _request(
    circuit: str | Path | QuantumCircuit,
    observables: str | SparsePauliOp | Sequence[str | SparsePauliOp],
    partitions: Sequence[Sequence[int | str]],
    limits: CutLimits,
) -> CutRequest:
    """Return the request; without observables it is for Z on all qubits."""
    if isinstance(circuit, str | Path):
        where = str(circuit)
        read = named_circuit(where, "circuit") if is_named(where) else read_circuit(where, measure_all=True)
    else:
        where = circuit.name
        read = checked(circuit, where, measure_all=True)
    if isinstance(observables, str) or not isinstance(observables, Sequence):
        observables = [observables]
    wanted = tuple(Observable.of(each) for each in observables or ["Z" * read.num_qubits])
    return CutRequest(read, wanted, limits, tuple(tuple(each) for each in partitions), where)


def _check_able(request: CutRequest, found: CutPlan, options: Sequence[Ranked]) -> None:
    """Refuse a request of which no way can be run; names the way left out that is nearest to what could be.

    Raises:
        CircuitError: says why the widest, and what would have to be allowed.
    """
    if not all(each.cost.feasible for each in options):
        return
    first, narrowest = options[0], min(max(each.candidate.widths) for each in options)
    few = [each for each in found.refused if each.n_experiments <= N_EXPERIMENTS_MAX]
    narrower = [each for each in few if max(each.widths) < narrowest]
    near = min(narrower, key=lambda each: (each.n_cuts, each.log_overhead), default=None)
    most = request.limits.max_cuts
    hint = f"allow more than max_cuts={most}, fewer workers, more memory or another device"
    if near is not None and near.n_cuts > most:
        hint = f"max_cuts={near.n_cuts} allows parts of {max(near.widths)} qubits"
    raise CircuitError(
        f"nothing can be run; {first.name}: {first.cost.feasible}",
        where=request.where,
        allowed="" if near is None else f"nearest is {near.name}: {near.reason}",
        hint=hint,
    )


def _known(machine: str) -> str:
    """Return the card of a machine after checking that there is one.

    Raises:
        CardError: if there is none; names the nearest, and how to make one.
    """
    known = sorted(path.stem for path in (data_dir("calibration") / FOLDER).glob("*.yaml"))
    if machine not in known and not machine.endswith((".yaml", ".yml")):
        raise CardError(
            f"no card called {shorten(machine)!r}",
            where="machine",
            allowed=f"the path of a card, or {', '.join(known)}",
            suggestion=nearest(machine, known),
            hint="qhpcsim calibrate cutting measures this machine and writes one",
        )
    return machine


def devices_of(device: str, machine: str) -> tuple[str, str]:
    """Return what runs the circuits, each device with its class, and the card of the machine.

    Args:
        device: ``cpu``, ``CLASS:CARD``, the name of a card alone, several of these joined by ``+``, or a card of the
            machine.
        machine: Card of the machine if ``device`` is none.

    Raises:
        CardError: if there is no such card; names the nearest.
    """
    if device.endswith((".yaml", ".yml")) or (data_dir("calibration") / FOLDER / f"{device}.yaml").is_file():
        return "cpu", device
    return "+".join(_with_class(each) for each in device.split("+")), machine


def _with_class(device: str) -> str:
    if device == "cpu" or ":" in device:
        return device
    cards = {path.stem: kind for kind in CLASSES for path in (data_dir("calibration") / kind).glob("*.yaml")}
    if device not in cards:
        raise CardError(
            f"no card called {shorten(device)!r}",
            where="device",
            allowed=f"cpu, or one of {shorten(', '.join(sorted(cards)), 600)}",
            suggestion=nearest(device, cards),
            hint="qhpcsim list devices",
        )
    return f"{cards[device]}:{device}"
