"""Numbers of QPU cards that carry an uncertainty, as overrides of a scenario."""

from __future__ import annotations

import re
from dataclasses import dataclass

from qhpcsim.core.cards import TIME_UNITS, CardEntry, card
from qhpcsim.models.qpu import card_path
from qhpcsim.scenario import Scenario

ABSTRACT = "abstract"
_SCALES = {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6}
_COPY = re.compile(r"(.+)-\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class CardNumber:
    """One number of one card, and the QPUs that follow it."""

    card: str
    entry: str
    value: float
    deviation: float
    """Standard deviation, as the card states it."""
    unit: str
    qpus: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return what it is called in tables."""
        return f"{self.card}: {self.entry}"

    def overrides(self, z: float) -> list[str]:
        """Return the overrides that move it by z standard deviations.

        It does not go below a thousandth of the card's value or, if it is an error, above 1.
        """
        value = max(self.value + z * self.deviation, 1e-3 * self.value)
        if self.entry.startswith("error_"):
            value = min(value, 1.0)
        text = f"{value!r}{self.unit}" if self.unit in TIME_UNITS else repr(value * _SCALES.get(self.unit, 1.0))
        return [f"qpu.qpus.{qpu}.settings.{self.entry}={text}" for qpu in self.qpus]


def card_numbers(scenario: Scenario) -> list[CardNumber]:
    """Return the single numbers with an uncertainty on the cards of a scenario's QPUs, card by card.

    QPUs of one card move together: what is not known is the card's number. Numbers that the scenario sets itself, and
    prices, stay as they are.
    """
    qpus = scenario.qpu.qpus
    own = [name for name in qpus if not is_copy(name, scenario)]
    found = []
    for kind in dict.fromkeys(qpus[name].card for name in own):
        if kind == ABSTRACT:
            continue
        followers = [name for name in own if qpus[name].card == kind]
        for entry, number in card(card_path(kind)).entries.items():
            free = tuple(name for name in followers if entry not in qpus[name].settings)
            if free and _is_drawn(entry, number):
                value, deviation = float(number.value), float(number.uncertainty)  # type: ignore[arg-type]
                found.append(CardNumber(kind, entry, value, deviation, number.unit, free))
    return found


def _is_drawn(name: str, entry: CardEntry) -> bool:
    single = isinstance(entry.value, int | float) and isinstance(entry.uncertainty, int | float)
    return single and bool(entry.uncertainty) and not name.startswith(("price_", "fit_", "range_"))


def is_copy(name: str, scenario: Scenario) -> bool:
    """Return whether ``count`` made the QPU; its settings are those of the first of its kind."""
    found, qpus = _COPY.fullmatch(name), scenario.qpu.qpus
    return found is not None and qpus.get(found[1]) == qpus[name]
