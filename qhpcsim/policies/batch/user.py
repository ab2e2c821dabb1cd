"""Policies written by users: a function that sees a read-only view of the queue and yields the jobs to start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from typing import Any, TypeVar

from qhpcsim.core.errors import PluginError
from qhpcsim.core.registry import lookup, register
from qhpcsim.policies.batch.state import INF, QueueState
from qhpcsim.scenario import Policy


@dataclass(frozen=True, slots=True)
class Job:
    """What a policy may know of a job; times in seconds since the first submission."""

    id: object
    nodes: int
    requested_s: float
    submit_s: float
    user: str
    index: int
    """Position in the workload; unique."""


class ClusterView:
    """One partition at one instant; read-only."""

    __slots__ = ("_job", "_state")

    def __init__(self, state: QueueState, job: Callable[[int], Job]) -> None:
        self._state, self._job = state, job

    @property
    def now_s(self) -> float:
        """The time."""
        return self._state.now_s

    @property
    def n_nodes(self) -> int:
        """Nodes of the partition."""
        return self._state.n_nodes

    @property
    def free_nodes(self) -> int:
        """Nodes that no job holds and that are not away, before any start of this pass."""
        return self._state.free_nodes

    @property
    def waiting(self) -> tuple[Job, ...]:
        """Waiting jobs in queue order."""
        return tuple(map(self._job, self._state.queue))

    @property
    def running(self) -> tuple[tuple[float, Job], ...]:
        """(expected end, job) of the running jobs, the earliest end first."""
        n = self._state.table.n  # entries behind the jobs stand for nodes that are away
        return tuple((end_s, self._job(job)) for end_s, job in self._state.running if job < n)

    def shadow(self, nodes: int) -> tuple[float, int]:
        """Return when ``nodes`` will be free by the expected ends, and how many are spare then."""
        if nodes <= self._state.free_nodes:
            return self.now_s, self._state.free_nodes - nodes
        return self._state.shadow(nodes, self._state.free_nodes)


Decide = Callable[[ClusterView], Iterable[Job]]
D = TypeVar("D", bound=Decide)


class UserRule:
    """Asks a user's function and holds it to the contract: waiting jobs only, each once, and they must fit."""

    wake_s = INF
    name = ""
    decide: Decide

    def __init__(self, state: QueueState, policy: Policy) -> None:
        self.state = state
        self._jobs: dict[int, Job] = {}
        self._view = ClusterView(state, self._job)

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return the jobs that the user's function wants to start.

        Raises:
            PluginError: if it breaks the contract.
        """
        waiting, free = set(self.state.queue), self.state.free_nodes
        starts: list[int] = []
        for job in type(self).decide(self._view):
            index = getattr(job, "index", None)
            if index not in waiting:
                raise self._broken(f"started {job!r}, which is not waiting (or twice in one pass)")
            waiting.discard(index)
            free -= self.state.nodes[index]
            if free < 0:
                raise self._broken(f"started job {job.id} on {job.nodes} nodes, but only {free + job.nodes} are free")
            starts.append(index)
        return starts

    def _broken(self, what: str) -> PluginError:
        return PluginError(
            f"policy {self.name!r} {what}, at t = {self.state.now_s} s",
            allowed="jobs of view.waiting, each once, within view.free_nodes",
        )

    def _job(self, index: int) -> Job:
        job = self._jobs.get(index)
        if job is None:
            table = self.state.table
            user = table.user
            name = user.names[user.code[index]] if user is not None and user.code[index] >= 0 else ""
            requested_s, submit_s = self.state.est_s[index], self.state.submit_s[index]
            job_id = table.job_id[index]
            job = Job(job_id, self.state.nodes[index], requested_s, submit_s, name, index)
            self._jobs[index] = job
        return job


def batch_policy(name: str, *, summary: str, source: str = "user") -> Callable[[D], D]:
    """Return a decorator that makes a function ``view -> jobs to start`` a policy called ``name``.

    Example:
        >>> @batch_policy("narrow_first", summary="fewest nodes first, whoever fits")
        ... def narrow_first(view):
        ...     free = view.free_nodes
        ...     for job in sorted(view.waiting, key=lambda job: (job.nodes, job.index)):
        ...         if job.nodes <= free:
        ...             free -= job.nodes
        ...             yield job
    """

    def wrap(decide: D) -> D:
        members = {"decide": staticmethod(decide), "name": name, "__doc__": decide.__doc__}
        register("backfill", name, summary=summary, source=source)(type(f"Rule_{name}", (UserRule,), members))
        own = [("name", str, field(default=name)), ("backfill", str, field(default=name))]
        again = {"__reduce__": _by_name}
        params = make_dataclass(f"Policy_{name}", own, bases=(Policy,), frozen=True, namespace=again)
        register("policy", name, summary=summary, source=source, params=params)(params)
        return decide

    return wrap


def _by_name(policy: Policy) -> tuple[Callable[..., Any], tuple[str, dict[str, Any]]]:
    """Return how to pickle a user's policy: a worker that imported the same plug-in knows it by its name."""
    return _restored, (policy.name, {each.name: getattr(policy, each.name) for each in fields(policy)})


def _restored(name: str, values: dict[str, Any]) -> Any:
    params = lookup("policy", name, "policy").params
    assert params is not None
    return params(**values)
