"""Which cuts a calibration measures: chains of random blocks with weak links, in four sets of gates, and whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qhpcsim.circuits.cut_request import CutLimits, CutRequest
from qhpcsim.circuits.observable import Observable
from qhpcsim.core.rng import Rng

if TYPE_CHECKING:
    import numpy as np
    from qiskit import QuantumCircuit

FAMILIES = ("chain_cx", "chain_cz", "chain_rzz", "chain_cp")
"""Families by their gates; none of them is among the named circuits."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A circuit of a chain family and what is wanted of it."""

    family: str
    widths: tuple[int, ...]
    """Qubits of each block."""
    depth: int
    """Layers within each block."""
    n_links: int
    """Gates between neighbouring blocks."""
    observable: str
    """``parity``, ``local``, ``sum`` or ``mean``."""
    target_error: float
    seed: int

    @property
    def name(self) -> str:
        """What the shape is known by."""
        widths = "-".join(map(str, self.widths))
        return f"{self.family}:{widths}:depth={self.depth},links={self.n_links},seed={self.seed}"

    @property
    def n_qubits(self) -> int:
        """Qubits of the circuit."""
        return sum(self.widths)


SHAPES: tuple[tuple[tuple[int, ...], int, int, str, float], ...] = (
    ((4, 4), 2, 1, "parity", 0.02),
    ((6, 5), 3, 1, "local", 0.01),
    ((8, 7), 2, 1, "sum", 0.02),
    ((10, 9), 3, 1, "parity", 0.01),
    ((11, 10), 4, 1, "parity", 0.02),
    ((12, 10), 2, 1, "local", 0.01),
    ((5, 5), 4, 2, "sum", 0.05),
    ((7, 6), 2, 2, "parity", 0.04),
    ((9, 9), 3, 2, "parity", 0.03),
    ((11, 11), 2, 2, "parity", 0.05),
    ((4, 4, 4), 3, 1, "parity", 0.03),
    ((6, 6, 6), 2, 1, "sum", 0.05),
    ((7, 7, 7), 3, 1, "parity", 0.04),
    ((4, 3, 4, 3), 2, 1, "parity", 0.08),
    ((6, 5), 2, 3, "parity", 0.10),
    ((8, 8), 8, 1, "parity", 0.02),
    ((23,), 2, 0, "parity", 0.01),
    ((21,), 4, 0, "sum", 0.01),
    ((2,) * 10, 2, 0, "parity", 0.03),
    ((3,) * 6, 3, 0, "sum", 0.05),
    ((10, 8), 2, 1, "mean", 0.02),
    ((6, 6), 3, 2, "mean", 0.05),
    ((5, 5, 5), 2, 1, "mean", 0.03),
    ((19,), 2, 0, "mean", 0.02),
)
"""Widths of the blocks, layers, links, observable, target error; each set of gates takes all of them."""


def shapes(seed: int = 0) -> Iterator[Shape]:
    """Yield what a calibration measures, the families in turns so that a short one sees all of them."""
    for number, (widths, depth, n_links, observable, target) in enumerate(SHAPES):
        for f, family in enumerate(FAMILIES):
            if len(widths) == 1 and (number + f) % 2:
                continue
            yield Shape(family, widths, depth, n_links, observable, target, seed * 1000 + 10 * number + f)


def circuit(shape: Shape) -> QuantumCircuit:
    """Return the circuit of a shape: each block's layers of random gates, a link after every few layers."""
    from qiskit import QuantumCircuit

    rng = Rng(shape.seed).stream("cutting/design")
    found = QuantumCircuit(shape.n_qubits, name=shape.name)
    starts = [sum(shape.widths[:i]) for i in range(len(shape.widths))]
    for layer in range(shape.depth):
        for start, width in zip(starts, shape.widths, strict=True):
            _layer(found, shape.family, range(start, start + width), layer, rng)
        for boundary in starts[1:]:
            done, due = (-(-shape.n_links * (layer + k) // shape.depth) for k in (0, 1))
            for _ in range(due - done):
                _pair(found, shape.family, boundary - 1, boundary, rng)
    return found


def _layer(found: QuantumCircuit, family: str, qubits: range, layer: int, rng: np.random.Generator) -> None:
    for qubit in qubits:
        angle = float(rng.uniform(0.2, 2.8))
        if family == "chain_cx":
            found.ry(angle, qubit)
        elif family == "chain_cz":
            found.u(angle, angle / 2, angle / 3, qubit)
        elif family == "chain_rzz":
            found.rx(angle, qubit)
        elif rng.random() < 0.5 or not layer:
            found.h(qubit)
        else:
            found.p(angle, qubit)
    for a in qubits[layer % 2 : -1 : 2]:
        _pair(found, family, a, a + 1, rng)


def _pair(found: QuantumCircuit, family: str, a: int, b: int, rng: np.random.Generator) -> None:
    angle = float(rng.uniform(0.3, 1.5))
    if family == "chain_cx":
        found.cx(a, b)
    elif family == "chain_cz":
        found.cz(a, b)
    elif family == "chain_rzz":
        found.rzz(angle, a, b)
    else:
        found.cp(angle, a, b)


def request(shape: Shape) -> CutRequest:
    """Return the cut request of a shape; its blocks are among the partitions to consider."""
    n, observable = shape.n_qubits, _observable(shape)
    partition = tuple(i for i, width in enumerate(shape.widths) for _ in range(width))
    limits = CutLimits(
        max_cuts=4, widths=(max(shape.widths),), target_error=shape.target_error, max_states=300, budget_s=2.0
    )
    given = (partition,) if len(shape.widths) > 1 and shape.n_links * (len(shape.widths) - 1) <= limits.max_cuts else ()
    assert len(partition) == n
    return CutRequest(circuit(shape), tuple(Observable.parse(each) for each in observable), limits, given, shape.name)


def _observable(shape: Shape) -> list[str]:
    n = shape.n_qubits
    if shape.observable == "parity":
        return ["Z" * n]
    if shape.observable == "local":
        at = n - shape.widths[0] - 1
        return ["I" * at + "ZZ" + "I" * (n - at - 2)]
    if shape.observable == "mean":
        return [
            " + ".join(f"{1 / (2 * n)!r}*{'I' * k}{letter}{'I' * (n - 1 - k)}" for letter in "ZX" for k in range(n))
        ]
    return [f"{'Z' * n} + 0.5*{'X' * n} + 0.5*{'Z' + 'I' * (n - 2) + 'Z'}"]
