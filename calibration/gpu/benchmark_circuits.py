"""The circuits behind the published GPU timings, rebuilt from their structure as lists of gates.

``ATLAS``: what the artifact of Atlas (SC'24) times on 1 to 256 A100, circuits of MQT Bench and NWQBench without final
swaps; ``one_two`` gives the published numbers of one- and two-qubit gates to check against. ``qcbm``: the circuit of
benchmark-qulacs. ``layers``: PennyLane's StronglyEntanglingLayers.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qhpcsim.circuits.gates import Gate

_KERNEL = {"cx": "permutation", "x": "permutation", "cz": "phase", "cp": "phase", "rz": "diagonal"}
_DIAGONAL = ("cz", "cp", "rz")


def gate(name: str, *qubits: int) -> Gate:
    """Return one gate; names without a kernel of their own are dense matrices."""
    return Gate(name, _KERNEL.get(name, "matrix"), qubits, diagonal=name in _DIAGONAL)


def every(name: str, qubits: Sequence[int]) -> list[Gate]:
    """Return a gate on each of some qubits."""
    return [gate(name, qubit) for qubit in qubits]


@dataclass(frozen=True)
class Circuit:
    """A circuit as the models of state vectors see it, run once, in double precision."""

    gates: tuple[Gate, ...]
    n_active: int
    n_z_terms: int = 0
    n_x_terms: int = 0
    n_simulations: int = 1

    @property
    def state_bytes(self) -> int:
        """Size of the state vector."""
        return 16 << self.n_active


def _inverse_fourier(n: int) -> list[Gate]:
    return [g for i in range(n) for g in (*(gate("cp", j, i) for j in range(i)), gate("h", i))]


def _ae(n: int) -> list[Gate]:
    m = n - 1
    turns = [g for i in range(m) for g in (gate("u", m), gate("cx", i, m), gate("u", m), gate("cx", i, m))]
    return [*every("u", range(n)), *turns, *_inverse_fourier(m)]


def _dj(n: int) -> list[Gate]:
    return [*every("u", range(n)), *(gate("cx", i, n - 1) for i in range(n - 1)), *every("u", range(n - 1))]


def _ghz(n: int) -> list[Gate]:
    return [gate("h", n - 1), *(gate("cx", i, i - 1) for i in range(n - 1, 0, -1))]


def _graphstate(n: int) -> list[Gate]:
    rng = random.Random(7)
    ring = list(range(n))
    rng.shuffle(ring)
    edges = [(ring[i], ring[(i + 1) % n]) for i in range(n)]
    rng.shuffle(edges)
    return [*every("h", range(n)), *(gate("cz", a, b) for a, b in edges)]


def _bonds(n: int, n_turns: int) -> list[Gate]:
    """Return cx, rz, cx on each neighbouring pair, with more rotations around them."""
    found = []
    for i in range(n - 1):
        around = [gate("rz", i + k % 2) for k in range(n_turns)]
        found += [*around, gate("cx", i, i + 1), gate("rz", i + 1), gate("cx", i, i + 1)]
    return found


def _ising(n: int) -> list[Gate]:
    after = [*every("h", range(n)), *every("rz", range(n)), *every("h", range(n))]
    return [*every("h", range(n)), *every("rz", range(n)), *_bonds(n, 3), *after]


def _qft(n: int) -> list[Gate]:
    return [g for i in range(n - 1, -1, -1) for g in (gate("h", i), *(gate("cp", i, j) for j in range(i - 1, -1, -1)))]


def _qpeexact(n: int) -> list[Gate]:
    m = n - 1
    kicks = [gate("cp", i, m) for i in range(m - 1)]
    return [gate("x", m), *every("h", range(m)), *kicks, *_inverse_fourier(m)]


def _qsvm(n: int) -> list[Gate]:
    return 2 * [*every("h", range(n)), *every("rz", range(n)), *_bonds(n, 0)]


def _pairs(name: str, n: int) -> list[Gate]:
    return [gate(name, i, j) for i in range(n) for j in range(i + 1, n)]


def _su2random(n: int) -> list[Gate]:
    return [*every("u", range(n)), *(3 * [*_pairs("cx", n), *every("u", range(n))])]


def _vqc(n: int) -> list[Gate]:
    encode = [*every("h", range(n)), *every("rz", range(n)), *_bonds(n, 0)]
    return encode + 4 * [*every("ry", range(n)), *every("rz", range(n)), *_pairs("cz", n)]


def _wstate(n: int) -> list[Gate]:
    found = [gate("x", n - 1)]
    for i in range(n - 1, 0, -1):
        found += [gate("ry", i - 1), gate("cz", i, i - 1), gate("ry", i - 1)]
    return [*found, *(gate("cx", i - 1, i) for i in range(n - 1, 0, -1))]


ATLAS: dict[str, Callable[[int], list[Gate]]] = {
    "ae": _ae,
    "dj": _dj,
    "ghz": _ghz,
    "graphstate": _graphstate,
    "ising": _ising,
    "qft": _qft,
    "qpeexact": _qpeexact,
    "qsvm": _qsvm,
    "su2random": _su2random,
    "vqc": _vqc,
    "wstate": _wstate,
}


def one_two(notes: str) -> tuple[int, int]:
    """Return the numbers of one- and two-qubit gates in the notes of a published row (``cp/2:351;h/1:27``)."""
    counts = {"1": 0, "2": 0}
    for width, number in re.findall(r"[a-z0-9]+/([12]):(\d+)", notes):
        counts[width] += int(number)
    return counts["1"], counts["2"]


def qcbm(n: int, depth: int = 9) -> list[Gate]:
    """Return rotations and a ring of CNOT, ``depth`` + 1 times, and rotations."""
    ring = [gate("cx", i, (i + 1) % n) for i in range(n)]
    first = [g for i in range(n) for g in (gate("rx", i), gate("rz", i))]
    middle = [g for i in range(n) for g in (gate("rz", i), gate("rx", i), gate("rz", i))]
    return [*first, *ring, *(depth * [*middle, *ring]), *first]


def layers(n: int, n_layers: int) -> list[Gate]:
    """Return StronglyEntanglingLayers: a rotation on each qubit and a ring of CNOT whose range grows by layer."""
    found = []
    for layer in range(n_layers):
        reach = layer % (n - 1) + 1
        found += [*every("rot", range(n)), *(gate("cx", i, (i + reach) % n) for i in range(n))]
    return found
