"""Stands between the batch system and a rule, and holds the rule to its contract at every pass."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from qhpcsim.core.errors import shorten
from qhpcsim.core.records import JobTable
from qhpcsim.policies.batch.state import QueueState
from qhpcsim.policies.batch.user import ClusterView, Job
from qhpcsim.policy_checks.report import Fault


class ProbedRule:
    """A rule whose answers are checked and written down.

    Args:
        rule: The rule.
        state: What it sees.
        fills: Whether it claims to leave no node idle that a waiting job could have.
    """

    def __init__(self, rule: Any, state: QueueState, fills: bool = False) -> None:
        self._rule, self._state, self._fills = rule, state, fills
        self.passes: list[tuple[float, list[int]]] = []
        """(time, jobs started) of every pass that started some."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rule, name)

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return what the rule chooses.

        Raises:
            Fault: if it breaks its contract.
        """
        state = self._state
        before = seen(state)
        chosen = self._rule.select(list(ended), list(arrived))
        if (changed := _changed(before, seen(state))) is not None:
            raise Fault("inputs", f"it changed {changed}, at t = {state.now_s:g} s")
        starts = _indices(chosen, state.now_s)
        waiting = {job: (state.table.job_id[job], state.nodes[job]) for job in state.queue}
        check_starts(starts, waiting, state.free_nodes, state.now_s)
        if self._fills:
            self._check_filled(starts)
        if starts:
            self.passes.append((state.now_s, starts))
        return starts

    def _check_filled(self, starts: list[int]) -> None:
        state = self._state
        free = state.free_nodes - sum(state.nodes[job] for job in starts)
        left = [job for job in state.queue if job not in starts and state.nodes[job] <= free]
        if left:
            job = state.table.job_id[left[0]]
            raise Fault("fills", f"{free} nodes stay idle although job {job} would fit, at t = {state.now_s:g} s")


def seen(state: QueueState) -> dict[str, str]:
    """Return an exact copy of what a rule is shown, part by part."""
    names = ("queue", "running", "free_nodes", "n_nodes", "now_s", "nodes", "est_s", "submit_s", "start_s")
    return {name: repr(getattr(state, name)) for name in names} | table_copy(state.table)


def table_copy(table: JobTable) -> dict[str, str]:
    """Return an exact copy of a workload's columns."""
    columns = {each.name: getattr(table, each.name) for each in dataclasses.fields(table)}
    return {
        f"the workload's {name}": repr(column.tolist()) for name, column in columns.items() if hasattr(column, "tolist")
    }


def _changed(before: dict[str, str], after: dict[str, str]) -> str | None:
    return next((name for name, text in before.items() if after[name] != text), None)


def _indices(chosen: Any, now_s: float) -> list[int]:
    """Return job numbers as plain integers."""
    try:
        return [operator.index(job) for job in chosen]
    except TypeError:
        text = f"select gave {shorten(repr(chosen), 80)}, at t = {now_s:g} s"
        raise Fault("type", f"{text}; it is to give a list of job numbers") from None


def check_starts(starts: Sequence[int], waiting: Mapping[int, tuple[Any, int]], free: int, now_s: float) -> None:
    """Raise ``Fault`` for a job that does not wait, one that is named twice, or more than fits.

    Args:
        starts: Jobs to be started, in this order.
        waiting: Job -> (id, nodes) of those that wait.
        free: Nodes free before.
        now_s: The time, for the message.
    """
    taken: set[int] = set()
    for job in starts:
        if job not in waiting:
            raise Fault("known", f"it started job number {job}, which does not wait, at t = {now_s:g} s")
        name, nodes = waiting[job]
        if job in taken:
            raise Fault("once", f"it started job {name} twice in one pass, at t = {now_s:g} s")
        taken.add(job)
        if nodes > free:
            raise Fault("fits", f"it started job {name} on {nodes} nodes when {free} were free, at t = {now_s:g} s")
        free -= nodes


def probed_decide(decide: Callable[[ClusterView], Iterable[Job]]) -> Callable[[ClusterView], list[Job]]:
    """Return a user's function that is asked twice at every view, and whose answer is checked."""

    def ask(view: ClusterView) -> list[Job]:
        first, again = (_answer(decide(view), view.now_s) for _ in range(2))
        jobs = [job.index for job in first]
        waiting = {job.index: (job.id, job.nodes) for job in view.waiting}
        check_starts(jobs, waiting, view.free_nodes, view.now_s)
        if jobs != [job.index for job in again]:
            told = [[str(job.id) for job in each] for each in (first, again)]
            words = " and then ".join("job " + ", ".join(each) if each else "none" for each in told)
            raise Fault("same", f"asked twice about one view, it started {words}, at t = {view.now_s:g} s")
        return first

    return ask


def _answer(chosen: Any, now_s: float) -> list[Job]:
    if not isinstance(chosen, Iterable):
        raise Fault("type", f"it gave {shorten(repr(chosen), 80)} instead of jobs, at t = {now_s:g} s")
    jobs = list(chosen)
    for job in jobs:
        if not isinstance(job, Job):
            raise Fault("type", f"it gave {shorten(repr(job), 80)}, which is no job of the view, at t = {now_s:g} s")
    return jobs
