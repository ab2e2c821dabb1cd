"""Is the right cut chosen? Judges all strategies on measured rows; writes results, figure and the tables of README."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from agreement import agreement
from circuits import LATE, TIED
from figure import draw
from judge import Choice, choices, hardness, speed_up_accuracy, times, top_1, undecided
from models import Costs, by_card, crossed, intervals_by_half, open_model, predicted, transfer
from plans import all_planned
from report import reached, write_answer, write_tables, write_transfer
from rows import MeasuredCase, error_ratios, on_two_workers, read, z_scores
from strategies import Choose, power_laws, speed_ups, strategies

HERE = Path(__file__).parent
WORKERS = (1, 2, 8, 64)
MOST_OTHERS = 0.5
"""Cores that other work may have taken on average while a case was measured."""
LEAST_CASES = 240
"""With fewer undisturbed cases the answer is preliminary."""
TOP_1 = "top-1, one worker, %"
FITS = ("card", "crossed")
"""The model by the card that ships, and by fits to the other half of the families."""


class Judged:
    """All strategies on one basis: a number of workers, measured or scheduled."""

    def __init__(self, basis: str, cases: Sequence[MeasuredCase], workers: int, scheduled: bool) -> None:
        self.basis, self.cases, self.workers = basis, cases, workers
        self.slots = workers if scheduled else 1
        """Workers on which the measured times are put."""

    def choices(self, choose: Choose) -> list[Choice]:
        """Return the choices of a strategy that knows the number of workers."""
        return choices(self.cases, lambda case, slots: choose(case, self.workers, slots), self.slots)


def bases(cases: Sequence[MeasuredCase]) -> list[Judged]:
    """Return what is judged."""
    two = [on_two_workers(case) for case in cases if any(option.runs_2 for option in case.options)]
    sets = [("1 worker", 0, np.inf), ("1 worker, near-ties", TIED, LATE), ("1 worker, last drawn", LATE, np.inf)]
    own = [(name, [case for case in cases if first <= case.number < end]) for name, first, end in sets]
    found = [Judged(name, some, 1, False) for name, some in own if some]
    found += [Judged("2 workers", two, 2, False)] if two else []
    return found + [Judged(f"{n} scheduled", cases, n, True) for n in WORKERS[1:]]


def judged() -> tuple[list[MeasuredCase], bool]:
    """Return the cases that other work on the machine did not disturb; all, and True, while they are too few."""
    found = read()
    quiet = [case for case in found if case.others <= MOST_OTHERS]
    print(f"{len(found)} cases measured, {len(found) - len(quiet)} of them disturbed by other work")
    return (found, True) if len(quiet) < LEAST_CASES else (quiet, False)


def main() -> None:
    """Run the study."""
    cases, preliminary = judged()
    plans = all_planned(cases)
    model = open_model()
    said: dict[tuple[str, int], Costs] = {}
    beyond = intervals_by_half(model, cases, plans)
    for n in WORKERS:
        said["card", n] = by_card(model, cases, plans, n, beyond)
        said["crossed", n] = crossed(model, cases, plans, n)
    lines, of_times, of_speed, losses = [], [], [], {}
    laws = power_laws(cases, plans, WORKERS)
    for basis in bases(cases):
        for fit in FITS:
            found = said[fit, basis.workers]
            of_times.append({"basis": basis.basis, "fit": fit, **times(basis.cases, predicted(found), basis.slots)})
            for name, choose in strategies(plans, found, laws).items():
                if fit == "card" or name == "modelled":
                    chosen = basis.choices(choose)
                    label = f"{name}, {fit}" if name == "modelled" else name
                    lines.append({"basis": basis.basis, "strategy": label, **top_1(chosen)})
                    if basis.basis == "1 worker" and name != "oracle":
                        losses[label] = [each.regret for each in chosen]
        for name, ratio in speed_ups(plans, said["card", basis.workers], laws).items():
            accuracy = speed_up_accuracy(basis.cases, lambda c, o, _, r=ratio, w=basis.workers: r(c, o, w), basis.slots)
            of_speed.append({"basis": basis.basis, "strategy": name, **accuracy})
    table = pd.DataFrame(lines)
    table.to_csv(HERE / "results.csv", index=False, float_format="%.4g")
    pairs = [
        (option.time_s(), said["card", 1][case.number, option.number].total_s, option.n_cuts > 0)
        for case in cases
        for option in case.options
        if option.finished
    ]
    draw(table, losses, pairs, HERE / "figure.png")
    hard = [{"basis": b.basis, **hardness(b.cases, b.slots), **undecided(b.cases, b.slots)} for b in bases(cases)]
    modelled = strategies(plans, said["card", 1], laws)["modelled"]
    z = pd.Series(z_scores(cases))
    estimates = {"runs": len(z), "z_mean": z.mean(), "z_sd": z.std(), "z_largest": z.abs().max()}
    write_tables(
        HERE / "README.md",
        strategies=table,
        times=pd.DataFrame(of_times),
        speed_up=pd.DataFrame(of_speed),
        cases=pd.DataFrame(hard),
        rounds=pd.DataFrame(agreement(cases, lambda case, _: modelled(case, 1, 1))),
        estimates=pd.DataFrame([estimates]),
        errors=pd.DataFrame([reached(cuts, ratios) for cuts, ratios in error_ratios(cases).items()]),
    )
    write_transfer(transfer(model, cases, plans), cases)
    answers = {key: float(f"{value:.4g}") for key, value in headline(table, estimates).items()}
    write_answer(HERE / "README.md", sentence(answers, preliminary), answers)
    (HERE / "results.json").write_text(json.dumps(answers, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(answers, indent=2, ensure_ascii=False))


def headline(table: pd.DataFrame, estimates: dict[str, float]) -> dict[str, float]:
    """Return the numbers that README.md quotes."""
    one = table[table["basis"] == "1 worker"].set_index("strategy")
    ours = one.loc["modelled, card"]
    others = one.drop(index=["oracle", *(name for name in one.index if name.startswith("modelled"))])
    return {
        "cases judged": ours["cases"],
        TOP_1: ours["top1_pct"],
        "top-1, lower bound, %": ours["low_pct"],
        "mean regret, %": ours["regret_pct"],
        "worst regret, %": ours["worst_pct"],
        "best baseline's top-1, %": others["top1_pct"].max(),
        "top-1 with no cut ever, %": one.loc["none", "top1_pct"],
        "standard deviation of (value − exact)/stderr": estimates["z_sd"],
    }


def sentence(answers: dict[str, float], preliminary: bool) -> str:
    """Return the answer in words."""
    words = (
        f"**Our model picks the fastest way in {answers[TOP_1]:g} % of {answers['cases judged']:g} cases of families "
        f"that its card was not calibrated on\nand loses {answers['mean regret, %']:g} % of the time on average; never "
        f"cutting is right in {answers['top-1 with no cut ever, %']:g} %.**"
    )
    return f"**Preliminary: measured on a machine with other work.**\n{words}" if preliminary else words


if __name__ == "__main__":
    main()
