"""Which circuits a calibration runs: families of every kind and size, and probes of single operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from qhpcsim.circuits.cost import DEFAULT_SHOTS, CircuitCost, circuit_cost
from qhpcsim.circuits.named import named_circuit
from qhpcsim.circuits.observable import Observable
from qhpcsim.circuits.simulator import for_simulator
from qhpcsim.core.registry import lookup
from qhpcsim.models.statevector_fit import PROBE

GROUPS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "variational": (
        ("efficient_su2", ("reps=1", "reps=3", "reps=2,entangle=circular", "reps=1,entangle=full")),
        ("qaoa", ("layers=1", "layers=2,graph=regular3", "layers=3")),
    ),
    "trotter": (
        ("tfim", ("steps=2", "steps=4,native=true", "steps=3,graph=ring")),
        ("heisenberg", ("steps=1", "steps=2,native=true", "steps=2")),
    ),
    "fourier": (("qft", ("", "swaps=false")), ("qpe", ("",))),
    "states": (("ghz", ("",)), ("graph_state", ("", "graph=regular3")), ("bv", ("",)), ("adder", ("",))),
    "random": (("brickwork", ("depth=4", "depth=10", "depth=7")), ("quantum_volume", ("depth=3", "depth=6"))),
    "clifford_t": (("clifford_t", ("depth=6", "depth=15", "depth=10,t_frac=0.4", "depth=8,cx_frac=0.6")),),
    "diagonal": (("iqp", ("depth=3", "depth=8", "depth=15")),),
    "two_qubit": (("two_qubit", ("depth=4", "depth=8", "depth=14")),),
    "dynamic": (
        ("dynamic", ("rounds=1", "rounds=2", "rounds=4")),
        ("repetition_code", ("rounds=1", "rounds=2")),
        ("feedforward", ("rounds=2", "rounds=3")),
    ),
}
"""Group -> its families with the parameters that they take turns in; what is left out together is a group."""
WIDTHS = (4, 7, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23)
SHOTS = (DEFAULT_SHOTS, 1, 4096, 100)
SHOT_TARGET_S = 0.15
"""Circuits whose every shot is simulated get as many shots as fill this time."""
_SHARE = 3.0
"""How often each circuit should fit into the budget."""
_RAW = (
    "permutation,width=1", "permutation,width=2", "permutation,width=3", "phase,width=1", "phase,width=2",
    "controlled,width=2", "rotation,width=1", "hadamard,width=1", "diagonal,width=1", "diagonal,width=2",
    "diagonal,width=4",
)  # fmt: skip
"""Probes of what is run gate by gate, on few qubits."""


def _probe_circuits() -> Iterator[tuple[str, int]]:
    """Yield circuits of single operations, and the shots that show them."""
    for n in (1, 6, 12):
        for count in (1, 200):
            yield f"probe:{n}:kernel=nothing,width=1,count={count}", 1
    for n in (2, 8):
        for kernel in ("rotation,width=1", "hadamard,width=1", "controlled,width=2"):
            yield f"probe:{n}:kernel={kernel},count=200", 1
    for n in (12, 14):
        for kernel in _RAW:
            yield f"probe:{n}:kernel={kernel},count=60", 1
    for n in (10, 14, 16, 18):
        for width in (2, 3, 4, 5):
            yield f"probe:{n}:kernel=matrix,width={width},count=12", 1
    for n in (16, 18):
        for width in (3, 5):
            yield f"probe:{n}:kernel=diagonal,width={width},count=12", 1
    for n in (2, 5, 8, 10, 12, 14, 16):
        for kernel in ("measure", "reset"):
            for count in (3, 12):
                yield f"probe:{n}:kernel={kernel},width=1,count={count}", DEFAULT_SHOTS
    for n in (3, 7, 9, 10, 13, 16, 18):
        for shots in (1, 4000, 20_000):
            yield f"graph_state:{n}:", shots
        yield f"ghz:{n}:", 20_000


@dataclass(frozen=True, slots=True)
class Planned:
    """One circuit to time."""

    circuit: str
    """``family:n:params``."""
    shots: int
    observable: str
    group: str
    expected_s: float
    cost: CircuitCost

    @property
    def n_qubits(self) -> int:
        """Qubits declared."""
        return self.cost.n_qubits


Expected = Callable[[CircuitCost], float]


def design(budget_s: float, expected: Expected, threads: int = 1) -> list[Planned]:
    """Return the circuits of a calibration, short ones first.

    Args:
        budget_s: Time for all repeats together.
        expected: Seconds that a circuit is thought to take; decides what fits, not what is learnt.
        threads: Threads of the simulator.
    """
    return fitting(candidates(expected, threads), budget_s)


def candidates(expected: Expected, threads: int = 1) -> list[Planned]:
    """Return all circuits that a calibration could run, short ones first."""
    found = [*_probes(expected, threads), *_families(expected, threads)]
    return sorted(found, key=lambda item: (item.expected_s, item.circuit, item.observable, item.shots))


def fitting(found: list[Planned], budget_s: float) -> list[Planned]:
    """Return the circuits that fit ``_SHARE`` times into a budget; the longest are left out until they do."""
    total_s = 0.0
    for n, item in enumerate(found):
        total_s += item.expected_s
        if total_s * _SHARE > budget_s:
            return found[:n]
    return found


def _families(expected: Expected, threads: int) -> Iterator[Planned]:
    """Yield circuits of every family; shapes, shots and observables take turns over the widths."""
    for group, families in GROUPS.items():
        for f, (family, shapes) in enumerate(families):
            for w, width in enumerate(WIDTHS):
                if (w + f) % min(len(families), 2):
                    continue
                turn = w // min(len(families), 2) + f
                params = ",".join(part for part in (shapes[turn % len(shapes)], _seed(family, turn)) if part)
                shots = SHOTS[turn % len(SHOTS)]
                observable = _observable(width, turn) if turn % 5 == 2 and group != "dynamic" else ""
                yield _planned(f"{family}:{width}:{params}", shots, observable, group, expected, threads)


def _seed(family: str, turn: int) -> str:
    return f"seed={turn + 1}" if hasattr(lookup("circuit_family", family).params, "seed") else ""


def _observable(width: int, turn: int) -> str:
    """Return an observable: Z on the first qubit, all Z, or a sum with X."""
    kinds = ("I" * (width - 1) + "Z", "Z" * width, f"{'Z' * width} + {'X' * width} + {'I' * (width - 2)}ZZ")
    return kinds[turn // 5 % len(kinds)]


def _probes(expected: Expected, threads: int) -> Iterator[Planned]:
    for circuit, shots in _probe_circuits():
        yield _planned(circuit, shots, "", PROBE, expected, threads)
    for width in (3, 8, 13, 16, 18):
        for letter in "ZX":
            for n_terms in (1, width):
                terms = [letter * width, *(letter * k + "I" + letter * (width - 1 - k) for k in range(1, n_terms))]
                yield _planned(f"ghz:{width}:", 1, " + ".join(terms), PROBE, expected, threads)


def _planned(circuit: str, shots: int, observable: str, group: str, expected: Expected, threads: int) -> Planned:
    """Return a circuit with shots chosen anew where each of them is simulated."""
    parsed = Observable.parse(observable) if observable else None
    ready = for_simulator(named_circuit(circuit))
    cost = circuit_cost(ready, shots=shots, observable=parsed, threads=threads)
    if not cost.sampleable:
        one_s = expected(circuit_cost(ready, shots=2, observable=parsed, threads=threads)) / 2
        shots = max(2, min(2000, round(SHOT_TARGET_S / one_s)))
        cost = circuit_cost(ready, shots=shots, observable=parsed, threads=threads)
    return Planned(circuit, shots, observable, group, expected(cost), cost)
