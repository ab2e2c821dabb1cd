"""Queue orders that are one formula of a job's request and wait; the lowest value goes first.

Symbols: r requested time (s, as the scheduler sees it), n nodes, s submission time (s since the first one),
w time waited so far (s).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray, JobTable
from qhpcsim.core.registry import register
from qhpcsim.scenario import Policy

_TANG = "Tang et al. 2009, doi:10.1109/CLUSTR.2009.5289206"
_SANTOS = "Carastan-Santos & de Camargo 2017, doi:10.1145/3126908.3126955"


class Request(NamedTuple):
    """What a formula may use; arrays of equal length."""

    r: FloatArray
    n: FloatArray
    s: FloatArray
    w: FloatArray


class FormulaOrder:
    """Sorts waiting jobs by one formula; ties go to the earlier (submit, file line).

    Args:
        table: The workload.
        est_s: (n,) requested times as schedulers see them.
        policy: The policy's parameters.
        n_nodes: Nodes of the partition.
    """

    dynamic = False
    """True if keys change while a job waits, so that the queue is sorted anew at every pass."""
    formula: Callable[[Request], FloatArray]

    def __init__(self, table: JobTable, est_s: FloatArray, policy: Policy, n_nodes: int) -> None:
        self._submit_s, self._r = table.submit_s, est_s
        self._n = table.nodes.astype(np.float64)

    def keys(self, jobs: NDArray[np.intp], now_s: float) -> FloatArray:
        """Return one sort key per job; lower goes first."""
        submit_s = self._submit_s[jobs]
        wait_s = now_s - submit_s if self.dynamic else np.zeros(len(jobs))
        return type(self).formula(Request(self._r[jobs], self._n[jobs], submit_s, wait_s))

    def started(self, job: int, now_s: float) -> None:
        """Nothing to note: a formula has no memory."""

    def ended(self, job: int, now_s: float) -> None:
        """Nothing to note: a formula has no memory."""


Formula = Callable[[Request], FloatArray]


def formula(name: str, summary: str, source: str, *, dynamic: bool = False) -> Callable[[Formula], Formula]:
    """Return a decorator that registers a formula as a queue order."""

    def wrap(function: Formula) -> Formula:
        members = {"formula": staticmethod(function), "dynamic": dynamic, "__doc__": function.__doc__}
        register("order", name, summary=summary, source=source)(type(f"Order_{name}", (FormulaOrder,), members))
        return function

    return wrap


@formula("fcfs", "first come, first served", "textbook")
def fcfs(q: Request) -> FloatArray:
    """S."""
    return q.s


@formula("sjf", "shortest requested time first", "textbook")
def sjf(q: Request) -> FloatArray:
    """R."""
    return q.r


@formula("ljf", "longest requested time first", "textbook")
def ljf(q: Request) -> FloatArray:
    """-r."""
    return -q.r


@formula("smallest_first", "fewest nodes first", "textbook")
def smallest_first(q: Request) -> FloatArray:
    """N."""
    return q.n


@formula("largest_first", "most nodes first", "textbook")
def largest_first(q: Request) -> FloatArray:
    """-n."""
    return -q.n


@formula("wfp3", "favours long waits of short, large jobs: -(w/r)^3 n", _TANG, dynamic=True)
def wfp3(q: Request) -> FloatArray:
    """-(w/r)^3 n; r at least 1 s."""
    patience: FloatArray = q.w / np.maximum(q.r, 1.0)
    return -(patience**3) * q.n


@formula("unicef", "favours small, short jobs that waited: -w/(log2(n) r)", _TANG, dynamic=True)
def unicef(q: Request) -> FloatArray:
    """-w/(log2(n) r); one node counts as log2(n) = 1e-15, so such jobs go first; r at least 1 s."""
    size: FloatArray = np.maximum(np.log2(q.n), 1e-15)
    return -q.w / (size * np.maximum(q.r, 1.0))


@formula("f1", "log10(r) n + 870 log10(s)", _SANTOS)
def f1(q: Request) -> FloatArray:
    """log10(r) n + 870 log10(s); r and s at least 1 s."""
    return _log10(q.r) * q.n + 870.0 * _log10(q.s)


@formula("f2", "sqrt(r) n + 25600 log10(s)", _SANTOS)
def f2(q: Request) -> FloatArray:
    """sqrt(r) n + 25600 log10(s); s at least 1 s."""
    return np.sqrt(q.r) * q.n + 25600.0 * _log10(q.s)


@formula("f3", "r n + 6860000 log10(s)", _SANTOS)
def f3(q: Request) -> FloatArray:
    """R n + 6860000 log10(s); s at least 1 s."""
    return q.r * q.n + 6860000.0 * _log10(q.s)


@formula("f4", "r sqrt(n) + 530000 log10(s)", _SANTOS)
def f4(q: Request) -> FloatArray:
    """R sqrt(n) + 530000 log10(s); s at least 1 s."""
    return q.r * np.sqrt(q.n) + 530000.0 * _log10(q.s)


def _log10(values: FloatArray) -> FloatArray:
    at_least_one: FloatArray = np.maximum(values, 1.0)
    return np.log10(at_least_one)
