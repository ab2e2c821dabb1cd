"""What the circuits of a cut take on what runs them: CPU workers, GPUs, QPUs, or parts on several of these."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Protocol

import numpy as np

from qhpcsim.circuits.cut_work import CutRuns
from qhpcsim.core.errors import QhpcsimError
from qhpcsim.core.records import FloatArray
from qhpcsim.models.cpu_statevector import CpuStateVector
from qhpcsim.models.cutting_runs import cpu_counts, memory_broken, memory_bytes
from qhpcsim.models.cutting_schedule import batched_s, makespan_s
from qhpcsim.models.statevector import StateVectorModel

if TYPE_CHECKING:
    from qhpcsim.models.qpu import QpuModel

Runs = tuple[CutRuns, ...]


@dataclass(frozen=True, slots=True)
class Executed:
    """What running circuits takes."""

    seconds: float
    """Until the last one has ended; infinite if they cannot be run."""
    memory_bytes: float = 0.0
    qpu_s: float = 0.0
    """Sum over the jobs of a QPU."""
    money: float | None = None
    """None: the card has no prices."""
    log_low: float = 0.0
    """How far the time may lie below, as a logarithm, beside the error of the cutting card."""
    log_high: float = 0.0
    why_not: str = ""


class Device(Protocol):
    """What runs circuits."""

    def execute(self, runs: Runs) -> Executed:
        """Return what these circuits take when they start together."""


@dataclass(frozen=True)
class CpuWorkers:
    """Workers of one machine, each with one state at a time.

    Model:
        Circuit: run + run_gate · instructions + run_outcome · outcomes + run_shot · shots + the CPU card's time, its
        calls, its work on states and its shots each scaled. Batches as the pipeline packs them start longest first,
        each on the worker that is free first and after a hand-over; where ``n_contenders`` tasks or more run at once
        every circuit takes ``contention`` times as long, less where fewer do.
    Assumes:
        Warm workers that do nothing else; outcomes spread evenly.
    Not modelled:
        Lost workers, other users' load, transfers between machines.
    Source:
        ``qhpcsim calibrate cutting``; list scheduling: R. L. Graham, SIAM J. Appl. Math. 17 (1969),
        doi:10.1137/0117039.
    """

    name: str
    cpu: CpuStateVector
    prices: FloatArray
    """Of ``RUN_TERMS``."""
    workers: int
    hand_over_s: float
    contention: float
    n_contenders: int
    memory_bytes: float

    def execute(self, runs: Runs) -> Executed:
        """Return what these circuits take when they start together."""
        needed = memory_bytes(runs, self.workers, self.cpu.threads)
        widest = max((each.cost.n_active for each in runs), default=0)
        why_not = memory_broken(needed, self.memory_bytes, widest, self.name, self.workers)
        if why_not:
            return Executed(math.inf, needed, why_not=why_not)
        runs_s = cpu_counts(runs, self.cpu) @ self.prices
        if self.workers == 1:
            return Executed(float(runs_s.sum()), needed)
        work = np.concatenate([each.work for each in runs] or [np.zeros(0)])
        tasks_s = batched_s(runs_s, work, self.workers)
        slower = self._slower(min(self.workers, len(tasks_s)))
        return Executed(makespan_s([slower * task_s for task_s in tasks_s], self.workers, self.hand_over_s), needed)

    def _slower(self, n_at_once: int) -> float:
        """Return how much longer circuits take where so many tasks run at once."""
        if self.n_contenders < 2 or n_at_once < 2:
            return 1.0
        return 1.0 + (self.contention - 1.0) * min(1.0, (n_at_once - 1) / (self.n_contenders - 1))


@dataclass(frozen=True)
class Gpus:
    """Equal GPUs, each with a worker of the machine beside it.

    Model: the GPU card's time of each circuit, and the machine's for reading it and sorting its counts.
    Assumes: one circuit at a time on each GPU.
    Not modelled: sampling, which the GPU cards do not know either; the machine's batches.
    Source: the card of the GPU.
    """

    model: StateVectorModel
    host_prices: FloatArray
    """Of ``RUN_TERMS``, the CPU's work on states left out."""
    cpu: CpuStateVector
    workers: int
    hand_over_s: float

    def execute(self, runs: Runs) -> Executed:
        """Return what these circuits take when they start together."""
        host_s = cpu_counts(runs, self.cpu) @ self.host_prices
        tasks = np.zeros(0)
        high = needed = 0.0
        try:
            for each in runs:
                shots, which = np.unique(each.shots, return_inverse=True)
                found = [self.model.predict(replace(each.cost, shots=int(n))) for n in shots]
                tasks = np.append(tasks, np.array([one.median_s for one in found])[which.reshape(-1)])
                needed = max(needed, *(one.memory_bytes for one in found))
                high = max(high, *(math.log(one.p95_s / one.median_s) for one in found))
        except QhpcsimError as error:
            return Executed(math.inf, why_not=error.message)
        together = sorted((tasks + host_s).tolist(), reverse=True)
        hand_over_s = self.hand_over_s if self.workers > 1 else 0.0
        return Executed(makespan_s(together, self.workers, hand_over_s), needed * self.workers, 0.0, None, high, high)


