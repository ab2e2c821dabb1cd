"""The client of a task pool: sends tasks one after the other and collects their results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.middleware.pilots import next_poll_s
from qhpcsim.middleware.pool import TaskPool
from qhpcsim.middleware.slots import PoolTask


@dataclass(frozen=True, slots=True)
class ClientCosts:
    """What the client's own loop costs, in seconds."""

    submit_s: float = 0.0
    """Time to send one task."""
    submit_unpinned_s: float = 0.0
    """More for a task whose pilot the application does not name."""
    collect_s: float = 0.0
    """Time of one turn of the loop that waits for results; one result a turn."""
    collect_per_task_s: float = 0.0
    """More in each turn for every task whose result is still out: the loop hands the whole list to the scheduler."""
    poll_s: float = 0.0
    """After the first result of a bag the client looks for others this often; 0: it is told."""
    in_flight: int = 0
    """Tasks sent and not yet collected at the same time, of one bag; 0: no limit."""


class Client:
    """Sends bags of tasks and says when all their results are in.

    Model: one thread. It sends, ``submit_s`` a task, as long as there is something to send and no more than
        ``in_flight`` are out; else it takes the earliest result that it has seen, in a turn of ``collect_s`` + (tasks
        of the bag not collected) · ``collect_per_task_s``. A bag's first result is seen at once, the others at
        multiples of ``poll_s`` after that.
    Assumes: bags that are under way together are sent in order.
    Not modelled: serialisation of large inputs.
    Source: Pilot-Quantum's wait loops (one ready task a turn on Ray, a look every 10 s on Dask), arXiv:2412.18519.

    Args:
        pool: Pool that the tasks go to.
        costs: The client's costs.
    """

    def __init__(self, pool: TaskPool, costs: ClientCosts) -> None:
        self.pool, self.costs = pool, costs
        self._to_send: deque[_Bag] = deque()
        self._seen: deque[_Bag] = deque()
        self._busy = False
        self._then: Callable[[], None] | None = None
        """What the thread does when the time for it is spent."""

    def run(self, tasks: Sequence[PoolTask], on_done: Callable[[], None], pilot: int = -1) -> None:
        """Send a bag of tasks now.

        Args:
            tasks: The tasks; an empty bag is done at once.
            on_done: Called when the last result is in.
            pilot: Pilot that the application names; -1: the binding decides.
        """
        if not tasks:
            self._call_in(0.0, on_done)
            return
        self._to_send.append(_Bag(self, tasks, on_done, pilot))
        self.work()

    def work(self) -> None:
        """Go on with the next thing to do, if the thread is free; what costs nothing is done in one go."""
        while not self._busy:
            bag = self._sender()
            if bag is not None:
                self._spend(bag.submit_s(), bag.send)
            elif self._seen:
                bag = self._seen.popleft()
                self._spend(bag.turn_s(), bag.collect)
            else:
                return

    def _sender(self) -> _Bag | None:
        """Return the first bag that has a task which may go out now."""
        for bag in self._to_send:
            if bag.may_send():
                return bag
        return None

    def see(self, bag: _Bag) -> None:
        """Note a result that is there to be taken."""
        self._seen.append(bag)
        self.work()

    def sent(self, bag: _Bag) -> None:
        """Note that a bag has nothing left to send."""
        self._to_send.remove(bag)

    def later(self, time_s: float, function: Callable[[], None]) -> None:
        """Call a function at a time."""
        self.pool.clock.call_at(time_s, lambda _event: function(), NORMAL)

    def _call_in(self, seconds: float, function: Callable[[], None]) -> None:
        self.later(self.pool.clock.now + seconds, function)

    def _spend(self, seconds: float, then: Callable[[], None]) -> None:
        """Occupy the thread, then do a thing."""
        self._busy = True
        if seconds > 0:
            self._then = then
            clock = self.pool.clock
            clock.call_at(clock.now + seconds, self._spent, NORMAL)
        else:
            then()
            self._busy = False

    def _spent(self, _event: object) -> None:
        assert self._then is not None
        self._then()
        self._busy = False
        self.work()


class _Bag:
    """One bag on its way."""

    def __init__(self, client: Client, tasks: Sequence[PoolTask], on_done: Callable[[], None], pilot: int) -> None:
        self._client, self._on_done, self._pilot = client, on_done, pilot
        self._unsent = deque(tasks)
        self._n_left = len(tasks)
        self._n_out = self._n_early = 0
        self._first_seen_s = -1.0

    def may_send(self) -> bool:
        """Return whether the next task may go out now."""
        limit = self._client.costs.in_flight
        return bool(self._unsent) and (not limit or self._n_out < limit)

    def submit_s(self) -> float:
        """Return the time to send a task."""
        costs = self._client.costs
        return costs.submit_s + (costs.submit_unpinned_s if self._pilot < 0 else 0.0)

    def turn_s(self) -> float:
        """Return the time to take a result."""
        costs = self._client.costs
        return costs.collect_s + self._n_left * costs.collect_per_task_s

    def send(self) -> None:
        """Hand a task to the pool."""
        task = self._unsent.popleft()
        task.on_end = self._ended
        self._n_out += 1
        self._client.pool.submit(task, self._pilot)
        if not self._unsent:
            self._client.sent(self)
            for _ in range(self._n_early):
                self._look()

    def _ended(self, _task: PoolTask) -> None:
        """Note a result; without a limit in flight the client does not look before everything is sent."""
        if self._unsent and not self._client.costs.in_flight:
            self._n_early += 1
        else:
            self._look()

    def _look(self) -> None:
        """Have the client see a result when it next looks."""
        client, now_s = self._client, self._client.pool.clock.now
        if self._first_seen_s < 0:
            self._first_seen_s = now_s
        seen_s = next_poll_s(self._first_seen_s, client.costs.poll_s, now_s)
        if seen_s > now_s:
            client.later(seen_s, lambda: client.see(self))
        else:
            client.see(self)

    def collect(self) -> None:
        """Take a result."""
        self._n_left -= 1
        self._n_out -= 1
        if not self._n_left:
            self._client.later(self._client.pool.clock.now, self._on_done)
