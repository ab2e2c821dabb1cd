"""Slurm's two schedulers: the quick main one, and the backfill scheduler that plans ahead."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qhpcsim.core.registry import register
from qhpcsim.policies.batch.multifactor import SLURM_SOURCE, SlurmPolicy
from qhpcsim.policies.batch.node_space import NodeSpace
from qhpcsim.policies.batch.slurm_forecast import Forecast
from qhpcsim.policies.batch.state import INF, QueueState
from qhpcsim.scenario import Policy, Scheduler

_SOURCE = "https://slurm.schedmd.com/sched_config.html"


@register(
    "backfill",
    "slurm",
    summary="Slurm's main scheduler, and backfill that reserves whole nodes",
    source=_SOURCE,
)
class SlurmBackfill:
    """Starts jobs as Slurm does: strictly by priority at events, around reservations in backfill cycles.

    Model: the main scheduler starts jobs in order of priority until one does not fit. A backfill cycle goes through
        the queue; a job that could start now on nodes nobody reserved starts, any other job reserves the nodes that
        it would get, whole, from its expected start to its time limit, both rounded down to the resolution.
    Assumes: running jobs hold their nodes to their time limits (see ``Forecast`` for how starts are foreseen).
    Not modelled: preemption, advance reservations, licences, QOS and association limits, job arrays' own limits,
        minimum times, node states (completing, powering up), bf_max_time and lock yielding.
    Source: https://slurm.schedmd.com/sched_config.html, https://slurm.schedmd.com/slurm.conf.html
    """

    wake_s = INF

    def __init__(self, state: QueueState, policy: Policy) -> None:
        self.state = state
        self.policy = policy if isinstance(policy, SlurmPolicy) else SlurmPolicy()
        self.window_s, self.resolution_s, self.max_test = INF, 0.0, 0
        self.n_tested, self.n_cycles = 0, 0
        user = state.table.user
        self._user: list[int] = [0] * state.table.n if user is None else user.code.tolist()

    def use_scheduler(self, scheduler: Scheduler) -> None:
        """Take over the backfill window, resolution and test limit of the scenario's scheduler."""
        self.window_s = scheduler.bf_window_s or INF
        self.resolution_s = scheduler.bf_resolution_s
        self.max_test = scheduler.bf_max_job_test

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return the jobs that both schedulers start now: for scenarios without cycles."""
        return self._both()

    def main(self, limit: int = 0) -> list[int]:
        """Return the jobs that start in order of priority, up to the first that does not fit.

        Args:
            limit: Jobs to look at; 0: all.
        """
        state = self.state
        pool, starts = state.pool.copy(), []
        for job in state.queue[: limit or None]:
            nodes = pool.place(job)
            if nodes is None:
                break
            pool.take(job, nodes)
            state.placement[job] = nodes
            starts.append(job)
        return starts

    def backfill(self, waiting: Sequence[int] | None = None, plan: QueueState | None = None) -> list[int]:
        """Return the jobs that one backfill cycle starts.

        Args:
            waiting: Jobs to look at in order of priority; None: the queue.
            plan: The machine as the cycle finds it; None: the partition's own.
        """
        state = plan or _Plan.of(self.state)
        space = NodeSpace(state.now_s, state.pool.all_nodes)
        forecast = Forecast(state, self.policy.bf_window_linear_s)
        starts: list[int] = []
        tested: dict[int, int] = {}
        self.n_cycles += 1
        for looked_at, job in enumerate(self.state.queue if waiting is None else waiting):
            if self.max_test and looked_at >= self.max_test:
                break
            if self._over_limit(job, tested):
                continue
            self.n_tested += 1
            nodes = self._plan(job, state, space, forecast)
            if nodes is not None:
                state.placement[job] = self.state.placement[job] = nodes
                state.start(job)
                starts.append(job)
                forecast = Forecast(state, self.policy.bf_window_linear_s)
        return starts

    def _both(self) -> list[int]:
        starts = self.main()
        plan = _Plan.of(self.state)
        for job in starts:
            plan.placement[job] = self.state.placement[job]
            plan.start(job)
        gone = set(starts)
        return starts + self.backfill([job for job in self.state.queue if job not in gone], plan)

    def _over_limit(self, job: int, tested: dict[int, int]) -> bool:
        """Return whether the job's user has had ``bf_max_job_user`` jobs tested already; counts this one if not."""
        user, limit = self._user[job], self.policy.bf_max_job_user
        tested[user] = tested.get(user, 0) + 1
        return bool(limit) and tested[user] > limit

    def _plan(self, job: int, state: QueueState, space: NodeSpace, forecast: Forecast) -> tuple[int, ...] | None:
        """Return the nodes on which the job starts now, or None after reserving nodes for later."""
        demand, length_s, now_s = state.pool.demand(job), self.state.est_s[job], state.now_s
        from_s = now_s
        while from_s <= now_s + self.window_s:
            allowed, later_s = space.available(from_s, from_s + length_s)
            answer = forecast.ask(demand, allowed)
            if answer is None:
                if later_s == INF:
                    return None
                from_s = later_s
                continue
            start_s, nodes = max(answer[0], from_s), answer[1]
            if start_s <= now_s:
                return nodes
            if start_s > later_s:
                from_s = later_s
                continue
            mask = sum(1 << node for node in nodes)
            begin_s, end_s = self._rounded(start_s), self._rounded(start_s + length_s)
            if start_s > now_s + self.window_s:
                return None
            if space.overlaps(begin_s, end_s, mask):
                from_s = self._beyond(from_s, start_s, later_s)
                continue
            space.reserve(begin_s, end_s, mask)
            return None
        return None

    def _beyond(self, from_s: float, start_s: float, later_s: float) -> float:
        """Return where to try next after a plan ran into a reservation; always later than before."""
        return start_s if start_s > from_s else later_s

    def _rounded(self, time_s: float) -> float:
        return (
            math.floor(time_s / self.resolution_s) * self.resolution_s if self.resolution_s and time_s < INF else time_s
        )


class _Plan(QueueState):
    """A partition as a backfill cycle imagines it: jobs that it starts take nodes here first."""

    __slots__ = ()

    @classmethod
    def of(cls, state: QueueState) -> _Plan:
        """Return a plan that begins with the partition's present running jobs."""
        plan = object.__new__(cls)
        plan.pool = state.pool.copy()
        plan.running = list(state.running)
        plan.now_s, plan.est_s = state.now_s, state.est_s
        plan.placement = {}
        return plan

    def start(self, job: int) -> None:
        """Put the job on the nodes chosen for it."""
        self.pool.take(job, self.placement[job])
        self.running = sorted([*self.running, (self.now_s + self.est_s[job], job)])


register(
    "policy",
    "slurm",
    summary="Slurm: multifactor priority, main and backfill cycles",
    source=SLURM_SOURCE,
    params=SlurmPolicy,
)(SlurmPolicy)
