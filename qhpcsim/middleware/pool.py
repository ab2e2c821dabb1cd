"""The pool of slots that pilots form: tasks wait, are placed on nodes, dispatched one after the other, run and end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from heapq import heappop

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.task_records import TaskState
from qhpcsim.core.workflow_records import Need
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.middleware.node_clock import NodeClock, Slowdown
from qhpcsim.middleware.pool_costs import PoolCosts
from qhpcsim.middleware.slots import PilotNode, PoolPilot, PoolTask
from qhpcsim.middleware.task_queues import Kind, Queue, TaskQueues
from qhpcsim.policies.binding.binding import Binding, PilotView


class TaskPool:
    """Places tasks on the nodes of pilots.

    Model: waiting tasks of one kind and pilot form a queue; whenever something changes, the queues are served in
        order of their heads until none fits. A placed task holds its share of a node; it starts when the dispatcher
        has sent it (``dispatch_s`` each) and, on a slot that had no task before, when its worker has started
        (``cold_s``) and the application is loaded on the node (``load_s``). With ``slowdown`` the tasks on a node slow
        each other down (``NodeClock``).
    Assumes: the first node with room is taken; the dispatcher is one server. A task that no pilot can run any more
        waits, in case another pilot comes; one whose pilot the application named is lost with it.
    Not modelled: memory; the network between nodes; reservations for gangs, which smaller tasks may overtake.
    Source: Pilot-Quantum, arXiv:2412.18519; Ray's scheduler places by resources only.

    Args:
        clock: The facility's clock.
        binding: Binding policy.
        costs: Overheads.
        slowdown: Run time over its value alone, as a function of the cores in use on a node; None: 1.
    """

    def __init__(self, clock: Clock, binding: Binding, costs: PoolCosts, slowdown: Slowdown | None = None) -> None:
        self.clock, self.binding, self.costs = clock, binding, costs
        self.tasks: list[PoolTask] = []
        self.pilots: list[PoolPilot] = []
        self._slowdown = None if slowdown is None else lru_cache(maxsize=4096)(slowdown)
        self._waiting = TaskQueues()
        self._can_run: set[Need] = set()
        """Kinds of tasks that some pilot could have run when one of them came."""
        self._able_for: dict[Need, list[PilotView]] = {}
        self._dispatcher_s = 0.0
        self._due = False

    @property
    def n_waiting(self) -> int:
        """Number of tasks without a slot."""
        return len(self._waiting)

    @property
    def n_running(self) -> int:
        """Number of tasks with a slot."""
        return sum(len(pilot.running) for pilot in self.pilots)

    def backlog_s(self) -> float:
        """Return the predicted seconds of the tasks without a slot, starts of their own workers included."""
        return sum(self._work_s(need, queue) for need, _, queue in self._waiting.kinds())

    def drain_s(self) -> float:
        """Return the predicted seconds that the waiting tasks take on the pilots that were asked for.

        Infinite where some of them have no such pilot.
        """
        total_s = 0.0
        for need, _, queue in self._waiting.kinds():
            slots = sum(view.slots(need) for view in self._able(need))
            if queue and not slots:
                return float("inf")
            total_s += self._work_s(need, queue) / max(1, slots)
        return total_s

    def _work_s(self, need: Need, queue: Queue) -> float:
        return sum(entry[2].predicted_s for entry in queue) + self.costs.own_start_s(need) * len(queue)

    def would_use(self, pilot: int, n_nodes: int) -> bool:
        """Return whether a pilot with so many more nodes would have more slots for some waiting task."""
        view = self.pilots[pilot].view
        return any(
            bound in (-1, pilot) and view.slots_on(need, view.n_nodes + n_nodes) > view.slots(need)
            for need, bound, _ in self._waiting.kinds()
        )

    def announce(self, view: PilotView) -> int:
        """Make a pilot known, before it starts, and return its index."""
        view.index = len(self.pilots)
        self.pilots.append(PoolPilot(view))
        self._able_for.clear()
        return view.index

    def expect(self, pilot: int) -> None:
        """Note that a pilot of the reserve has been asked for: tasks may be bound to it."""
        self.pilots[pilot].view.reserve = False
        self._able_for.clear()

    def open_pilot(self, pilot: int) -> None:
        """Let a pilot take tasks from now on."""
        opened = self.pilots[pilot]
        opened.view.active, opened.view.start_s = True, self.clock.now
        opened.idle_since_s = self.clock.now
        for node in opened.nodes:
            node.idle_since_s = self.clock.now
        self._waiting.room_on(pilot)
        self._wake()

    def close_pilot(self, pilot: int) -> None:
        """Take a pilot out of the pool; the tasks on it are lost, and tried again if they may."""
        closed = self.pilots[pilot]
        if closed.view.ended:
            return
        closed.view.active, closed.view.ended = False, True
        self._able_for.clear()
        self._lose(closed, list(closed.running.values()))
        for task in self._waiting.take_bound(pilot):
            self._again(task, TaskState.LOST_WORKER)
        closed.view.load_s = 0.0
        self._wake()

    def grow(self, pilot: int, n_nodes: int, part: str) -> range:
        """Let a pilot have more nodes from now on, held by another batch job, and return their numbers."""
        added = self.pilots[pilot].grow(n_nodes, part, self.clock.now)
        self._able_for.clear()
        self._waiting.room_on(pilot)
        self._wake()
        return added

    def shrink(self, pilot: int, gone: Sequence[int], part: str) -> None:
        """Take nodes away that the batch job ``part`` held; tasks on them are lost, and tried again if they may."""
        there = self.pilots[pilot]
        away = set(gone)
        self._lose(there, [task for task in there.running.values() if away.intersection(task.nodes)])
        there.shrink(gone, part)
        self._able_for.clear()

    def _lose(self, pilot: PoolPilot, tasks: Sequence[PoolTask]) -> None:
        """Take tasks off nodes that are not there any more, and try them again if they may."""
        for task in tasks:
            self._take_off(task)
            self._give_back(pilot, task.nodes, task.need)
            self._again(task, TaskState.LOST_WORKER)

    def submit(self, task: PoolTask, pilot: int = -1) -> None:
        """Let a task wait for a slot.

        Args:
            task: The task; entered in ``tasks``.
            pilot: Pilot that the application names; -1: the binding decides.

        Raises:
            ConfigError: if no pilot that is known could ever have run it, or the named one could not.
        """
        if pilot >= 0 or task.need not in self._can_run:
            self._check(task.need, pilot)
        task.submitted_s, task.index = self.clock.now, len(self.tasks)
        task.named, task.pilot = pilot >= 0, pilot
        self.tasks.append(task)
        self._enqueue(task)
        self._wake()

    def _check(self, need: Need, pilot: int) -> None:
        """Refuse a task that needs more than any pilot, or the named one, could ever have given it."""
        views = [each.view for each in (self.pilots if pilot < 0 else self.pilots[pilot : pilot + 1])]
        if not any(view.slots(need) for view in views):
            raise ConfigError(
                f"t = {self.clock.now} s: no pilot can run a task that needs {need}",
                where="pilots",
                allowed="; ".join(f"{v.name}: {v.n_nodes} nodes of {v.cores:g}, {v.gpus:g}, {v.qpus:g}" for v in views),
                hint="larger nodes, or a pilot of another kind; numbers are cores, GPUs and QPUs of a node",
            )
        self._can_run.add(need)

    def is_idle(self, pilot: int) -> bool:
        """Return whether a pilot takes tasks, and has none and none that waits for it."""
        here = self.pilots[pilot]
        waited_for = any(bound == pilot for _, bound, _ in self._waiting.kinds())
        return here.view.active and not here.running and not waited_for

    def _enqueue(self, task: PoolTask) -> None:
        """Bind a task to a pilot, or to whichever has room first, and let it wait."""
        if task.named:
            if self.pilots[task.pilot].view.ended:
                self._over(task, TaskState.LOST_WORKER)
                return
            task.pinned = True
        else:
            able = self._able(task.need)
            task.pilot = self.binding.pin(task.need, task.predicted_s, able, self.clock.now) if able else -1
            task.pinned = task.pilot >= 0
        if task.pinned:
            self._load(task, +1)
        self._waiting.put(task, self.binding.rank(task.predicted_s))

    def _able(self, need: Need) -> list[PilotView]:
        """Return the pilots that were asked for, have not ended and have slots for a kind of task."""
        if need not in self._able_for:
            views = [each.view for each in self.pilots if not (each.view.ended or each.view.reserve)]
            self._able_for[need] = [view for view in views if view.slots(need) > 0]
        return self._able_for[need]

    def _load(self, task: PoolTask, sign: int) -> None:
        """Count a task among its pilot's work, or no longer."""
        view = self.pilots[task.pilot].view
        if sign > 0:
            task.load_s = task.predicted_s / view.slots(task.need)
        view.load_s += sign * task.load_s

    def _wake(self) -> None:
        """Place tasks once everything else of this instant has happened."""
        if not self._due:
            self._due = True
            self.clock.call_at(self.clock.now, self._place_all, NORMAL)

    def _place_all(self, _event: object) -> None:
        """Give slots to all waiting tasks for which there is room."""
        self._due = False
        self._waiting.serve(self._place_head)

    def _place_head(self, kind: Kind, queue: Queue) -> bool:
        """Place the first task of a queue if there is room."""
        room = self._room(kind)
        if room is not None:
            self._put_on(heappop(queue)[2], *room)
        return room is not None

    def _room(self, key: Kind) -> tuple[PoolPilot, tuple[int, ...]] | None:
        """Return (pilot, nodes) with room for a task of one kind, None if there is none."""
        need, pinned = key
        for pilot in self.pilots if pinned < 0 else (self.pilots[pinned],):
            if pilot.view.active:
                nodes = pilot.room(need)
                if nodes is not None:
                    return pilot, nodes
        return None

    def _put_on(self, task: PoolTask, pilot: PoolPilot, nodes: tuple[int, ...]) -> None:
        """Give a task its share of the nodes and have it dispatched."""
        task.nodes, task.pilot = nodes, pilot.view.index
        if not task.pinned:
            self._load(task, +1)
        task.attempts += 1
        task.state = int(TaskState.RUNNING)
        pilot.running[task.index] = task
        for k in nodes:
            pilot.take(k, task.need)
        task.started_s = self._ready_s(task.need, [pilot.nodes[k] for k in nodes])
        if self._slowdown is None or len(nodes) > 1:
            self.clock.call_at(task.started_s + task.run_s, partial(self._finish, task, task.attempts), NORMAL)
        else:
            self.clock.call_at(task.started_s, partial(self._join, task, task.attempts), NORMAL)

    def _ready_s(self, need: Need, nodes: list[PilotNode]) -> float:
        """Return when a task that has just been placed on nodes starts there."""
        now_s, costs = self.clock.now, self.costs
        self._dispatcher_s = max(self._dispatcher_s, now_s) + costs.dispatch_s
        own_start_s = costs.own_start_s(need)
        ready_s = self._dispatcher_s + own_start_s
        for node in nodes:
            if node.n_running > node.n_workers:
                node.n_workers = node.n_running
                if node.loaded_s < 0:
                    node.loaded_s = now_s + costs.load_s
                ready_s = max(ready_s, node.loaded_s, now_s if own_start_s else now_s + costs.cold_s)
        return ready_s

    def _join(self, task: PoolTask, attempt: int, _event: object) -> None:
        """Let a task compute on a node whose tasks slow each other down."""
        if not self._is_on(task, attempt):
            return
        pilot = self.pilots[task.pilot]
        node = pilot.nodes[task.nodes[0]]
        if node.clock is None:
            assert self._slowdown is not None
            node.clock = NodeClock(self.clock, self._slowdown, lambda key: self._end(pilot.running[key]))
        node.clock.join(task.index, task.run_s, task.need.cores)

    def _finish(self, task: PoolTask, attempt: int, _event: object) -> None:
        if self._is_on(task, attempt):
            self._end(task)

    def _is_on(self, task: PoolTask, attempt: int) -> bool:
        """Return whether a task still runs for the same time as when the calendar was told."""
        return task.state == TaskState.RUNNING and task.attempts == attempt

    def _end(self, task: PoolTask) -> None:
        """End a task, or try it again if its work failed; its slot is free after the turnaround."""
        pilot, nodes = self.pilots[task.pilot], task.nodes
        self._take_off(task)
        if self.costs.turnaround_s > 0:
            free_s = self.clock.now + self.costs.turnaround_s
            self.clock.call_at(free_s, lambda _event: self._give_back(pilot, nodes, task.need), NORMAL)
        else:
            self._give_back(pilot, nodes, task.need)
        if task.fails:
            task.fails = False
            self._again(task, TaskState.FAILED)
        else:
            self._over(task, TaskState.SUCCESS)

    def _take_off(self, task: PoolTask) -> None:
        """Let a task no longer run."""
        pilot = self.pilots[task.pilot]
        del pilot.running[task.index]
        if task.started_s > self.clock.now:
            task.started_s = float("nan")
        self._load(task, -1)
        pilot.idle_since_s = self.clock.now
        clock = pilot.nodes[task.nodes[0]].clock
        if clock is not None:
            clock.leave(task.index)

    def _give_back(self, pilot: PoolPilot, nodes: tuple[int, ...], need: Need) -> None:
        """Let a task's share of nodes be used by others."""
        now_s = self.clock.now
        for k in nodes:
            pilot.give(k, need)
            pilot.nodes[k].idle_since_s = now_s
        self._waiting.room_on(pilot.view.index)
        self._wake()

    def _again(self, task: PoolTask, state: TaskState) -> None:
        """Try a task again if it may; else it is over. One that never started has not used an attempt."""
        if task.attempts <= self.costs.retries or task.state == TaskState.QUEUED:
            task.state = int(TaskState.QUEUED)
            self._enqueue(task)
        else:
            self._over(task, state)

    def _over(self, task: PoolTask, state: TaskState) -> None:
        task.state, task.ended_s = int(state), self.clock.now
        if task.on_end is not None:
            task.on_end(task)
