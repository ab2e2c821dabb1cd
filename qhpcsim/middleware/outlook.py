"""When a workflow that began now would be over, as far as pilots, pools and QPU queues tell at this instant."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

import numpy as np

from qhpcsim.core.qpu_records import QpuJobState
from qhpcsim.core.records import FloatArray
from qhpcsim.core.workflow_records import Bag, Calls, ClientWork, Need, Workflow
from qhpcsim.facility.qpu_server import QpuServer
from qhpcsim.facility.qpu_service import QpuSystem
from qhpcsim.middleware.node_clock import Slowdown
from qhpcsim.middleware.pool import TaskPool
from qhpcsim.middleware.slots import PoolPilot
from qhpcsim.policies.binding.binding import ROUNDING, PilotView

INF = math.inf
_QUEUED = int(QpuJobState.QUEUED)


@dataclass(slots=True)
class Forecast:
    """What is predicted of a workflow."""

    end_s: float = 0.0
    """Infinite where some of its work has nothing to run on."""
    placed: list[tuple[Calls, list[int]]] = field(default_factory=list)
    """QPU jobs of each stage, and how many of them each QPU is predicted to get."""


class Outlook:
    """The slots of a pool and the QPUs of a service as they are now, or as if nobody else used them.

    Model: the tasks of a bag take, in order, the slot that is free first; a slot in use is free at its task's
        predicted end, those of a pilot that has not started when it is expected to be ready. Waiting tasks come before,
        as equal ones that add up to ``TaskPool.drain_s``. QPU jobs are sent one by one to the QPU that would deliver
        first, behind what runs, waits and is on its way there. Stages follow their ``after``.
    Assumes: predictions are right; every task brings ``gpu_cold_s`` if it needs a GPU, and all are dispatched in turn.
    Not modelled: the first start of workers, what the client's loop costs, tasks that other clients have not sent yet,
        sessions that keep a QPU, calibrations that began by themselves, choices of QPUs that go by something else.
    Source: list scheduling, Graham 1969, doi:10.1137/0117039.

    Args:
        now_s: The time.
        pool: Slots; None: no pilots.
        qpu: The service; None: no QPUs.
        ready_s: When each pilot of the pool that has not started is expected to take tasks.
        slowdown: As for the pool.
        min_fidelity: QPUs with a lower or unknown expected fidelity are not used; 0: all are.
        alone: As if nobody else was there and all pilots ran.
    """

    def __init__(
        self,
        now_s: float,
        pool: TaskPool | None,
        qpu: QpuSystem | None,
        ready_s: Callable[[int], float],
        slowdown: Slowdown | None = None,
        min_fidelity: float = 0.0,
        alone: bool = False,
    ) -> None:
        self._now_s, self._pool, self._qpu, self._ready_s = now_s, pool, qpu, ready_s
        self._slowdown, self._min_fidelity, self._alone = slowdown, min_fidelity, alone
        self._slots: dict[Need, list[float]] = {}
        self._qpu_free_s: list[float] | None = None

    def forecast(self, flow: Workflow) -> Forecast:
        """Return when a workflow that begins now is predicted to be over; its work is added to the outlook."""
        found, ends_s = Forecast(self._now_s), list[float]()
        for stage in flow.stages:
            work = stage.work
            start_s = max((ends_s[k] for k in stage.after), default=self._now_s)
            if isinstance(work, ClientWork):
                ends_s.append(start_s + work.seconds)
            elif isinstance(work, Bag):
                ends_s.append(self._bag_end_s(work, start_s))
            else:
                assert isinstance(work, Calls)
                end_s, counts = self._calls_end_s(work, start_s)
                ends_s.append(end_s)
                found.placed.append((work, counts))
            found.end_s = max(found.end_s, ends_s[-1])
        return found

    def _bag_end_s(self, bag: Bag, start_s: float) -> float:
        run_s = bag.run_s if bag.predicted_s is None else bag.predicted_s
        if not len(run_s):
            return start_s
        if bag.need not in self._slots:
            self._slots[bag.need] = self._free_slots(bag.need)
        slots = self._slots[bag.need]
        if not slots or self._pool is None:
            return INF
        costs = self._pool.costs
        more_s = costs.own_start_s(bag.need)
        end_s = start_s + costs.dispatch_s * len(run_s)
        for length_s in (run_s * self._factor(bag.need) + more_s).tolist():
            slot_s = max(heappop(slots), start_s) + length_s
            heappush(slots, slot_s)
            end_s = max(end_s, slot_s)
        return end_s

    def _factor(self, need: Need) -> float:
        """Return by how much tasks slow each other down on full nodes."""
        if self._slowdown is None or need.nodes or self._pool is None:
            return 1.0
        return max(
            (self._slowdown(v.slots(need) // v.n_nodes * need.cores) for v in live(self._pool, need)), default=1.0
        )

    def _free_slots(self, need: Need) -> list[float]:
        """Return a heap of when each slot for a kind of task is free."""
        slots: list[float] = []
        for view in () if self._pool is None else live(self._pool, need):
            assert self._pool is not None
            if self._alone:
                slots += [self._now_s] * view.slots(need)
            elif view.active:
                slots += self._busy_until(self._pool.pilots[view.index], need)
            else:
                slots += [max(self._now_s, self._ready_s(view.index))] * view.slots(need)
        heapify(slots)
        if slots and self._pool is not None and not self._alone:
            self._add_waiting(self._pool, slots)
        return slots

    def _busy_until(self, pilot: PoolPilot, need: Need) -> list[float]:
        """Return when each slot of a running pilot is free; those in use by tasks of other kinds share these' ends."""
        n_slots = pilot.view.slots(need)
        n_busy = max(0, n_slots - free_slots(pilot, need))
        ends_s = sorted(max(self._now_s, task.started_s + task.predicted_s) for task in pilot.running.values())
        in_use = [ends_s[k * len(ends_s) // n_busy] if ends_s else self._now_s for k in range(n_busy)]
        return [self._now_s] * (n_slots - n_busy) + in_use

    def _add_waiting(self, pool: TaskPool, slots: list[float]) -> None:
        """Let the tasks that wait already go first."""
        n = pool.n_waiting
        if not n:
            return
        drain_s = pool.drain_s()
        length_s = drain_s * len(slots) / n if drain_s < INF else pool.backlog_s() / n
        for _ in range(n):
            heappush(slots, heappop(slots) + length_s)

    def _calls_end_s(self, calls: Calls, start_s: float) -> tuple[float, list[int]]:
        """Return when the last result of QPU jobs is back, and how many jobs each QPU gets."""
        if self._qpu is None:
            return INF, []
        servers, latency_s = self._qpu.servers, self._qpu.service.latency_s
        counts = [0] * len(servers)
        able = able_qpus(calls, len(servers), self._min_fidelity)
        if not able and len(calls.qpu_s):
            return INF, counts
        free_s = self._qpus_free_s(self._qpu)
        predicted = calls.qpu_s if calls.predicted_s is None else calls.predicted_s
        end_s = start_s
        for times_s in by_qpu(predicted, len(servers)).tolist():
            ends_s = {k: self._done_s(servers[k], max(free_s[k], start_s + latency_s), times_s[k]) for k in able}
            first = min(ends_s, key=ends_s.__getitem__)
            free_s[first] = ends_s[first]
            counts[first] += 1
            end_s = max(end_s, ends_s[first] + latency_s)
        return end_s, counts

    def _qpus_free_s(self, qpu: QpuSystem) -> list[float]:
        """Return when each QPU is predicted to have done what runs, waits and is on its way."""
        if self._qpu_free_s is None:
            if self._alone:
                self._qpu_free_s = [self._now_s] * len(qpu.servers)
            else:
                self._qpu_free_s = [self._worked_off_s(server) for server in qpu.servers]
                self._add_on_the_way(qpu, self._qpu_free_s)
        return self._qpu_free_s

    def _worked_off_s(self, server: QpuServer) -> float:
        begin_s = self._now_s
        if server.job >= 0:
            begin_s = max(begin_s, server.run_since_s + server.predicted_s[server.job])
        return self._done_s(server, begin_s, server.waiting_s)

    def _add_on_the_way(self, qpu: QpuSystem, free_s: list[float]) -> None:
        """Count the jobs that have been sent and have not joined a queue yet, the newest of all."""
        jobs, on_the_way = qpu.jobs, list[int]()
        for job in range(len(jobs.ticket) - 1, -1, -1):
            if jobs.ticket[job] >= 0:
                break
            if jobs.state[job] == _QUEUED:
                on_the_way.append(job)
        for job in reversed(on_the_way):
            ends_s = [self._done_s(s, free, s.predicted_s[job]) for s, free in zip(qpu.servers, free_s, strict=True)]
            first = int(np.argmin(ends_s))
            if ends_s[first] < INF:
                free_s[first] = ends_s[first]

    def _done_s(self, server: QpuServer, begin_s: float, work_s: float) -> float:
        """Return when work on a QPU that begins then is done, known closures included."""
        if self._alone or server.calendar is None or work_s == INF:
            return begin_s + work_s
        return server.calendar.expected_end(begin_s, work_s)


def live(pool: TaskPool, need: Need) -> list[PilotView]:
    """Return the pilots that were asked for, have not ended and have slots for a kind of task."""
    views = [pilot.view for pilot in pool.pilots]
    return [view for view in views if not (view.ended or view.reserve) and view.slots(need)]


def free_slots(pilot: PoolPilot, need: Need) -> int:
    """Return how many tasks of a kind a running pilot could begin now."""
    if need.nodes:
        return len(pilot.idle_nodes()) // need.nodes
    n = 0
    for node in pilot.nodes:
        has = ((node.cores, need.cores), (node.gpus, need.gpus), (node.qpus, need.qpus))
        n += min((int(have / want + ROUNDING) for have, want in has if want > 0), default=pilot.view.slots(need))
    return n


def by_qpu(times_s: FloatArray, n_qpus: int) -> FloatArray:
    """Return times as (n, q), repeated where one value holds for all QPUs."""
    return np.broadcast_to(times_s.reshape(len(times_s), -1), (len(times_s), n_qpus))


def able_qpus(calls: Calls, n_qpus: int, min_fidelity: float) -> Sequence[int]:
    """Return the QPUs that can run every one of some jobs as well as is asked."""
    predicted = calls.qpu_s if calls.predicted_s is None else calls.predicted_s
    able = np.isfinite(by_qpu(predicted, n_qpus)).all(axis=0)
    if min_fidelity > 0:
        fidelity = np.full(n_qpus, np.nan) if calls.fidelity is None else calls.fidelity
        able &= np.nan_to_num(fidelity) >= min_fidelity
    return np.flatnonzero(able).tolist()
