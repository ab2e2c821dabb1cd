"""Calibrates the model of cutting on this machine: measures designed cuts with one worker, then what workers add."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qhpcsim.circuits.cut_candidate import CutCandidate
from qhpcsim.circuits.cut_work import CutWork, cut_work
from qhpcsim.circuits.cuts import plan
from qhpcsim.core.errors import CardError
from qhpcsim.execution.aer import warm_up
from qhpcsim.execution.cutting import run_cut
from qhpcsim.execution.cutting_design import Shape, request, shapes
from qhpcsim.execution.cutting_outcome import CutOutcome
from qhpcsim.execution.cutting_rows import CutRow
from qhpcsim.execution.cutting_work import run_batch
from qhpcsim.execution.engine import Engine, open_engine
from qhpcsim.execution.host import Host, this_host
from qhpcsim.execution.task import Task
from qhpcsim.execution.undisturbed import undisturbed_s, usual_idle_s
from qhpcsim.models.cpu_statevector import CpuStateVector
from qhpcsim.models.cutting_fit import CutFit, CutTimings, fit
from qhpcsim.models.cutting_runs import cpu_counts
from qhpcsim.models.cutting_terms import PHASES, SCALED, counts

N_MIN = 30
"""Fewest measured candidates from which a card is made."""
LONG_S = 2.5
"""Candidates thought to take longer are not measured."""
MIN_ROUNDS = 3
MAX_ROUNDS = 60
_SHARE = 4.0
"""How often all candidates should fit into the budget."""
_MOST_OF_ONE = 4
"""Most candidates of one circuit."""
_VISIT_S, _N_VISIT = 0.06, 4
"""Short candidates run again within a round until so much time is spent on them, or so often."""
_N_EXCHANGES = 200
_N_CONTENDED, _N_TURNS = 9, 5
_WORKERS_SHARE = 0.1
"""Part of the budget for what workers add."""

Progress = Callable[[float], None]


@dataclass(slots=True)
class _Timed:
    """A candidate and its runs."""

    shape: Shape
    candidate: CutCandidate
    work: CutWork
    numbers: Any
    expected_s: float
    wall_s: list[list[float]] = field(default_factory=list)
    cpu_s: list[list[float]] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    """Wall less processor time of the circuits of each run, a circuit."""


@dataclass(frozen=True, slots=True)
class WorkersAdd:
    """What several workers add to the time of their tasks."""

    hand_over_s: float
    contention: float
    n_workers: int


@dataclass(frozen=True, slots=True)
class CutCalibration:
    """A fit and what it was made from."""

    rows: list[CutRow]
    fit: CutFit
    workers: WorkersAdd
    host: Host
    cpu_card: str

    @property
    def busy_ratio(self) -> float:
        """Median over candidates of the median run over the shortest one: 1 on a quiet machine."""
        return float(np.median([row.busy_ratio for row in self.rows]))


def calibrate_cutting(
    budget_s: float, cpu: CpuStateVector, seed: int = 0, progress: Progress | None = None
) -> CutCalibration:
    """Return the calibration of this machine after measuring for about ``budget_s``.

    Args:
        budget_s: Time to spend; planning what to measure takes some more.
        cpu: Card of this machine's CPU, or of one that differs from it by a factor for each kind of work.
        seed: Decides circuits and shots.
        progress: Takes the fraction done.

    Raises:
        CardError: if too little fits into the budget.
    """
    timed = _planned(budget_s, cpu, seed)
    if len(timed) < N_MIN:
        hint = "give it a larger --budget"
        raise CardError(f"{len(timed)} cuts fit", where="calibrate cutting", allowed=f"{N_MIN} or more", hint=hint)
    with open_engine("serial", workers=1, warm_up=warm_up) as engine:
        _measure(timed, budget_s * (1.0 - _WORKERS_SHARE), seed, engine, progress)
    rows = _rows(timed, cpu.name)
    return fitted(rows, workers_add(timed, seed), this_host(), cpu.name, seed)


def fitted(rows: list[CutRow], workers: WorkersAdd, host: Host, cpu_card: str, seed: int = 0) -> CutCalibration:
    """Return the calibration that measured rows give.

    Raises:
        CardError: if there are too few rows, or they were counted with another CPU card.
    """
    if len(rows) < N_MIN:
        raise CardError(f"{len(rows)} measured cuts", where="calibrate cutting", allowed=f"{N_MIN} or more")
    other = sorted({row.cpu_card for row in rows} - {cpu_card})
    if other:
        raise CardError(f"rows counted with {', '.join(other)}", where="calibrate cutting", allowed=cpu_card)
    return CutCalibration(rows, fit(timings(rows), seed), workers, host, cpu_card)


def timings(rows: Sequence[CutRow]) -> CutTimings:
    """Return rows as a fit takes them."""
    return CutTimings(
        np.array([row.counts for row in rows]),
        np.array([row.phases_s for row in rows]),
        [row.family for row in rows],
        [row.problem for row in rows],
    )


def _planned(budget_s: float, cpu: CpuStateVector, seed: int) -> list[_Timed]:
    """Return candidates of all shapes that fit into the budget, the longest left out first."""
    found = []
    for shape in shapes(seed):
        for candidate in plan(request(shape)).candidates[:_MOST_OF_ONE]:
            work = cut_work(candidate)
            numbers = cpu_counts(work.runs, cpu)
            expected_s = float(numbers[:, SCALED].sum()) + 0.02 + 0.002 * work.n_runs
            found.append(_Timed(shape, candidate, work, numbers, expected_s))
    found.sort(key=lambda each: (each.expected_s, each.shape.name, each.candidate.name))
    total_s = 0.0
    for n, each in enumerate(found):
        total_s += max(each.expected_s, _VISIT_S)
        if each.expected_s > LONG_S or total_s * _SHARE > budget_s:
            return found[:n]
    return found


def _measure(timed: Sequence[_Timed], budget_s: float, seed: int, engine: Engine, progress: Progress | None) -> None:
    """Run all candidates in rounds until the budget is spent; the first run of each is not counted."""
    began_s = time.monotonic()
    for turn in range(MAX_ROUNDS):
        for i, each in enumerate(timed):
            n_visit = max(1, min(_N_VISIT, round(_VISIT_S / each.expected_s)))
            for again in range(n_visit + (turn == 0)):
                _run(each, seed + turn * _N_VISIT + again, engine, counted=turn > 0 or again > 0)
            spent = (time.monotonic() - began_s) / budget_s
            if progress is not None:
                progress(min(1.0, (turn + (i + 1) / len(timed)) / MIN_ROUNDS, spent))
            if spent >= 1.0 and turn >= MIN_ROUNDS:
                return
        if spent >= 1.0 and turn + 1 >= MIN_ROUNDS:
            return


def _run(each: _Timed, seed: int, engine: Engine, counted: bool) -> None:
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    problem = each.candidate.problem()
    made_s, made_cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    found = run_cut(problem, total_shots=each.work.n_shots, seed=seed, engine=engine)
    if not counted:
        return
    each.wall_s.append([made_s + found.phases[0].wall_s, *(phase.wall_s for phase in found.phases[1:])])
    each.cpu_s.append([made_cpu_s + found.phases[0].cpu_s, *(phase.cpu_s for phase in found.phases[1:])])
    waits = [max(0.0, one.seconds - one.cpu_s) for one in found.experiments]
    each.waits_s.append(sum(waits) / max(1, len(waits)))


def _circuits_cpu_s(found: CutOutcome) -> float:
    return sum(one.cpu_s for one in found.experiments)


def _rows(timed: Sequence[_Timed], cpu_card: str) -> list[CutRow]:
    """Return each candidate with the undisturbed time of each of its phases."""
    idle_s = usual_idle_s([min(each.waits_s) for each in timed])
    return [_row(each, idle_s, cpu_card) for each in timed]


def _row(each: _Timed, idle_s: float, cpu_card: str) -> CutRow:
    wall_s, cpu_s = np.array(each.wall_s), np.array(each.cpu_s)
    waits = [idle_s * each.work.n_runs if phase == "execute" else 0.0 for phase in PHASES]
    phases_s = [
        undisturbed_s(wall_s[:, p].tolist(), cpu_s[:, p].tolist(), waits[p], threads=1) for p in range(len(PHASES))
    ]
    whole_s = wall_s.sum(axis=1)
    return CutRow(
        problem=each.shape.name,
        family=each.shape.family,
        candidate=each.candidate.name,
        cpu_card=cpu_card,
        n_qubits=each.candidate.layout.circuit.n_qubits,
        n_parts=each.candidate.n_parts,
        n_cuts=each.candidate.n_cuts,
        n_sub=max(each.candidate.widths),
        n_experiments=each.candidate.n_experiments,
        n_active=each.work.widest,
        n_runs=each.work.n_runs,
        n_shots=each.work.n_shots,
        n_repeats=len(wall_s),
        busy_ratio=float(np.median(whole_s) / whole_s.min()),
        phases_s=np.maximum(phases_s, 1e-7),
        counts=counts(each.work, each.numbers),
    )


def workers_add(timed: Sequence[_Timed], seed: int = 0, n_workers: int = 2) -> WorkersAdd:
    """Return what workers on several cores add: the least time of handing over nothing, and slower circuits."""
    busy = [each for each in timed if each.work.n_runs >= 8 and 0.05 < each.expected_s < 1.0]
    chosen = busy[:: max(1, len(busy) // _N_CONTENDED)][:_N_CONTENDED]
    with (
        open_engine("serial", workers=1, warm_up=warm_up) as alone,
        open_engine("processes", workers=n_workers, warm_up=warm_up) as together,
    ):
        waits_s = [_exchange_s(together, number) for number in range(_N_EXCHANGES)]
        ratios = [_contention(each, alone, together, seed) for each in chosen]
    return WorkersAdd(min(waits_s), max(1.0, float(np.median(ratios))) if ratios else 1.0, n_workers)


def _contention(each: _Timed, alone: Engine, together: Engine, seed: int) -> float:
    """Return the processor time of a candidate's circuits on several workers over that on one.

    Of processor times, so that other work on the machine counts only where it shares a core; in turns and with as many
    runs of either, as the speed of a shared machine drifts.
    """
    least_s = {alone: np.inf, together: np.inf}
    for again in range(_N_TURNS):
        problem = each.candidate.problem()
        for engine in least_s:
            found = run_cut(problem, engine=engine, total_shots=each.work.n_shots, seed=seed + again)
            least_s[engine] = min(least_s[engine], _circuits_cpu_s(found))
    return float(least_s[together] / least_s[alone])


def _exchange_s(engine: Engine, number: int) -> float:
    """Return the time until an empty batch is back."""
    began_s = time.perf_counter()
    list(engine.map_unordered([Task(f"nothing/{number}", run_batch, ((),))]))
    return time.perf_counter() - began_s
