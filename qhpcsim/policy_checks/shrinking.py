"""The smallest case that still shows a fault."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

_MOST_TRIES = 400


def shrunk(case: Any, smaller: Callable[[Any], Iterator[Any]], shows: Callable[[Any], bool], budget_s: float) -> Any:
    """Return a case that shows the fault and of which no simpler one, of those that were tried, does.

    Args:
        case: Shows the fault.
        smaller: Yields simpler cases of one.
        shows: Whether a case shows the same fault.
        budget_s: When to stop, in wall-clock time.
    """
    end_s, tries = time.monotonic() + budget_s, 0
    found = True
    while found:
        found = False
        for each in smaller(case):
            if tries >= _MOST_TRIES or time.monotonic() > end_s:
                return case
            tries += 1
            if shows(each):
                case, found = each, True
                break
    return case


def without_some(rows: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows without large parts first, then without single ones."""
    part = len(rows) // 2
    while part >= 1:
        for at in range(0, len(rows), part):
            yield rows[:at] + rows[at + part :]
        part //= 2
