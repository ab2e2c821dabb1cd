"""A batch system that schedules in cycles, as real schedulers do, not whenever something changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from qhpcsim.facility.batch_system import BatchSystem
from qhpcsim.facility.clock import Clock
from qhpcsim.policies.batch.state import INF, QueueState
from qhpcsim.scenario import Scheduler


class CycledBatchSystem(BatchSystem):
    """Runs a rule's passes on a timetable.

    Model: a rule with a main and a backfill scheduler (``slurm``) gets a main pass when a job is submitted or ends,
        at least ``batch_sched_delay_s`` after the previous one, a full main pass every ``interval_s`` and a backfill
        pass every ``bf_interval_s``. Any other rule gets one pass every ``interval_s`` (or ``bf_interval_s``).
        Cycles are at whole multiples of their interval; none are made while nobody waits.
    Assumes: a pass takes no time.
    Not modelled: the daemon's own delays (launch, epilog, RPC load), cycles that drift because they take time.
    Source: https://slurm.schedmd.com/sched_config.html

    Args:
        clock: The facility's clock.
        state: The partition's queue and machine.
        rule: Scheduling rule, made for this state.
        args: The other arguments of ``BatchSystem``.
        more: Its arguments by name.
        scheduler: The intervals; at least one is positive.
    """

    def __init__(
        self, clock: Clock, state: QueueState, rule: Any, *args: Any, scheduler: Scheduler, **more: Any
    ) -> None:
        self.scheduler = scheduler
        self._event_s = INF
        """Time of the oldest event that no main pass has looked at; inf if there is none."""
        self._main_s = -INF
        self._main_tick_s = self._backfill_tick_s = INF
        self._noted: tuple[list[int], list[int]] = ([], [])
        self.follow(rule)
        super().__init__(clock, state, rule, *args, **more)

    def follow(self, rule: Any) -> None:
        """Let a rule decide from now on."""
        self.rule = rule
        self._two = hasattr(rule, "backfill")
        self._delay_s = rule.policy.batch_sched_delay_s if self._two else 0.0
        self._depth = rule.policy.default_queue_depth if self._two else 0

    def next_s(self) -> float:
        """Return the time of the next arrival, end or pass; inf if nothing will happen."""
        pass_s = min(self._event_due_s(), self._main_tick_s, self._backfill_tick_s)
        return min(super().next_s(), pass_s)

    def _event_due_s(self) -> float:
        """Return when a main pass is due because something happened; rules without one wait for the timetable."""
        return max(self._event_s, self._main_s + self._delay_s) if self._two else INF

    def _instant(self, now_s: float) -> None:
        ticks = (self._main_tick_s <= now_s, self._backfill_tick_s <= now_s)
        again = True
        while again:
            self._events(now_s)
            if self._two:
                self._two_passes(now_s, *ticks)
            elif any(ticks):
                self._one_pass()
            ticks = (False, False)
            again = bool(self._ends) and self._ends[0][0] <= now_s
        self._set_ticks(now_s)

    def _events(self, now_s: float) -> None:
        """Take the jobs that end off their nodes and let the submitted ones join the queue."""
        ended, arrived = self._noted
        while self._ends and self._ends[0][0] <= now_s:
            ended.append(self._end())
            self._event_s = min(self._event_s, now_s)
        if self.losses is not None:
            self._change_nodes(self.losses, ended, arrived)
            self._event_s = min(self._event_s, now_s)
        while (job := self._submissions.pop(now_s)) >= 0:
            self._join(job)
            arrived.append(job)
            self._event_s = min(self._event_s, now_s)

    def _one_pass(self) -> None:
        ended, arrived = self._noted
        self._noted = ([], [])
        self._event_s = INF
        self._pass(ended, arrived)

    def _two_passes(self, now_s: float, main_tick: bool, backfill_tick: bool) -> None:
        self._noted = ([], [])
        if main_tick or self._event_due_s() <= now_s:
            self._event_s, self._main_s = INF, now_s
            self._sorted_pass(lambda: self.rule.main(0 if main_tick else self._depth))
        if backfill_tick:
            self._sorted_pass(self.rule.backfill)

    def _sorted_pass(self, select: Callable[[], Sequence[int]]) -> None:
        self.n_passes += 1
        self.waiting.sort()
        self._start_all(select())

    def _set_ticks(self, now_s: float) -> None:
        """Put the next cycles on the timetable, or none if nobody waits."""
        waiting = bool(self.state.queue)
        if not waiting:
            self._event_s = INF
        self._main_tick_s = _next_multiple(now_s, self.scheduler.interval_s) if waiting else INF
        self._backfill_tick_s = _next_multiple(now_s, self.scheduler.bf_interval_s) if waiting else INF


def _next_multiple(now_s: float, interval_s: float) -> float:
    """Return the first multiple of the interval after ``now_s``; inf if the interval is 0."""
    if interval_s <= 0:
        return INF
    count = math.floor(now_s / interval_s) + 1
    while count * interval_s <= now_s:
        count += 1
    return count * interval_s
