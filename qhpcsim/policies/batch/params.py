"""Parameters of the shipped batch policies: ``scenario.Policy`` with other defaults."""

from __future__ import annotations

from dataclasses import dataclass

from qhpcsim.scenario import Policy


@dataclass(frozen=True)
class FcfsPolicy(Policy):
    """First come, first served; nobody overtakes."""

    name: str = "fcfs"


@dataclass(frozen=True)
class EasyPolicy(Policy):
    """EASY backfilling."""

    name: str = "easy"
    backfill: str = "easy"


@dataclass(frozen=True)
class ConservativePolicy(Policy):
    """Conservative backfilling."""

    name: str = "conservative"
    backfill: str = "conservative"