@dataclass(frozen=True)
class Qpus:
    """Equal QPUs: a job for each kind of circuit, with the mean of its shots.

    Model: the QPU card's service time of each job, longest first on the QPU that is free first.
    Assumes: nobody else queues; circuits are compiled for the device at its usual level; every run is of the
        pipeline's form, with measurements deferred where a simulator would.
    Not modelled: noise, which moves the value and not its standard error; queues.
    Source: the card of the QPU.
    """

    name: str
    workers: int

    @cached_property
    def model(self) -> QpuModel:
        """The QPU."""
        from qhpcsim.models.qpu import open_qpu

        return open_qpu(self.name)

    def execute(self, runs: Runs) -> Executed:
        """Return what these circuits take when they start together."""
        from qhpcsim.circuits.transpile import device_features
        from qhpcsim.models.qpu_circuits import CircuitReader
        from qhpcsim.models.qpu_price import card_prices, job_price

        if not runs:
            return Executed(0.0)
        try:
            reader = CircuitReader(self.model)
            features = [device_features(each.circuit, reader.device, where=f"part {each.part}") for each in runs]
            copies, shots, repeats = self._split(runs)
            request = reader.request([features[i] for i in repeats], shots, copies)
            self.model.refuse(request, self.name)
            found = self.model.predict(request)
        except QhpcsimError as error:
            return Executed(math.inf, why_not=error.message)
        prices = card_prices(self.model.card)
        money = None if prices is None else float(job_price(prices, request, found.median_s).sum())
        total_s = float(found.median_s.sum())
        low, high = (abs(math.log(float(each.sum()) / total_s)) for each in (found.p5_s, found.p95_s))
        seconds = makespan_s(sorted(found.median_s.tolist(), reverse=True), self.workers)
        return Executed(seconds, 0.0, total_s, money, low, high)

    def _split(self, runs: Runs) -> tuple[list[float], list[float], list[int]]:
        """Return circuits and shots of each job within the device's limits, and the kind of circuit that it runs."""
        most = self.model.number("max_circuits", math.inf)
        most_shots = self.model.number("max_shots", math.inf)
        copies, shots, kinds = list[float](), list[float](), list[int]()
        for i, each in enumerate(runs):
            mean = float(each.shots.mean())
            times = max(1, math.ceil(mean / most_shots))
            left = each.n_runs
            while left > 0:
                taken = min(left, most)
                copies += [float(taken)] * times
                shots += [float(math.ceil(mean / times))] * times
                kinds += [i] * times
                left -= int(taken)
        return copies, shots, kinds


@dataclass(frozen=True)
class Mixed:
    """Several devices at once: every part of the cut runs on one of them, in the way that ends first.

    Model: the best of all ways to give the parts to the devices; the devices work side by side.
    Assumes: parts are not divided.
    Not modelled: transfers.
    Source: exhaustive search.
    """

    devices: Sequence[Device]

    def execute(self, runs: Runs) -> Executed:
        """Return what these circuits take when they start together."""
        parts = sorted({each.part for each in runs})
        of = {
            (d, chosen): device.execute(tuple(each for each in runs if each.part in chosen))
            for d, device in enumerate(self.devices)
            for chosen in _subsets(parts)
        }
        best: Executed | None = None
        for places in product(range(len(self.devices)), repeat=len(parts)):
            sets = [tuple(p for p, at in zip(parts, places, strict=True) if at == d) for d in range(len(self.devices))]
            found = _together([of[d, chosen] for d, chosen in enumerate(sets) if chosen])
            if best is None or found.seconds < best.seconds:
                best = found
        return best or Executed(0.0)


def _subsets(parts: Sequence[int]) -> list[tuple[int, ...]]:
    return [tuple(p for i, p in enumerate(parts) if mask >> i & 1) for mask in range(1, 1 << len(parts))]


def _together(found: Sequence[Executed]) -> Executed:
    """Return what devices take that work side by side."""
    prices = [each.money for each in found if each.money is not None]
    return Executed(
        max((each.seconds for each in found), default=0.0),
        sum(each.memory_bytes for each in found),
        sum(each.qpu_s for each in found),
        sum(prices) if prices else None,
        max((each.log_low for each in found), default=0.0),
        max((each.log_high for each in found), default=0.0),
        "; ".join(each.why_not for each in found if each.why_not),
    )
