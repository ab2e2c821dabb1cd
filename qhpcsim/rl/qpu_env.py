"""The QPU queue as a Gymnasium environment: which QPU a job goes to, or which job a free QPU takes."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import ConfigError
from qhpcsim.policies.qpu.choice import ServiceView, known
from qhpcsim.results.qpu_outcome import QpuOutcome
from qhpcsim.rl.decision_env import DecisionEnv, Observation
from qhpcsim.rl.qpu_episode import QpuEpisode, check_service
from qhpcsim.rl.qpu_score import FIGURES, QpuCost
from qhpcsim.rl.scales import count_unit, day_unit, time_unit
from qhpcsim.rl.scenarios import at_least_one, one_of, scenario_of
from qhpcsim.scenario import Scenario

DECISIONS = ("qpu", "job")


class QpuQueueEnv(DecisionEnv[QpuEpisode, QpuCost]):
    """An agent in the place of the QPU choice (``decision="qpu"``) or of the discipline (``"job"``).

    Model: ``qpu``: a job that several QPUs can run waits at the front door until the agent names one. ``job``: a free
        QPU before which several jobs wait takes the one that the agent names, of the first ``n_slots`` in order of
        joining; QPUs are chosen by the scenario's own choice. Where there is one possibility, nobody is asked. Where
        calibration, a window or a reservation turns out to come first, the QPU asks again afterwards. An episode ends
        when no decision is left; the rewards add up to minus the figure of the run.
    Assumes: decisions take no time.
    Not modelled: leaving a QPU idle on purpose.
    Source: none.

    Args:
        scenario: Name, path or value with QPU jobs. Seed n of ``reset`` is the scenario with ``seed=n``.
        overrides: ``key=value`` texts, for a scenario by name or path.
        decision: ``qpu`` or ``job``.
        n_slots: K, the waiting jobs that the agent sees and can name; ``job`` only.
        reward: ``mean_turnaround_s`` or ``mean_wait_s``.
        render_mode: ``ansi`` or None.

    Raises:
        QhpcsimError: for a scenario that is wrong or that an agent cannot run.
    """

    def __init__(
        self,
        scenario: Scenario | str | os.PathLike[str] = "qpu_service",
        overrides: Sequence[str] = ("qpu=ibm_fleet",),
        *,
        decision: str = "qpu",
        n_slots: int = 32,
        reward: str = "mean_turnaround_s",
        render_mode: str | None = None,
    ) -> None:
        self._asks_job = one_of(decision, DECISIONS, "decision") == "job"
        self._n_slots = at_least_one(n_slots, "n_slots")
        served = scenario_of(scenario, overrides)
        check_service(served, self._asks_job)
        self._n_qpus = len(served.qpu.qpus)
        rows = (self._n_slots, 4) if self._asks_job else (self._n_qpus, 6)
        shapes = {"now": (3,), "waiting" if self._asks_job else "qpus": rows}
        super().__init__(served, one_of(reward, FIGURES, "reward"), rows[0], shapes, render_mode)

    @property
    def view(self) -> ServiceView:
        """The service as a QPU choice sees it; exact numbers."""
        return self.episode.system.router

    @property
    def job(self) -> int:
        """The job that has a choice of QPUs; -1: none has."""
        return -1 if self._over or self._asks_job else self.episode.job

    @property
    def able(self) -> tuple[int, ...]:
        """The QPUs that can run that job."""
        return () if self.job < 0 else tuple(self.episode.able)

    @property
    def slots(self) -> tuple[int, ...]:
        """The jobs that the actions 0, 1, … name, in order of joining; ``decision="job"`` only."""
        if self._over or not self._asks_job:
            return ()
        return tuple(self.episode.queues[self.episode.at].jobs)[: self._n_slots]

    def action_masks(self) -> NDArray[np.bool_]:
        """Return whether each action is allowed: a QPU that can run the job, or a slot with a job in it."""
        mask = np.zeros(int(self.action_space.n), dtype=np.bool_)  # type: ignore[attr-defined]
        mask[: len(self.slots)] = True
        mask[list(self.able)] = True
        return mask

    def outcome(self) -> QpuOutcome:
        """Return what became of the QPU jobs, as ``simulate`` would give it; after the end of an episode only.

        Raises:
            ConfigError: before that.
        """
        if not self._over or self._episode is None:
            raise ConfigError("the episode is not over", where="outcome()", hint="step until terminated")
        return self._cost.outcome()

    def _begin(self, scenario: Scenario) -> tuple[QpuEpisode, QpuCost]:
        episode = QpuEpisode(scenario, self._asks_job)
        return episode, QpuCost(episode, self._reward)

    def _decide(self, action: int) -> None:
        """Name the job that a QPU takes, or the QPU that a job goes to."""
        if self._asks_job:
            self.episode.take(self.slots[action])
        else:
            self.episode.send(action)

    def _lines(self) -> list[str]:
        episode, names = self.episode, list(self._scenario.qpu.qpus)
        now_s = episode.clock.now
        if self._asks_job:
            lines = [f"t = {now_s:g} s: {names[episode.at]} is free"]
            for k, job in enumerate(self.slots):
                lines.append(f" {k:3d}  job {job}: {self.view.predicted_s(job, episode.at):g} s")
            return lines
        lines = [f"t = {now_s:g} s: job {self.job} has a choice"]
        for k, name in enumerate(names):
            mark = "*" if k in self.able else " "
            ends_s = self.view.completion_s(self.job, k) - now_s if k in self.able else math.inf
            lines.append(f"{mark}{k:3d}  {name}: would end it in {ends_s:g} s")
        return lines

    def _show(self, seen: Observation) -> None:
        episode, now_s = self.episode, self.episode.clock.now
        n_waiting = sum(map(len, episode.queues)) + len(episode.door.waiting)
        seen["now"][:] = day_unit(now_s), count_unit(n_waiting), max(0, episode.at) / max(1, self._n_qpus - 1)
        if self._asks_job:
            self._show_jobs(seen["waiting"], now_s)
        else:
            self._show_qpus(seen["qpus"])

    def _show_jobs(self, rows: NDArray[np.float32], now_s: float) -> None:
        """Fill (K, 4): there, predicted time, time waited, priority among the slots."""
        jobs, slots = self.episode.jobs, self.slots
        most = max((jobs.priority[job] for job in slots), default=0)
        for k, job in enumerate(slots):
            predicted_s = self.view.predicted_s(job, self.episode.at)
            priority = jobs.priority[job] / most if most > 0 else 0.0
            rows[k] = 1.0, time_unit(predicted_s), time_unit(now_s - jobs.queued_s[job]), max(0.0, priority)

    def _show_qpus(self, rows: NDArray[np.float32]) -> None:
        """Fill (Q, 6): able, predicted time there, work before it, until it would end, fidelity, jobs that wait."""
        view, now_s = self.view, self.episode.clock.now
        for k in self.able:
            ends_s = view.completion_s(self.job, k) - now_s
            times = (time_unit(each) for each in (view.predicted_s(self.job, k), view.queue_s(k), ends_s))
            fidelity = known(view.fidelity(self.job, k))
            rows[k] = 1.0, *times, min(1.0, max(0.0, fidelity)), count_unit(len(self.episode.queues[k]))
