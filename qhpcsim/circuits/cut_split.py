"""Cheap splits of a circuit that the library's search may miss: a line of qubits cut into pieces, then wires for gates.

Model: the qubits are put in a row (by number, and by a breadth-first walk over who couples to whom) and cut into
    pieces of at most W qubits so that the gates between pieces have the smallest product of γ²; single qubits then
    move while that helps. Last, each qubit in turn may change its piece over time where a wire cut is cheaper than
    the gates it saves (shortest path through its gates, all others fixed).
Assumes: costs add up as logarithms of γ²; a cut wire costs 16.
Not modelled: the number of sub-experiments, run time. Steps are bounded by the size of the circuit, not by a clock.
Source: row partition by dynamic programming; passes as in Fiduccia & Mattheyses, DAC 1982, doi:10.1145/800263.809204.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from qhpcsim.circuits.cut_circuit import CutCircuit
from qhpcsim.circuits.cut_layout import Bases, Cuts

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

N_QUBITS_MAX = 400
"""Widest circuit that is split: the row partition takes memory that grows with the square."""
_PASSES = 8
_GAIN = 1e-9
"""Smallest gain in the logarithm of the overhead that counts as one."""


class Splitter:
    """Finds splits of one circuit.

    Args:
        circuit: Reduced circuit.
        bases: Decompositions of its gates.
    """

    def __init__(self, circuit: CutCircuit, bases: Bases) -> None:
        self.circuit = circuit
        self.wire_cost = bases.log_overhead(None)
        self.pairs = [i for i, op in enumerate(circuit.ops) if len(op.qubits) == 2]
        self.cost = {i: bases.log_overhead(circuit.ops[i].operation) for i in self.pairs}
        self.weights = self._weights()
        self.rows = self._rows()

    def splits(self, width: int) -> list[Cuts]:
        """Return splits into parts of at most ``width`` qubits, each once; none if the circuit is too wide for it."""
        n_qubits = self.circuit.n_qubits
        if not 1 <= width < n_qubits or n_qubits > N_QUBITS_MAX:
            return []
        found: dict[Cuts, None] = {}
        fewest = -(-n_qubits // width)
        for row in self.rows:
            for n_parts in (fewest, fewest + 1):
                labels = self._pieces(row, width, n_parts)
                if labels is None:
                    continue
                labels = self._moved(labels, width)
                found[self._cuts(self._ends(labels))] = None
                found[self._cuts(self._rewired(labels, width))] = None
        return list(found)

    def _weights(self) -> Values:
        """Return the summed cost of the gates between two qubits, shape (n, n)."""
        import numpy as np

        n = min(self.circuit.n_qubits, N_QUBITS_MAX + 1)
        weights = np.zeros((n, n))
        if self.circuit.n_qubits <= N_QUBITS_MAX:
            for i in self.pairs:
                a, b = self.circuit.ops[i].qubits
                weights[a, b] += self.cost[i]
                weights[b, a] += self.cost[i]
        return weights

    def _rows(self) -> list[tuple[int, ...]]:
        """Return the qubits by number and, if it differs, as a walk from the qubit of fewest partners meets them."""
        n = len(self.weights)
        partners = [[int(b) for b in self.weights[a].nonzero()[0]] for a in range(n)]
        left, walk = sorted(range(n), key=lambda q: (len(partners[q]), q)), list[int]()
        seen = [False] * n
        for start in left:
            queue = [] if seen[start] else [start]
            while queue:
                qubit = queue.pop(0)
                if not seen[qubit]:
                    seen[qubit] = True
                    walk.append(qubit)
                    queue += sorted(partners[qubit], key=lambda q: (len(partners[q]), q))
        return list(dict.fromkeys([tuple(range(n)), tuple(walk)]))

    def _pieces(self, row: Sequence[int], width: int, n_parts: int) -> list[int] | None:
        """Return the piece of each qubit for the cheapest cut of a row into ``n_parts`` pieces; None if impossible."""
        import numpy as np

        n = len(row)
        if n_parts > n:
            return None
        ordered = self.weights[np.ix_(row, row)]
        sums = np.zeros((n + 1, n + 1))
        sums[1:, 1:] = ordered.cumsum(0).cumsum(1)
        best = np.full((n_parts + 1, n + 1), -np.inf)
        best[0, 0] = 0.0
        start = np.zeros((n_parts + 1, n + 1), dtype=int)
        for part in range(1, n_parts + 1):
            for end in range(part, n + 1):
                i = np.arange(max(0, end - width), end)
                kept = best[part - 1, i] + sums[end, end] - sums[i, end] - sums[end, i] + sums[i, i]
                choice = int(np.argmax(np.round(kept, 9)))
                best[part, end], start[part, end] = kept[choice], i[choice]
        if not np.isfinite(best[n_parts, n]):
            return None
        labels, end = [0] * n, n
        for part in range(n_parts, 0, -1):
            for place in range(start[part, end], end):
                labels[row[place]] = part - 1
            end = int(start[part, end])
        return labels

    def _moved(self, labels: list[int], width: int) -> list[int]:
        """Return labels after moving single qubits to cheaper pieces with room, as long as that helps."""
        labels, sizes = list(labels), Counter(labels)
        n_parts = len(sizes)
        for _ in range(_PASSES):
            changed = False
            for qubit, here in enumerate(labels):
                ties = [0.0] * n_parts
                for other in self.weights[qubit].nonzero()[0]:
                    ties[labels[other]] += float(self.weights[qubit, other])
                there = max((p for p in range(n_parts) if p == here or sizes[p] < width), key=lambda p: (ties[p], -p))
                if ties[there] > ties[here] + _GAIN and sizes[here] > 1:
                    labels[qubit], changed = there, True
                    sizes[here] -= 1
                    sizes[there] += 1
            if not changed:
                break
        return labels

    def _ends(self, labels: Sequence[int]) -> dict[tuple[int, int], int]:
        """Return the piece of each (gate, qubit)."""
        return {(i, qubit): labels[qubit] for i in self.pairs for qubit in self.circuit.ops[i].qubits}

    def _rewired(self, labels: Sequence[int], width: int) -> dict[tuple[int, int], int]:
        """Return the piece of each (gate, qubit) once wire cuts have replaced gate cuts where they are cheaper."""
        ends = self._ends(labels)
        gates_of: list[list[int]] = [[] for _ in labels]
        for i in self.pairs:
            for qubit in self.circuit.ops[i].qubits:
                gates_of[qubit].append(i)
        sizes = Counter(labels)
        n_parts = len(sizes)
        for _ in range(_PASSES):
            changed = False
            for qubit, gates in enumerate(gates_of):
                old = [ends[i, qubit] for i in gates]
                others = [ends[i, self._other(i, qubit)] for i in gates]
                if all(a == b for a, b in zip(old, others, strict=True)):
                    continue
                new = self._cheapest(gates, others, n_parts)
                resized = sizes - Counter(_segments(old)) + Counter(_segments(new))
                gains = self._path_cost(gates, others, new) < self._path_cost(gates, others, old) - _GAIN
                if gains and max(resized.values()) <= width:
                    ends |= {(i, qubit): part for i, part in zip(gates, new, strict=True)}
                    sizes, changed = resized, True
            if not changed:
                break
        return ends

    def _other(self, gate: int, qubit: int) -> int:
        a, b = self.circuit.ops[gate].qubits
        return b if a == qubit else a

    def _path_cost(self, gates: Sequence[int], others: Sequence[int], labels: Sequence[int]) -> float:
        crossed = sum(self.cost[i] for i, a, b in zip(gates, others, labels, strict=True) if a != b)
        return crossed + self.wire_cost * (len(_segments(labels)) - 1)

    def _cheapest(self, gates: Sequence[int], others: Sequence[int], n_parts: int) -> list[int]:
        """Return the pieces of a qubit at its gates on the cheapest path (Viterbi); ties: the lower piece."""
        costs, back = [0.0] * n_parts, list[list[int]]()
        for step, (gate, other) in enumerate(zip(gates, others, strict=True)):
            arrive = costs
            if step:
                low = min(range(n_parts), key=lambda p: (costs[p], p))
                came = [low if costs[low] + self.wire_cost < costs[p] - _GAIN else p for p in range(n_parts)]
                arrive = [costs[came[p]] + self.wire_cost * (came[p] != p) for p in range(n_parts)]
                back.append(came)
            costs = [cost + self.cost[gate] * (p != other) for p, cost in enumerate(arrive)]
        path = [min(range(n_parts), key=lambda p: (costs[p], p))]
        for came in reversed(back):
            path.append(came[path[-1]])
        return path[::-1]

    def _cuts(self, ends: dict[tuple[int, int], int]) -> Cuts:
        """Return the cuts that lie between the pieces."""
        crossed, wires = [], []
        last: dict[int, int] = {}
        for i in self.pairs:
            a, b = self.circuit.ops[i].qubits
            crossed += [i] if ends[i, a] != ends[i, b] else []
            for qubit in sorted((a, b)):
                wires += [(i, qubit)] if last.get(qubit, ends[i, qubit]) != ends[i, qubit] else []
                last[qubit] = ends[i, qubit]
        return Cuts(tuple(crossed), tuple(wires))


def _segments(labels: Sequence[int]) -> list[int]:
    """Return the labels without repeats of the one before."""
    return list(_changes(labels))


def _changes(labels: Sequence[int]) -> Iterator[int]:
    before = None
    for label in labels:
        if label != before:
            yield label
        before = label
