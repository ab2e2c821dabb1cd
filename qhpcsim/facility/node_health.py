"""When the nodes of a partition are away: failures drawn at random or told by a log, and planned outages."""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heapify, heappop, heappush

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_draws import Draws
from qhpcsim.facility.tracked_state import TrackedState
from qhpcsim.policies.batch.state import INF
from qhpcsim.qpu_scenario import Duration
from qhpcsim.scenario import Partition, Policy
from qhpcsim.workloads.laws import ServiceLaw, checked_cv

_REPAIRED, _TOLD_REPAIRED, _PLANNED_END, _FAILED, _TOLD_FAILED, _PLANNED_BEGIN = range(6)
"""What can happen to nodes, in the order in which it happens at one instant."""

Interval = tuple[int, float, float]
"""Node id within the partition, from, to."""


class NodeHealth:
    """The nodes of one partition on their way between up and down.

    Model: each node works for a drawn time, is away for a drawn repair, and so on from the clock's zero; that does not
        depend on the jobs, so every policy meets the same failures. A planned outage takes the nodes that are free at
        its beginning, highest ids first, then nodes that are down already, then those of the jobs that started last.
    Assumes: nodes fail by themselves, also idle ones; a repaired node is as good as new.
    Not modelled: failures of racks, switches and file systems, which take several nodes at once; draining, slow nodes;
        outages of named nodes.
    Source: alternating renewal process; Schroeder and Gibson 2010, doi:10.1109/TDSC.2009.4 (laws of real failures).

    Args:
        state: The partition's nodes.
        partition: How they fail, and when they are serviced.
        name: Name of the partition; its stream is ``failures/<name>``.
        rng: Named random streams.
        begin_s: Time of the clock now; all nodes are up.

    Raises:
        ConfigError: for a told failure of a node that is not there, or an interval without length.
    """

    def __init__(self, state: TrackedState, partition: Partition, name: str, rng: Rng, begin_s: float) -> None:
        _check(partition, name)
        self._state, self._zero_s = state, state.table.zero_s
        failures = partition.failures
        stream = rng.stream(f"failures/{name}")
        self._up = Draws(Duration(failures.law, failures.mtbf_s or 1.0, failures.cv), stream)
        self._repair = Draws(failures.repair, rng.stream(f"failures/{name}/repair"))
        self._told = failures.fixed_s
        self._planned = sorted(partition.outages, key=lambda outage: (outage.start_s, outage.end_s))
        self._serviced: dict[int, list[int]] = {}
        self._causes: dict[int, list[float]] = {}
        """Node that is down -> expected ends of everything that keeps it away."""
        self._since_s: dict[int, float] = {}
        self._past: list[Interval] = []
        self._events: list[tuple[float, int, int]] = []
        if failures.mtbf_s > 0:
            self._events += [(begin_s + self._up.next(), _FAILED, node) for node in range(partition.nodes)]
        self._events += [(told[1] - self._zero_s, _TOLD_FAILED, k) for k, told in enumerate(self._told)]
        self._events += [(each.start_s - self._zero_s, _PLANNED_BEGIN, k) for k, each in enumerate(self._planned)]
        heapify(self._events)
        self._note_windows(0)

    @property
    def next_s(self) -> float:
        """Time of the next change; inf if there is none."""
        return self._events[0][0] if self._events else INF

    def advance(self, now_s: float, lose: Callable[[int], None]) -> bool:
        """Let happen what is due by ``now_s``; return whether anything did.

        Args:
            now_s: The time.
            lose: Called with each job that has to leave because a node of its goes away.
        """
        changed = False
        while self._events and self._events[0][0] <= now_s:
            changed = True
            time_s, kind, index = heappop(self._events)
            if kind == _FAILED:
                self._down(index, INF, time_s, lose)
                heappush(self._events, (time_s + self._repair.next(), _REPAIRED, index))
            elif kind == _REPAIRED:
                self._back(index, INF, time_s)
                heappush(self._events, (time_s + self._up.next(), _FAILED, index))
            elif kind == _TOLD_FAILED:
                self._down(self._told[index][0], INF, time_s, lose)
                heappush(self._events, (self._told[index][2] - self._zero_s, _TOLD_REPAIRED, index))
            elif kind == _TOLD_REPAIRED:
                self._back(self._told[index][0], INF, time_s)
            elif kind == _PLANNED_BEGIN:
                self._begin(index, time_s, lose)
            else:
                for node in self._serviced.pop(index):
                    self._back(node, self._planned_end_s(index), time_s)
        return changed

    def intervals(self, until_s: float) -> list[Interval]:
        """Return when which nodes were away up to ``until_s``; for the time after the last job."""
        self.advance(until_s, lambda job: None)
        still = [(node, since_s, until_s) for node, since_s in self._since_s.items() if since_s < until_s]
        found = [(node, a, min(b, until_s)) for node, a, b in self._past if a < min(b, until_s)]
        return sorted([*found, *still], key=lambda each: (each[1], each[0]))

    def _planned_end_s(self, k: int) -> float:
        return self._planned[k].end_s - self._zero_s

    def _note_windows(self, begun: int) -> None:
        """Tell the rules of the planned outages that are still to come."""
        nodes = self._state.n_nodes
        self._state.windows = [
            (each.start_s - self._zero_s, each.end_s - self._zero_s, min(each.nodes or nodes, nodes))
            for each in self._planned[begun:]
        ]

    def _begin(self, k: int, time_s: float, lose: Callable[[int], None]) -> None:
        self._note_windows(k + 1)
        count = self._planned[k].nodes or self._state.n_nodes
        self._serviced[k] = sorted(range(self._state.n_nodes), key=self._reluctance)[:count]
        for node in self._serviced[k]:
            self._down(node, self._planned_end_s(k), time_s, lose)
        heappush(self._events, (self._planned_end_s(k), _PLANNED_END, k))

    def _reluctance(self, node: int) -> tuple[int, float, int, int]:
        """Return a key that puts nodes which a planned outage takes first before the others."""
        job = self._state.holder(node)
        if job >= 0:
            return 2, -self._state.start_s[job], -job, -node
        return int(self._state.is_down(node)), 0.0, 0, -node

    def _down(self, node: int, until_s: float, time_s: float, lose: Callable[[int], None]) -> None:
        job = self._state.holder(node)
        if job >= 0:
            lose(job)
        causes = self._causes.setdefault(node, [])
        causes.append(until_s)
        self._since_s.setdefault(node, time_s)
        self._state.take_down(node, max(causes))

    def _back(self, node: int, cause_s: float, time_s: float) -> None:
        """Strike one cause of a node's absence; it comes back with the last one."""
        causes = self._causes[node]
        causes.remove(cause_s)
        if causes:
            self._state.take_down(node, max(causes))
            return
        del self._causes[node]
        self._past.append((node, self._since_s.pop(node), time_s))
        self._state.bring_up(node)


