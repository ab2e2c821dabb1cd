"""The queues of tasks that wait for a slot, served in order of their heads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush, heapreplace

from qhpcsim.core.workflow_records import Need
from qhpcsim.middleware.slots import PoolTask

Kind = tuple[Need, int]
"""What tasks of one queue need, and the pilot that they are bound to, -1 for any."""
Queue = list[tuple[float, int, PoolTask]]
"""A heap of tasks by rank and index."""


class TaskQueues:
    """Waiting tasks, one queue for each kind; only queues that may find room are tried.

    Model: tasks of one kind wait for the same room, so that a queue whose head finds none is left until something
        becomes free on a pilot that its tasks may run on.
    Assumes: who frees something on a pilot says so (``room_on``).
    Not modelled: tasks of one kind that may run on some pilots only.
    Source: own.
    """

    def __init__(self) -> None:
        self._waiting: dict[Kind, Queue] = {}
        self._untried: dict[Kind, None] = {}
        """Queues that may find room: something has come to them, or left their pilot, since they were last tried."""
        self._blocked: dict[int, list[Kind]] = {}
        """The other queues with tasks, by the pilot that their tasks are bound to, -1 for any."""

    def __len__(self) -> int:
        """Number of waiting tasks."""
        return sum(map(len, self._waiting.values()))

    def kinds(self) -> Iterator[tuple[Need, int, Queue]]:
        """Yield need, pilot and tasks of each queue."""
        for (need, pilot), queue in self._waiting.items():
            yield need, pilot, queue

    def put(self, task: PoolTask, rank: float) -> None:
        """Let a task wait for the pilot that it is bound to, behind those of a lower rank."""
        kind = (task.need, task.pilot)
        queue = self._waiting.get(kind)
        if queue is None:
            queue = self._waiting[kind] = []
            self._untried[kind] = None
        heappush(queue, (rank, task.index, task))

    def take_bound(self, pilot: int) -> Iterator[PoolTask]:
        """Yield the tasks that wait for a pilot, and forget them."""
        for kind in [kind for kind in self._waiting if kind[1] == pilot]:
            for *_, task in sorted(self._waiting.pop(kind), key=lambda entry: entry[:2]):
                yield task

    def room_on(self, pilot: int) -> None:
        """Note that something has become free on a pilot: what is bound to it, or to none, may be placed."""
        for bound in (pilot, -1):
            for kind in self._blocked.pop(bound, ()):
                self._untried[kind] = None

    def serve(self, place: Callable[[Kind, Queue], bool]) -> None:
        """Serve the queues in order of their heads until none of those that may find room does.

        Args:
            place: Takes the head off a queue and gives it a slot, or returns False if there is no room for it.
        """
        untried, self._untried = self._untried, {}
        heads = [(*queue[0][:2], kind) for kind in untried if (queue := self._waiting.get(kind))]
        heapify(heads)
        while heads:
            kind = heads[0][2]
            queue = self._waiting[kind]
            if not place(kind, queue):
                heappop(heads)
                self._blocked.setdefault(kind[1], []).append(kind)
            elif queue:
                heapreplace(heads, (*queue[0][:2], kind))
            else:
                heappop(heads)
                del self._waiting[kind]
