"""How far two rounds of measurements agree: what one by itself can say about a choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from judge import choices, top_1
from rows import MeasuredCase, Option

FIRST, SECOND = "1", "2"


def of_round(case: MeasuredCase, number: str) -> MeasuredCase:
    """Return a case as one round of measurements shows it."""
    options = [
        Option(
            option.number, option.about,
            [row for row in option.runs if row["round"] == number],
            [row for row in option.least if row["round"] == number],
            option.limit_s,
        )
        for option in case.options
    ]  # fmt: skip
    return MeasuredCase(case.number, case.family, options, case.others)


def agreement(cases: Sequence[MeasuredCase], choose: Callable[[MeasuredCase, int], int]) -> list[dict[str, Any]]:
    """Judge a strategy, and the fastest way of either round, by each of two rounds; cases that both have."""
    rounds = {each: {case.number: of_round(case, each) for case in cases} for each in (FIRST, SECOND)}
    both = [case.number for case in cases if all(found[case.number].decided() for found in rounds.values())]
    lines = []
    for judge, other in ((FIRST, SECOND), (SECOND, FIRST)):
        judged = [rounds[judge][number] for number in both]

        def fastest(case: MeasuredCase, _: int, other: str = other) -> int:
            return int(np.argmin(rounds[other][case.number].times_s()))

        for name, chooser in ((f"the fastest in round {other}", fastest), ("modelled, card", choose)):
            lines.append({"round": judge, "strategy": name, **top_1(choices(judged, chooser))})
    return lines
