"""Couplings that give nodes back while QPU calls wait and run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qhpcsim.core.hybrid_records import HybridJob
from qhpcsim.core.registry import register
from qhpcsim.policies.coupling.actions import Action, Call, Compute, Coupling, Part, Pause, Release, Start
from qhpcsim.policies.coupling.params import MalleableParams, SplitParams
from qhpcsim.scenario import CouplingParams


@register(
    "coupling",
    "split",
    summary="every classical phase is a batch job of its own, chained by dependencies",
    source="QStone's pre/run/post split; StreamFlow workflows in arXiv:2508.04217",
    params=SplitParams,
)
class Split(Coupling):
    """One batch job a classical phase, one QPU job a call.

    Model: each piece is submitted when what it depends on has ended (Slurm ``afterok``) and queues anew; a piece
        needs ``launch_s`` and its phase.
    Assumes: data between the pieces costs nothing but the launch.
    Not modelled: priority by age that a dependent job gains while it is held.
    Source: QStone 0.4.1; arXiv:2508.04217 (workflow mode).
    """

    def __init__(self, params: CouplingParams) -> None:
        self.params: SplitParams = params if isinstance(params, SplitParams) else SplitParams()

    def steps(self, job: HybridJob) -> Iterator[Action]:
        """Yield what the job does, in order."""
        launch_s, factor = self.params.launch_s, self.params.walltime_factor
        for k in range(job.n_calls + 1):
            length_s = job.phase_s(k)
            if length_s > 0:
                name = f"phase{k}"
                yield Start((Part(name, job.nodes, max(1.0, factor * (launch_s + length_s))),))
                yield Pause(launch_s, "launch")
                yield Compute(k)
                yield Release(name)
            if k < job.n_calls:
                yield Call(k)


@register(
    "coupling",
    "malleable",
    summary="gives back all but min_nodes while a QPU call waits and runs, and takes them again",
    source="DMR malleability, arXiv:2508.04217, arXiv:2604.14955",
    params=MalleableParams,
)
class Malleable(Coupling):
    """Shrinks for every QPU call and grows for every classical phase.

    Model: ``min_nodes`` from first to last; the others are a batch job for each phase, submitted when the call has
        ended. A resize takes ``resize_s`` with all nodes held. A job begins only while every job that has begun can
        still grow once the others have shrunk; else they would wait for each other forever.
    Assumes: a phase needs all nodes; shrinking is free.
    Not modelled: phases that go on with fewer nodes. Under a queue order other than first come, jobs that have not
        begun may go before one that grows.
    Source: arXiv:2604.14955; Slurm's expansion by a dependent job.
    """

    def __init__(self, params: CouplingParams) -> None:
        self.params: MalleableParams = params if isinstance(params, MalleableParams) else MalleableParams()

    def steps(self, job: HybridJob) -> Iterator[Action]:
        """Yield what the job does, in order."""
        resize_s, factor = self.params.resize_s, self.params.walltime_factor
        kept = min(job.min_nodes, job.nodes)
        if kept < 1:
            yield from Split(SplitParams(launch_s=resize_s, walltime_factor=factor)).steps(job)
            return
        extra = job.nodes - kept
        base = Part("kept", kept, job.walltime_s)
        for k in range(job.n_calls + 1):
            length_s = job.phase_s(k)
            if k == 0 or length_s > 0:
                more = (Part(f"extra{k}", extra, max(1.0, factor * (resize_s + length_s))),) if extra else ()
                parts = (base, *more) if k == 0 else more
                if parts:
                    yield Start(parts, aged=True)
                if k > 0:
                    yield Pause(resize_s)
                yield Compute(k)
                if extra:
                    yield Release(f"extra{k}")
            if k < job.n_calls:
                yield Call(k)
        yield Release("kept")

    def admits(self, job: HybridJob, admitted: Sequence[HybridJob], n_nodes: int) -> bool:
        """Return whether all jobs could keep their least nodes while any one of them grows."""
        jobs = [*admitted, job]
        kept = [min(each.min_nodes, each.nodes) for each in jobs]
        return sum(kept) + max(each.nodes - least for each, least in zip(jobs, kept, strict=True)) <= n_nodes
