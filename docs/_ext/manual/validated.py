"""Tables of what was compared with what, from the studies' results and the cards; no number is typed here."""

from __future__ import annotations

import ast
import csv
import json
from collections.abc import Callable
from pathlib import Path

from manual.card_reference import held_out
from manual.markdown import code, table, text
from qhpcsim.core.cards import Card, card
from qhpcsim.core.data import data_dir

ROOT = Path(__file__).resolve().parents[3]
STUDIES = ROOT / "experiments"
_INSIDE = "in 90 % interval"


def validated(what: str) -> str:
    """Return one of the tables of ``TABLES``."""
    return TABLES[what]()


def models(split: str) -> str:
    """Return the rows of one split of the study of model validity."""
    head = ["model", "data", "left out", "rows", "mean error, %", "worst, %", "predicted / measured", _INSIDE]
    rows = []
    for row in _rows("02_model_validity/results.csv"):
        if row["split"] == split:
            error = f"{_short(row['mape_pct'])} ({_short(row['low_pct'])}…{_short(row['high_pct'])})"
            covered = f"{_short(row['covered_pct'])} %" if row["covered_pct"] else ""
            rows.append(
                [
                    text(row["model"]), text(row["data"]), text(row["left_out"]), row["rows"], error,
                    _short(row["worst_pct"]), row["predicted_over_measured"], covered,
                ]
            )  # fmt: skip
    if split != "held out":
        head, rows = head[:2] + head[3:], [row[:2] + row[3:] for row in rows]
    return table(head, rows)


def cards_with_errors() -> str:
    """Return what cards say of data that their fit had not seen."""
    rows = []
    for name, read in _cards():
        if held_out(read):
            rows.append((code(name), text(read.about), held_out(read), _coverage(read)))
    return table(("card", "what it is", "error of what the fit had not seen", _INSIDE), rows)


def _coverage(read: Card) -> str:
    """Return the share of held-out rows inside the interval, where a card states it."""
    stated = [read.entries[key].value for key in ("fit_coverage", "coverage") if key in read.entries]
    shares = [share for value in stated for share in (value if isinstance(value, list) else [value])]
    return ", ".join(f"{100 * share:.0f} %" for share in shares)


def cards_without_errors() -> str:
    """Return the cards of devices that state no held-out error."""
    rows = [
        (code(name), text(read.about), ", ".join(sorted({text(e.method.split(";")[0]) for e in read.entries.values()})))
        for name, read in _cards()
        if not held_out(read)
    ]
    return table(("card", "what it is", "where its numbers are from"), rows)


def regions() -> str:
    """Return the published and the simulated time that a job holds a QPU, by calls of a job."""
    found = _results("03_hybridcloudsim")
    rows = []
    for row in _rows("03_hybridcloudsim/published.csv"):
        mine, theirs = found[f"T_occ, k = {row['k']}, s"], float(row["t_occ"])
        rows.append((row["k"], f"{theirs:.4g}", f"{mine:.4g}", f"{100 * (mine / theirs - 1):+.1f} %".replace("-", "−")))
    return table(("calls of a job", "published, s", "mean of ten seeds here, s", "difference"), rows)


def sessions() -> str:
    """Return simulated over theoretical waits of the study of sessions."""
    found = _results("01_qpu_queue")
    ends = ": simulated / M/G/1"
    rows = [(text(key.removesuffix(ends)), f"{value:.3f}") for key, value in found.items() if key.endswith(ends)]
    return table(("case", "simulated / theory"), rows)


def cut_choice() -> str:
    """Return the headline numbers of the study of cut choices."""
    rows = [(text(key), f"{value:.4g}") for key, value in _results("05_cut_choice").items()]
    return table(("what", "value"), rows)


def suites() -> str:
    """Return the test files that compare with theory and with other codes, in their own words."""
    rows = []
    for folder in ("theory", "conformance"):
        for path in sorted((ROOT / "tests" / folder).glob("test_*.py")):
            about = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            rows.append((code(f"tests/{folder}/{path.name}"), text(about.split("\n\n")[0])))
    return table(("file", "what it compares"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "held_out": lambda: models("held out"),
    "never_fitted": lambda: models("never fitted"),
    "cards": cards_with_errors,
    "unmeasured_cards": cards_without_errors,
    "regions": regions,
    "sessions": sessions,
    "cut_choice": cut_choice,
    "suites": suites,
}
"""Word on a page -> its table."""


def _rows(name: str) -> list[dict[str, str]]:
    with (STUDIES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _results(study: str) -> dict[str, float]:
    found: dict[str, float] = json.loads((STUDIES / study / "results.json").read_text(encoding="utf-8"))
    return found


def _cards() -> list[tuple[str, Card]]:
    paths = sorted(data_dir("calibration").glob("*/*.yaml"))
    return [(f"{path.parent.name}/{path.stem}", card(path)) for path in paths]


def _short(number: str) -> str:
    return f"{float(number):.3g}" if number else ""
