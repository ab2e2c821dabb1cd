"""What a batch run has cost so far, for rewards: figures that only grow while jobs wait."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray
from qhpcsim.core.registry import lookup
from qhpcsim.metrics.run_data import RunData
from qhpcsim.metrics.slowdown import TAU_S
from qhpcsim.rl.batch_episode import BatchEpisode

Part = Callable[[BatchEpisode, NDArray[np.intp], FloatArray], FloatArray]
"""What jobs add to a figure's sum if they start after these waits."""


def _wait_s(episode: BatchEpisode, jobs: NDArray[np.intp], wait_s: FloatArray) -> FloatArray:
    return wait_s


def _turnaround_s(episode: BatchEpisode, jobs: NDArray[np.intp], wait_s: FloatArray) -> FloatArray:
    return wait_s + episode.wants.hold_s[jobs]


def _bounded_slowdown(episode: BatchEpisode, jobs: NDArray[np.intp], wait_s: FloatArray) -> FloatArray:
    hold_s = episode.wants.hold_s[jobs]
    return np.maximum(1.0, (wait_s + hold_s) / np.maximum(hold_s, TAU_S))


FIGURES: dict[str, Part] = {
    "mean_wait_s": _wait_s,
    "mean_turnaround_s": _turnaround_s,
    "mean_bounded_slowdown": _bounded_slowdown,
}
"""Key of ``summary.json`` -> what each job adds to it."""


class BatchCost:
    """The figure of a run so far, as if every job that waits started now and all others when they come.

    Args:
        episode: The run.
        key: One of ``FIGURES``.
    """

    def __init__(self, episode: BatchEpisode, key: str) -> None:
        self._episode, self._key, self._part = episode, key, FIGURES[key]
        jobs = np.flatnonzero(episode.wants.home >= 0)
        self._n = max(1, len(jobs))
        self._sum = float(np.sum(self._part(episode, jobs, np.zeros(len(jobs)))))

    def started(self, job: int) -> None:
        """Note that a job starts now."""
        jobs = np.array([job], dtype=np.intp)
        self._sum += self._growth(jobs, self._episode.clock.now - self._episode.table.submit_s[jobs])

    def so_far(self) -> float:
        """Return the figure so far."""
        episode = self._episode
        jobs = np.array([job for system in episode.systems for job in system.state.queue], dtype=np.intp)
        return (self._sum + self._growth(jobs, episode.clock.now - episode.table.submit_s[jobs])) / self._n

    def at_the_end(self) -> float:
        """Return the figure of the whole run, as ``summary.json`` has it; 0 where no job counts."""
        episode = self._episode
        run = RunData(episode.table, episode.schedule(), episode.partitions)
        figure = lookup("metric", self._key).target(run)
        return 0.0 if figure is None else float(figure)

    def _growth(self, jobs: NDArray[np.intp], wait_s: FloatArray) -> float:
        part, episode = self._part, self._episode
        return float(np.sum(part(episode, jobs, wait_s) - part(episode, jobs, np.zeros(len(jobs)))))
