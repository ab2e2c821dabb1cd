"""Hardware-efficient circuits in modules: dense blocks with a few links between neighbours, barriers in between."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from qhpcsim.circuits.families.graphs import at_least
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@dataclass(frozen=True, slots=True)
class ModulesParams:
    """Number of modules, depth of each, and links between neighbours."""

    modules: int = 2
    depth: int = 4
    links: int = 1
    angle: float = 0.0
    """Of the links, which then are RZZ; 0: CX."""
    seed: int = 0


@register(
    "circuit_family",
    "modules",
    summary="dense modules of random rotations and CX, weakly linked, with barriers around the links",
    source="Kandala et al., Nature 549 (2017), doi:10.1038/nature23879 (the blocks; modules and links are ours)",
    params=ModulesParams,
)
def modules(n_qubits: int, params: ModulesParams) -> QuantumCircuit:
    """Return blocks of ``depth`` layers inside each module, ``links`` times with links between neighbours."""
    from qiskit import QuantumCircuit

    at_least(n_qubits, max(1, params.modules))
    rng = Rng(params.seed).stream("modules")
    bounds = [n_qubits * i // max(1, params.modules) for i in range(max(1, params.modules) + 1)]
    inside = list(pairwise(bounds))
    circuit = QuantumCircuit(n_qubits)
    _blocks(circuit, inside, params.depth, rng)
    for _ in range(params.links):
        circuit.barrier()
        for middle in bounds[1:-1]:
            if params.angle:
                circuit.rzz(params.angle, middle - 1, middle)
            else:
                circuit.cx(middle - 1, middle)
        circuit.barrier()
        _blocks(circuit, inside, params.depth, rng)
    circuit.measure_all()
    return circuit


def _blocks(circuit: QuantumCircuit, inside: list[tuple[int, int]], depth: int, rng: np.random.Generator) -> None:
    """Append layers of U on each qubit and CX on random pairs inside each module."""
    for low, high in inside:
        for _ in range(depth):
            for qubit in range(low, high):
                circuit.u(*rng.uniform(0.1, 3.0, 3), qubit)
            order = [low + int(k) for k in rng.permutation(high - low)]
            for a, b in zip(order[::2], order[1::2], strict=False):
                circuit.cx(a, b)