def refuse_outages(policy: Policy, pooled: bool, name: str) -> None:
    """Raise for what is not modelled together with nodes that are away.

    Raises:
        ConfigError: naming the key.
    """
    if pooled:
        raise ConfigError(
            f"failures and outages need whole, like nodes and a policy that counts them; not so in partition {name}",
            where="facility",
            allowed="sharing exclusive, no node groups, and not policy slurm",
        )
    if policy.semantics != "batch":
        raise ConfigError(
            f"semantics {policy.semantics!r} knows no failures and outages", where="policy.semantics", allowed="batch"
        )
    if policy.backfill == "conservative" and policy.reservations == "kept":
        raise ConfigError(
            "reservations cannot be kept where nodes go away", where="policy.reservations", allowed="replanned"
        )


def _check(partition: Partition, name: str) -> None:
    failures, told = partition.failures, "facility.failures.fixed_s"
    for node, from_s, to_s in failures.fixed_s:
        if not 0 <= node < partition.nodes:
            raise ConfigError(
                f"node {node} fails, which partition {name} does not have",
                where=told,
                allowed=f"0 … {partition.nodes - 1}",
            )
        _check_interval(from_s, to_s, told)
    for outage in partition.outages:
        _check_interval(outage.start_s, outage.end_s, "facility.outages")
        if (outage.nodes or 0) > partition.nodes:
            raise ConfigError(
                f"{outage.nodes} nodes of partition {name} are away",
                where="facility.outages",
                allowed=f"1 … {partition.nodes}",
            )
    if failures.mtbf_s > 0:
        checked_cv(ServiceLaw(failures.law, failures.mtbf_s, failures.cv), "facility.failures")
        repair = failures.repair
        checked_cv(ServiceLaw(repair.law, repair.mean_s, repair.cv), "facility.failures.repair")


def _check_interval(from_s: float, to_s: float, where: str) -> None:
    if not from_s < to_s < math.inf:
        raise ConfigError(f"from {from_s:g} s to {to_s:g} s", where=where, allowed="an end after the start")
