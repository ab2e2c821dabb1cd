"""The batch queue as a Gymnasium environment: which of the first waiting jobs starts next, or wait."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.hybrid_records import HybridWork
from qhpcsim.core.records import JobTable
from qhpcsim.core.rng import Rng
from qhpcsim.core.workflow_records import WorkflowWork
from qhpcsim.policies.batch.user import ClusterView, Job
from qhpcsim.results.result import Result
from qhpcsim.rl.batch_episode import BatchEpisode, check_scenario
from qhpcsim.rl.batch_score import FIGURES, BatchCost
from qhpcsim.rl.decision_env import DecisionEnv, Observation
from qhpcsim.rl.scales import count_unit, day_unit, time_unit
from qhpcsim.rl.scenarios import at_least_one, one_of, scenario_of
from qhpcsim.scenario import Partition, Scenario, TraceWorkload
from qhpcsim.simulation import build
from qhpcsim.workloads.clean import in_submit_order, take


class BatchQueueEnv(DecisionEnv[BatchEpisode, BatchCost]):
    """An agent in the place of the batch policy, on the same simulation.

    Model: a decision is due when jobs came or ended and a job of the first ``n_slots`` of a partition's queue fits on
        its free nodes; after every start it is due again, until nothing fits or the agent waits. Waiting lasts until
        the next job comes or ends. The queue is in the order of the scenario's policy, whose backfilling plays no part.
        The episode ends when every job has started; the reward of each step is minus the growth of ``reward`` during
        it, and the rewards of an episode add up to minus that figure of the run, to the last bit.
    Assumes: like, whole nodes that never fail; a pass at every change.
    Not modelled: QPU jobs of the same scenario: nodes and QPUs do not meet in it.
    Source: the action and the window are those of RLScheduler (Zhang et al. 2020, doi:10.1109/SC41405.2020.00035),
        which cannot wait; the rewards are ours.

    Args:
        scenario: Name, path or value; rigid jobs only. Seed n of ``reset`` is the scenario with ``seed=n``.
        overrides: ``key=value`` texts, for a scenario by name or path.
        n_slots: K, the waiting jobs that the agent sees and can start.
        n_running: R, the running jobs that it sees.
        reward: ``mean_wait_s``, ``mean_turnaround_s`` or ``mean_bounded_slowdown``.
        window: Take so many consecutive jobs of the workload, from a place that the seed draws; None: all of them.
        render_mode: ``ansi`` or None.

    Raises:
        QhpcsimError: for a scenario that is wrong or that an agent cannot run.
    """

    def __init__(
        self,
        scenario: Scenario | str | os.PathLike[str] = "small_centre",
        overrides: Sequence[str] = (),
        *,
        n_slots: int = 32,
        n_running: int = 16,
        reward: str = "mean_wait_s",
        window: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        self._n_slots, self._n_running = at_least_one(n_slots, "n_slots"), at_least_one(n_running, "n_running")
        self._window = None if window is None else at_least_one(window, "window")
        super().__init__(
            scenario_of(scenario, overrides),
            one_of(reward, tuple(FIGURES), "reward"),
            self._n_slots + 1,
            {"machine": (4,), "running": (self._n_running, 2), "waiting": (self._n_slots, 5)},
            render_mode,
        )
        self._read: tuple[JobTable, dict[str, Partition]] | None = None
        _, partitions = self._work(self._scenario)
        check_scenario(self._scenario, partitions)

    @property
    def view(self) -> ClusterView:
        """The partition that a decision is due for, as ``@batch_policy`` functions see it; exact numbers."""
        return self.episode.rule.view

    @property
    def slots(self) -> tuple[Job, ...]:
        """The jobs that the actions 0, 1, … start, exact numbers; fewer than ``n_slots`` where fewer wait."""
        return () if self._over else tuple(map(self.episode.rule.job, self.episode.slots))

    @property
    def wait_action(self) -> int:
        """The action that waits."""
        return self._n_slots

    def action_masks(self) -> NDArray[np.bool_]:
        """Return (K + 1,) whether each action is allowed: a job that fits, and waiting unless it would be for ever."""
        mask = np.zeros(self._n_slots + 1, dtype=np.bool_)
        if not self._over:
            episode = self.episode
            fits = [episode.fits(job) for job in episode.slots]
            mask[: len(fits)] = fits
            mask[-1] = episode.can_wait
        return mask

    def result(self) -> Result:
        """Return the episode's result, as ``simulate`` would give it for this schedule; after its end only.

        Raises:
            ConfigError: before that.
        """
        if not self._over or self._episode is None:
            raise ConfigError("the episode is not over", where="result()", hint="step until terminated")
        return self._episode.result()

    def _begin(self, scenario: Scenario) -> tuple[BatchEpisode, BatchCost]:
        table, partitions = self._work(scenario)
        if self._window is not None:
            table = _window(table, self._window, scenario.seed)
        episode = BatchEpisode(scenario, table, partitions, self._n_slots)
        return episode, BatchCost(episode, self._reward)

    def _instead(self, allowed: NDArray[np.bool_]) -> int:
        """Return waiting, or where that would be for ever the first slot that fits."""
        return self.wait_action if allowed[self.wait_action] else super()._instead(allowed)

    def _decide(self, action: int) -> None:
        """Start the job of a slot, or wait."""
        if action == self.wait_action:
            self.episode.wait()
        else:
            job = self.episode.slots[action]
            self.episode.start(job)
            self._cost.started(job)

    def _lines(self) -> list[str]:
        view, mask = self.view, self.action_masks()
        name = list(self.episode.partitions)[self.episode.at]
        lines = [f"t = {view.now_s:g} s, {name}: {view.free_nodes} of {view.n_nodes} nodes free"]
        for k, job in enumerate(self.slots):
            waited_s = view.now_s - job.submit_s
            mark = "*" if mask[k] else " "
            lines.append(f"{mark}{k:3d}  job {job.id}: {job.nodes} nodes, {job.requested_s:g} s, waited {waited_s:g} s")
        return lines

    def _work(self, scenario: Scenario) -> tuple[JobTable, dict[str, Partition]]:
        """Return jobs and machine; a file is read once."""
        if self._read is not None:
            return self._read
        work, partitions = build(scenario)
        if isinstance(work, HybridWork | WorkflowWork):
            raise ConfigError(
                f"the jobs of {scenario.workload.source!r} decide for themselves",
                where="workload",
                allowed="rigid jobs: trace, lublin, poisson, …",
                hint="scenario=small_centre, or replay with workload.path=FILE",
            )
        if isinstance(scenario.workload, TraceWorkload):
            self._read = work, partitions
        return work, partitions

    def _show(self, seen: Observation) -> None:
        episode, state = self.episode, self.episode.system.state
        now_s, n_nodes = state.now_s, state.n_nodes
        last = max(1, len(episode.systems) - 1)
        seen["machine"][:] = (
            state.free_nodes / n_nodes,
            count_unit(len(state.queue)),
            day_unit(now_s + episode.table.zero_s),
            episode.at / last,
        )
        for k, job in enumerate(episode.slots):
            waited_s = now_s - state.submit_s[job]
            size = state.nodes[job] / n_nodes
            seen["waiting"][k] = 1.0, size, time_unit(state.est_s[job]), time_unit(waited_s), episode.fits(job)
        for k, (end_s, job) in enumerate(state.running[: self._n_running]):
            seen["running"][k] = state.nodes[job] / n_nodes, time_unit(end_s - now_s)


def _window(table: JobTable, n: int, seed: int) -> JobTable:
    """Return n consecutive jobs from a place that the seed draws, on their own clock."""
    if n >= table.n:
        return table
    first = int(Rng(seed).stream("rl/window").integers(0, table.n - n + 1))
    part = take(table, np.arange(first, first + n))
    return in_submit_order(dataclasses.replace(part, submit_s=part.submit_s + part.zero_s, zero_s=0.0))
