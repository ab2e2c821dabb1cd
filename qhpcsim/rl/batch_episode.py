"""One run of the batch system, stopped wherever a waiting job could start.

The clock is stepped until a decision is due: no thread, no second simulator. A rule that starts nothing takes the place
of the policy; what the agent decides is done to the same batch system afterwards, at the same instant.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from simpy.core import EmptySchedule

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.records import JobTable, Schedule
from qhpcsim.core.rng import Rng
from qhpcsim.facility.batch_system import BatchSystem
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.outcome import schedule_of
from qhpcsim.facility.replay import batch_systems, demand, logs_of
from qhpcsim.facility.shared_nodes import needs_pool
from qhpcsim.policies.batch.state import INF
from qhpcsim.policies.batch.user import ClusterView, Job, UserRule
from qhpcsim.results.result import Result
from qhpcsim.scenario import Partition, Policy, Scenario, Scheduler

AGENT = "agent"
"""Name of the policy in a result."""


class AgentRule(UserRule):
    """Starts nothing itself; notes that somebody has to decide."""

    name = AGENT
    is_due = False
    """Whether jobs came or ended since the last decision."""

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return no job."""
        self.is_due = self.is_due or bool(ended) or bool(arrived)
        return []

    @property
    def view(self) -> ClusterView:
        """What a user's policy would see."""
        return self._view

    def job(self, index: int) -> Job:
        """Return what a policy may know of a job."""
        return self._job(index)


class BatchEpisode:
    """A batch workload under an agent.

    Args:
        scenario: Its policy's queue order holds; its backfilling does not.
        table: The jobs.
        partitions: The machine.
        n_slots: Jobs at the head of the queue that the agent can start.

    Raises:
        ConfigError: for a machine or a policy that an agent cannot run.
    """

    def __init__(self, scenario: Scenario, table: JobTable, partitions: dict[str, Partition], n_slots: int) -> None:
        check_scenario(scenario, partitions)
        self.table, self.partitions, self._n_slots = table, partitions, n_slots
        self.policy = Policy(
            name=AGENT, order=scenario.policy.order, backfill="none", estimates=scenario.policy.estimates
        )
        self.wants = demand(table, partitions, self.policy, scenario.workload.overrun)
        self.clock = Clock(initial_time=float(min(0.0, table.submit_s[0])) if table.n else 0.0)
        rng = Rng(scenario.seed)
        order = dataclasses.replace(scenario.policy, backfill="none")  # some orders have parameters of their own
        self.systems = batch_systems(self.clock, table, self.wants, partitions, order, Scheduler(), rng=rng)
        self.rules = [AgentRule(system.state, self.policy) for system in self.systems]
        for system, rule in zip(self.systems, self.rules, strict=True):
            system.follow(rule)
        self.at = -1
        """Partition that a decision is due for, -1 if none is."""
        self.scenario = scenario

    @property
    def system(self) -> BatchSystem:
        """Batch system that a decision is due for."""
        return self.systems[self.at]

    @property
    def rule(self) -> AgentRule:
        """Its rule."""
        return self.rules[self.at]

    @property
    def slots(self) -> list[int]:
        """Jobs that the agent can name, in queue order."""
        return self.system.state.queue[: self._n_slots]

    def fits(self, job: int) -> bool:
        """Return whether a waiting job could start now."""
        state = self.system.state
        return state.nodes[job] <= state.free_nodes

    @property
    def can_wait(self) -> bool:
        """Whether something will happen in this partition by itself; else waiting would be for ever."""
        return self.system.next_s() < INF

    def start(self, job: int) -> None:
        """Start a waiting job; the decision stays due as long as another one fits."""
        self.system.start_chosen(job, self.clock.now)
        if not any(map(self.fits, self.slots)):
            self.wait()

    def wait(self) -> None:
        """Decide no more until a job comes or ends."""
        self.system.poke()  # arms the ends of what was started
        self.rule.is_due = False
        self.at = -1

    def advance(self) -> bool:
        """Run until a decision is due; return False if none ever is again: the run is over."""
        while not self._find_due():
            try:
                self.clock.step()
            except EmptySchedule:
                return False
        return True

    def _find_due(self) -> bool:
        if self.at >= 0:
            return True
        for at, rule in enumerate(self.rules):
            if rule.is_due:
                self.at = at
                if any(map(self.fits, self.slots)):
                    return True
                rule.is_due, self.at = False, -1
        return False

    def schedule(self) -> Schedule:
        """Return what became of the jobs; after the end only."""
        logs, start_s = logs_of(self.systems, self.table.n)
        return schedule_of(self.table, self.wants, self.partitions, logs, start_s, "general")

    def result(self) -> Result:
        """Return the result, as ``simulate`` would; after the end only."""
        scenario = dataclasses.replace(self.scenario, policy=self.policy, baseline="")
        return Result(scenario, self.table, self.schedule(), self.partitions)


def check_scenario(scenario: Scenario, partitions: dict[str, Partition]) -> None:
    """Raise ``ConfigError`` for what an agent cannot run, rather than leave it out."""
    cycles = scenario.scheduler != Scheduler()
    unknown = (
        ("scheduler", cycles, "an agent is asked whenever something changes", "scheduler=none"),
        ("policy.semantics", scenario.policy.semantics != "batch", "an agent knows one convention", "batch"),
        ("changes", bool(scenario.changes), "the machine of an agent does not change on the way", "none"),
        ("qpu.access", bool(scenario.qpu.qpus) and scenario.qpu.access == "gres", "QPUs would be nodes", "queue"),
    )
    for key, there, words, allowed in unknown:
        if there:
            raise ConfigError(words, where=key, allowed=allowed)
    for name, partition in partitions.items():
        if needs_pool(partition, scenario.policy) or partition.can_break:
            raise ConfigError(
                "an agent needs like, whole nodes that never fail",
                where=f"facility.partitions.{name}",
                hint="leave out node groups, sharing, failures and outages",
            )
