"""What a calibration card, or the record of its fit beside it, states of its own error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qhpcsim.core.cards import Card, CardEntry
from qhpcsim.core.data import data_dir

ERRORS = {"fit_error": "error", "held_out_error": "error", "fit_coverage": "coverage", "coverage": "coverage"}
"""Entries of cards that hold shares: errors of rows that the fit did not see, and how many its 90 % interval holds."""
DISTANCE = "held_out_distance"
"""Entry that holds distances between laws and rows that the fit did not see."""
_IN_NOTE = re.compile(r"held-out error (\d*\.?\d+)")
_SECTION = re.compile(r"^## +(?P<title>.+?)\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_CARD = re.compile(r"\b(?:[Cc]ard|[Mm]otif) `(?P<name>[\w/]+)`")
_CHECKED = re.compile(
    r"^Checked: (?P<n>\d+) figures?, mean (?P<mean>[\d.]+) %, worst (?P<worst>[\d.]+) %", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class StatedError:
    """One error of a card, in words, and where it is stated."""

    text: str
    where: str
    """Name of the entry, or of the file."""


def stated_errors(found: Card) -> list[StatedError]:
    """Return the errors of rows or runs that the fit of a card did not see, as far as something states them.

    They come from entries of the card, from notes of its entries, and from ``Checked:`` lines of the records of fits in
    ``calibration/``.
    """
    errors = [each for name, entry in found.entries.items() for each in _of_entry(name, entry)]
    return errors + _of_records(card_name(found))


def card_name(found: Card) -> str:
    """Return a shipped card as ``folder/name``, any other as its file's name."""
    path = Path(found.path).resolve()
    root = data_dir("calibration").resolve()
    return path.relative_to(root).with_suffix("").as_posix() if path.is_relative_to(root) else path.name


def _of_entry(name: str, entry: CardEntry) -> Iterator[StatedError]:
    if name in ERRORS and entry.unit == "1":
        shares = ", ".join(f"{100 * value:.1f} %" for value in _values(entry))
        yield StatedError(_with_note(f"{ERRORS[name]} {shares}", entry), name)
    elif name == DISTANCE:
        yield StatedError(_with_note("distance " + ", ".join(f"{value:.3g}" for value in _values(entry)), entry), name)
    elif noted := _IN_NOTE.search(entry.note):
        yield StatedError(f"{name}: held-out error {100 * float(noted[1]):.1f} %", name)


def _values(entry: CardEntry) -> list[float]:
    found: list[float] = np.ravel(np.asarray(entry.value, np.float64)).tolist()
    return found


def _with_note(text: str, entry: CardEntry) -> str:
    return f"{text} ({entry.note})" if entry.note else text


def _of_records(name: str) -> list[StatedError]:
    """Return the checked figures of every section of a record of a fit that names the card."""
    root = data_dir("calibration")
    found = []
    for path in sorted(root.rglob("*.md")):
        for section in _SECTION.finditer(path.read_text(encoding="utf-8")):
            checked = _CHECKED.search(section["text"])
            if checked and name in _named(section["text"], path.parent):
                n_figures = f"{checked['n']} figure" + ("s" if checked["n"] != "1" else "")
                text = f"{section['title'].strip()}: mean error {checked['mean']} %, worst {checked['worst']} %"
                where = path.relative_to(root).as_posix()
                found.append(StatedError(f"{text}, {n_figures} that no fit saw", where))
    return found


def _named(text: str, folder: Path) -> set[str]:
    """Return the cards that a text names, as ``folder/name`` below ``calibration/``."""
    root = data_dir("calibration")
    names = [each["name"] for each in _CARD.finditer(text)]
    paths = [base / f"{name}.yaml" for name in names for base in (folder, root)]
    return {path.relative_to(root).with_suffix("").as_posix() for path in paths if path.is_file()}
