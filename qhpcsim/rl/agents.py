"""A user's policy as an agent: the same function decides in a simulation and in an environment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from qhpcsim.policies.batch.user import ClusterView, Job

if TYPE_CHECKING:
    from qhpcsim.rl.batch_env import BatchQueueEnv


def follow(decide: Callable[[ClusterView], Iterable[Job]], env: BatchQueueEnv) -> int:
    """Return the action that does what a ``@batch_policy`` function would do next.

    Args:
        decide: The function.
        env: A decision is due; ``gymnasium.make(...).unwrapped``.

    Raises:
        ValueError: if it starts a job behind the last slot.
    """
    first = next(iter(decide(env.view)), None)
    if first is None:
        return env.wait_action
    slots = [job.index for job in env.slots]
    if first.index not in slots:
        raise ValueError(f"job {first.id} waits behind the {len(slots)} slots of the environment; raise n_slots")
    return slots.index(first.index)
