"""The alternative that the scenario names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qhpcsim.core.errors import ConfigError, FacilityError, nearest
from qhpcsim.core.registry import register
from qhpcsim.policies.placement.placement import Option, Placement
from qhpcsim.scenario import PlacementParams


@dataclass(frozen=True)
class FixedParams(PlacementParams):
    """Which alternative is taken."""

    name: str = "fixed"
    alternative: str = ""
    """Its name, or what stands before the colon in it, such as ``gpu`` for ``gpu:a100_40``; empty: the first."""


@register(
    "placement", "fixed", summary="always the alternative that is named", source="static placement", params=FixedParams
)
class Fixed(Placement):
    """Takes the same alternative whatever the load.

    Model: the first alternative with that name, or of that class of device.
    Assumes: somebody knew beforehand.
    Not modelled: nothing.
    Source: static placement, the baseline of every adaptation.
    """

    def __init__(self, params: FixedParams) -> None:
        super().__init__(params)
        self._wanted = params.alternative

    def check(self, options: Sequence[Option], where: str = "") -> None:
        """Refuse a stage whose named alternative is not there or can never be taken."""
        self.choose(options, where)

    def choose(self, options: Sequence[Option], where: str = "") -> int:
        """Return the named alternative.

        Raises:
            ConfigError: if there is none of that name.
            FacilityError: if it cannot be taken.
        """
        names = [option.name for option in options]
        fitting = [k for k, name in enumerate(names) if not self._wanted or self._wanted in (name, name.split(":")[0])]
        if not fitting:
            raise ConfigError(
                f"no alternative {self._wanted!r} in {where}",
                where="middleware.placement.alternative",
                allowed=", ".join(names),
                suggestion=nearest(self._wanted, names),
            )
        chosen = options[fitting[0]]
        if chosen.why_not:
            raise FacilityError(f"{chosen.name} cannot be taken: {chosen.why_not}", where=where)
        return fitting[0]
