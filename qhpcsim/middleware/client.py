"""The client of a task pool: sends tasks one after the other and collects their results."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.middleware.pool import TaskPool
from qhpcsim.middleware.slots import PoolTask


@dataclass(frozen=True)
class ClientCosts:
    """What the client's own loop costs, in seconds."""

    submit_s: float = 0.0
    """Time to send one task."""
    collect_s: float = 0.0
    """Time of one turn of the loop that waits for results; one result a turn."""
    collect_per_task_s: float = 0.0
    """More in each turn for every task whose result is still out: the loop hands the whole list to the scheduler."""
    poll_s: float = 0.0
    """Results are looked for at multiples of this after the first submission; 0: at once."""
    in_flight: int = 0
    """Tasks sent and not yet collected at the same time; 0: no limit."""


class Client:
    """Sends bags of tasks and says when all their results are in.

    Model: tasks are sent every ``submit_s``, at most ``in_flight`` at a time; an ended task is collected by a loop of
        one server with turns of ``collect_s`` + (tasks not collected) · ``collect_per_task_s``, seen at the next poll.
    Assumes: sending and collecting do not slow each other down.
    Not modelled: serialisation of large inputs.
    Source: Pilot-Quantum's wait loop (one ready task a call, O(n) each), arXiv:2412.18519.

    Args:
        pool: Pool that the tasks go to.
        costs: The client's costs.
    """

    def __init__(self, pool: TaskPool, costs: ClientCosts) -> None:
        self.pool, self.costs = pool, costs
        self._loop_free_s = -math.inf

    def run(self, tasks: Sequence[PoolTask], on_done: Callable[[], None], pilot: int = -1) -> None:
        """Send a bag of tasks now.

        Args:
            tasks: The tasks; an empty bag is done at once.
            on_done: Called when the last result is in.
            pilot: Pilot that the application names; -1: the binding decides.
        """
        if not tasks:
            self.call_at(self.pool.clock.now, on_done)
            return
        _Bag(self, tasks, on_done, pilot).send()

    def collect(self, remaining: int, origin_s: float) -> float:
        """Return when the client has taken one more result that is there now."""
        costs, now_s = self.costs, self.pool.clock.now
        if costs.poll_s > 0:
            now_s = origin_s + math.ceil((now_s - origin_s) / costs.poll_s) * costs.poll_s
        turn_s = costs.collect_s + remaining * costs.collect_per_task_s
        self._loop_free_s = max(self._loop_free_s, now_s) + turn_s
        return self._loop_free_s

    def call_at(self, time_s: float, function: Callable[[], None]) -> None:
        """Call a function at a time."""
        self.pool.clock.call_at(time_s, lambda _event: function(), NORMAL)


class _Bag:
    """One bag on its way."""

    def __init__(self, client: Client, tasks: Sequence[PoolTask], on_done: Callable[[], None], pilot: int) -> None:
        self._client, self._on_done, self._pilot = client, on_done, pilot
        self._unsent = deque(tasks)
        self._n_tasks = self._remaining = len(tasks)
        self._n_ended = self._in_flight = 0
        self._origin_s = client.pool.clock.now
        self._sending = False

    def send(self) -> None:
        """Send the next task, or as many as cost nothing."""
        self._sending = False
        costs = self._client.costs
        while self._unsent and (not costs.in_flight or self._in_flight < costs.in_flight):
            if costs.submit_s > 0:
                self._sending = True
                self._client.call_at(self._client.pool.clock.now + costs.submit_s, self._send_one)
                return
            self._hand_over()

    def _send_one(self) -> None:
        self._hand_over()
        self.send()

    def _hand_over(self) -> None:
        task = self._unsent.popleft()
        task.on_end = self._ended
        self._in_flight += 1
        self._client.pool.submit(task, self._pilot)

    def _ended(self, _task: PoolTask) -> None:
        """Collect a result."""
        out = self._n_tasks - self._n_ended
        self._n_ended += 1
        self._client.call_at(self._client.collect(out, self._origin_s), self._collected)

    def _collected(self) -> None:
        self._remaining -= 1
        self._in_flight -= 1
        if not self._remaining:
            self._on_done()
        elif self._unsent and not self._sending:
            self.send()
