"""Writes the study's tables into README.md, and the card of intervals that it finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from models import Ends
from rows import MeasuredCase

from qhpcsim.core.data import data_dir
from qhpcsim.models.cutting import TRANSFER

TITLES = {
    "strategies": "All strategies",
    "times": "Predicted times of all options",
    "speed_up": "Speed-up accuracy in Q-Dreamer's sense",
    "cases": "How hard the choice is",
    "rounds": "Each round of measurements by itself",
    "estimates": "Estimates against exact values, up to 20 qubits",
    "errors": "Standard error found over that asked for, by number of cuts",
}
HEADS = {
    "basis": "workers", "round": "judged by round", "strategy": "strategy", "cases": "cases",
    "strict_pct": "strict, %", "worst_pct": "worst, %",
    "fit": "fit", "options": "options", "mape_pct": "MAPE, %", "median_ape_pct": "median, %",
    "predicted_over_measured": "pred./meas.", "covered_pct": "in 90 % interval, %", "pairs": "cuts",
    "mean_pct": "mean, %", "median_pct": "median, %", "uncut_best": "uncut is best, %",
    "second_within_2_pct": "second within 2 %, %", "second_within_10_pct": "within 10 %, %",
    "second_within_25_pct": "within 25 %, %", "one_option": "no choice", "stopped": "undecided", "runs": "runs",
    "cuts": "cuts", "p10": "10 % of the runs below", "p50": "half", "p90": "90 %", "most": "largest",
    "z_mean": "mean z", "z_sd": "standard deviation of z", "z_largest": "largest absolute z",
}  # fmt: skip
WHOLE = ("cases", "options", "pairs", "one_option", "stopped", "runs", "cuts")


def write_tables(readme: Path, **tables: pd.DataFrame) -> None:
    """Put the tables between their marks in README.md."""
    _between(readme, "results", "\n".join(f"### {TITLES[k]}\n\n{markdown(table)}\n" for k, table in tables.items()))


def write_answer(readme: Path, sentence: str, answers: Mapping[str, float]) -> None:
    """Put the answer and its numbers between their marks in README.md."""
    lines = [f"| {name} | {value:g} |" for name, value in answers.items()]
    _between(readme, "answer", "\n".join([sentence, "", "| | |", "| --- | --- |", *lines, ""]))


CARD = """\
# Written by experiments/05_cut_choice/study.py; do not edit by hand.
card: the cutting pipeline on circuits unlike those that its cards are made from
model: cutting_transfer
method: >-
  logarithm of measured over predicted time, 5 % and 95 % of {n_options} candidates of {n_cases} circuits
  of {n_families} families, none of which the card of the machine was calibrated on
source: "own measurement, experiments/05_cut_choice"
licence: none needed
script: experiments/05_cut_choice/study.py
date: {date}
entries:
  log_interval_one: {{value: [{one[0]}, {one[1]}], unit: "1", uncertainty: null, note: "one worker"}}
  log_interval_several: {{value: [{several[0]}, {several[1]}], unit: "1", uncertainty: null,
    note: "measured times of circuits put on 2, 8 and 64 workers"}}
"""


def reached(cuts: int, ratios: Sequence[float]) -> dict[str, float]:
    """Return a row of the table of standard errors."""
    p10, p50, p90 = np.quantile(ratios, (0.1, 0.5, 0.9))
    return {"cuts": cuts, "runs": len(ratios), "p10": p10, "p50": p50, "p90": p90, "most": max(ratios)}


def write_transfer(ends: Ends, cases: Sequence[MeasuredCase]) -> None:
    """Write the card that widens the intervals of predictions."""
    runs = [row for case in cases for option in case.options for row in option.runs]
    last = datetime.fromtimestamp(max(int(row["unix_s"]) for row in runs), UTC)
    text = CARD.format(
        n_options=sum(option.finished for case in cases for option in case.options),
        n_cases=len(cases),
        n_families=len({case.family for case in cases}),
        date=f"{last:%Y-%m-%d}",
        one=ends[0],
        several=ends[1],
    )
    (data_dir("calibration") / f"{TRANSFER}.yaml").write_text(text, encoding="utf-8")


def _between(readme: Path, mark: str, text: str) -> None:
    before, _, rest = readme.read_text(encoding="utf-8").partition(f"<!-- {mark} -->\n")
    after = rest.partition(f"<!-- end of {mark} -->")[2]
    readme.write_text(f"{before}<!-- {mark} -->\n{text}<!-- end of {mark} -->{after}", encoding="utf-8")


def markdown(table: pd.DataFrame) -> str:
    """Return a table as Markdown; an estimate and its interval share a cell."""
    lines = [_line(row) for row in table.to_dict("records")]
    heads = list(lines[0])
    cells = [heads, ["---"] * len(heads), *([line[head] for head in heads] for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _line(row: dict[str, object]) -> dict[str, str]:
    found = {}
    for name, value in row.items():
        if name == "top1_pct":
            found["right, % (95 %)"] = f"{value:.1f} ({row['low_pct']:.1f} … {row['high_pct']:.1f})"
        elif name == "regret_pct":
            ends = f"{_digits(row['regret_low_pct'])} … {_digits(row['regret_high_pct'])}"
            found["mean time lost, % (95 %)"] = f"{_digits(value)} ({ends})"
        elif name in HEADS:
            found[HEADS[name]] = (
                f"{value:.0f}" if name in WHOLE else value if isinstance(value, str) else _digits(value)
            )
    return found


def _digits(value: object) -> str:
    number = float(str(value))
    return f"{number:.2f}" if abs(number) < 10 else f"{number:.1f}" if abs(number) < 100 else f"{number:,.0f}"
