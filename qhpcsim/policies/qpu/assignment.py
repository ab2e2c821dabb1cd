"""A batch of jobs to be spread over QPUs, and the two goals of doing so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Assignment:
    """n jobs in order of arrival, q QPUs."""

    own_s: FloatArray
    """(n, q) time of each job on each QPU; read where the job can run."""
    error: FloatArray
    """(n, q) 1 - expected fidelity."""
    queue_s: FloatArray
    """(q,) time until the work that is there already is done."""
    able: list[list[int]]
    """QPUs that can run each job; at least one."""

    @property
    def n_options(self) -> Places:
        """(n,) number of QPUs that can run each job."""
        return np.array([len(qpus) for qpus in self.able])

    def where(self, options: Places) -> Places:
        """Return the QPUs of (k, n) options, each an index into the job's ``able``."""
        width = int(self.n_options.max())
        table = np.array([[*qpus, *[-1] * (width - len(qpus))] for qpus in self.able])
        return np.asarray(table[np.arange(len(table)), options])

    def most_faithful(self) -> list[int]:
        """Return the options of least error; of equals the first."""
        return [int(np.argmin(self.error[job, qpus])) for job, qpus in enumerate(self.able)]

    def one_by_one(self) -> list[int]:
        """Return the options by which each job ends first, chosen in order of arrival."""
        free_s, options = self.queue_s.copy(), []
        for job, qpus in enumerate(self.able):
            end_s = free_s[qpus] + self.own_s[job, qpus]
            options.append(int(np.argmin(end_s)))
            free_s[qpus[options[-1]]] = end_s[options[-1]]
        return options

    def goals(self, where: Places) -> FloatArray:
        """Return (k, 2) goals of (k, n) assignments, both to be minimised.

        The first is the mean over jobs of queue + work of earlier jobs of the batch on the same QPU + own time, in
        seconds; the second the mean error.
        """
        jobs = np.arange(where.shape[1])
        own_s = self.own_s[jobs, where]
        end_s = self.queue_s[where]
        for qpu in range(len(self.queue_s)):
            here = where == qpu
            end_s = end_s + np.where(here, np.cumsum(np.where(here, own_s, 0.0), axis=1), 0.0)
        return np.stack([end_s.mean(axis=1), self.error[jobs, where].mean(axis=1)], axis=1)
