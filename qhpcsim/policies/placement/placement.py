"""What a placement policy knows of the alternatives of a stage, and how it chooses one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qhpcsim.core.errors import ConfigError, FacilityError
from qhpcsim.scenario import PlacementParams

Rank = tuple[float, ...]
"""What is least for the best; compared entry by entry."""


@dataclass(frozen=True, slots=True)
class Option:
    """An alternative at the instant of the choice."""

    name: str
    wait_s: float = 0.0
    """Predicted time that others, and pilots that have not started, keep it waiting."""
    run_s: float = 0.0
    """Predicted time alone on the pilots that were asked for and on the QPUs."""
    fidelity: float = 1.0
    """Expected; NaN: nobody knows."""
    cost: float = math.nan
    """Predicted money; NaN: nobody knows."""
    why_not: str = ""
    """Why it cannot be taken; empty: it can."""

    @property
    def completion_s(self) -> float:
        """Predicted time from now until the last result is in."""
        return self.wait_s + self.run_s

    @property
    def known_fidelity(self) -> float:
        """The expected fidelity, 0 where nobody knows."""
        return 0.0 if math.isnan(self.fidelity) else self.fidelity


class Placement:
    """Takes the alternative of least rank; the base of all policies.

    Args:
        params: Parameters.
    """

    def __init__(self, params: PlacementParams) -> None:
        self.params = params

    def check(self, options: Sequence[Option], where: str = "") -> None:
        """Refuse, before anything runs, a stage of which nothing that this policy takes could ever be taken.

        Args:
            options: The alternatives; only their names and ``why_not`` are known yet.
            where: The stage, for messages.

        Raises:
            QhpcsimError: says why.
        """
        if all(option.why_not for option in options):
            raise nothing_left(options, where)

    def choose(self, options: Sequence[Option], where: str = "") -> int:
        """Return the index of an option that can be taken; ties go to the first, what would never end comes last.

        Args:
            options: The alternatives, in their order.
            where: The stage, for messages.

        Raises:
            FacilityError: if none can be taken; says why for each.
        """
        able = [k for k, option in enumerate(options) if not option.why_not]
        if not able:
            raise nothing_left(options, where)
        able = [k for k in able if options[k].completion_s < math.inf] or able
        rivals = [options[k] for k in able]
        return min(able, key=lambda k: self.rank(options[k], rivals))

    def rank(self, option: Option, rivals: Sequence[Option]) -> Rank:
        """Return what is least for the option that is taken.

        Args:
            option: One that can be taken.
            rivals: All that can, this one among them.
        """
        raise NotImplementedError


def nothing_left(options: Sequence[Option], where: str) -> FacilityError:
    """Return the error for a stage of which no alternative can be taken."""
    reasons = "; ".join(f"{option.name}: {option.why_not}" for option in options)
    return FacilityError(f"no alternative can be taken ({reasons})", where=where, hint="add one, or loosen a limit")


def cost_of(option: Option) -> float:
    """Return an option's cost.

    Raises:
        ConfigError: if nobody knows it.
    """
    if math.isnan(option.cost):
        raise ConfigError(
            f"the cost of alternative {option.name} is not known",
            where="middleware.placement",
            hint="set middleware.placement.node_hour_price (0: nodes are free) and the prices of the QPUs",
        )
    return option.cost
