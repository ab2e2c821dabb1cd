"""Puts the cut strategies that applications name into their workflows, which ask them when the cutting begins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qhpcsim.core.errors import CircuitError, QhpcsimError
from qhpcsim.core.workflow_records import Alternative, Bag, Calls, Choice, ClientWork, Work, Workflow
from qhpcsim.models.cutting_schedule import makespan_s
from qhpcsim.policies.cutting.named import strategy_named
from qhpcsim.policies.cutting.strategy import CutOption, CutStrategy, CutView
from qhpcsim.workloads.motifs.circuit_cutting import CircuitCuttingParams, CutLater, as_given, cuts_of
from qhpcsim.workloads.motifs.cut_ways import overhead, ways

_NO_LIMIT = 2.0**63
"""Memory of a worker as strategies see it: the device models refuse what does not fit."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What is predicted of a way to cut."""

    total_s: float
    feasible: str = ""
    """Why it cannot be run; empty: it can."""


def with_strategies(flow: Workflow, dispatch_s: float = 0.0, turnaround_s: float = 0.0) -> Workflow:
    """Return a workflow whose cuts ask the strategies that their parameters name.

    Args:
        flow: Of an application; other workflows are returned as they are.
        dispatch_s: Time the scheduler needs for each task, one at a time.
        turnaround_s: Between two tasks on a worker.

    Raises:
        QhpcsimError: if there is no such strategy.
    """
    for stage in flow.stages:
        if isinstance(stage.work, Choice):
            stage.work = Choice(tuple(_advised(each, dispatch_s, turnaround_s) for each in stage.work.alternatives))
    return flow


def _advised(each: Alternative, dispatch_s: float, turnaround_s: float) -> Alternative:
    make = each.make
    if not isinstance(make, CutLater) or not make.params.strategy:
        return each
    adviser = Adviser(strategy_named(make.params.strategy), make, dispatch_s, turnaround_s)
    return replace(each, make=replace(make, strategy=adviser))


@dataclass(frozen=True, slots=True)
class Adviser:
    """Asks a strategy how to cut, given the workers that are there when the cutting begins.

    Model: the options are those of ``cut_ways``, at one standard error. Each is predicted to take the client's stages
        one after the other and its tasks on the workers, each on the one that is free first; on QPUs, its jobs one
        after the other on the one that is fastest.
    Assumes: workers are free now and stay; the client's random factors are those that will be drawn.
    Not modelled: other applications' tasks; dearer QPU time; equal sub-experiments that need not run twice, which the
        motif does not know either.
    Source: list scheduling, R. L. Graham 1969, doi:10.1137/0117039.

    Args:
        strategy: Takes one of the options.
        later: What makes the workflow, as it was before it had a strategy.
        dispatch_s: Time the scheduler needs for each task, one at a time.
        turnaround_s: Between two tasks on a worker.
    """

    strategy: CutStrategy
    later: CutLater
    dispatch_s: float = 0.0
    turnaround_s: float = 0.0

    def __call__(self, params: CircuitCuttingParams, n_workers: int) -> CircuitCuttingParams:
        """Return the parameters that are cut with.

        Raises:
            CircuitError: if no way can be run; says why the whole circuit, or the widest cut, cannot.
        """
        offered = ways(params, self.later.whole)
        options = tuple(self._option(way, n_workers) for way in offered)
        if not any(_able(option) for option in options):
            raise CircuitError(_why_none(options), where="strategy")
        chosen = self.strategy.choose(CutView(params.n_qubits, n_workers, _NO_LIMIT, options))
        return self._finished(offered[chosen], n_workers)

    def _finished(self, way: CircuitCuttingParams, n_workers: int) -> CircuitCuttingParams:
        """Return a way with its sub-experiments in tasks as the motif wants them."""
        return self.later.strategy(way, n_workers) if way.is_cut else way

    def _option(self, way: CircuitCuttingParams, n_workers: int) -> CutOption:
        if not way.is_cut:
            return CutOption("no cut", (way.n_qubits,), predicted=self._foreseen(way, n_workers))
        cuts = cuts_of(way)
        n = cuts.n_experiments
        return CutOption(
            f"parts of {way.subcircuit_size}",
            cuts.widths,
            cuts.gate_cuts + cuts.wire_cuts,
            cuts.gate_cuts,
            cuts.wire_cuts,
            overhead(way),
            n,
            n,
            n,
            self._foreseen(way, n_workers),
        )

    def _foreseen(self, way: CircuitCuttingParams, n_workers: int) -> Foreseen:
        """Return when a way would be over that began now."""
        flow_of = replace(self.later, params=self._finished(way, n_workers), strategy=as_given)
        try:
            flow = flow_of(n_workers)
        except QhpcsimError as error:
            return Foreseen(math.inf, error.message)
        ends_s: list[float] = []
        for stage in flow.stages:
            start_s = max((ends_s[k] for k in stage.after), default=0.0)
            ends_s.append(start_s + self._work_s(stage.work, n_workers))
        return Foreseen(max(ends_s))

    def _work_s(self, work: Work, n_workers: int) -> float:
        if isinstance(work, ClientWork):
            return work.seconds
        if isinstance(work, Bag):
            tasks_s = (work.run_s if work.predicted_s is None else work.predicted_s).tolist()
            return max(makespan_s(tasks_s, n_workers, self.turnaround_s), self.dispatch_s * len(tasks_s))
        assert isinstance(work, Calls)
        times = work.qpu_s if work.predicted_s is None else work.predicted_s
        return float(times.reshape(len(times), -1).min(axis=1).sum())


def _able(option: CutOption) -> bool:
    return option.predicted is not None and not option.predicted.feasible


def _why_none(options: Sequence[CutOption]) -> str:
    reasons = [f"{each.name}: {each.predicted.feasible}" for each in options if each.predicted is not None]
    return f"no way to cut can be run ({'; '.join(reasons) or 'all take more than max_experiments'})"
