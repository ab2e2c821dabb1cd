"""Per-node cores, GPUs and memory of a partition where counting whole nodes is not enough."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import InvariantError
from qhpcsim.core.records import Categories, JobTable
from qhpcsim.scenario import NodeGroup, Partition, Policy

Number = TypeVar("Number", int, float)


class Demand(NamedTuple):
    """What one job wants; jobs that want the same share one ``kind``."""

    nodes: int
    cores: int
    """On each node; 0: all of them."""
    gpus: int
    memory_bytes: float
    mask: int
    """Nodes that could hold the job if they were empty, one bit each."""


class SharedPool:
    """Free cores, GPUs and memory of every node, and which nodes a job gets.

    Model: nodes hang on leaf switches (``NodeGroup.switch``). A job gets its nodes from the leaf with the fewest
        usable nodes that suffices; if none does, from the leaf with the most, then the next. Within a leaf nodes
        are taken in id order, ties between leaves go to the first one. Without switches: lowest ids first.
    Assumes: cores, GPUs and memory of a node are interchangeable; a job takes the same from each of its nodes.
    Not modelled: sockets, NUMA and task binding; switch levels above the leaves; node weights.
    Source: https://slurm.schedmd.com/topology.html, https://slurm.schedmd.com/cons_tres.html

    Args:
        table: The workload.
        partition: The nodes; whole nodes only where ``sharing`` is ``exclusive``.
    """

    def __init__(self, table: JobTable, partition: Partition) -> None:
        self.exclusive = partition.sharing == "exclusive"
        self._groups = [group for group in _groups(partition) for _ in range(group.nodes)]
        self.cores = [_first(g.cores_per_node, partition.cores_per_node) for g in self._groups]
        self.gpus = [_first(g.gpus_per_node, partition.gpus_per_node) for g in self._groups]
        self.memory_bytes = [
            float(_first(g.memory_per_node_bytes, partition.memory_per_node_bytes)) for g in self._groups
        ]
        self.free_cores, self.free_gpus = list(self.cores), list(self.gpus)
        self.free_memory = list(self.memory_bytes)
        self.n_nodes = len(self._groups)
        self.all_nodes = (1 << self.n_nodes) - 1
        self.leaves = _leaves(self._groups)
        self.holding: dict[int, tuple[int, ...]] = {}
        """Nodes of each running job."""
        self._gpu_type, self._track_memory = partition.gpu_type, any(self.memory_bytes)
        self.demands: list[Demand] = []
        """One entry per kind of job."""
        self.kind = self._classify(table)
        """Kind of each job of the table."""

    def copy(self) -> SharedPool:
        """Return an independent pool with the same free resources and running jobs, to plan with."""
        twin = object.__new__(SharedPool)
        twin.__dict__.update(self.__dict__)
        twin.free_cores, twin.free_gpus = list(self.free_cores), list(self.free_gpus)
        twin.free_memory = list(self.free_memory)
        twin.holding = dict(self.holding)
        return twin

    @property
    def idle_nodes(self) -> int:
        """Nodes that hold no job."""
        return sum(map(int.__eq__, self.free_cores, self.cores))

    @property
    def total_cores(self) -> int:
        """Cores of the partition."""
        return sum(self.cores)

    def demand(self, job: int) -> Demand:
        """Return what a job wants."""
        return self.demands[self.kind[job]]

    def can_ever_fit(self, job: int) -> bool:
        """Return whether the empty pool could hold the job."""
        demand = self.demand(job)
        return demand.mask.bit_count() >= demand.nodes

    def holds(self, node: int, demand: Demand) -> bool:
        """Return whether a usable node has room for its part of a job now."""
        free = self.free_cores[node]
        if self.exclusive or not demand.cores:
            return free == self.cores[node]
        return (
            free >= demand.cores
            and self.free_gpus[node] >= demand.gpus
            and (not self._track_memory or self.free_memory[node] >= demand.memory_bytes)
        )

    def place(self, job: int, allowed: int = -1) -> tuple[int, ...] | None:
        """Return the nodes that the job would get now, in id order, or None.

        Args:
            job: Index into the job table.
            allowed: Nodes that may be used, one bit each; -1: all.
        """
        return self.place_demand(self.demand(job), allowed)

    def place_demand(self, demand: Demand, allowed: int = -1) -> tuple[int, ...] | None:
        """Return the nodes that a job with this demand would get now, in id order, or None."""
        need, mask = demand.nodes, demand.mask & allowed
        if mask.bit_count() < need:
            return None
        fits = [[n for n in leaf if mask >> n & 1 and self.holds(n, demand)] for leaf in self.leaves]
        if sum(map(len, fits)) < need:
            return None
        chosen: list[int] = []
        while need > 0:
            enough = [leaf for leaf in fits if len(leaf) >= need]
            leaf = min(enough, key=len) if enough else max(fits, key=len)
            chosen += leaf[:need]
            need -= len(leaf)
            fits.remove(leaf)
        return tuple(sorted(chosen))

    def take(self, job: int, nodes: Iterable[int]) -> None:
        """Give the job its part of each of these nodes.

        Raises:
            InvariantError: if one of them has no room.
        """
        demand, chosen = self.demand(job), tuple(nodes)
        for node in chosen:
            if not demand.mask >> node & 1 or not self.holds(node, demand):
                raise InvariantError(f"job {job} cannot be put on node {node}: no room")
            self._change(node, demand, -1)
        self.holding[job] = chosen

    def release(self, job: int) -> None:
        """Take the job off its nodes."""
        demand = self.demand(job)
        for node in self.holding.pop(job):
            self._change(node, demand, 1)

    def _change(self, node: int, demand: Demand, sign: int) -> None:
        if self.exclusive or not demand.cores:
            self.free_cores[node] = self.cores[node] if sign > 0 else 0
            self.free_gpus[node] = self.gpus[node] if sign > 0 else 0
            self.free_memory[node] = self.memory_bytes[node] if sign > 0 else 0.0
        else:
            self.free_cores[node] += sign * demand.cores
            self.free_gpus[node] += sign * demand.gpus
            self.free_memory[node] += sign * demand.memory_bytes

    def _classify(self, table: JobTable) -> list[int]:
        """Return each job's kind and fill ``demands``."""
        zeros = np.zeros(table.n)
        columns = [
            table.nodes,
            zeros if table.cores_per_node is None else table.cores_per_node,
            zeros if table.gpus_per_node is None else table.gpus_per_node,
            zeros if table.memory_per_node_bytes is None else table.memory_per_node_bytes,
            _codes(table.feature, table.n),
            _codes(table.gpu_type, table.n),
        ]
        rows = np.column_stack(columns).astype(np.float64)
        kinds, inverse = np.unique(rows, axis=0, return_inverse=True)
        for nodes, cores, gpus, memory, feature, gpu_type in kinds.tolist():
            word = table.feature.names[int(feature)] if table.feature is not None and feature >= 0 else ""
            type_ = table.gpu_type.names[int(gpu_type)] if table.gpu_type is not None and gpu_type >= 0 else ""
            plain = Demand(int(nodes), int(cores), int(gpus), max(0.0, memory), 0)
            self.demands.append(plain._replace(mask=self._usable(plain, word, type_)))
        result: list[int] = inverse.ravel().tolist()
        return result

    def _usable(self, demand: Demand, feature: str, gpu_type: str) -> int:
        """Return the nodes that could hold the job if they were empty, as a bit mask."""
        if gpu_type and gpu_type != self._gpu_type:
            return 0
        mask = 0
        for node, group in enumerate(self._groups):
            if (
                self.cores[node] >= demand.cores
                and self.gpus[node] >= demand.gpus
                and (not self._track_memory or self.memory_bytes[node] >= demand.memory_bytes)
                and (not feature or feature in group.features)
            ):
                mask |= 1 << node
        return mask


def needs_pool(partition: Partition, policy: Policy) -> bool:
    """Return whether counting whole nodes is not enough for this partition, or the policy looks at single nodes."""
    return partition.sharing != "exclusive" or len(partition.groups) > 1 or policy.backfill == "slurm"


def _groups(partition: Partition) -> list[NodeGroup]:
    return list(partition.groups.values()) or [NodeGroup(nodes=partition.nodes)]


def _leaves(groups: list[NodeGroup]) -> list[list[int]]:
    """Return the nodes of each leaf switch, in order of first appearance."""
    leaves: dict[str, list[int]] = {}
    for node, group in enumerate(groups):
        leaves.setdefault(group.switch, []).append(node)
    return list(leaves.values())


def _codes(column: Categories | None, n: int) -> NDArray[np.float64]:
    return np.full(n, -1.0) if column is None else column.code.astype(np.float64)


def _first(own: Number | None, common: Number) -> Number:
    return common if own is None else own
