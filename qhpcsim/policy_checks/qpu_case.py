"""Small workloads for the rules of a QPU service: made at random, made simpler, put into words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from qhpcsim.core.qpu_records import QpuJobTable
from qhpcsim.core.records import Categories
from qhpcsim.policy_checks.shrinking import without_some

_USERS = ("ada", "bob", "eve", "mia")


class CaseJob(NamedTuple):
    """A QPU job of a case."""

    submit_s: float
    predicted_s: tuple[float, ...]
    """On each QPU; inf: it cannot run there."""
    drawn_s: tuple[float, ...]
    fidelity: tuple[float, ...]
    """On each QPU; NaN: nobody knows."""
    user: str
    priority: int


@dataclass(frozen=True)
class QpuCase:
    """Jobs in order of submission, and a number of QPUs."""

    n_qpus: int
    jobs: tuple[CaseJob, ...]

    def __eq__(self, other: object) -> bool:
        return repr(self) == repr(other)  # NaN equals NaN

    def __hash__(self) -> int:
        return hash(repr(self))

    def table(self) -> QpuJobTable:
        """Return the jobs as a workload."""
        jobs, shape = self.jobs, (len(self.jobs), self.n_qpus)
        names = tuple(sorted({job.user for job in jobs}))
        return QpuJobTable(
            np.array([job.submit_s for job in jobs]),
            np.array([job.drawn_s for job in jobs]).reshape(shape),
            predicted_s=np.array([job.predicted_s for job in jobs]).reshape(shape),
            user=Categories(np.array([names.index(job.user) for job in jobs], np.int32), names),
            priority=np.array([job.priority for job in jobs], np.int32),
            fidelity=np.array([job.fidelity for job in jobs]).reshape(shape),
            circuits=np.ones(len(jobs), np.int32),
            shots=np.full(len(jobs), 1000),
        )


def qpu_cases(draw: np.random.Generator, n: int, most_qpus: int = 3) -> list[QpuCase]:
    """Return workloads: single jobs, equal jobs, ties, jobs of no length, QPUs that cannot run some."""
    one = CaseJob(0.0, (10.0,), (10.0,), (0.9,), "ada", 0)
    special = [
        QpuCase(1, (one,)),
        QpuCase(1, (one,) * 5),
        QpuCase(1, (one, one._replace(predicted_s=(0.0,), drawn_s=(0.0,)), one._replace(user="bob", priority=3))),
    ]
    return special + [_random_case(draw, 1 + k % most_qpus, k % 2 == 0) for k in range(max(0, n - len(special)))]


def _random_case(draw: np.random.Generator, n_qpus: int, whole: bool) -> QpuCase:
    n = int(draw.integers(2, 16))
    submit_s = np.cumsum(draw.exponential(8.0, n) * (draw.random(n) < 0.7))
    predicted_s = draw.lognormal(2.5, 0.8, (n, n_qpus))
    if whole:
        submit_s, predicted_s = np.floor(submit_s), np.floor(predicted_s)
    drawn_s = predicted_s * draw.uniform(0.7, 1.4, (n, n_qpus))
    if n_qpus > 1:
        lost = draw.random((n, n_qpus)) < 0.1
        lost[:, 0] = False
        predicted_s[lost] = drawn_s[lost] = np.inf
    fidelity = draw.uniform(0.3, 1.0, (n, n_qpus))
    fidelity[draw.random((n, n_qpus)) < 0.15] = np.nan
    columns = [array.tolist() for array in (submit_s, predicted_s, drawn_s, fidelity)]
    people = [_USERS[k] for k in draw.integers(0, len(_USERS), n)]
    rows = zip(*columns, people, draw.integers(0, 4, n).tolist(), strict=True)
    return QpuCase(n_qpus, tuple(CaseJob(s, tuple(p), tuple(d), tuple(f), u, r) for s, p, d, f, u, r in rows))


def smaller_qpu(case: QpuCase) -> Iterator[QpuCase]:
    """Yield cases with fewer jobs, fewer QPUs, plainer jobs."""
    for jobs in without_some(case.jobs):
        yield replace(case, jobs=jobs)
    if case.n_qpus > 1:
        cut = case.n_qpus - 1
        yield QpuCase(cut, tuple(job._replace(**{c: getattr(job, c)[:cut] for c in _BY_QPU}) for job in case.jobs))
    ten, sure = (10.0,) * case.n_qpus, (1.0,) * case.n_qpus
    for plain in (
        {"submit_s": 0.0},
        {"priority": 0},
        {"user": _USERS[0]},
        {"fidelity": sure},
        {"predicted_s": ten, "drawn_s": ten},
    ):
        jobs = tuple(job._replace(**plain) for job in case.jobs)
        if repr(jobs) != repr(case.jobs):
            yield replace(case, jobs=jobs)


_BY_QPU = ("predicted_s", "drawn_s", "fidelity")


def qpu_words(case: QpuCase) -> str:
    """Return a case in words."""
    told = []
    for k, job in enumerate(case.jobs, start=1):
        facts = [f"at {job.submit_s:g} s", f"{_list(job.predicted_s)} s", f"of {job.user}"]
        facts += [f"priority {job.priority}"] if job.priority else []
        facts += [f"fidelity {_list(job.fidelity)}"] if case.n_qpus > 1 else []
        told.append(f"job {k} ({', '.join(facts)})")
    return f"{case.n_qpus} QPU{'s' if case.n_qpus > 1 else ''}: {', '.join(told) or 'no jobs'}"


def _list(values: tuple[float, ...]) -> str:
    return "|".join(f"{value:.4g}" for value in values)
