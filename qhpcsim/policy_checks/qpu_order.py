"""The check of a QPU discipline: the queue of one QPU, and who is next."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from qhpcsim.core.errors import shorten
from qhpcsim.policies.qpu.discipline import QueueJobs
from qhpcsim.policy_checks.qpu_case import CaseJob, QpuCase, qpu_cases, qpu_words, smaller_qpu
from qhpcsim.policy_checks.qpu_runs import finished, service_of, service_system
from qhpcsim.policy_checks.report import Fault
from qhpcsim.policy_checks.subject import COMMON, RULES, STARVING, STREAM, Owner, Subject, Verify, Warned, starves
from qhpcsim.qpu_scenario import QpuChoice, QpuDiscipline


class QpuOrder(Subject):
    """A discipline on one to three QPUs.

    Args:
        owner: A ``discipline``.
    """

    promises = {  # noqa: RUF012
        **COMMON,
        "known": "names only jobs that wait in its queue",
        "numbers": "keys are numbers, and stay the same while a job waits",
        "everyone": "names a job whenever one waits, and loses none",
        **RULES,
    }
    warnings = STARVING

    def __init__(self, owner: Owner) -> None:
        super().__init__(owner)
        params = self.entry.params
        plain = params() if params is not None else QpuDiscipline()
        self.params: QpuDiscipline = plain if plain.name == self.entry.name else QpuDiscipline(self.entry.name)

    def cases(self, draw: np.random.Generator, n: int) -> list[QpuCase]:
        """Return workloads."""
        return qpu_cases(draw, n)

    def run(self, case: QpuCase) -> tuple[Any, Verify]:
        """Return QPU and start of every job, and a check of the run's tables."""
        table = case.table()
        system = service_system(table, service_of(case.n_qpus, self.params, QpuChoice()))
        for server in system.servers:
            server.queue = ProbedQueue(server.queue, system.jobs)  # type: ignore[assignment]
        return finished(system, table)

    def smaller(self, case: QpuCase) -> Iterator[QpuCase]:
        """Yield simpler workloads."""
        return smaller_qpu(case)

    def words(self, case: QpuCase) -> str:
        """Return a workload in words."""
        return qpu_words(case)

    def look_out(self) -> Iterator[Warned]:
        """Yield a warning for each kind of job that starves."""
        for what, victim, other in _VICTIMS:
            if all(self._overtaken(victim, other, n) for n in STREAM):
                yield starves(what, _stream_words(victim, other))

    def _overtaken(self, victim: CaseJob, other: CaseJob, n: int) -> bool:
        jobs = (other, victim, *(other._replace(submit_s=10.0 * k) for k in range(1, n + 1)))
        starts, _ = self.run(QpuCase(1, jobs))
        return max(range(len(starts)), key=lambda job: float(starts[job][1])) == 1


_OTHER = CaseJob(0.0, (10.0,), (10.0,), (1.0,), "bob", 1)
_VICTIMS = (
    ("a long job", CaseJob(1.0, (50.0,), (50.0,), (1.0,), "bob", 1), _OTHER),
    ("a short job", CaseJob(1.0, (1.0,), (1.0,), (1.0,), "bob", 1), _OTHER),
    ("a job of low priority", CaseJob(1.0, (10.0,), (10.0,), (1.0,), "bob", 0), _OTHER),
    ("a job of high priority", CaseJob(1.0, (10.0,), (10.0,), (1.0,), "bob", 2), _OTHER),
    ("a job of another user", CaseJob(1.0, (10.0,), (10.0,), (1.0,), "ada", 1), _OTHER),
)
"""What may starve, the job, and those that come every 10 s after it and fill the QPU."""


def _stream_words(victim: CaseJob, other: CaseJob) -> str:
    job, rest = ((f"{each.predicted_s[0]:g} s", f"priority {each.priority}", each.user) for each in (victim, other))
    return f"1 QPU; a job ({', '.join(job)}) comes at 1 s; from 0 s on, every 10 s, another ({', '.join(rest)})"


class ProbedQueue:
    """A queue whose answers are checked.

    Args:
        queue: The discipline.
        jobs: What it may know of the jobs, and must not change.
    """

    def __init__(self, queue: Any, jobs: QueueJobs) -> None:
        self._queue, self._jobs = queue, jobs
        self._keys: dict[int, Any] = {}
        """Jobs that wait -> key, None where the discipline has none."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    def __len__(self) -> int:
        n = len(self._queue)
        if n != len(self._keys):
            raise Fault("everyone", f"its length is {n} when {len(self._keys)} jobs wait")
        return n

    def push(self, job: int) -> None:
        """Let a job join."""
        key = self._key(job)
        self._unchanged("push", job)
        self._keys[job] = key
        len(self)

    def peek(self, now_s: float) -> int:
        """Return the job that is next."""
        first, again = (self._unchanged("peek", now_s) for _ in range(2))
        try:
            job = operator.index(first)
        except TypeError:
            text = f"peek gave {shorten(repr(first), 80)} instead of a job's number, at t = {now_s:g} s"
            raise Fault("type", text) from None
        if first != again:
            raise Fault("same", f"asked twice who is next, it said {first} and then {again}, at t = {now_s:g} s")
        if job == -1 and self._keys:
            raise Fault("everyone", f"it names nobody while {len(self._keys)} jobs wait, at t = {now_s:g} s")
        if job != -1 and job not in self._keys:
            raise Fault("known", f"it named job {job + 1}, which does not wait there, at t = {now_s:g} s")
        return job

    def remove(self, job: int) -> None:
        """Take a job out."""
        if (key := self._key(job)) != self._keys[job]:
            raise Fault(
                "numbers", f"the key of job {job + 1} was {self._keys[job]!r} when it joined, now it is {key!r}"
            )
        self._unchanged("remove", job)
        del self._keys[job]
        len(self)

    def _key(self, job: int) -> Any:
        key = self._queue.key(job) if hasattr(self._queue, "key") else None
        parts = key if isinstance(key, tuple) else (key,)
        if any(part != part for part in parts):
            raise Fault("numbers", f"the key of job {job + 1} is NaN")
        return key

    def _unchanged(self, method: str, argument: Any) -> Any:
        """Return what a method gives; what it may know of the jobs must stay as it is."""
        before = self._shown()
        answer = getattr(self._queue, method)(argument)
        if self._shown() != before:
            raise Fault("inputs", f"{method} changed what is known of the jobs")
        return answer

    def _shown(self) -> str:
        jobs = self._jobs
        return repr((jobs.predicted_s, jobs.ticket, jobs.priority, jobs.user, jobs.group, jobs.group_names))
