"""The check of a QPU choice: which QPU a job goes to."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from qhpcsim.core.errors import shorten
from qhpcsim.policies.qpu.choice import BatchChoice, Choice
from qhpcsim.policy_checks.qpu_case import QpuCase, qpu_cases, qpu_words, smaller_qpu
from qhpcsim.policy_checks.qpu_runs import finished, service_of, service_system
from qhpcsim.policy_checks.report import Fault
from qhpcsim.policy_checks.subject import COMMON, RULES, Owner, Subject, Verify
from qhpcsim.qpu_scenario import QpuChoice, QpuDiscipline


class QpuChoosing(Subject):
    """A choice among two or three QPUs.

    Args:
        owner: A ``qpu_choice``.
    """

    promises = {  # noqa: RUF012
        **COMMON,
        "known": "names only QPUs that are able to run the job",
        "everyone": "every job that a QPU can run is run",
        **RULES,
    }

    def __init__(self, owner: Owner) -> None:
        super().__init__(owner)
        params = self.entry.params
        plain = params() if params is not None else QpuChoice()
        self.params: QpuChoice = plain if plain.name == self.entry.name else QpuChoice(self.entry.name)

    def cases(self, draw: np.random.Generator, n: int) -> list[QpuCase]:
        """Return workloads; with one QPU there is nothing to choose."""
        return [case for case in qpu_cases(draw, 2 * n) if case.n_qpus > 1][:n]

    def run(self, case: QpuCase) -> tuple[Any, Verify]:
        """Return QPU and start of every job, and a check of the run's tables."""
        table = case.table()
        system = service_system(table, service_of(case.n_qpus, QpuDiscipline(), self.params))
        probe_choice(system)
        where, verify = finished(system, table)
        for job, (qpu, _) in enumerate(where):
            if qpu < 0:
                raise Fault("everyone", f"job {job + 1} was rejected, although a QPU can run it")
        return where, verify

    def smaller(self, case: QpuCase) -> Iterator[QpuCase]:
        """Yield simpler workloads."""
        return (each for each in smaller_qpu(case) if each.n_qpus > 1)

    def words(self, case: QpuCase) -> str:
        """Return a workload in words."""
        return qpu_words(case)


def probe_choice(system: Any) -> None:
    """Check every answer of a service's choice from now on."""
    choice = system.router.choice
    asked = "choose_all" if isinstance(choice, BatchChoice) else "choose"
    setattr(choice, asked, _one(choice) if asked == "choose" else _several(choice))


def _one(choice: Choice) -> Any:
    ask = choice.choose

    def choose(job: int, able: Sequence[int]) -> int:
        given = list(able)
        qpu = ask(job, given)
        _check([qpu], [able], [job])
        if given != list(able):
            raise Fault("inputs", f"it changed the list of QPUs that can run job {job + 1}")
        return qpu

    return choose


def _several(choice: BatchChoice) -> Any:
    ask = choice.choose_all

    def choose_all(jobs: Sequence[int], able: Sequence[Sequence[int]]) -> list[int]:
        given_jobs, given = list(jobs), [list(each) for each in able]
        qpus = ask(given_jobs, given)
        if not isinstance(qpus, list | tuple) or len(qpus) != len(jobs):
            raise Fault("type", f"choose_all gave {shorten(repr(qpus), 80)} for {len(jobs)} jobs")
        _check(qpus, able, jobs)
        if given_jobs != list(jobs) or given != [list(each) for each in able]:
            raise Fault("inputs", "it changed the lists that it was given")
        return list(qpus)

    return choose_all


def _check(qpus: Sequence[Any], able: Sequence[Sequence[int]], jobs: Sequence[int]) -> None:
    for qpu, fits, job in zip(qpus, able, jobs, strict=True):
        try:
            number = operator.index(qpu)
        except TypeError:
            text = f"it gave {shorten(repr(qpu), 80)} instead of a QPU's number for job {job + 1}"
            raise Fault("type", text) from None
        if number not in fits:
            raise Fault("known", f"it sent job {job + 1} to QPU {number}; able are {', '.join(map(str, fits))}")
