"""Puts the cut strategies that applications name into their workflows, which ask them when the cutting begins."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from qhpcsim.core.errors import CircuitError, QhpcsimError
from qhpcsim.core.workflow_records import Alternative, Bag, Calls, Choice, ClientWork, Work, Workflow
from qhpcsim.middleware.pool_costs import PoolCosts
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


def with_strategies(flow: Workflow, costs: PoolCosts | None = None) -> Workflow:
    """Return a workflow whose cuts ask the strategies that their parameters name.

    Args:
        flow: Of an application; other workflows are returned as they are.
        costs: Of the pool that its tasks go to; None: none.

    Raises:
        QhpcsimError: if there is no such strategy.
    """
    for stage in flow.stages:
        if isinstance(stage.work, Choice):
            stage.work = Choice(tuple(_advised(each, costs or PoolCosts()) for each in stage.work.alternatives))
    return flow


def _advised(each: Alternative, costs: PoolCosts) -> Alternative:
    make = each.make
    if not isinstance(make, CutLater) or not make.params.strategy:
        return each
    adviser = Adviser(strategy_named(make.params.strategy), make, costs)
    return replace(each, make=replace(make, strategy=adviser))


def looking_ahead(each: Alternative, completion_s: Callable[[Workflow], float]) -> Alternative:
    """Return an alternative whose strategy, if it has one that reads the queue, is told when each way would be over.

    Args:
        each: Of a stage that begins now.
        completion_s: Workflow -> seconds until it would be over behind what others wait for.
    """
    make = each.make
    if not isinstance(make, CutLater) or not isinstance(make.strategy, Adviser):
        return each
    if not make.strategy.strategy.reads_queue:
        return each
    return replace(each, make=replace(make, strategy=replace(make.strategy, completion_s=completion_s)))


@dataclass(frozen=True, slots=True)
class Adviser:
    """Asks a strategy how to cut, given the workers that are there when the cutting begins.

    Model: the options are those of ``cut_ways``, at one standard error. Each is predicted to take the client's stages
        one after the other and its tasks on the workers, each on the one that is free first; on QPUs, its jobs one
        after the other on the one that is fastest. Strategies that read the queue are also told when it would be over
        behind what others wait for, as placement policies are.
    Assumes: workers are free now and stay; the client's random factors are those that will be drawn.
    Not modelled: dearer QPU time; noise of QPUs; equal sub-experiments that need not run twice, which the motif does
        not know either.
    Source: list scheduling, R. L. Graham 1969, doi:10.1137/0117039.

    Args:
        strategy: Takes one of the options.
        later: What makes the workflow, as it was before it had a strategy.
        costs: Of the pool.
        completion_s: Workflow -> seconds until it would be over if it began now; None: nobody looks.
    """

    strategy: CutStrategy
    later: CutLater
    costs: PoolCosts = PoolCosts()  # noqa: RUF009
    completion_s: Callable[[Workflow], float] | None = None

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
        predicted, completion_s = self._foreseen(way, n_workers)
        if not way.is_cut:
            return CutOption("no cut", (way.n_qubits,), predicted=predicted, completion_s=completion_s)
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
            predicted,
            completion_s=completion_s,
        )

    def _foreseen(self, way: CircuitCuttingParams, n_workers: int) -> tuple[Foreseen, float | None]:
        """Return when a way would be over that began now: on free workers, and behind what others wait for."""
        flow_of = replace(self.later, params=self._finished(way, n_workers), strategy=as_given)
        try:
            flow = flow_of(n_workers)
        except QhpcsimError as error:
            return Foreseen(math.inf, error.message), None
        ends_s: list[float] = []
        for stage in flow.stages:
            start_s = max((ends_s[k] for k in stage.after), default=0.0)
            ends_s.append(start_s + self._work_s(stage.work, n_workers))
        return Foreseen(max(ends_s)), None if self.completion_s is None else self.completion_s(flow)

    def _work_s(self, work: Work, n_workers: int) -> float:
        if isinstance(work, ClientWork):
            return work.seconds
        if isinstance(work, Bag):
            tasks_s = work.run_s if work.predicted_s is None else work.predicted_s
            held_s = (tasks_s + self.costs.own_start_s(work.need)).tolist()
            return max(makespan_s(held_s, n_workers, self.costs.turnaround_s), self.costs.dispatch_s * len(held_s))
        assert isinstance(work, Calls)
        times = work.qpu_s if work.predicted_s is None else work.predicted_s
        return float(times.reshape(len(times), -1).min(axis=1).sum())


def _able(option: CutOption) -> bool:
    return option.predicted is not None and not option.predicted.feasible


def _why_none(options: Sequence[CutOption]) -> str:
    reasons = [f"{each.name}: {each.predicted.feasible}" for each in options if each.predicted is not None]
    return f"no way to cut can be run ({'; '.join(reasons) or 'all take more than max_experiments'})"
