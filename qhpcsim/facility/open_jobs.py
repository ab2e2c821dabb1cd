"""Batch jobs that are submitted, ended, cancelled and tied together while the simulation runs.

Hybrid jobs, pilots and the pieces that malleable jobs give back are rows of the job table like any other, so every
queue order and scheduling rule treats them alike; only their submission and their end come from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from qhpcsim.core.errors import InvariantError
from qhpcsim.core.records import FloatArray, IntArray
from qhpcsim.facility.batch_system import BatchSystem
from qhpcsim.facility.clock import Clock

NORMAL = 1
"""SimPy priority of what follows a start or an end: before the next batch pass of the same instant."""

Started = Callable[[int, float], None]
Ended = Callable[[int, float, bool], None]


@dataclass(slots=True)
class _Watch:
    """Who is told about an open job, and its het job's other components."""

    on_start: Started | None
    on_end: Ended | None
    group: tuple[int, ...]
    released: bool = False


class OpenJobs:
    """The open rows of a job table, spread over the partitions' batch systems.

    Model: an open job holds its nodes from its start until ``release``, or until its walltime or the failure of one of
        its nodes, which kill it; it never goes back into the queue by itself. A het job's components wait in the
        queues of their partitions; they start together at the first instant at which the rule of every component's
        partition chooses it. The nodes of a component that was chosen before that are lent, where the rule backfills,
        to waiting jobs that are expected to end before the others can start.
    Assumes: nodes released at an instant are free for the batch pass of that instant.
    Not modelled: future reservations across partitions for het jobs (Slurm's backfill plans them).
    Source: https://slurm.schedmd.com/heterogeneous_jobs.html

    Args:
        clock: The facility's clock.
        systems: Batch system of each partition, semantics ``batch``.
        home: (n,) partition index of each row.
        rows: Rows that are open, ascending, behind all others; they share the table's arrays with the systems.
        submit_s: (n,) the table's submission times; written when an open job is submitted.
    """

    def __init__(
        self, clock: Clock, systems: Sequence[BatchSystem], home: IntArray, rows: range, submit_s: FloatArray
    ) -> None:
        self.clock, self.systems, self.rows = clock, systems, rows
        self.end_s: dict[int, float] = {}
        """Job -> when it left its nodes."""
        self.killed: set[int] = set()
        """Jobs that reached their walltime."""
        self.lost: set[int] = set()
        """Jobs that ended because a node of theirs went away."""
        self.cancelled: set[int] = set()
        """Jobs that were taken out of the queue."""
        self._home: list[int] = home.tolist()
        self._submit_s = submit_s
        self._watch: dict[int, _Watch] = {}
        self._chosen: dict[int, float] = {}
        """Component of a het job -> the last instant at which its partition's rule chose it."""
        self._asked: dict[int, float] = {}
        for system in systems:
            system.open_for(self)

    def submit(self, job: int, on_start: Started | None = None, on_end: Ended | None = None) -> None:
        """Put a job into its partition's queue now.

        Args:
            job: Row of the table, submitted once.
            on_start: Called with (job, time) when it has its nodes.
            on_end: Called with (job, time, killed) when it has left them; killed: at its walltime, or because one of
                them went away.
        """
        self.submit_het([job], on_start, on_end)

    def submit_het(
        self,
        jobs: Sequence[int],
        on_start: Started | None = None,
        on_end: Ended | None = None,
        aged_s: float | None = None,
    ) -> None:
        """Put the components of a het job into their queues now: all start together or none does.

        Args:
            jobs: Rows of the table.
            on_start: As in ``submit``; called once for each component.
            on_end: The same.
            aged_s: Where they stand in a first-come queue: as if submitted then; None: now.
        """
        group = tuple(jobs) if len(jobs) > 1 else ()
        for job in group:
            self._system_of(job).check_het()
        now_s = self.clock.now
        for job in jobs:
            if job not in self.rows or job in self._watch:
                raise InvariantError(f"t = {now_s} s: row {job} cannot be submitted")
            self._watch[job] = _Watch(on_start, on_end, group)
            system = self._system_of(job)
            self._submit_s[job] = system.state.submit_s[job] = now_s
            system.arrive(job, now_s, now_s if aged_s is None else aged_s)

    def release(self, job: int) -> None:
        """Let a running job give its nodes back now.

        Raises:
            InvariantError: if it does not run.
        """
        if not self.is_running(job):
            raise InvariantError(f"t = {self.clock.now} s: row {job} does not run and cannot be released")
        self._watch[job].released = True
        self._system_of(job).end_now(job)

    def check_split(self, job: int) -> None:
        """Raise ``ConfigError`` if running jobs cannot be split where this one would run."""
        self._system_of(job).check_split()

    def split(self, job: int, part: int, on_end: Ended | None = None) -> None:
        """Make some nodes of a running job a job of their own, which can be released by itself.

        Args:
            job: The running job.
            part: A row that was never submitted; takes over as many nodes as it asks for.
            on_end: As in ``submit``, for ``part``.

        Raises:
            InvariantError: if ``job`` does not run, or has no node to spare, or ``part`` was submitted.
        """
        system, now_s = self._system_of(job), self.clock.now
        nodes = system.state.nodes
        if not self.is_running(job) or part in self._watch or part not in self.rows or nodes[part] >= nodes[job]:
            raise InvariantError(f"t = {now_s} s: row {job} cannot be split into itself and row {part}")
        self._watch[part] = _Watch(None, on_end, ())
        self._submit_s[part] = system.state.submit_s[part] = self._submit_s[job]
        system.split(job, part)

    def cancel(self, job: int) -> None:
        """Take a job out of the queue, or off its nodes if it runs; ``on_end`` hears of the latter only."""
        if self.is_running(job):
            self.release(job)
        elif job not in self.end_s and job not in self.cancelled:
            self.cancelled.add(job)
            self._system_of(job).withdraw(job)

    def is_running(self, job: int) -> bool:
        """Return whether a job has its nodes now."""
        start_s = self._system_of(job).state.start_s[job]
        return start_s == start_s and job not in self.end_s

    def started(self, job: int, now_s: float) -> None:
        """Note a start; called by the batch systems for open rows."""
        self._chosen.pop(job, None)
        hook = self._watch[job].on_start
        if hook is not None:
            self.clock.call_at(now_s, lambda _event: hook(job, now_s), NORMAL)

    def ended(self, job: int, now_s: float, lost: bool = False) -> None:
        """Note an end; called by the batch systems for open rows.

        Args:
            job: The row.
            now_s: The time.
            lost: One of its nodes went away: an end like that at the walltime.
        """
        self.end_s[job] = now_s
        watch = self._watch[job]
        killed = lost or not watch.released
        if killed:
            (self.lost if lost else self.killed).add(job)
        hook = watch.on_end
        if hook is not None:
            self.clock.call_at(now_s, lambda _event: hook(job, now_s, killed), NORMAL)

    def admit(self, system: BatchSystem, starts: Sequence[int]) -> list[int]:
        """Return which of the chosen jobs may start: components of het jobs wait for each other.

        Args:
            system: Batch system that makes the pass.
            starts: Jobs that its rule chose.
        """
        now_s = system.state.now_s
        groups = {job: self._watch[job].group for job in starts if job in self._watch and self._watch[job].group}
        if not groups:
            return list(starts)
        self._chosen.update(dict.fromkeys(groups, now_s))
        start: dict[tuple[int, ...], bool] = {}
        for group in groups.values():  # one after the other: what one takes elsewhere, the next cannot have
            if group not in start:
                start[group] = self._all_fit(system, group, now_s)
                if start[group]:
                    self._start_elsewhere(system, group, now_s)
                else:
                    self._ask_others(system, group, now_s)
        held = [job for job, group in groups.items() if not start[group]]
        allowed = [job for job in starts if job not in held]
        if held and getattr(system.rule, "overtakes", False):
            allowed += self._borrowers(system, starts, held, now_s)
        return allowed

    def _borrowers(self, system: BatchSystem, starts: Sequence[int], held: Sequence[int], now_s: float) -> list[int]:
        """Return waiting jobs that fit on the nodes of held components and end before these are needed."""
        state = system.state
        free = sum(state.nodes[job] for job in held)
        until_s = min(min(self._ready_s(job, now_s), now_s + state.est_s[job]) for job in held)
        until_s = min([until_s, *(from_s for from_s, _, _ in getattr(state, "windows", ()))])
        found = []
        for job in state.queue:
            alone = job not in starts and not (job in self._watch and self._watch[job].group)
            if alone and state.nodes[job] <= free and now_s + state.est_s[job] <= until_s:
                free -= state.nodes[job]
                found.append(job)
        return found

    def _ready_s(self, job: int, now_s: float) -> float:
        """Return the earliest time at which the other components of a held one may find their nodes."""
        ready_s = now_s
        for other in self._watch[job].group:
            state = self._system_of(other).state
            if state.nodes[other] > state.free_nodes:
                ready_s = max(ready_s, state.shadow(state.nodes[other], state.free_nodes)[0])
        return ready_s

    def _all_fit(self, here: BatchSystem, group: tuple[int, ...], now_s: float) -> bool:
        """Return whether every component was chosen at this instant and its nodes are still free."""
        need: dict[int, int] = {}
        for job in group:
            if self._chosen.get(job) != now_s:
                return False
            home = self._home[job]
            need[home] = need.get(home, 0) + self.systems[home].state.nodes[job]
        others = {home: n for home, n in need.items() if self.systems[home] is not here}
        return all(n <= self.systems[home].state.free_nodes for home, n in others.items())

    def _ask_others(self, here: BatchSystem, group: tuple[int, ...], now_s: float) -> None:
        """Have the partitions of the components that were not chosen yet make a pass at this instant, once."""
        here.reconsider()
        for job in group:
            system = self._system_of(job)
            if system is not here and self._chosen.get(job) != now_s and self._asked.get(job) != now_s:
                self._asked[job] = now_s
                system.reconsider()
                system.poke()

    def _start_elsewhere(self, here: BatchSystem, group: tuple[int, ...], now_s: float) -> None:
        """Start the components that wait in other partitions."""
        for job in group:
            system = self._system_of(job)
            if system is not here and not self.is_running(job):
                system.start_chosen(job, now_s)

    def _system_of(self, job: int) -> BatchSystem:
        return self.systems[self._home[job]]

    def times(self, start_s: FloatArray) -> tuple[FloatArray, IntArray]:
        """Return (n,) end times of open rows, NaN elsewhere, and the rows that were ever submitted, ascending."""
        end_s = np.full(len(start_s), np.nan)
        for job, time_s in self.end_s.items():
            end_s[job] = time_s
        return end_s, np.array(sorted(self._watch), dtype=np.int32)
