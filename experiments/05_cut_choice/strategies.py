"""The strategies of the study as functions of a measured case, and the speed-ups that they predict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from circuits import HALF
from models import Costs, Plans
from rows import MeasuredCase

from qhpcsim.core.registry import lookup
from qhpcsim.policies.cutting.power_law import PowerLaw, SpeedupRow, refit
from qhpcsim.policies.cutting.strategy import CutOption, CutView

NAMES = ("none", "fixed_width", "min_overhead", "qdreamer_v02", "qdreamer_v04", "qdreamer_refit", "modelled", "oracle")
MEMORY_BYTES = 16 << 30
"""Of the machine, as strategies are told; every option fits."""
Choose = Callable[[MeasuredCase, int, int], int]
"""Takes a case, the number of workers, and that for which its times are asked; returns an option."""
SpeedUp = Callable[[MeasuredCase, int, int], float]
"""Takes a case, an option and the number of workers; returns T(uncut)/T(option)."""
Laws = Mapping[str, PowerLaw]
"""Family -> the power law fitted to the other half of the families."""


def view(case: MeasuredCase, plans: Plans, costs: Costs, workers: int, times_s: Sequence[float] | None) -> CutView:
    """Return what a strategy sees of a case; measured times for the oracle only."""
    options = []
    for option in case.options:
        key, about = (case.number, option.number), option.about
        options.append(
            CutOption(
                name=about["name"],
                widths=plans[key].widths,
                n_cuts=option.n_cuts,
                n_gate_cuts=int(about["n_gate_cuts"]),
                n_wire_cuts=int(about["n_wire_cuts"]),
                overhead=float(about["overhead"]),
                n_experiments=int(about["n_experiments"]),
                n_distinct=int(about["n_distinct"]),
                n_runs=int(about["n_runs"]),
                predicted=costs[key],
                measured_s=None if times_s is None else times_s[option.number],
            )
        )
    return CutView(plans[case.number, 0].n_qubits, workers, MEMORY_BYTES, tuple(options))


def strategies(plans: Plans, costs: Costs, laws: Laws) -> dict[str, Choose]:
    """Return all strategies by name.

    Args:
        plans: Of all cases.
        costs: What the model says, for as many workers as will be asked for.
        laws: For ``qdreamer_refit``.
    """

    def made(name: str, family: str) -> Any:
        entry = lookup("cutting", name, "strategy")
        if name != "qdreamer_refit":
            return entry.target()
        assert entry.params is not None
        return entry.target(entry.params(eta_max=laws[family].eta_max, p=laws[family].p))

    def choose(name: str, case: MeasuredCase, workers: int, slots: int) -> int:
        times_s = case.times_s(slots) if name == "oracle" else None
        return int(made(name, case.family).choose(view(case, plans, costs, workers, times_s)))

    return {
        name: lambda case, workers, slots, name=name: choose(name, case, workers, slots)  # type: ignore[misc]
        for name in NAMES
    }


def power_laws(cases: Sequence[MeasuredCase], plans: Plans, workers: Sequence[int]) -> dict[str, PowerLaw]:
    """Return Q-Dreamer's law for each family, fitted to the speed-ups of the other half on one and more workers."""
    found = {}
    for judged, fitted in (("A", "B"), ("B", "A")):
        rows = [row for case in cases if case.family in HALF[fitted] for n in workers for row in _rows(case, plans, n)]
        found |= dict.fromkeys(HALF[judged], refit(rows))
    return found


def _rows(case: MeasuredCase, plans: Plans, workers: int) -> list[SpeedupRow]:
    whole = case.options[0]
    if whole.n_cuts or not whole.finished:
        return []
    return [
        SpeedupRow(
            plans[case.number, 0].n_qubits,
            max(plans[case.number, option.number].widths),
            int(option.about["n_experiments"]),
            workers,
            whole.time_s(workers) / option.time_s(workers),
        )
        for option in case.options
        if option.finished and option.n_cuts
    ]


def speed_ups(plans: Plans, costs: Costs, laws: Laws) -> dict[str, SpeedUp]:
    """Return what each strategy that predicts speed-ups says of an option."""

    def modelled(case: MeasuredCase, option: int, workers: int) -> float:
        return costs[case.number, 0].total_s / costs[case.number, option].total_s

    def refitted(case: MeasuredCase, option: int, workers: int) -> float:
        seen = view(case, plans, costs, workers, None)
        each = seen.options[option]
        return laws[case.family].speedup(seen.n, each.widest, each.n_cuts, each.n_experiments, workers)

    def v02(case: MeasuredCase, option: int, workers: int) -> float:
        seen = view(case, plans, costs, workers, None)
        return float(lookup("cutting", "qdreamer_v02", "").target().speedup(seen, seen.options[option].widest))

    def v04(case: MeasuredCase, option: int, workers: int) -> float:
        seen = view(case, plans, costs, workers, None)
        made = lookup("cutting", "qdreamer_v04", "").target()
        return float(made.speedup(seen.n, seen.options[option].widest, workers))

    return {"modelled": modelled, "qdreamer_refit": refitted, "qdreamer_v02": v02, "qdreamer_v04": v04}
