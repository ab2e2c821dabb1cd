"""The coupling that keeps nodes in pilots which hybrid jobs share."""

from __future__ import annotations

from collections.abc import Iterator

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.hybrid_records import POOL, HybridJob
from qhpcsim.core.registry import register
from qhpcsim.policies.coupling.actions import Action, Call, Coupling, PilotPlan, Task
from qhpcsim.policies.coupling.params import PilotParams
from qhpcsim.scenario import CouplingParams


@register(
    "coupling",
    "pilot",
    summary="sends its classical phases as tasks into long batch jobs that hybrid jobs share; nodes are bound late",
    source="pilot abstraction P*, arXiv:1207.6644; Pilot-Quantum, arXiv:2412.18519",
    params=PilotParams,
)
class Pilot(Coupling):
    """Classical phases as tasks on shared pilots, bound to nodes when these are free.

    Model: at most ``pilots`` batch jobs of ``pilot_nodes`` nodes and ``walltime_s`` are queued or running. Phases wait
        for them in one queue, first come first served; the first takes nodes of the first pilot that has enough free
        and lasts until ``launch_s`` and the phase are over. While it finds none, more pilots are submitted, as many as
        the phases that wait would fill. All are given back when no job that shares them is under way. Calls join the
        QPU's queue; no node waits with them. A phase whose pilot loses a node begins again.
    Assumes: the length of a phase is known when it is placed, so that no walltime cuts it; it runs on one pilot; data
        between phases costs nothing but the launch.
    Not modelled: pilots given back early because they are idle; the start-up of the pilot's own agent.
    Source: A. Luckow et al., eScience 2012, arXiv:1207.6644 (late binding of tasks to pilots); arXiv:2412.18519.
    """

    def __init__(self, params: CouplingParams) -> None:
        self.params: PilotParams = params if isinstance(params, PilotParams) else PilotParams()
        if self.params.pilots < 1:
            raise ConfigError(f"{self.params.pilots}", where="coupling.pilots", allowed="at least 1")
        if not self.params.walltime_s > 0:
            raise ConfigError(f"{self.params.walltime_s}", where="coupling.walltime_s", allowed="more than 0 s")

    def steps(self, job: HybridJob) -> Iterator[Action]:
        """Yield what the job does, in order."""
        for k in range(job.n_calls):
            yield Task(k, self.params.launch_s)
            yield Call(k)
        yield Task(job.n_calls, self.params.launch_s)

    def pilots(self, job: HybridJob) -> PilotPlan:
        """Return the pilots of all hybrid jobs, or of the job's user."""
        params = self.params
        pool = f"{POOL}-{job.user or job.name}" if params.per_user else POOL
        return PilotPlan(pool, params.pilots, params.pilot_nodes, params.walltime_s)
