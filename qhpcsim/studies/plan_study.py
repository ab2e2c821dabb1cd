"""What a capacity plan asks: what may be bought, what must hold, what is to be little."""

from __future__ import annotations

from dataclasses import dataclass, field

BELOW, ABOVE = "below", "above"
OBJECTIVES: dict[str, str] = {
    "capital": "money once",
    "cost_a_year": "capital over lifetime_years, plus what is paid a year, plus energy at energy_price_per_kwh",
    "energy": "MWh a year, from power_w",
}
"""What can be made least, and what it counts; all three are known without a simulation."""
HOURS_A_YEAR = 8766.0
BUDGET = 5000
"""Most runs of a search that does not say."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One key of the scenario that is decided; the sequences have a number for each value."""

    key: str
    values: tuple[str, ...]
    capital: tuple[float, ...]
    """Money once."""
    per_year: tuple[float, ...]
    """Money a year, energy not included."""
    power_w: tuple[float, ...]
    """Mean draw, as the user states it."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """The mean of a figure over seeds must be below, or above, a limit."""

    figure: str
    limit: float
    side: str = BELOW
    confidence: float = 0.95

    @property
    def error(self) -> float:
        """Probability with which it may be called met although it is not."""
        return 1.0 - self.confidence


@dataclass(frozen=True, slots=True)
class Seeds:
    """How many runs a point gets."""

    first: int = 5
    """At the first look."""
    most: int = 40
    """Until a point is left undecided."""
    confirm: int = 40
    """New seeds on which the plan that was found must hold again; as many more where they leave it open."""


@dataclass(frozen=True, slots=True)
class Growth:
    """More load on the plan that was found."""

    by: tuple[float, ...] = (1.1, 1.25, 1.5)
    multiply: tuple[str, ...] = ()
    """Keys to multiply."""
    divide: tuple[str, ...] = ()
    """Keys to divide, such as mean gaps between arrivals."""


@dataclass(frozen=True, slots=True)
class Uncertain:
    """What is not known well, drawn at random for the plan that was found."""

    keys: tuple[tuple[str, str, str], ...] = ()
    """(key, low, high): anything between is as likely."""
    cards: bool = True
    """Also numbers of QPU cards that carry an uncertainty: normal, cut at what is possible."""
    draws: int = 20
    seeds: int = 5
    """For each draw, the same ones."""


@dataclass(frozen=True, slots=True)
class PlanStudy:
    """A study file, read and checked."""

    path: str
    scenario: str
    change: tuple[str, ...]
    """``key=value`` that hold for every point."""
    variables: tuple[Variable, ...]
    constraints: tuple[Constraint, ...]
    objective: dict[str, float] = field(default_factory=lambda: {"capital": 1.0})
    """Weights of ``capital``, ``per_year`` and ``energy_mwh``."""
    objective_name: str = "capital"
    currency: str = ""
    question: str = ""
    seeds: Seeds = Seeds()
    budget: int = BUDGET
    """Most runs of the search."""
    search: str = "auto"
    """``exact``, ``optuna``, or ``auto``: exact where it fits the budget."""
    frontier: int = 4
    """Dearer points that are looked at for the frontier."""
    rejected: str = "forbidden"
    """``allowed``: jobs may be turned away, such as by a queue limit."""
    growth: Growth | None = None
    uncertain: Uncertain | None = None
    text: str = ""
    """The file as it was read; empty: the study was made by a program."""

    @property
    def unit(self) -> str:
        """Unit of the objective."""
        return {"energy": "MWh a year", "capital": self.currency, "cost_a_year": f"{self.currency} a year".strip()}.get(
            self.objective_name, self.currency
        )
