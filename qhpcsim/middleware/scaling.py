"""Looks at an application's tasks and pilots at intervals and does what its scaling policy decides."""

from __future__ import annotations

from collections.abc import Callable

from qhpcsim.core.errors import ConfigError
from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.middleware.pilots import LIVE, Pilots
from qhpcsim.middleware.slots import PoolPilot
from qhpcsim.policies.scaling.scaling import Load, PilotLoad, Scaling


class Scaler:
    """Carries out a scaling policy.

    Model: the policy looks every ``interval_s``, first when the scaler starts, until the application is over or has
        neither a pilot nor a reserve left; pilots are added in the order of the reserve.
    Assumes: looking costs nothing.
    Not modelled: resizing a pilot that runs; Slurm jobs cannot grow either.
    Source: dynamic resource allocation, arXiv:2604.03445.

    Args:
        pilots: Pilots of the application; those of the reserve may be added.
        policy: Scaling policy.
        is_over: Says whether the application is over.

    Raises:
        ConfigError: if the interval is not a positive time.
    """

    def __init__(self, pilots: Pilots, policy: Scaling, is_over: Callable[[], bool]) -> None:
        self.pilots, self.policy, self._is_over = pilots, policy, is_over
        if not 0 < policy.params.interval_s < float("inf"):
            raise ConfigError(f"interval_s is {policy.params.interval_s}", where="scaling.interval_s", allowed="> 0")

    def start(self) -> None:
        """Look now, after everything else of this instant, and at intervals from then on."""
        if self.policy.watches:
            clock = self.pilots.centre.clock
            clock.call_at(clock.now, self._look, NORMAL)

    def load(self) -> Load:
        """Return what the policy sees now."""
        pilots, now_s = self.pilots, self.pilots.centre.clock.now
        live = [k for k, run in enumerate(pilots.runs) if run.state in LIVE and not self._pool_pilot(k).view.ended]
        return Load(
            now_s,
            pilots.pool.n_waiting,
            pilots.pool.drain_s(),
            tuple(self._pilot_load(k, now_s) for k in live),
            len(self._reserve()),
        )

    def _pool_pilot(self, pilot: int) -> PoolPilot:
        return self.pilots.pool.pilots[self.pilots.in_pool(pilot)]

    def _pilot_load(self, pilot: int, now_s: float) -> PilotLoad:
        here = self._pool_pilot(pilot)
        idle = self.pilots.pool.is_idle(here.view.index)
        idle_s = now_s - here.idle_since_s if idle else 0.0
        return PilotLoad(pilot, here.view.active, idle_s, self.pilots.runs[pilot].plan.reserve)

    def _reserve(self) -> list[int]:
        return [k for k, run in enumerate(self.pilots.runs) if run.state == "NEW" and run.plan.reserve]

    def _look(self, _event: object) -> None:
        load = self.load()
        planned = any(run.state == "NEW" and not run.plan.reserve for run in self.pilots.runs)
        if self._is_over() or not (load.pilots or load.n_reserve or planned):
            return
        decision = self.policy.decide(load)
        for pilot in self._reserve()[: decision.add]:
            self.pilots.submit(pilot)
        for pilot in decision.end:
            self.pilots.end(pilot)
        clock = self.pilots.centre.clock
        clock.call_at(clock.now + self.policy.params.interval_s, self._look, NORMAL)
