"""The pool of slots that pilots form: tasks wait, are placed on nodes, dispatched one after the other, run and end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.task_records import TaskState
from qhpcsim.core.workflow_records import Need
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.middleware.slots import PilotNode, PoolPilot, PoolTask
from qhpcsim.policies.binding.binding import Binding, PilotView

Slowdown = Callable[[float], float]


@dataclass(slots=True)
class PoolCosts:
    """What the task layer adds to the tasks' own time, in seconds."""

    dispatch_s: float = 0.0
    """Time the scheduler needs for each task; it places one at a time."""
    cold_s: float = 0.0
    """First task on each slot of a node: the worker process starts and imports."""
    retries: int = 0
    """Times that a task is tried again after its pilot ended or its work failed."""


class TaskPool:
    """Places tasks on the nodes of pilots.

    Model: waiting tasks of one kind and pilot form a queue; whenever something changes, the queues are served in
        order of their heads until none fits. A placed task holds its share of a node; the dispatcher then needs
        ``dispatch_s``, a cold worker ``cold_s`` more. With ``slowdown`` all tasks on a node run at the speed
        1/slowdown(cores in use/cores of the node), updated whenever a task comes or goes.
    Assumes: the first node with room is taken; the dispatcher is one server.
    Not modelled: memory; the network between nodes.
    Source: Pilot-Quantum, arXiv:2412.18519; Ray's scheduler places by resources only.

    Args:
        clock: The facility's clock.
        binding: Binding policy.
        costs: Overheads.
        slowdown: Run time over its value alone, as a function of the share of a node's cores in use; None: 1.
    """

    def __init__(self, clock: Clock, binding: Binding, costs: PoolCosts, slowdown: Slowdown | None = None) -> None:
        self.clock, self.binding, self.costs = clock, binding, costs
        self.tasks: list[PoolTask] = []
        self.pilots: list[PoolPilot] = []
        self._slowdown = slowdown
        self._waiting: dict[tuple[Need, int], list[tuple[float, int, PoolTask]]] = {}
        self._able_for: dict[Need, list[PilotView]] = {}
        self._dispatcher_s = 0.0
        self._due = False

    @property
    def n_waiting(self) -> int:
        """Number of tasks without a slot."""
        return sum(map(len, self._waiting.values()))

    def backlog_s(self) -> float:
        """Return the predicted seconds of the tasks without a slot."""
        return sum(entry[2].predicted_s for queue in self._waiting.values() for entry in queue)

    def announce(self, view: PilotView) -> int:
        """Make a pilot known, before it starts, and return its index."""
        view.index = len(self.pilots)
        self.pilots.append(PoolPilot(view))
        self._able_for.clear()
        return view.index

    def open_pilot(self, pilot: int) -> None:
        """Let a pilot take tasks from now on."""
        view = self.pilots[pilot].view
        view.active, view.start_s = True, self.clock.now
        self._wake()

    def close_pilot(self, pilot: int) -> None:
        """Take a pilot out of the pool; the tasks on it are lost, and tried again if they may."""
        closed = self.pilots[pilot]
        closed.view.active, closed.view.ended = False, True
        self._able_for.clear()
        for task in list(closed.running.values()):
            self._take_off(task)
            self._lost(task)
        for key in [key for key in self._waiting if key[1] == pilot]:
            for entry in self._waiting.pop(key):
                self._lost(entry[2])
        self._wake()

    def submit(self, task: PoolTask, pilot: int = -1) -> None:
        """Let a task wait for a slot.

        Args:
            task: The task; entered in ``tasks``.
            pilot: Pilot that the application names; -1: the binding decides.

        Raises:
            ConfigError: if no pilot could ever run it.
        """
        task.submitted_s, task.index = self.clock.now, len(self.tasks)
        self.tasks.append(task)
        self._enqueue(task, pilot)
        self._wake()

    def _enqueue(self, task: PoolTask, pilot: int = -1) -> None:
        able = self._able(task.need)
        if not able:
            raise ConfigError(
                f"t = {self.clock.now} s: no pilot can run a task that needs {task.need}",
                where="pilots",
                hint="larger nodes, or a pilot of another kind",
            )
        chosen = pilot if pilot >= 0 else self.binding.pin(task.need, task.predicted_s, able, self.clock.now)
        task.pinned, task.pilot = chosen >= 0, chosen
        if chosen >= 0:
            view = self.pilots[chosen].view
            view.load_s += task.predicted_s / view.slots(task.need)
        heappush(
            self._waiting.setdefault((task.need, chosen), []), (self.binding.rank(task.predicted_s), task.index, task)
        )

    def _able(self, need: Need) -> list[PilotView]:
        """Return the pilots that run or will run and have slots for a kind of task."""
        if need not in self._able_for:
            views = [each.view for each in self.pilots if not each.view.ended]
            self._able_for[need] = [view for view in views if view.slots(need) > 0]
        return self._able_for[need]

    def _wake(self) -> None:
        """Place tasks once everything else of this instant has happened."""
        if not self._due:
            self._due = True
            self.clock.call_at(self.clock.now, self._place_all, NORMAL)

    def _place_all(self, _event: object) -> None:
        self._due = False
        blocked: set[tuple[Need, int]] = set()
        while True:
            heads = [key for key, queue in self._waiting.items() if queue and key not in blocked]
            if not heads:
                break
            key = heads[0] if len(heads) == 1 else min(heads, key=lambda key: self._waiting[key][0][:2])
            queue = self._waiting[key]
            while queue and (room := self._room(key)) is not None:
                task = heappop(queue)[2]
                self._put_on(task, *room)
                if len(heads) > 1:
                    break
            else:
                blocked.add(key)
        if not all(self._waiting.values()):
            self._waiting = {key: queue for key, queue in self._waiting.items() if queue}

    def _room(self, key: tuple[Need, int]) -> tuple[int, tuple[int, ...]] | None:
        """Return (pilot, nodes) with room for a task of one kind, None if there is none."""
        need, pinned = key
        candidates = self.pilots if pinned < 0 else self.pilots[pinned : pinned + 1]
        for pilot in candidates:
            if pilot.view.active:
                nodes = pilot.room(need)
                if nodes is not None:
                    return pilot.view.index, nodes
        return None

    def _put_on(self, task: PoolTask, pilot: int, nodes: tuple[int, ...]) -> None:
        """Give a task its share of the nodes and have it dispatched."""
        where, need, now_s = self.pilots[pilot], task.need, self.clock.now
        if not task.pinned:
            where.view.load_s += task.predicted_s / max(1, where.view.slots(need))
        task.pilot, task.nodes, task.attempts = pilot, nodes, task.attempts + 1
        task.token += 1
        where.running[task.index] = task
        cold = False
        for k in nodes:
            where.take(k, need)
            node = where.nodes[k]
            if node.n_running > node.warm:
                node.warm, cold = node.n_running, True
        self._dispatcher_s = max(self._dispatcher_s, now_s) + self.costs.dispatch_s
        ready_s = self._dispatcher_s + (self.costs.cold_s if cold else 0.0)
        task.started_s = ready_s
        task.state = int(TaskState.RUNNING)
        if self._slowdown is None or len(nodes) > 1:
            self._end_at(task, ready_s + task.run_s)
        elif ready_s > now_s:
            token = task.token
            self.clock.call_at(ready_s, lambda _event: self._join_node(task, token), NORMAL)
        else:
            self._join_node(task, task.token)

    def _end_at(self, task: PoolTask, time_s: float) -> None:
        token = task.token
        self.clock.call_at(time_s, lambda _event: self._finish(task, token), NORMAL)

    def _join_node(self, task: PoolTask, token: int) -> None:
        """Let a task compute on a node whose tasks slow each other down."""
        if task.token != token:
            return
        node = self.pilots[task.pilot].nodes[task.nodes[0]]
        self._advance(node, task.pilot)
        node.busy_cores += task.need.cores
        heappush(node.ends, (node.virtual_s + task.run_s, task.index, token))
        self._rearm(node, task.pilot)

    def _speed(self, node: PilotNode, pilot: int) -> float:
        assert self._slowdown is not None
        return 1.0 / self._slowdown(node.busy_cores / self.pilots[pilot].view.cores)

    def _advance(self, node: PilotNode, pilot: int) -> None:
        """Move a node's own clock to now."""
        now_s = self.clock.now
        if node.busy_cores > 0:
            node.virtual_s += (now_s - node.since_s) * self._speed(node, pilot)
        node.since_s = now_s

    def _rearm(self, node: PilotNode, pilot: int) -> None:
        """Put the next end on a node on the calendar; earlier entries lapse."""
        node.token += 1
        if node.ends:
            token = node.token
            left_s = max(0.0, node.ends[0][0] - node.virtual_s) / self._speed(node, pilot)
            self.clock.call_at(self.clock.now + left_s, lambda _event: self._node_end(node, pilot, token), NORMAL)

    def _node_end(self, node: PilotNode, pilot: int, token: int) -> None:
        if node.token != token:
            return
        self._advance(node, pilot)
        virtual_end_s, index, task_token = heappop(node.ends)
        node.virtual_s = max(node.virtual_s, virtual_end_s)
        task = self.pilots[pilot].running[index]
        node.busy_cores -= task.need.cores
        self._finish(task, task_token)
        self._rearm(node, pilot)

    def _finish(self, task: PoolTask, token: int) -> None:
        """End a task, or try it again if its work failed."""
        if task.token != token:
            return
        self._take_off(task)
        if task.fails:
            task.fails = False
            self._again(task, TaskState.FAILED)
        else:
            self._over(task, TaskState.SUCCESS)
        self._wake()

    def _take_off(self, task: PoolTask) -> None:
        """Give back what a task holds."""
        where = self.pilots[task.pilot]
        del where.running[task.index]
        task.token += 1
        where.view.load_s -= task.predicted_s / max(1, where.view.slots(task.need))
        for k in task.nodes:
            where.give(k, task.need)
        if self._slowdown is not None and len(task.nodes) == 1:
            self._leave_node(task, where.nodes[task.nodes[0]])

    def _leave_node(self, task: PoolTask, node: PilotNode) -> None:
        """Strike a task that was stopped from its node's calendar."""
        at = next((k for k, entry in enumerate(node.ends) if entry[1] == task.index), -1)
        if at >= 0:
            self._advance(node, task.pilot)
            del node.ends[at]
            node.ends.sort()
            node.busy_cores -= task.need.cores
            self._rearm(node, task.pilot)

    def _lost(self, task: PoolTask) -> None:
        self._again(task, TaskState.LOST_WORKER)

    def _again(self, task: PoolTask, state: TaskState) -> None:
        """Try a task again if it may and some pilot can still run it; else it is over."""
        if task.attempts <= self.costs.retries and self._able(task.need):
            task.state = int(TaskState.QUEUED)
            self._enqueue(task)
        else:
            self._over(task, state)

    def _over(self, task: PoolTask, state: TaskState) -> None:
        task.state, task.ended_s = int(state), self.clock.now
        if task.on_end is not None:
            task.on_end(task)
