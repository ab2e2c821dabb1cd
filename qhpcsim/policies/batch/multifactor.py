"""Slurm's multifactor priority: age, fair share, job size, partition and QOS, each with a weight."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import ConfigError, nearest
from qhpcsim.core.records import Categories, FloatArray, JobTable
from qhpcsim.core.registry import register
from qhpcsim.policies.batch.fairshare import Usage, associations_of, classic, fair_tree, idle_shares_of
from qhpcsim.policies.batch.state import INF
from qhpcsim.scenario import Partition, Policy

SLURM_SOURCE = "https://slurm.schedmd.com/priority_multifactor.html"
FAIRSHARES = ("tree", "classic")
DAY_S = 86400.0


@dataclass(frozen=True)
class MultifactorPolicy(Policy):
    """Slurm's multifactor priority with EASY backfilling.

    Weights default to those of the example in Slurm's documentation, times to Slurm's defaults.
    """

    name: str = "multifactor"
    order: str = "multifactor"
    backfill: str = "easy"
    weight_age: float = 1000.0
    """PriorityWeightAge."""
    weight_fairshare: float = 10000.0
    """PriorityWeightFairshare."""
    weight_job_size: float = 1000.0
    """PriorityWeightJobSize."""
    weight_partition: float = 1000.0
    """PriorityWeightPartition."""
    weight_qos: float = 0.0
    """PriorityWeightQOS."""
    max_age_s: float = 7 * DAY_S
    """PriorityMaxAge: waiting longer adds nothing."""
    favor_small: bool = False
    """PriorityFavorSmall."""
    size_counts_nodes: bool = True
    """False: jobs ask for tasks and not for nodes (``sbatch -n`` without ``-N``); each then counts as one node in the
    size factor, as its least number of nodes is 1."""
    decay_half_life_s: float = 7 * DAY_S
    """PriorityDecayHalfLife of the usage; 0: none."""
    calc_period_s: float = 300.0
    """PriorityCalcPeriod: priorities of waiting jobs change only this often; 0: at every pass."""
    fairshare: str = "tree"
    """``tree`` (Slurm's default) or ``classic`` (PriorityFlags=NO_FAIR_TREE)."""
    damping: float = 1.0
    """FairShareDampeningFactor, for ``classic``."""
    shares: dict[str, float] = field(default_factory=dict)
    """Shares of ``account`` or ``account/user``; 1 where not given. Accounts without jobs keep theirs."""
    idle_users: int = 0
    """Users known to the accounting database who have no jobs in the workload; they count in Fair Tree's ranks."""
    qos_priority: dict[str, float] = field(default_factory=dict)
    """Priority of each QOS; 0 where not given."""
    partition_priority: dict[str, float] = field(default_factory=dict)
    """PriorityJobFactor of each partition named in the workload; 1 where not given."""


@dataclass(frozen=True)
class SlurmPolicy(MultifactorPolicy):
    """Slurm's multifactor priority with its main and backfill schedulers."""

    name: str = "slurm"
    backfill: str = "slurm"
    default_queue_depth: int = 100
    """Jobs that the main scheduler looks at when something happened; its regular cycle looks at all."""
    batch_sched_delay_s: float = 3.0
    """Least time between two passes of the main scheduler."""
    bf_max_job_user: int = 0
    """Jobs of one user that a backfill cycle looks at; 0: all."""
    bf_window_linear_s: float = 0.0
    """Growth of the span in which running jobs are released together when a start is foreseen; 0: it doubles."""


register(
    "policy", "multifactor", summary="Slurm's multifactor priority with EASY backfilling", source=SLURM_SOURCE,
    params=MultifactorPolicy,
)(MultifactorPolicy)  # fmt: skip


@register("order", "multifactor", summary="Slurm's age, fair share, size, partition and QOS", source=SLURM_SOURCE)
class MultifactorOrder:
    """Sorts waiting jobs by Slurm's multifactor priority, highest first.

    Model: priority = ⌊W_age min(1, wait/max_age) + W_fair F + W_size S + W_part P + W_qos Q⌋ with
        S = (nodes/all nodes + cores/all cores)/2, or one minus each with favor_small; F see ``fairshare``; P and Q
        the partition's and the QOS's priority over the highest one.
    Assumes: a new job gets its priority when it is submitted; all are computed anew every ``calc_period_s``.
    Not modelled: association, nice, site and TRES factors; SMALL_RELATIVE_TO_TIME; accrual limits.
    Source: https://slurm.schedmd.com/priority_multifactor.html

    Args:
        table: The workload.
        est_s: (n,) requested times as schedulers see them; not used.
        policy: The policy's parameters; weights of another policy than ours are the defaults.
        n_nodes: Nodes of the partition.
    """

    dynamic = True

    def __init__(self, table: JobTable, est_s: FloatArray, policy: Policy, n_nodes: int) -> None:
        self.policy = policy if isinstance(policy, MultifactorPolicy) else MultifactorPolicy()
        if self.policy.fairshare not in FAIRSHARES:
            word = self.policy.fairshare
            raise ConfigError(
                f"unknown fair-share algorithm {word!r}",
                where="policy.fairshare",
                allowed=", ".join(FAIRSHARES),
                suggestion=nearest(word, FAIRSHARES),
            )
        self._submit_s = table.submit_s
        self._nodes = table.nodes.astype(np.float64)
        self._cores = self._nodes.copy()
        self._fixed = self._size(float(n_nodes), float(n_nodes)) + self._words(table)
        self._association, pairs = _associations(table)
        self._people = associations_of(pairs, self.policy.shares)
        self._idle_shares = idle_shares_of(self._people, self.policy.shares)
        self.usage = Usage(len(pairs), self.policy.decay_half_life_s)
        self._known_usage = [0.0] * len(pairs)
        self.factors = self._fair_share(-INF)
        """Fair-share factor of each association, as last computed."""
        self._priority = np.zeros(table.n)
        self._computed_s = np.full(table.n, -INF)
        self._tick_s = -math.inf

    def use_machine(self, table: JobTable, partition: Partition) -> None:
        """Count cores where jobs share nodes: without this call a node counts as one core."""
        groups = partition.groups.values()
        sizes = [(g.nodes, partition.cores_per_node if g.cores_per_node is None else g.cores_per_node) for g in groups]
        total_cores = sum(nodes * cores for nodes, cores in sizes) or partition.nodes * partition.cores_per_node
        whole = np.full(table.n, total_cores / partition.nodes)
        if table.cores_per_node is not None and partition.sharing != "exclusive":
            whole = np.where(table.cores_per_node > 0, table.cores_per_node, whole)
        self._cores = self._nodes * whole
        self._fixed = self._size(float(partition.nodes), float(total_cores)) + self._words(table)

    def keys(self, jobs: NDArray[np.intp], now_s: float) -> FloatArray:
        """Return minus the priority of each job; lower goes first."""
        self._advance(now_s)
        self._priority[jobs] = np.where(
            self._computed_s[jobs] < self._tick_s,
            self.priority(jobs, np.maximum(self._tick_s, self._submit_s[jobs])),
            self._priority[jobs],
        )
        self._computed_s[jobs] = self._tick_s
        result: FloatArray = -self._priority[jobs]
        return result

    def priority(self, jobs: NDArray[np.intp], now_s: float | FloatArray) -> FloatArray:
        """Return the priority of each job with the present fair-share factors."""
        policy = self.policy
        age = np.clip((now_s - self._submit_s[jobs]) / policy.max_age_s, 0.0, 1.0) if policy.max_age_s else 1.0
        fair = np.array(self.factors)[self._association[jobs]]
        result: FloatArray = np.floor(policy.weight_age * age + policy.weight_fairshare * fair + self._fixed[jobs])
        return result

    def started(self, job: int, now_s: float) -> None:
        """Begin to charge the job's cores to its user."""
        self._advance(now_s)
        self.usage.started(job, int(self._association[job]), float(self._cores[job]), now_s)

    def ended(self, job: int, now_s: float) -> None:
        """Stop charging the job's cores."""
        self._advance(now_s)
        self.usage.ended(job, now_s)

    def resized(self, job: int, nodes: int) -> None:
        """Charge a job for so many nodes when it is started next."""
        self._cores[job] *= nodes / self._nodes[job]
        self._nodes[job] = nodes

    def _advance(self, now_s: float) -> None:
        """Compute the fair-share factors as of the last whole multiple of the period, if that has passed."""
        period_s = self.policy.calc_period_s
        tick_s = math.floor(now_s / period_s) * period_s if period_s else now_s
        if tick_s > self._tick_s:
            if period_s and tick_s - period_s > self._tick_s:
                self._fair_share(tick_s - period_s)
            self._tick_s = tick_s
            self.factors = self._fair_share(tick_s)

    def _fair_share(self, now_s: float) -> list[float]:
        """Return the fair-share factors; the classic ones lag one period, as in Slurm.

        Slurm's decay thread sets the effective usage first and adds the new usage after that.
        """
        known, usage = self._known_usage, list(self.usage.update(now_s))
        self._known_usage = usage
        if self.policy.fairshare == "classic":
            seen = known if self.policy.calc_period_s else usage
            return classic(self._people, seen, self.policy.damping, self._idle_shares)
        return fair_tree(self._people, usage, self.policy.idle_users)

    def _size(self, total_nodes: float, total_cores: float) -> FloatArray:
        """Return the weighted job-size factor of every job."""
        nodes = self._nodes if self.policy.size_counts_nodes else np.ones_like(self._nodes)
        size = (nodes / total_nodes + self._cores / total_cores) / 2.0
        if self.policy.favor_small:
            size = 1.0 - size
        result: FloatArray = self.policy.weight_job_size * np.clip(size, 0.0, 1.0)
        return result

    def _words(self, table: JobTable) -> FloatArray:
        """Return the weighted QOS and partition factors of every job."""
        policy = self.policy
        qos = _relative(table.qos, policy.qos_priority, 0.0, table.n)
        partition = _relative(table.partition, policy.partition_priority, 1.0, table.n)
        result: FloatArray = policy.weight_qos * qos + policy.weight_partition * partition
        return result


def _relative(column: Categories | None, value: Mapping[str, float], default: float, n: int) -> FloatArray:
    """Return each row's value over the highest one; words without a value get the default."""
    highest = max([default, *value.values()])
    if not highest:
        return np.zeros(n)
    if column is None:
        return np.full(n, default / highest)
    by_code = np.array([value.get(name, default) for name in column.names] + [default]) / highest
    result: FloatArray = by_code[column.code]
    return result


def _associations(table: JobTable) -> tuple[NDArray[np.intp], list[tuple[str, str]]]:
    """Return each job's association and the (account, user) of each; code -1 counts as a nameless one."""
    account, user = (_codes(column, table.n) for column in (table.account, table.user))
    rows, inverse = np.unique(np.column_stack([account, user]), axis=0, return_inverse=True)
    names = [(_name(table.account, a), _name(table.user, u)) for a, u in rows.tolist()]
    return inverse.ravel(), names


def _codes(column: Categories | None, n: int) -> NDArray[np.int64]:
    return np.full(n, -1, dtype=np.int64) if column is None else column.code.astype(np.int64)


def _name(column: Categories | None, code: int) -> str:
    return "" if column is None or code < 0 else column.names[code]
