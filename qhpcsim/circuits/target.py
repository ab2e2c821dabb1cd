"""A device as Qiskit's transpiler sees it, built from a calibration card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qhpcsim.circuits.features import Durations
from qhpcsim.circuits.topology import TOPOLOGIES, edges
from qhpcsim.core.cards import Card
from qhpcsim.core.errors import CardError, CircuitError
from qhpcsim.core.units import seconds

_VIRTUAL = frozenset({"rz"})
"""Done in software: no time, no error."""
_TIMES = ("time_1q", "time_2q", "time_readout", "time_reset")
_ERRORS = ("error_1q", "error_2q", "error_readout")


@dataclass(frozen=True, slots=True)
class Device:
    """A QPU to compile for."""

    name: str
    n_qubits: int
    target: Any
    """``qiskit.transpiler.Target``; durations in seconds."""
    hash: str
    """Changes whenever anything changes that the compiled circuit depends on."""
    serial: bool = False
    """Gates run one at a time (a single ion chain)."""

    def durations(self) -> Durations:
        """Return the time of each native instruction on given qubits, in seconds."""
        return target_durations(self.target, self.name)


def device_from_card(
    card: Card, topology: str = "", gates: Sequence[str] = (), settings: Mapping[str, Any] | None = None
) -> Device:
    """Return the device that a QPU card describes.

    Model: gates of one kind last equally long and fail equally often on all qubits; rz is free.
    Assumes: both directions of a coupler; a reset lasts ``time_reset``, else a readout and a gate.
    Not modelled: dead couplers, per-qubit spread.
    Source: the card: its words ``topology`` and ``native_gates``, its times and errors.

    Args:
        card: A card of a gate-model QPU.
        topology: A lattice of ``qhpcsim.circuits.topology``; empty: the card's.
        gates: Native gates by Qiskit's names; empty: the card's.
        settings: Numbers in SI units that replace the card's, by entry.

    Raises:
        CardError: if nobody says which gates the device has (an analog or abstract one has none).
        CircuitError: for an unknown topology or gate.
    """
    lattice = topology or _one_word(card, "topology")
    native = tuple(gates) or card.words.get("native_gates", ())
    if not lattice or not native:
        raise CardError(
            f"a device of model {card.model!r} has no gates to compile for",
            where=card.path,
            allowed=f"topology ({', '.join(TOPOLOGIES)}) and native_gates (Qiskit's names) in the card",
            hint="add them if the device has gates, or describe the jobs by their depth: --table",
        )
    name = Path(card.path).stem
    given = settings or {}
    numbers = {key: given[key] if key in given else _number(card, key) for key in ("n_qubits", *_TIMES, *_ERRORS)}
    serial = card.model == "trapped_ion"
    text = json.dumps([numbers, lattice, native, serial], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    try:
        target = _target(numbers, lattice, native)
    except CircuitError as error:
        raise CircuitError(
            error.message, where=card.path, allowed=error.allowed, suggestion=error.suggestion, hint=error.hint
        ) from None
    return Device(name, int(numbers["n_qubits"] or 0), target, digest, serial)


def target_from_card(card: Card, topology: str = "", gates: Sequence[str] = ()) -> Any:
    """Return the ``qiskit.transpiler.Target`` of a card; arguments and errors as ``device_from_card``."""
    return device_from_card(card, topology, gates).target


def target_durations(target: Any, name: str = "device") -> Durations:
    """Return the function that gives the time of an instruction on a Target, in seconds."""

    def lasts(operation: Any, qubits: tuple[int, ...]) -> float | None:
        if operation.name == "delay":
            return _delay_s(operation, target.dt)
        if operation.name not in target.operation_names:
            raise CircuitError(f"gate {operation.name!r} is not native to {name}", hint="compile the circuit first")
        properties = target[operation.name].get(qubits)
        return None if properties is None or properties.duration is None else float(properties.duration)

    return lasts


def _delay_s(operation: Any, dt_s: float | None) -> float | None:
    scale = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12, "dt": dt_s}.get(operation.unit)
    return None if scale is None else scale * float(operation.duration)


def _one_word(card: Card, field: str) -> str:
    """Return a word of a card; empty if it has none."""
    words = card.words.get(field, ("",))
    if len(words) > 1:
        raise CardError(f"{field} has {len(words)} words", where=card.path, allowed="one")
    return words[0]


def _number(card: Card, name: str) -> float | None:
    """Return a number of a card in SI units; None if the card has none."""
    if name not in card.entries:
        return None
    value, unit = card.value(name), card.entry(name).unit
    return value * seconds(f"1{unit}", card.path) if name in _TIMES else value


def _target(numbers: dict[str, float | None], lattice: str, native: Sequence[str]) -> Any:
    from qiskit.circuit import Delay, ForLoopOp, IfElseOp, Measure, Parameter, Reset, SwitchCaseOp
    from qiskit.transpiler import Target

    n_qubits = int(numbers["n_qubits"] or 0)
    target = Target(num_qubits=n_qubits)
    single = [(qubit,) for qubit in range(n_qubits)]
    coupled = [pair for a, b in edges(lattice, n_qubits) for pair in ((a, b), (b, a))]
    for name in native:
        gate = _gate(name)
        places, kind = (single, "1q") if gate.num_qubits == 1 else (coupled, "2q")
        time, error = (0.0, 0.0) if name in _VIRTUAL else (numbers[f"time_{kind}"], numbers[f"error_{kind}"])
        _add(target, gate, places, time, error)
    _add(target, Measure(), single, numbers["time_readout"], numbers["error_readout"])
    _add(target, Reset(), single, _reset_s(numbers), None)
    target.add_instruction(Delay(Parameter("t")), dict.fromkeys(single))
    for name, flow in (("if_else", IfElseOp), ("for_loop", ForLoopOp), ("switch_case", SwitchCaseOp)):
        target.add_instruction(flow, name=name)
    return target


def _gate(name: str) -> Any:
    from qiskit.circuit.library import get_standard_gate_name_mapping

    found = get_standard_gate_name_mapping().get(name)
    if found is None or found.num_qubits > 2:
        raise CircuitError(f"unknown native gate {name!r}", allowed="Qiskit's standard gates on one or two qubits")
    return found


def _add(target: Any, gate: Any, places: list[Any], duration_s: float | None, error: float | None) -> None:
    from qiskit.transpiler import InstructionProperties

    target.add_instruction(gate, {place: InstructionProperties(duration_s, error) for place in places})


def _reset_s(numbers: dict[str, float | None]) -> float | None:
    readout, gate = numbers["time_readout"], numbers["time_1q"]
    if numbers["time_reset"] is not None:
        return numbers["time_reset"]
    return None if readout is None or gate is None else readout + gate
