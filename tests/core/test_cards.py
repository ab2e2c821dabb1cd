"""Calibration cards: what they hold, and what happens to a bad one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from qhpcsim.core.cards import card
from qhpcsim.core.data import data_dir
from qhpcsim.core.errors import CardError

GOOD = """
card: a device
method: measured
source: own runs
date: 2026-01-31
uncertainty: null
entries:
  rep_delay: {value: 250, unit: us, uncertainty: 5, valid_until: 2027-01-31}
  matrix: {value: [[1, 2], [3, 4]], unit: "1", source: elsewhere}
"""
DAY = dt.date(2026, 6, 1)


def written(folder: Path, text: str) -> Path:
    path = folder / "card.yaml"
    path.write_text(text)
    return path


def test_reads_values_and_what_stands_beside_them(tmp_path: Path) -> None:
    read = card(written(tmp_path, GOOD), today=DAY)
    delay = read.entry("rep_delay")
    assert (read.value("rep_delay"), delay.unit, delay.uncertainty) == (250.0, "us", 5.0)
    assert (delay.method, delay.source, delay.date) == ("measured", "own runs", dt.date(2026, 1, 31))
    assert read.entry("matrix").source == "elsewhere"
    np.testing.assert_array_equal(read.array("matrix"), [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("unit: us, ", "", "missing unit"),
        ("unit: us", 'unit: ""', "unit is empty"),
        ("uncertainty: 5", "uncertanty: 5", "uncertainty"),
        ("value: 250", "value: -250", "cannot be negative"),
        ("value: 250", "value: fast", "finite numbers"),
        ("value: 250", "value: .nan", "finite"),
        ("value: 250", "value: true", "finite numbers"),
        ("uncertainty: 5", "uncertainty: -5", "uncertainty must be"),
        ("valid_until: 2027-01-31", "valid_until: 2026-05-31", "expired on 2026-05-31"),
        ("date: 2026-01-31", "date: last week", "not a date"),
        ("date: 2026-01-31\n", "", "missing date"),
        ("method: measured", "method: 3", "in words"),
        ("entries:", "entry:", "unknown field 'entry'"),
        ("entries:", "entries: {}\nnote:", "'entries'"),
        ("  rep_delay:", "  matrix: 3\n  rep_delay:", "given twice"),
    ],
)
def test_says_what_is_wrong(old: str, new: str, words: str, tmp_path: Path) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(CardError, match=words) as caught:
        card(path, today=DAY)
    assert str(path) in caught.value.block()


def test_unknown_entries_and_files_name_what_there_is(tmp_path: Path) -> None:
    read = card(written(tmp_path, GOOD), today=DAY)
    with pytest.raises(CardError, match="did you mean: rep_delay"):
        read.value("repdelay")
    with pytest.raises(CardError, match="is a list"):
        read.value("matrix")
    with pytest.raises(CardError, match="no calibration card"):
        card("workload/nothing")


@pytest.mark.parametrize("path", sorted(data_dir("calibration").rglob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_cards_are_valid(path: Path) -> None:
    assert card(path).entries
