"""Couplings that keep the classical nodes from the first phase to the last."""

from __future__ import annotations

from collections.abc import Iterator

from qhpcsim.core.hybrid_records import HybridJob
from qhpcsim.core.registry import register
from qhpcsim.policies.coupling.actions import TOKENS, Action, Call, Compute, Coupling, OpenSession, Part, Release, Start
from qhpcsim.policies.coupling.params import TokenParams
from qhpcsim.scenario import CouplingParams


def nodes_of(job: HybridJob) -> Part:
    """Return all nodes of a job, for all of its life."""
    return Part("nodes", job.nodes, job.walltime_s)


def loop(job: HybridJob, *, owned: bool = False, session: bool = False) -> Iterator[Action]:
    """Yield the phases and calls of a job that has what it needs."""
    for k in range(job.n_calls):
        yield Compute(k)
        yield Call(k, owned=owned, session=session)
    yield Compute(job.n_calls)


@register(
    "coupling",
    "hold",
    summary="keeps its nodes while its calls wait in the QPU's own queue",
    source="double waiting as in Slurm with a cloud QPU",
    params=CouplingParams,
)
class Hold(Coupling):
    """Nodes from first to last; QPU calls queue.

    Model: one batch job; each call joins the QPU's queue while the nodes idle.
    Assumes: the classical phases need all nodes.
    Not modelled: other work on the idle nodes.
    Source: the default of every hybrid code that runs inside one allocation.
    """

    def steps(self, job: HybridJob) -> Iterator[Action]:
        """Yield what the job does, in order."""
        yield Start((nodes_of(job),))
        yield from loop(job)
        yield Release("nodes")


@register(
    "coupling",
    "exclusive",
    summary="holds its nodes and a QPU of its own, allocated together (het job)",
    source="Slurm heterogeneous jobs with a QPU as generic resource; arXiv:2508.04217 (exclusive co-scheduling)",
    params=CouplingParams,
)
class Exclusive(Coupling):
    """Nodes and a QPU from first to last.

    Model: one het job of two components, nodes and a node of partition ``qpu``; both start together, both idle in
        turn.
    Assumes: the QPU needs no set-up between jobs.
    Not modelled: calibration of a QPU that a job holds.
    Source: arXiv:2508.04217.
    """

    def steps(self, job: HybridJob) -> Iterator[Action]:
        """Yield what the job does, in order."""
        yield Start((nodes_of(job), Part("qpu", 1, job.walltime_s, TOKENS)))
        yield from loop(job, owned=True)
        yield Release("nodes")
        yield Release("qpu")

    def n_tokens(self, n_qpus: int) -> int:
        """Return the number of QPUs."""
        return n_qpus


@register(
    "coupling",
    "vqpu",
    summary="holds its nodes and one of v tokens of a QPU that their holders share",
    source="virtual QPUs, arXiv:2508.04217",
    params=TokenParams,
)
class VirtualQpu(Coupling):
    """Nodes and a token from first to last; the token's holders queue for the QPU among themselves.

    Model: one het job, nodes and a node of partition ``qpu`` (v nodes, one a token); calls join the QPU's queue.
    Assumes: only holders of tokens use the QPU.
    Not modelled: time slices shorter than a call.
    Source: arXiv:2508.04217.
    """

    def __init__(self, params: CouplingParams) -> None:
        self.params: TokenParams = params if isinstance(params, TokenParams) else TokenParams()

    def steps(self, job: HybridJob) -> Iterator[Action]:
        """Yield what the job does, in order."""
        yield Start((nodes_of(job), Part("token", 1, job.walltime_s, TOKENS)))
        yield from loop(job)
        yield Release("nodes")
        yield Release("token")

    def n_tokens(self, n_qpus: int) -> int:
        """Return the tokens of all QPUs."""
        return self.params.tokens * n_qpus


@register(
    "coupling",
    "hold_unhold",
    summary="asks for its nodes only once its QPU session is active",
    source="flux-quantum 0.0.1: a scout opens the session, then the held job is released",
    params=CouplingParams,
)
class HoldUnhold(Coupling):
    """A QPU session first, then the nodes.

    Model: the session queues for the QPU; when it is active the batch job is submitted; calls run in the session,
        which falls dormant if it is idle for longer than the service allows and queues again for its next call. A
        session that the service has closed is replaced by a new one.
    Assumes: opening a session takes no QPU time.
    Not modelled: a vendor that charges for the dormant session.
    Source: flux-quantum 0.0.1.
    """

    def steps(self, job: HybridJob) -> Iterator[Action]:
        """Yield what the job does, in order."""
        yield OpenSession()
        yield Start((nodes_of(job),))
        yield from loop(job, session=True)
        yield Release("nodes")
