"""When pilots that wait in a batch queue can be expected to take tasks."""

from __future__ import annotations

from qhpcsim.facility.centre import Centre
from qhpcsim.middleware.pilots import Pilots
from qhpcsim.policies.batch.profile import Profile
from qhpcsim.policies.batch.state import QueueState


class PilotStarts:
    """Expected starts of the pilots of one pool.

    Model: running jobs hold their nodes as long as they asked for; then those that stand before the pilot in the queue
        start in order, each as soon as it fits, and the pilot after them; start-up comes on top.
    Assumes: nobody comes in between, nobody overtakes unless he fits into a gap; requested times are used up, as
        schedulers assume. On shared nodes whole nodes are counted.
    Not modelled: priorities that change while the pilot waits; fair share; the cycles of a Slurm-like scheduler.
    Source: what ``squeue --start`` tells, https://slurm.schedmd.com/squeue.html (conservative plan of the queue).

    Args:
        centre: The facility.
        pilots: The pilots.
        first: Number of their first one among the centre's requests.
    """

    def __init__(self, centre: Centre, pilots: Pilots, first: int = 0) -> None:
        self._centre, self._pilots, self._first = centre, pilots, first
        self._homes = list(centre.partitions)
        self._asked: dict[int, tuple[tuple[float, int, int], float]] = {}
        """Pilot -> (time, jobs that wait, jobs that run) when it was last asked for, and the answer."""

    def __call__(self, pilot: int) -> float:
        """Return when a pilot that has not started is expected to take tasks, in seconds."""
        run, now_s = self._pilots.runs[pilot], self._centre.clock.now
        start_up_s = self._pilots.costs.start_up_s(run.plan.nodes)
        if run.state == "STARTING":
            return run.started_s + start_up_s
        state = self._centre.systems[self._homes.index(run.plan.partition)].state
        moment = now_s, len(state.queue), len(state.running)
        if pilot not in self._asked or self._asked[pilot][0] != moment:
            self._asked[pilot] = moment, expected_start_s(state, self._centre.row(self._first + pilot), now_s)
        return max(self._asked[pilot][1], run.plan.submit_s) + start_up_s


def expected_start_s(state: QueueState, job: int, now_s: float) -> float:
    """Return when a job is expected to start that waits in a queue, or joins it now."""
    profile = Profile.of_running(state)
    for other in [*state.queue, job]:
        length_s = state.est_s[other]
        start_s = profile.earliest(state.nodes[other], length_s, now_s)
        if other == job:
            return start_s
        profile.add(start_s, start_s + length_s, -state.nodes[other])
    return now_s
