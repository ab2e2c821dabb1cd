"""Every study is short, is complete, says its answer in its README, and gives it again when it is run."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
STUDIES = [path.parent.name for path in sorted(EXPERIMENTS.glob("*/study.py"))]
FILES = ("README.md", "study.py", "results.json", "expected.json", "figure.png")
HALF = "half of the interval"
_NUMBER = r"[-−+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?"


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    """What ``make experiments`` runs."""
    spec = importlib.util.spec_from_file_location("reproduce", EXPERIMENTS / "reproduce.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["reproduce"] = module
    spec.loader.exec_module(module)
    return module


def read(name: str, file: str) -> dict:
    """Return a JSON file of a study."""
    return json.loads((EXPERIMENTS / name / file).read_text(encoding="utf-8"))


def agrees(text: str, value: float) -> bool:
    """Return whether a printed number is the value, rounded to the digits that it has."""
    printed = Decimal(text.replace("−", "-").replace(",", ""))
    last_digit = Decimal(1).scaleb(int(printed.as_tuple().exponent))
    return abs(printed - Decimal(repr(float(value)))) <= last_digit * Decimal("0.5001")


def test_there_are_studies() -> None:
    assert STUDIES


@pytest.mark.parametrize("name", [path.name for path in sorted(EXPERIMENTS.glob("[0-9]*")) if path.is_dir()])
def test_a_study_is_complete(name: str) -> None:
    assert [file for file in FILES if not (EXPERIMENTS / name / file).is_file()] == []


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_short_and_uses_the_public_interface(name: str) -> None:
    text = (EXPERIMENTS / name / "study.py").read_text(encoding="utf-8")
    assert text.count("\n") <= 150
    assert "from qhpcsim." not in text
    assert "import qhpcsim." not in text


@pytest.mark.parametrize("name", STUDIES)
def test_the_results_are_the_expected_ones(name: str, runner: ModuleType) -> None:
    wanted = read(name, "expected.json")
    assert len(wanted) >= 3
    assert runner.drifted(wanted, read(name, "results.json")) == ()


@pytest.mark.parametrize("name", STUDIES)
def test_the_readme_quotes_the_results(name: str) -> None:
    """The quoted words are in the README; their number, and the one after ±, is the result to the digits printed."""
    readme = (EXPERIMENTS / name / "README.md").read_text(encoding="utf-8")
    assert "](figure.png)" in readme
    results = read(name, "results.json")
    wrong = []
    for key, row in read(name, "expected.json").items():
        quoted = str(row["quoted"])
        numbers = re.findall(_NUMBER, quoted.split("(")[0])
        fits = quoted in readme and agrees(numbers[0], results[key])
        if "±" in quoted and HALF not in key:
            halves = [results[half] for half in results if HALF in half and half.replace(f", {HALF}", "") == key]
            fits &= len(halves) == 1 and agrees(numbers[1], halves[0])
        if not fits:
            wrong.append((key, quoted, results[key]))
    assert wrong == []


def test_numbers_are_compared_to_the_digits_that_they_have() -> None:
    assert agrees("88", 88.32)
    assert not agrees("89", 88.32)
    assert agrees("−12.2", -12.18)
    assert not agrees("−12.2", 12.18)
    assert agrees("1.61e+03", 1607.0)
    assert not agrees("1.60e+03", 1607.0)
    assert agrees("4,764", 4764.4)


def test_every_row_of_the_coupling_table_is_a_result() -> None:
    rows = re.findall(r"^\| (0\.\d+) \| `(\w+)` \| (.+?) \| (.+?) \|$", _readme("04_coupling"), re.MULTILINE)
    assert len(rows) == 8
    results = read("04_coupling", "results.json")
    for share, coupling, *cells in rows:
        for cell, words in zip(cells, ("hybrid jobs longer", "rigid jobs wait longer"), strict=True):
            stem = f"{coupling}, QPU share {share}: {words}"
            mean, half = cell.split(" ± ")
            assert agrees(mean, results[f"{stem}, min"]), (stem, cell)
            assert agrees(half, results[f"{stem}, {HALF}, min"]), (stem, cell)


def test_every_row_of_the_sharing_tables_is_a_result() -> None:
    """T_occ against k, and the second use case: mean, least and greatest of the seeds."""
    table = pd.read_csv(EXPERIMENTS / "03_hybridcloudsim" / "results.csv").set_index(["variant", "k", "figure"])
    number = f"({_NUMBER})"
    readme = _readme("03_hybridcloudsim")
    swept = re.findall(rf"^\| (\d+) \| {number} \| {number} \| {number} … {number} \|$", readme, re.MULTILINE)
    case = re.findall(rf"^\| (.+?) \| [^|]+ \| {number} \| {number} … {number} \|$", readme, re.MULTILINE)
    case = [row for row in case if not row[0].isdigit()]
    assert (len(swept), len(case)) == (7, 8)
    rows = [("checked", int(k), "t_occ", *three) for k, _, *three in swept]
    rows += [("checked", 0, *row) for row in case]
    for variant, k, figure, *three in rows:
        found = table.loc[(variant, k, figure)]
        assert all(agrees(text, found[key]) for text, key in zip(three, ("mean", "min", "max"), strict=True)), figure


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_a_study_gives_its_answer_again(name: str, runner: ModuleType, tmp_path: Path) -> None:
    outcome = runner.reproduce(EXPERIMENTS / name, tmp_path / name)
    assert not outcome.failed and not outcome.drifted, outcome.line
    if outcome.not_run:
        pytest.skip(outcome.line)
    assert outcome.n_numbers == len(read(name, "expected.json"))
    assert (tmp_path / name / "figure.png").stat().st_size > 10_000


def _readme(name: str) -> str:
    return (EXPERIMENTS / name / "README.md").read_text(encoding="utf-8")
