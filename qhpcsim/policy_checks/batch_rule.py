"""The check of a batch policy: a rule that starts jobs, with the queue order that it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from qhpcsim.core.errors import InvariantError
from qhpcsim.core.registry import Entry, lookup
from qhpcsim.core.rng import Rng
from qhpcsim.facility.batch_system import BatchSystem
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.outcome import schedule_of
from qhpcsim.facility.replay import batch_systems, demand, drain, logs_of
from qhpcsim.metrics.invariants import check_run
from qhpcsim.policies.batch.user import UserRule
from qhpcsim.policy_checks.batch_case import BatchCase, BatchJob, batch_cases, batch_words, nodes_words, smaller_batch
from qhpcsim.policy_checks.batch_probe import ProbedRule, probed_decide
from qhpcsim.policy_checks.report import Fault
from qhpcsim.policy_checks.subject import COMMON, RULES, STARVING, STREAM, Owner, Subject, Verify, Warned, starves
from qhpcsim.results.result import Result
from qhpcsim.scenario import Partition, Policy, Scenario, Scheduler

CLAIM = "work_conserving"
"""Attribute of a policy that claims to leave no node idle that a waiting job could have."""


class BatchRule(Subject):
    """A rule of the batch queue, run on small workloads.

    Args:
        owner: A ``policy`` or a ``backfill``.
        policy: What is run; None: what the owner stands for.
    """

    promises = {  # noqa: RUF012
        **COMMON,
        "known": "starts only jobs that wait",
        "once": "starts a job once",
        "fits": "starts no more than fits on the free nodes",
        "everyone": "every job that fits on the machine is started some day",
        "fills": "leaves no node idle that a waiting job could have (claimed by work_conserving = True)",
        **RULES,
    }
    warnings = STARVING

    def __init__(self, owner: Owner, policy: Policy | None = None) -> None:
        super().__init__(owner)
        self.policy = policy or _policy_of(self.entry)
        target = lookup("backfill", self.policy.backfill).target
        self._target: Any = target
        written = getattr(target, "decide", target)
        self._fills = bool(getattr(written, CLAIM, False))
        if not self._fills:
            self.promises = {name: text for name, text in self.promises.items() if name != "fills"}

    def cases(self, draw: np.random.Generator, n: int) -> list[BatchCase]:
        """Return workloads."""
        return batch_cases(draw, n)

    def run(self, case: BatchCase) -> tuple[Any, Verify]:
        """Return the passes that started jobs, and a check of the run's tables."""
        return self.simulated(case)

    def simulated(self, case: BatchCase) -> tuple[list[tuple[float, list[int]]], Verify]:
        """Return what ``run`` does."""
        table, partitions = case.table(), {"batch": Partition(nodes=case.n_nodes)}
        wants = demand(table, partitions, self.policy, "kill")
        clock = Clock()
        systems = batch_systems(clock, table, wants, partitions, self.policy, Scheduler(), rng=Rng(0))
        probe = self._probed(systems[0])
        drain(clock, lambda: 0.0, None)
        if systems[0].state.queue:
            raise Fault("everyone", _left_behind(case, systems[0].state.queue))
        logs, start_s = logs_of(systems, table.n)

        def verify() -> None:
            schedule = schedule_of(table, wants, partitions, logs, start_s, "general")
            _verify_run(Result(Scenario(policy=self.policy), table, schedule, partitions), self.policy)

        return probe.passes, verify

    def _probed(self, system: BatchSystem) -> ProbedRule:
        """Put a probe between a batch system and its rule."""
        rule = system.rule
        if issubclass(self._target, UserRule):
            members = {"decide": staticmethod(probed_decide(self._target.decide))}
            rule = type(self._target.__name__, (self._target,), members)(system.state, self.policy)
        probe = ProbedRule(rule, system.state, self._fills)
        system.rule = probe
        return probe

    def smaller(self, case: BatchCase) -> Iterator[BatchCase]:
        """Yield simpler workloads."""
        return smaller_batch(case)

    def words(self, case: BatchCase) -> str:
        """Return a workload in words."""
        return batch_words(case)

    def look_out(self) -> Iterator[Warned]:
        """Yield a warning for each kind of job that starves."""
        for what, victim, other, gap_s in _VICTIMS:
            if all(self._overtaken(victim, other, gap_s, n) for n in STREAM):
                yield starves(what, _stream_words(victim, other, gap_s))

    def _overtaken(self, victim: BatchJob, other: BatchJob, gap_s: float, n: int) -> bool:
        """Return whether a job started after all of n others that came later."""
        jobs = [other, victim, *(other._replace(submit_s=gap_s * k) for k in range(1, n + 1))]
        passes, _ = self.simulated(BatchCase(4, tuple(jobs)))
        order = [job for _, starts in passes for job in starts]
        return order[-1] == 1


def _policy_of(entry: Entry) -> Policy:
    made: Policy = Policy(name="checked", backfill=entry.name) if entry.params is None else entry.params()
    return made


_VICTIMS = (
    ("a wide job", BatchJob(1.0, 4, 10.0, 10.0, "ada"), BatchJob(0.0, 2, 10.0, 10.0, "bob"), 5.0),
    ("a narrow job", BatchJob(1.0, 1, 10.0, 10.0, "ada"), BatchJob(0.0, 4, 10.0, 10.0, "bob"), 10.0),
    ("a long job", BatchJob(1.0, 4, 1000.0, 1000.0, "ada"), BatchJob(0.0, 4, 10.0, 10.0, "bob"), 10.0),
    ("a short job", BatchJob(1.0, 4, 1.0, 1.0, "ada"), BatchJob(0.0, 4, 10.0, 10.0, "bob"), 10.0),
)
"""What may starve, the job, those that come after it, and the time between two of them; they fill four nodes."""


def _stream_words(victim: BatchJob, other: BatchJob, gap_s: float) -> str:
    """Return in words what a job meets."""
    return (
        f"4 nodes; a job of {nodes_words(victim.nodes)} and {victim.run_s:g} s comes at {victim.submit_s:g} s; "
        f"from 0 s on, every {gap_s:g} s, one of {nodes_words(other.nodes)} and {other.run_s:g} s"
    )


def _verify_run(result: Result, policy: Policy) -> None:
    """Raise ``Fault`` if the tables of a run break a rule."""
    try:
        broken = check_run(result.jobs, result.summary, result.partitions, policy, workload=result.table)
    except InvariantError as error:
        raise Fault("rules", str(error)) from error
    if broken and result.table.n:
        raise Fault("rules", f"{broken[0].id}, job {broken[0].job}: {broken[0].text}")


def _left_behind(case: BatchCase, queue: list[int]) -> str:
    job = case.jobs[queue[0]]
    return f"job {queue[0] + 1} ({nodes_words(job.nodes)}) is never started, although the whole machine is free"
