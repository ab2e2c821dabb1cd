"""Every hostile trace through the command line: exit code, words, no traceback, same result where a pair says so."""

import csv
import subprocess
import sys

import pytest

from tests.reference import REFERENCE_DATA, reference

FOLDER = "../badinputs"


def rows():
    manifest = REFERENCE_DATA / FOLDER / "manifest.csv"
    if not manifest.exists():
        return []
    with manifest.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["kind"] in ("swf", "gz")]


def run(path, out):
    """Replay a file as a user would; return exit code and everything printed."""
    words = [sys.executable, "-m", "qhpcsim", "run", "replay", f"workload.path={path}", "--out", out, "--no-report"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_manifest_is_there():
    reference(f"{FOLDER}/manifest.csv")
    assert len(rows()) >= 30


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["id"])
def test_reaction(row, tmp_path):
    path = reference(f"{FOLDER}/{row['file']}")
    code, text = run(path, tmp_path / "out")
    assert code == int(row["exit_code"]), text
    assert "Traceback" not in text
    assert len(text) < 3000
    if code == 2:
        where = path.name + (f":{row['line']}" if row["line"] else "")
        assert where in text
        assert row["field"] in text
        assert not (tmp_path / "out" / "jobs.csv").exists()
    elif row["pair"]:
        run(reference(f"{FOLDER}/{row['pair']}"), tmp_path / "pair")
        mine, theirs = starts(tmp_path / "out"), starts(tmp_path / "pair")
        assert {job: mine.get(job) for job in theirs} == theirs


def starts(folder):
    with (folder / "jobs.csv").open(newline="") as file:
        return {row["job_id"]: row["starting_time"] for row in csv.DictReader(file) if row["starting_time"]}
