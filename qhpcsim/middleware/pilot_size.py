"""Changes the number of nodes of a running pilot: gives idle ones back, and queues for more."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qhpcsim.facility.open_jobs import NORMAL

if TYPE_CHECKING:
    from qhpcsim.middleware.pilots import PilotRun, Pilots


class PilotSize:
    """The batch jobs that one pilot consists of, and how they come and go.

    Model: a pilot grows by an expansion job of ``step`` nodes, which waits in the batch queue like any other, asks for
        the time that the pilot has left, and is merged into the pilot once its workers have started. It shrinks by
        nodes without tasks: an expansion whose nodes are all idle goes first, then ``step`` idle nodes of the pilot's
        first job, which is split in two as if they had been two jobs from the start. Whatever is left goes when the
        pilot's first job does.
    Assumes: workers on further nodes start as on a pilot of ``step`` nodes of its own; the batch system gives nodes
        back at once. Which of the first job's node ids leave is not known: the highest do.
    Not modelled: nodes that are drained, an expansion of which only a part comes or goes.
    Source: https://slurm.schedmd.com/faq.html#job_size

    Args:
        pilots: The pilots that it belongs to.
        row: Row of the pilot's first job.
        pool: Its index in the pool.
        run: What has become of it.
        spares: Rows of ``step`` nodes each that are free for it; every change but the end of an expansion uses one.
    """

    def __init__(self, pilots: Pilots, row: int, pool: int, run: PilotRun, spares: Sequence[int]) -> None:
        self._pilots, self._row, self._pool, self.run = pilots, row, pool, run
        self._spares = deque(spares)
        self._asked = -1
        self._merged: dict[int, range] = {}
        if spares:
            pilots.centre.open.check_split(row)

    @property
    def n_nodes(self) -> int:
        """Nodes that it has now."""
        return self._pilots.pool.pilots[self._pool].view.n_nodes

    @property
    def n_spares(self) -> int:
        """Changes that it may still make."""
        return len(self._spares)

    @property
    def is_growing(self) -> bool:
        """Whether an expansion waits in the batch queue, or starts."""
        return self._asked >= 0

    @property
    def _may_change(self) -> bool:
        """Whether it takes tasks, and nobody has given it back."""
        return self.run.state == "RUNNING" and self._pilots.pool.pilots[self._pool].view.active

    def grow(self) -> None:
        """Ask the batch system for ``step`` more nodes; nothing happens while it still waits for others."""
        if not self._may_change or self.is_growing or not self._spares:
            return
        centre = self._pilots.centre
        self._asked = row = self._spares.popleft()
        centre.ask_for(row, self.run.started_s + self.run.plan.walltime_s - centre.clock.now)
        centre.open.submit(row, self._started, self._ended)

    def withdraw(self) -> None:
        """Take an expansion that has not been merged out of the queue, or off its nodes."""
        row, self._asked = self._asked, -1
        if row >= 0:
            self._pilots.centre.open.cancel(row)

    def shrink(self, n_nodes: int) -> None:
        """Give back up to ``n_nodes`` idle nodes, ``step`` at a time; those that it must keep stay."""
        plan = self.run.plan
        for _ in range(n_nodes // plan.step if plan.step and self._may_change else 0):
            if self.n_nodes - plan.step < plan.min_nodes or not (self._end_expansion() or self._split()):
                return

    def close(self) -> None:
        """Give back all expansions: the pilot's first job is over, or will be."""
        self.withdraw()
        for row in list(self._merged):
            self._release(row)

    def _end_expansion(self) -> bool:
        """Give an expansion back whose nodes are all idle, the last one first; return whether there was one."""
        there = self._pilots.pool.pilots[self._pool]
        for row in reversed(self._merged):
            if all(there.nodes[k].n_running == 0 for k in self._merged[row]):
                self._leave(self._merged.pop(row), row)
                self._release(row)
                return True
        return False

    def _split(self) -> bool:
        """Give nodes of the first job back, the highest idle ones; return whether there were enough."""
        there, step = self._pilots.pool.pilots[self._pool], self.run.plan.step
        own = [k for k in range(self.run.plan.nodes) if not there.nodes[k].gone]
        idle = [k for k in own if there.nodes[k].n_running == 0]
        if len(idle) < step or len(own) <= step or not self._spares:
            return False
        row = self._spares.popleft()
        self._pilots.centre.open.split(self._row, row)
        self._leave(idle[-step:], row)
        self._release(row)
        return True

    def _leave(self, nodes: Sequence[int], row: int) -> None:
        """Take nodes out of the pool."""
        self._pilots.pool.shrink(self._pool, nodes, self._name(row))
        self._note()

    def _release(self, row: int) -> None:
        if self._pilots.centre.open.is_running(row):
            self._pilots.centre.open.release(row)

    def _name(self, row: int) -> str:
        return str(self._pilots.centre.table.job_id[row])

    def _started(self, row: int, now_s: float) -> None:
        """Start workers on the nodes of an expansion."""
        ready_s = now_s + self._pilots.costs.start_up_s(self.run.plan.step)
        self._pilots.centre.clock.call_at(ready_s, lambda _event: self._merge(row), NORMAL)

    def _merge(self, row: int) -> None:
        """Let the pilot take tasks on the nodes of an expansion, if it is still wanted."""
        if row == self._asked:
            self._asked = -1
            self._merged[row] = self._pilots.pool.grow(self._pool, self.run.plan.step, self._name(row))
            self._note()

    def _ended(self, row: int, _now_s: float, _killed: bool) -> None:
        """Take the nodes of an expansion that ended by itself out of the pool, with the tasks on them."""
        if row == self._asked:
            self._asked = -1
        nodes = self._merged.pop(row, None)
        if nodes is not None and self.run.state in ("RUNNING", "STARTING"):
            self._leave(nodes, row)

    def _note(self) -> None:
        self.run.sizes.append((self._pilots.centre.clock.now, self.n_nodes))
