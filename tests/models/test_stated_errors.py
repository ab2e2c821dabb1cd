"""Errors that cards and the records of their fits state are read as they stand there."""

import re

import pytest

from qhpcsim.core.cards import card
from qhpcsim.core.data import data_dir
from qhpcsim.models.stated_errors import card_name, stated_errors

CALIBRATION = data_dir("calibration")


def texts(name):
    return [each.text for each in stated_errors(card(name))]


def test_entries_of_a_card():
    found = card("qpu/ibm_2023")
    shares = ", ".join(f"{100 * value:.1f} %" for value in found.array("fit_error"))
    assert texts("qpu/ibm_2023")[0] == f"error {shares} ({found.entry('fit_error').note})"
    assert any(text.startswith("coverage ") for text in texts("qpu/ibm_2023"))


def test_notes_of_entries():
    assert "transpile_per_experiment: held-out error 12.0 %" in texts("motifs/circuit_cutting")


def test_distances_are_no_per_cent():
    assert [text for text in texts("workload/qpu_jobs") if text.startswith("distance 0.")]
    assert not [text for text in texts("workload/qpu_jobs") if "%" in text]


def test_every_checked_line_of_a_record_reaches_a_card():
    """A record that is written differently, or a card that is renamed, would lose its error in silence."""
    lines = [
        line
        for path in sorted(CALIBRATION.rglob("*.md"))
        for line in re.findall(r"^Checked: .*$", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert lines
    cards = sorted(CALIBRATION.rglob("*.yaml"))
    told = {each.text for path in cards for each in stated_errors(card(path)) if each.where.endswith(".md")}
    for line in lines:
        n, mean, worst = re.fullmatch(r"Checked: (\d+) figures?, mean ([\d.]+) %, worst ([\d.]+) %.*", line).groups()
        assert [text for text in told if f"mean error {mean} %, worst {worst} %, {n} figure" in text], line


@pytest.mark.parametrize("name", ["qpu/abstract", "qpu/ibm_heron_r2", "workload/lublin", "gpu/b200"])
def test_where_nothing_is_stated_nothing_is_said(name):
    assert texts(name) == []
    assert card_name(card(name)) == name
    assert not set(card(name).entries) & {"fit_error", "held_out_error"}


def test_a_card_of_the_user_has_its_files_name(tmp_path):
    text = (CALIBRATION / "workload" / "lublin.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    assert card_name(card(tmp_path / "mine.yaml")) == "mine.yaml"
