"""Which qubits of one QPU are free, and the connected region that a call gets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qhpcsim.core.errors import InvariantError

Region = tuple[int, ...]
"""Qubits of a connected part of the coupling graph."""


class QubitRegions:
    """Free and busy qubits of one device.

    Model:
        A call gets a connected set of free qubits: from the lowest-numbered free qubit whose connected free region is
        large enough, as many qubits as it needs in breadth-first order, neighbours by number.
    Assumes:
        Any connected region of the right size will do, and qubits of one region do not disturb those of another.
    Not modelled:
        Error rates of qubits, crosstalk, the shape that a circuit wants, moving a running circuit elsewhere.
    Source:
        W. Luo et al., HybridCloudSim, https://github.com/wolfatthegate/HybridCloudSim-2026 (two-level allocation).

    Args:
        pairs: Coupled qubits, as ``circuits.topology.edges`` gives them.
        n_qubits: Qubits of the device.
    """

    def __init__(self, pairs: Iterable[tuple[int, int]], n_qubits: int) -> None:
        self.n_qubits = self.n_free = n_qubits
        near: list[set[int]] = [set() for _ in range(n_qubits)]
        for a, b in pairs:
            near[a].add(b)
            near[b].add(a)
        self._near = [tuple(sorted(each)) for each in near]
        self._busy = bytearray(n_qubits)
        self._largest: int | None = None
        self.largest_idle = self.largest_free()
        """Qubits of the largest connected region of the idle device."""

    def free_qubits(self) -> list[int]:
        """Return the free qubits, lowest number first."""
        return [qubit for qubit, busy in enumerate(self._busy) if not busy]

    def largest_free(self) -> int:
        """Return how many qubits the largest connected free region has."""
        if self._largest is None:
            # No region holds more qubits than the device has, so this search looks at all of them.
            self._search(self.n_qubits + 1)
        assert self._largest is not None
        return self._largest

    def find(self, n_qubits: int) -> Region | None:
        """Return the region that a call would get now, or None if no connected free region is large enough."""
        if n_qubits > self.n_free or (self._largest is not None and n_qubits > self._largest):
            return None
        return self._search(n_qubits)

    def take(self, region: Sequence[int]) -> None:
        """Make a region busy.

        Raises:
            InvariantError: if one of its qubits is busy.
        """
        self._mark(region, 1)

    def free(self, region: Sequence[int]) -> None:
        """Make a region free.

        Raises:
            InvariantError: if one of its qubits is free.
        """
        self._mark(region, 0)

    def _mark(self, region: Sequence[int], busy: int) -> None:
        for qubit in region:
            if self._busy[qubit] == busy:
                raise InvariantError(f"qubit {qubit} is {'busy' if busy else 'free'} already")
            self._busy[qubit] = busy
        self.n_free += len(region) * (1 - 2 * busy)
        self._largest = None

    def _search(self, n_qubits: int) -> Region | None:
        """Return the first large enough region; a search in vain has seen all regions and knows the largest."""
        seen, near = bytearray(self._busy), self._near
        largest, start = 0, seen.find(0)
        while start >= 0:
            region = [start]
            seen[start] = 1
            for qubit in region:
                if len(region) >= n_qubits:
                    return tuple(region[:n_qubits])
                for other in near[qubit]:
                    if not seen[other]:
                        seen[other] = 1
                        region.append(other)
            largest = max(largest, len(region))
            start = seen.find(0, start + 1)
        self._largest = largest
        return None
