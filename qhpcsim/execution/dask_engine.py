"""The engine on a Dask cluster: local, at an address, or made of a batch system's jobs."""

from __future__ import annotations

import logging
import math
import pickle
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from qhpcsim.core.registry import register
from qhpcsim.core.task_records import TaskState
from qhpcsim.execution.dask_cluster import open_cluster
from qhpcsim.execution.dask_worker import Call, Household, Reply, release, run_here
from qhpcsim.execution.dispatcher import Dispatcher, Lost, Ticket, stopped, unsent
from qhpcsim.execution.engine import EngineOptions
from qhpcsim.execution.task import Attempt, in_one_line
from qhpcsim.execution.worker_process import call_bytes, read_answer

log = logging.getLogger(__name__)
_ASK_S, _PATIENCE_S = 2.0, 10.0
"""How long to wait for a scheduler's answer, and for all workers'."""
_LOOK_S = 1.0
"""How often the cluster is asked for its size while tasks wait."""
_GRACE_S = 2.0
"""How long after the budget an answer is waited for; the workers themselves stop their tasks in time."""


@register(
    "engine",
    "dask",
    summary="workers of a Dask cluster: local, --scheduler HOST:PORT, or slurm, pbs, lsf … by dask-jobqueue",
    source="https://distributed.dask.org, https://jobqueue.dask.org",
)
class DaskEngine(Dispatcher):
    """Runs tasks on a Dask cluster, one for each thread of its workers; start those with one thread each.

    Every machine of the cluster needs the same qhpcsim. A task that overruns is killed where it runs, without harm to
    the Dask worker; one whose Dask worker dies is started again elsewhere.
    """

    def __init__(self, options: EngineOptions) -> None:
        super().__init__(options)
        self._news: SimpleQueue[tuple[Ticket, str] | None] = SimpleQueue()
        self._futures: dict[Ticket, Any] = {}
        self._by_key: dict[str, Ticket] = {}
        self._seen: set[str] = set()
        """Keys that started at least once."""
        self._n_slots, self._looked_s = 0, -math.inf
        token = f"qhpcsim-{uuid.uuid4().hex}"
        self._household = Household(token, options.threads, pickle.dumps(options.warm_up, protocol=5))
        self._client, self._cluster = open_cluster(options.scheduler, options.workers)
        self._client.subscribe_topic(token, self._hear)

    def close(self, *, cancel: bool = False) -> None:
        """End our processes on the workers, and the cluster if it is ours."""
        super().close(cancel=cancel)
        with suppress(Exception):  # a cluster that is gone has nothing left to end
            self._client.unsubscribe_topic(self._household.token)
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()

    def _hear(self, event: tuple[float, dict[str, str]]) -> None:
        """Take note that a task started on a worker; called by Dask."""
        ticket = self._by_key.get(event[1]["key"])
        if ticket is not None:
            self._news.put((ticket, event[1]["key"]))

    def _wake(self) -> None:
        self._news.put(None)

    def _start_some(self) -> None:
        self._look()
        while len(self._running) < self._n_slots and (ticket := self._next()) is not None:
            try:
                content = call_bytes(ticket.task.function, ticket.task.arguments)
            except Exception as error:
                self._take(ticket, unsent(error))
                continue
            call = Call(content, ticket.limit_s, ticket.limit_state is TaskState.BUDGET)
            key = f"{self._household.token}-{uuid.uuid4().hex}"
            self._by_key[key] = ticket
            try:
                future = self._client.submit(run_here, call, self._household, key, key=key, pure=False)
            except Exception as error:
                self._take(ticket, Lost(f"the Dask scheduler takes no task: {in_one_line(error)}"))
                continue
            self._futures[ticket] = future
            future.add_done_callback(lambda _, ticket=ticket: self._news.put((ticket, "")))

    def _look(self) -> None:
        """Count the slots of the cluster, now and then."""
        if not self._queue or time.monotonic() - self._looked_s < _LOOK_S:
            return
        before = self._n_slots
        try:
            threads = self._client.sync(self._client.scheduler.ncores, callback_timeout=_ASK_S)
            self._n_slots = sum(threads.values())
        except (OSError, TimeoutError) as error:
            self._n_slots = 0
            if self._client.status in ("closing", "closed"):
                self._give_up(f"the Dask scheduler is gone: {in_one_line(error)}")
        self._looked_s = time.monotonic()
        if not self._n_slots and before:
            log.warning("the Dask cluster has no workers left; waiting for new ones")

    def _give_up(self, words: str) -> None:
        """End everything: there is nobody left to run it."""
        running = list(self._running)
        self._running.clear()
        self._stop(running)
        for ticket in (*running, *self._queue):
            ticket.settle(TaskState.LOST_WORKER, words)
        self._queue.clear()

    def _events(self, wait_s: float | None) -> Iterator[tuple[Ticket, Attempt | Lost]]:
        limits_s = [wait_s if wait_s is not None else math.inf]
        limits_s += [_LOOK_S] if self._queue else []
        limits_s += [max(0.0, self.deadline + _GRACE_S - time.monotonic())] if self._running else []
        shortest_s = min(limits_s)
        try:
            news = self._news.get(timeout=None if math.isinf(shortest_s) else shortest_s)
        except Empty:
            news = None
        if news is not None:
            yield from self._understood(*news)
        if time.monotonic() >= self.deadline + _GRACE_S:
            yield from self._given_up()

    def _understood(self, ticket: Ticket, key: str) -> Iterator[tuple[Ticket, Attempt | Lost]]:
        """Yield how a task ended, if the news is that it did."""
        future = self._futures.get(ticket)
        if future is None:
            return
        if not key:
            self._forget(ticket)
            yield ticket, self._end(ticket, future)
        elif key not in self._seen:
            self._seen.add(key)
        else:
            ticket.attempts += 1  # Dask itself started it again
            if ticket.attempts > self.options.retries + 1:
                self._stop([ticket])
                ticket.attempts -= 1
                yield ticket, Lost("its Dask worker died")

    def _end(self, ticket: Ticket, future: Any) -> Attempt | Lost:
        """Return what a done future says."""
        from distributed.scheduler import KilledWorker

        if future.status in ("cancelled", "lost"):
            return Lost("the Dask scheduler dropped it")
        try:
            reply: Reply = future.result()
        except KilledWorker:
            return Lost("its Dask worker died")
        except Exception as error:
            return unsent(error)
        if reply.answer:
            return read_answer(reply.answer)
        if reply.broken:
            return Lost(reply.broken)
        if reply.stopped_after_s is not None:
            return stopped(ticket, reply.worker, reply.began_s, reply.stopped_after_s)
        return Lost(f"its worker died: {reply.died}", reply.worker, reply.began_s)

    def _given_up(self) -> Iterator[tuple[Ticket, Attempt]]:
        """End the tasks of which nothing was heard although the budget is long spent."""
        for ticket in list(self._futures):
            self._stop([ticket])
            words = "no answer by the end of the budget"
            yield ticket, Attempt(TaskState.BUDGET, None, words, "", math.nan, math.nan, math.nan)

    def _stop(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            future = self._futures.get(ticket)
            self._forget(ticket)
            if future is not None:
                future.cancel()

    def _forget(self, ticket: Ticket) -> None:
        future = self._futures.pop(ticket, None)
        if future is not None:
            self._seen.discard(future.key)
            self._by_key.pop(future.key, None)

    def _shut(self) -> None:
        if self._client.status != "running":
            return
        with suppress(Exception):  # workers that are gone have no processes of ours
            ask = self._client._run
            self._client.sync(ask, release, self._household.token, on_error="ignore", callback_timeout=_PATIENCE_S)
