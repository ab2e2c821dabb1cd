"""Lines about the QPU cards for ``qhpcsim list qpus``: what each is, how old and how well fitted its numbers are."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from qhpcsim.core.cards import Card, card
from qhpcsim.core.errors import CardError
from qhpcsim.models.qpu import qpu_cards


def qpu_rows(today: dt.date | None = None) -> list[tuple[str, str, str]]:
    """Return (name, summary, source) of every shipped card; the summary ends with age and fit error."""
    day = today or dt.date.today()
    return [_row(name, path, day) for name, path in qpu_cards().items()]


def _row(name: str, path: Path, today: dt.date) -> tuple[str, str, str]:
    try:
        read = card(path, today)
    except CardError as error:
        return name, f"unusable: {error.message}", ""
    source = main_source(read)
    return name, f"{read.about}; {age_days(read, today)} days old; {quality(read)}", source


def main_source(read: Card) -> str:
    """Return the source of most numbers of a card."""
    sources = [entry.source for entry in read.entries.values()]
    return max(sources, key=sources.count)


def age_days(read: Card, today: dt.date) -> int:
    """Return the age of the newest number from the card's main source, in days."""
    source = main_source(read)
    return (today - max(e.date for e in read.entries.values() if e.source == source)).days


def quality(read: Card) -> str:
    """Return the held-out error of the service time in words."""
    if "fit_error" not in read.entries:
        return "time not measured on this device"
    overall, one, several = (100 * value for value in read.entry("fit_error").value)
    return f"held-out error {overall:.1f} % (one circuit {one:.1f}, several {several:.1f})"
