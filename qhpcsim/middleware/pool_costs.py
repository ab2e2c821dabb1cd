"""What the task layer adds to the tasks' own time."""

from __future__ import annotations

from dataclasses import dataclass

from qhpcsim.core.workflow_records import Need


@dataclass(frozen=True, slots=True)
class PoolCosts:
    """What the task layer adds to the tasks' own time, in seconds."""

    dispatch_s: float = 0.0
    """Time the scheduler needs for each task; it places one at a time."""
    cold_s: float = 0.0
    """Start of a worker process, each for itself; a slot's first task waits for it."""
    gpu_cold_s: float = 0.0
    """Start of a worker for a task with a GPU; above 0 every such task has its own, and ``cold_s`` does not count."""
    load_s: float = 0.0
    """Loading the application on a node, once for all its workers, from the first task placed there on; they start
    meanwhile."""
    turnaround_s: float = 0.0
    """Between the end of a task and the moment when its slot can take the next one."""
    retries: int = 0
    """Times that a task is tried again after its pilot ended or its work failed."""

    def own_start_s(self, need: Need) -> float:
        """Return the start of a worker that a task of this kind brings along each time, holding its slot."""
        return self.gpu_cold_s if need.gpus > 0 else 0.0
