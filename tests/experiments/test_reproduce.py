"""What ``make experiments`` says of studies that reproduce, drift, crash, or lack their data."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).resolve().parents[2] / "experiments" / "reproduce.py"
EXPECTED = {"a, s": {"value": 2.0, "tolerance": 0.1, "quoted": "2.0"}, "b": {"value": 1.0, "tolerance": 0.0}}


def writes(**results: float) -> str:
    """Return a study that finds these numbers; ``a`` stands for ``a, s``."""
    text = json.dumps({{"a": "a, s"}.get(name, name): value for name, value in results.items()})
    return f"import pathlib; pathlib.Path('results.json').write_text({text!r})"


STUDIES = {
    "01_same": writes(a=2.05, b=1.0),
    "02_moved": writes(a=2.2, b=1.0),
    "03_breaks": "raise ValueError('no such thing')",
    "04_lost_one": writes(a=2.0),
    "05_no_data": "print('not run: everything (no data)')",
    "06_part": "print('not run: half (no data)'); " + writes(b=1.0),
    "07_part_moved": "print('not run: half (no data)'); " + writes(b=1.5),
    "08_silent": "pass",
    "09_not_a_number": writes(a=float("nan"), b=1.0),
}


@pytest.fixture
def experiments(tmp_path: Path) -> Path:
    """A folder of studies beside the real runner; stale results must not count as new ones."""
    folder = tmp_path / "experiments"
    folder.mkdir()
    (folder / "reproduce.py").write_text(RUNNER.read_text(encoding="utf-8"), encoding="utf-8")
    for name, code in STUDIES.items():
        (folder / name).mkdir()
        (folder / name / "study.py").write_text(code, encoding="utf-8")
        (folder / name / "expected.json").write_text(json.dumps(EXPECTED), encoding="utf-8")
        (folder / name / "results.json").write_text(json.dumps({"a, s": 2.0, "b": 1.0}), encoding="utf-8")
    return folder


def said(experiments: Path, *names: str) -> tuple[int, list[str]]:
    """Return the exit code and the lines, without their seconds."""
    command = [sys.executable, str(experiments / "reproduce.py"), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.stderr == ""
    return done.returncode, [line.rsplit(" (", 1)[0] for line in done.stdout.splitlines()]


def test_each_study_gets_a_line_and_one_that_fails_stops_nobody(experiments: Path) -> None:
    code, lines = said(experiments)
    assert code == 1
    assert lines[0] == "01_same: reproduced, 2 numbers"
    assert lines[1] == "02_moved: DRIFTED: 'a, s' is 2.2, expected 2 ± 0.1"
    assert lines[2].startswith("03_breaks: FAILED: exit code 1, ValueError: no such thing")
    assert lines[3] == "04_lost_one: DRIFTED: 'b' is missing"
    assert lines[4] == "05_no_data: not run: everything (no data)"
    assert lines[5] == "06_part: reproduced, 1 numbers; not run: half (no data)"
    assert lines[6] == "07_part_moved: DRIFTED: 'b' is 1.5, expected 1 ± 0; not run: half (no data)"
    assert lines[7].startswith("08_silent: FAILED: no results.json")
    assert lines[8] == "09_not_a_number: DRIFTED: 'a, s' is nan, expected 2 ± 0.1"
    assert lines[9].startswith("3 of 9 studies as expected, ")
    assert len(lines) == 10


def test_named_studies_only_and_the_folder_stays_as_it_was(experiments: Path) -> None:
    before = (experiments / "01_same" / "results.json").read_bytes()
    assert said(experiments, "01", "06")[0] == 0
    assert (experiments / "01_same" / "results.json").read_bytes() == before
    assert (experiments.parent / "build" / "experiments" / "01_same" / "results.json").exists()
    assert said(experiments, "99")[0] == 1
