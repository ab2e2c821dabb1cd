"""Every study is short, says its answer in its README, and gives it again when it is run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reference import reference

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
NEEDS = {"02_model_validity": "timings/published_timings.csv"}
"""Study -> a file of the reference data without which it cannot run."""
STUDIES = [path.parent.name for path in sorted(EXPERIMENTS.glob("*/study.py"))]


def expected(name: str) -> dict[str, dict[str, float | str]]:
    """Return the headline numbers: value, tolerance, and as what the README quotes them."""
    return json.loads((EXPERIMENTS / name / "expected.json").read_text(encoding="utf-8"))


def test_there_are_studies() -> None:
    assert STUDIES


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_short_and_uses_the_public_interface(name: str) -> None:
    text = (EXPERIMENTS / name / "study.py").read_text(encoding="utf-8")
    assert text.count("\n") <= 150
    assert "from qhpcsim." not in text
    assert "import qhpcsim." not in text


@pytest.mark.parametrize("name", STUDIES)
def test_the_readme_quotes_the_expected_numbers(name: str) -> None:
    readme = (EXPERIMENTS / name / "README.md").read_text(encoding="utf-8")
    assert "](figure.png)" in readme
    missing = {key: row["quoted"] for key, row in expected(name).items() if str(row["quoted"]) not in readme}
    assert missing == {}
    for key, row in expected(name).items():
        first = str(row["quoted"]).split()[0].replace("−", "-").replace(",", "").rstrip("%")
        assert abs(float(first) - float(row["value"])) <= float(row["tolerance"]), key


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_a_study_gives_its_answer_again(name: str, tmp_path: Path) -> None:
    if name in NEEDS:
        reference(NEEDS[name])
    folder = tmp_path / name
    shutil.copytree(EXPERIMENTS / name, folder)
    (folder / "results.json").unlink(missing_ok=True)
    subprocess.run([sys.executable, "study.py"], cwd=folder, check=True, timeout=3600, capture_output=True)
    found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    wrong = {
        key: found.get(key)
        for key, row in expected(name).items()
        if key not in found or abs(found[key] - float(row["value"])) > float(row["tolerance"])
    }
    assert wrong == {}
    assert (folder / "figure.png").stat().st_size > 10_000
