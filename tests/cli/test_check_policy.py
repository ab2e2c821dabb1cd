"""``qhpcsim check-policy``: a table, one sentence, exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from qhpcsim.cli import main
from qhpcsim.core.registry import _entries, entries
from qhpcsim.policy_checks.subjects import SUBJECTS
from tests.policy_checks.faults import FAULTS

FEW = ("--cases", "8", "--no-processes")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    before = {kind: dict(entries(kind)) for kind in SUBJECTS}
    monkeypatch.chdir(tmp_path)
    yield
    _entries.update(before)


def call(capsys, *arguments):
    code = main(["check-policy", *arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def test_a_good_policy(capsys):
    code, out, err = call(capsys, "easy", *FEW)
    assert (code, err) == (0, "")
    assert "fits         ✓ passed" in out
    assert out.rstrip().splitlines()[-1] == "policy easy: all 11 checks passed on 8 cases, no warning."


def test_a_warning_is_no_failure(capsys):
    code, out, _ = call(capsys, "sjf", "--kind", "order", *FEW)
    assert code == 0
    assert "! warned" in out
    assert "smallest example: 4 nodes; a job of 4 nodes and 1000 s" in out


def test_a_broken_policy(capsys):
    Path("mine.py").write_text(FAULTS["starts more than fits"][1])
    code, out, err = call(capsys, "mine.py", *FEW)
    assert (code, err) == (1, "")
    assert "✗ failed" in out
    assert "fits: it started job 2 on 1 nodes when 0 were free" in out
    assert "smallest example: " in out
    code, out, _ = call(capsys, "mine.py", *FEW, "--quiet")
    assert code == 1
    assert out == "policy planted: 1 of 10 checks failed (fits).\n"


def test_a_file_that_cannot_be_used(capsys):
    Path("mine.py").write_text("x = 1 / 0\n")
    code, out, err = call(capsys, "mine.py")
    assert (code, out) == (2, "")
    assert "mine.py:1: ZeroDivisionError" in err
    code, _, err = call(capsys, "eassy")
    assert code == 2
    assert "did you mean: easy" in err
    code, _, err = call(capsys, "easy", "--timeout", "soon")
    assert code == 2
