"""The check of a queue order: keys by which waiting jobs are sorted, lowest first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from qhpcsim.core.errors import shorten
from qhpcsim.core.records import FloatArray, JobTable
from qhpcsim.policies.batch.orders import FormulaOrder, Request
from qhpcsim.policy_checks.batch_case import BatchCase, batch_cases
from qhpcsim.policy_checks.batch_probe import table_copy
from qhpcsim.policy_checks.batch_rule import BatchRule
from qhpcsim.policy_checks.report import Fault
from qhpcsim.policy_checks.subject import COMMON, RULES, STARVING, Owner, Verify, Warned
from qhpcsim.scenario import Policy

_ROUNDING = 1e-12
"""numpy may round the last digit of a logarithm differently in arrays of other lengths."""
_AGE = {"ages": "a formula with waiting times says dynamic=True"}


class QueueOrder(BatchRule):
    """A queue order: its keys by themselves, then runs without backfilling.

    Args:
        owner: An ``order``.
    """

    promises = {  # noqa: RUF012
        **COMMON,
        "numbers": "keys are numbers, so that the order is total (ties: the earlier submission)",
        "listing": "a job's key does not depend on the order in which jobs are listed",
        "others": "a job's key does not depend on which other jobs there are (unless dynamic=True)",
        **RULES,
    }
    warnings = {**STARVING, **_AGE}  # noqa: RUF012

    def __init__(self, owner: Owner) -> None:
        super().__init__(owner, Policy(name="checked", order=owner.entry.name))

    def cases(self, draw: np.random.Generator, n: int) -> list[BatchCase]:
        """Return workloads."""
        return batch_cases(draw, n)

    def run(self, case: BatchCase) -> tuple[Any, Verify]:
        """Return keys at two times and the passes of a run."""
        keys = [self._keys(case, now_s) for now_s in (0.0, 1000.0)] if case.jobs else []
        passes, verify = self.simulated(case)
        return ([each.tolist() for each in keys], passes), verify

    def _keys(self, case: BatchCase, now_s: float) -> FloatArray:
        """Return the keys of all jobs, after they were asked for in other ways, too."""
        table, n = case.table(), len(case.jobs)
        jobs = np.arange(n)
        now_s = max(now_s, float(table.submit_s[-1]))
        keys = self._asked(table, jobs, case, now_s)
        if not np.array_equal(keys, self._asked(table, jobs, case, now_s)):
            raise Fault("same", f"two queues with the same jobs got different keys, at t = {now_s:g} s")
        back = self._asked(table, jobs[::-1].copy(), case, now_s)[::-1]
        _equal("listing", "listed backwards", keys, back)
        if not self._made(table, case).dynamic:
            alone = [self._asked(table, jobs[k : k + 1], case, now_s)[0] for k in range(n)]
            _equal("others", "asked for alone", keys, np.array(alone))
        return keys

    def _made(self, table: JobTable, case: BatchCase) -> Any:
        return self.entry.target(table, table.walltime_s, self.policy, case.n_nodes)

    def _asked(self, table: JobTable, jobs: Any, case: BatchCase, now_s: float) -> FloatArray:
        """Return the keys of some jobs, asked of a new order."""
        order, before, given = self._made(table, case), table_copy(table), jobs.tolist()
        keys = order.keys(jobs, now_s)
        if table_copy(table) != before or jobs.tolist() != given:
            raise Fault("inputs", "it changed the arrays that it was given")
        if not isinstance(keys, np.ndarray) or keys.shape != (len(jobs),) or keys.dtype.kind not in "fiub":
            got = f"an array of shape {keys.shape}" if isinstance(keys, np.ndarray) else shorten(repr(keys), 80)
            raise Fault("type", f"keys gave {got} for {len(jobs)} jobs")
        if np.isnan(keys).any():
            job = given[int(np.flatnonzero(np.isnan(keys))[0])]
            raise Fault("numbers", f"the key of job {job + 1} is NaN, at t = {now_s:g} s")
        return np.asarray(keys, np.float64)

    def look_out(self) -> Iterator[Warned]:
        """Yield warnings about starving, and about waiting times that are always 0."""
        yield from super().look_out()
        target = self.entry.target
        if isinstance(target, type) and issubclass(target, FormulaOrder) and not target.dynamic:
            r, n, s, w = np.array([[10.0, 70.0], [1.0, 4.0], [0.0, 5.0], [3.0, 40.0]])
            keys = [target.formula(Request(r, n, s, wait_s)) for wait_s in (np.zeros(2), w)]
            if not np.array_equal(keys[0], keys[1]):
                yield Warned("ages", "it uses q.w without dynamic=True, so q.w is always 0: the queue is sorted once")


def _equal(check: str, how: str, keys: FloatArray, other: FloatArray) -> None:
    wrong = np.flatnonzero(~np.isclose(keys, other, rtol=_ROUNDING, atol=0.0))
    if wrong.size:
        k = int(wrong[0])
        raise Fault(check, f"the key of job {k + 1} is {keys[k]:g}, and {other[k]:g} {how}")
