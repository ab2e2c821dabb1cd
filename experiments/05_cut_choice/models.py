"""The time model for the study: the card that ships, and fits to one half of the families for the other half."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from circuits import HALF
from judge import Predicted
from plans import PlannedOption
from rows import MeasuredCase, Option

from qhpcsim.models.cutting import CutCost, CutModel
from qhpcsim.models.cutting_fit import CutTimings, fit
from qhpcsim.models.cutting_runs import cpu_counts
from qhpcsim.models.cutting_terms import PHASES, counts

Plans = Mapping[tuple[int, int], PlannedOption]
Costs = dict[tuple[int, int], CutCost]
CARD = "amd_epyc_genoa_core"
SEED = 0
SEVERAL = (2, 8, 64)
NOTHING = ((0.0, 0.0), (0.0, 0.0))
HALVES = (("A", "B"), ("B", "A"))
"""The half that is judged, and the one that is seen."""

Ends = tuple[tuple[float, float], tuple[float, float]]
"""``CutModel.beyond``."""


def open_model() -> CutModel:
    """Return the model by the card of the machine that the rows were measured on."""
    return CutModel.open(CARD)


def costs(model: CutModel, cases: Sequence[MeasuredCase], plans: Plans, workers: int) -> Costs:
    """Return what a model says about all options."""
    return {
        (case.number, option.number): model.cost(option.about["name"], plans[case.number, option.number].work, workers)
        for case in cases
        for option in case.options
    }


def transfer(model: CutModel, cases: Sequence[MeasuredCase], plans: Plans) -> Ends:
    """Return where 5 % and 95 % of log(measured/predicted) lie: on one worker, and scheduled on several."""

    def ends(numbers: Sequence[int]) -> tuple[float, float]:
        logs = []
        for n in numbers:
            said = costs(model, cases, plans, n)
            logs += [
                float(np.log(option.time_s(n) / said[case.number, option.number].total_s))
                for case in cases
                for option in case.options
                if option.finished
            ]
        low, high = np.quantile(logs, (0.05, 0.95))
        return round(float(low), 3), round(float(high), 3)

    return ends((1,)), ends(SEVERAL)


def intervals_by_half(model: CutModel, cases: Sequence[MeasuredCase], plans: Plans) -> dict[str, Ends]:
    """Return for each half of the families the interval that the other half shows."""
    return {
        judged: transfer(model, [case for case in cases if case.family in HALF[seen]], plans) for judged, seen in HALVES
    }


def by_card(
    model: CutModel, cases: Sequence[MeasuredCase], plans: Plans, workers: int, beyond: Mapping[str, Ends]
) -> Costs:
    """Return what the card says about all options, with the intervals that the half not judged shows."""
    found: Costs = {}
    for judged, ends in beyond.items():
        own = [case for case in cases if case.family in HALF[judged]]
        found |= costs(replace(model, beyond=ends), own, plans, workers)
    return found


def crossed(base: CutModel, cases: Sequence[MeasuredCase], plans: Plans, workers: int) -> Costs:
    """Return what is said about the options of each half of the families by a fit to the other half."""
    found: Costs = {}
    for judged, fitted in HALVES:
        model = refit(base, [case for case in cases if case.family in HALF[fitted]], plans)
        found |= costs(model, [case for case in cases if case.family in HALF[judged]], plans, workers)
    return found


def refit(base: CutModel, cases: Sequence[MeasuredCase], plans: Plans) -> CutModel:
    """Return the model with prices fitted to the options of some cases."""
    rows = [(case, option) for case in cases for option in case.options if option.finished]
    works = [plans[case.number, option.number].work for case, option in rows]
    found = fit(
        CutTimings(
            np.array([counts(work, cpu_counts(work.runs, base.cpu)) for work in works]),
            np.array([phases_s(option) for _, option in rows]),
            [case.family for case, _ in rows],
            [str(case.number) for case, _ in rows],
        ),
        SEED,
    )
    return replace(
        base, prices=found.prices, draws=found.draws, log_low=found.log_low, log_high=found.log_high, beyond=NOTHING
    )


def phases_s(option: Option) -> list[float]:
    """Return the times of the phases of an option."""
    return [max(1e-7, option.phases_s[name]) for name in PHASES]


def predicted(found: Costs) -> dict[tuple[int, int], Predicted]:
    """Return times and intervals."""
    return {key: Predicted(cost.total_s, cost.p5_s, cost.p95_s) for key, cost in found.items()}
