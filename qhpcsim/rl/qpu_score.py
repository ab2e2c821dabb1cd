"""What a run of QPU jobs has cost so far, for rewards."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from qhpcsim.core.qpu_records import QpuJobState
from qhpcsim.results.qpu_outcome import QpuOutcome
from qhpcsim.rl.qpu_episode import QpuEpisode

FIGURES = ("mean_turnaround_s", "mean_wait_s")
"""Keys of ``summary.json``, under ``qpu``."""


class QpuCost:
    """The figure of a run so far: mean time of the workload's jobs from submission to end, or in the queue.

    Args:
        episode: The run.
        key: One of ``FIGURES``.
    """

    def __init__(self, episode: QpuEpisode, key: str) -> None:
        self._episode, self._key = episode, key
        self._n = len(episode.jobs.ticket)
        """Jobs of the workload; those of other users come behind them."""

    def so_far(self) -> float:
        """Return the figure so far; jobs that have not come count 0."""
        jobs, now_s, n = self._episode.jobs, self._episode.clock.now, self._n
        waits = self._key == "mean_wait_s"
        from_s = np.array((jobs.queued_s if waits else jobs.submitted_s)[:n])
        until_s = np.array((jobs.started_s if waits else jobs.ended_s)[:n])
        came = np.array(jobs.queued_s[:n]) <= now_s
        counts = came & np.isin(jobs.state[:n], (int(QpuJobState.COMPLETED), int(QpuJobState.QUEUED)))
        spent_s = np.fmin(until_s, now_s) - from_s  # an end that is known already may still be to come
        return float(np.sum(spent_s[counts])) / max(1, n)

    def outcome(self) -> QpuOutcome:
        """Return what became of the jobs; after the end only."""
        return self._outcome

    def at_the_end(self) -> float:
        """Return the figure of the whole run, as ``summary.json`` has it; 0 where no job counts."""
        figure = self._outcome.summary[self._key]
        return 0.0 if figure is None else float(figure)

    @cached_property
    def _outcome(self) -> QpuOutcome:
        return self._episode.outcome()
