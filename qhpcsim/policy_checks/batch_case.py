"""Small workloads for batch policies: made at random, made simpler, put into words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from qhpcsim.core.records import Categories, JobTable
from qhpcsim.policy_checks.shrinking import without_some

_USERS = ("ada", "bob", "cai", "eve", "gus", "ida", "leo", "mia")


class BatchJob(NamedTuple):
    """A job of a case."""

    submit_s: float
    nodes: int
    run_s: float
    asked_s: float
    user: str


@dataclass(frozen=True, slots=True)
class BatchCase:
    """Jobs in order of submission, and a machine of like nodes."""

    n_nodes: int
    jobs: tuple[BatchJob, ...]

    def table(self) -> JobTable:
        """Return the jobs as a workload; ids count from 1."""
        jobs = self.jobs
        columns = [np.array([job[k] for job in jobs], dtype=np.float64) for k in (0, 2, 3)]
        names = tuple(sorted({job.user for job in jobs}))
        return JobTable(
            job_id=np.arange(1, len(jobs) + 1),
            submit_s=columns[0],
            runtime_s=columns[1],
            walltime_s=columns[2],
            nodes=np.array([job.nodes for job in jobs], dtype=np.int32),
            user=Categories(np.array([names.index(job.user) for job in jobs], dtype=np.int32), names),
        )


def batch_cases(draw: np.random.Generator, n: int) -> list[BatchCase]:
    """Return workloads: none, single jobs, ties, equal jobs, too wide ones, jobs of no length, real times."""
    one = BatchJob(0.0, 1, 10.0, 10.0, "ada")
    special = [
        BatchCase(4, ()),
        BatchCase(1, (one,)),
        BatchCase(4, (one._replace(nodes=4), one._replace(submit_s=1.0), one._replace(submit_s=2.0, nodes=5))),
        BatchCase(4, (one._replace(nodes=2),) * 5),
        BatchCase(3, (one._replace(run_s=0.0),) * 4 + (one._replace(nodes=3, user="bob"),)),
        BatchCase(2, (one._replace(run_s=30.0), one._replace(submit_s=1e6, nodes=2))),
    ]
    return special + [_random_case(draw, whole=k % 2 == 0) for k in range(max(0, n - len(special)))]


def _random_case(draw: np.random.Generator, whole: bool) -> BatchCase:
    n_nodes, n = int(draw.integers(2, 9)), int(draw.integers(2, 26))
    submit_s = np.cumsum(draw.exponential(12.0, n) * (draw.random(n) < 0.7))
    run_s, slack = draw.lognormal(3.0, 1.2, n), draw.choice([1.0, 1.0, 1.5, 4.0, 0.7], n)
    if whole:
        submit_s, run_s = np.floor(submit_s), np.floor(run_s)
    width = np.minimum(draw.geometric(0.3, n), n_nodes + 1)
    asked_s = np.maximum(run_s * slack, 1e-3)
    user = draw.integers(0, len(_USERS), n)
    rows = zip(submit_s - submit_s[0], width.tolist(), run_s, asked_s, user, strict=True)
    jobs = (BatchJob(float(s), int(q), float(p), float(r), _USERS[u]) for s, q, p, r, u in rows)
    return BatchCase(n_nodes, tuple(jobs))


def smaller_batch(case: BatchCase) -> Iterator[BatchCase]:
    """Yield cases with fewer jobs, rounder times, one user, a smaller machine."""
    for jobs in without_some(case.jobs):
        yield replace(case, jobs=jobs)
    if case.n_nodes > 1:
        yield replace(case, n_nodes=case.n_nodes - 1)
    for simpler in (_at_once, _ten_seconds, _as_asked, _one_user, _rounded):
        jobs = tuple(map(simpler, case.jobs))
        if jobs != case.jobs:
            yield replace(case, jobs=jobs)
    for k, job in enumerate(case.jobs):
        if job.nodes > 1:
            yield replace(case, jobs=(*case.jobs[:k], job._replace(nodes=job.nodes - 1), *case.jobs[k + 1 :]))


def _at_once(job: BatchJob) -> BatchJob:
    return job._replace(submit_s=0.0)


def _ten_seconds(job: BatchJob) -> BatchJob:
    return job._replace(run_s=10.0, asked_s=10.0)


def _as_asked(job: BatchJob) -> BatchJob:
    return job._replace(run_s=job.asked_s)


def _one_user(job: BatchJob) -> BatchJob:
    return job._replace(user=_USERS[0])


def _rounded(job: BatchJob) -> BatchJob:
    run_s = float(round(job.run_s))
    return job._replace(submit_s=float(round(job.submit_s)), run_s=run_s, asked_s=max(run_s, 1.0))


def batch_words(case: BatchCase) -> str:
    """Return a case in words."""
    if not case.jobs:
        return f"no jobs on {nodes_words(case.n_nodes)}"
    several = len({job.user for job in case.jobs}) > 1
    told = []
    for k, job in enumerate(case.jobs, start=1):
        runs = "" if job.run_s == job.asked_s else f", runs {job.run_s:g} s"
        who = f", of {job.user}" if several else ""
        told.append(f"job {k} ({nodes_words(job.nodes)}, at {job.submit_s:g} s, asks {job.asked_s:g} s{runs}{who})")
    return f"{nodes_words(case.n_nodes)}: {', '.join(told)}"


def nodes_words(n: int) -> str:
    """Return a number of nodes in words."""
    return "1 node" if n == 1 else f"{n} nodes"
