"""No backfilling: the head of the queue starts when it fits, and everybody behind it waits."""

from __future__ import annotations

from collections.abc import Sequence

from qhpcsim.core.registry import register
from qhpcsim.policies.batch.params import FcfsPolicy
from qhpcsim.policies.batch.state import INF, QueueState
from qhpcsim.scenario import Policy

register(
    "policy",
    "fcfs",
    summary="first come, first served, no backfilling",
    source="Feitelson & Rudolph 1995, doi:10.1007/3-540-60153-8_20",
    params=FcfsPolicy,
)(FcfsPolicy)


@register("backfill", "none", summary="start the head of the queue while it fits", source="textbook FCFS")
class NoBackfill:
    """Starts heads of the queue while they fit.

    Model: strict queue order; one blocked job blocks all behind it.
    Assumes: nodes are identical and only their number matters.
    Not modelled: nothing; the rule uses no estimates.
    Source: textbook.
    """

    wake_s = INF

    def __init__(self, state: QueueState, policy: Policy) -> None:
        self.state = state

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return the longest prefix of the queue that fits the free nodes."""
        return heads_that_fit(self.state)


def heads_that_fit(state: QueueState) -> list[int]:
    """Return the longest prefix of the queue whose nodes fit into the free ones."""
    free, nodes, starts = state.free_nodes, state.nodes, []
    for job in state.queue:
        if nodes[job] > free:
            break
        free -= nodes[job]
        starts.append(job)
    return starts
