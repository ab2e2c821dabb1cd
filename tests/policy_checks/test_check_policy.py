"""Every shipped policy keeps its promises; every planted fault is found by the check that is about it."""

from __future__ import annotations

import random
import time
from pathlib import Path

import numpy as np
import pytest

import qhpcsim
from qhpcsim.core.errors import ConfigError, PluginError, UnknownNameError
from qhpcsim.core.registry import entries
from tests.policy_checks.faults import FAULTS, answers

SHIPPED = [
    (kind, name)
    for kind in ("policy", "order", "discipline", "qpu_choice", "placement", "cutting")
    for name, entry in entries(kind).items()
    if entry.target.__module__.startswith("qhpcsim.") and entry.source != "user"
]


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.py"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("kind", "name"), SHIPPED)
def test_every_shipped_policy_keeps_its_promises(kind, name):
    few = {"n_cases": 1, "limit_s": 300.0} if name == "nsga2" else {"n_cases": 12}  # it searches for seconds
    report = qhpcsim.check_policy(name, kind, processes=False, **few)
    assert report.ok, str(report)
    assert {row.verdict for row in report.rows} <= {"passed", "warned", "skipped"}
    assert [row.check for row in report.rows if row.verdict == "skipped"] == ["processes"]


@pytest.mark.parametrize("what", FAULTS)
def test_a_planted_fault_is_found_by_its_check(what, tmp_path):
    check, text = FAULTS[what]
    report = qhpcsim.check_policy(write(tmp_path, text), n_cases=15, limit_s=1.0, processes=check == "processes")
    assert check in [row.check for row in report.failed], str(report)
    assert len(report.failed) <= 2
    row = next(row for row in report.failed if row.check == check)
    assert row.finding
    assert row.example


@pytest.mark.parametrize("now_s", range(1_700_000_000, 1_700_000_020, 4))
def test_a_policy_that_asks_the_time_is_found_at_any_time(now_s, tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: float(now_s))
    report = qhpcsim.check_policy(write(tmp_path, FAULTS["asks the time"][1]), n_cases=15, processes=False)
    assert [row.check for row in report.failed] == ["same"], str(report)


def test_the_example_is_the_smallest(tmp_path):
    report = qhpcsim.check_policy(write(tmp_path, FAULTS["starts more than fits"][1]), processes=False)
    (row,) = report.failed
    assert row.finding == "it started job 2 on 1 nodes when 0 were free, at t = 0 s"
    assert row.example.startswith("1 node: job 1 (1 node, at 0 s, asks ") or row.example.startswith("4 nodes: job 1 (4")
    assert row.example.count("job ") == 2


def test_it_names_the_line_and_what_is_suspicious(tmp_path):
    report = qhpcsim.check_policy(write(tmp_path, FAULTS["raises"][1]), processes=False)
    assert "IndexError: tuple index out of range (line 6: return [view.waiting[1]]" in report.failed[0].finding


@pytest.mark.parametrize(
    ("what", "word"), [("draws at random", "random"), ("asks the time", "time"), ("sorts by id", "id")]
)
def test_it_says_what_is_suspicious(what, word, tmp_path):
    report = qhpcsim.check_policy(write(tmp_path, FAULTS[what][1]), limit_s=1.0, processes=False)
    assert f"it uses {word}" in report.failed[0].finding


def test_the_callers_random_numbers_and_clock_are_left_alone(tmp_path):
    random.seed(1)
    np.random.seed(1)
    before, clock = (random.getstate(), np.random.get_state()[1].tolist()), time.time
    qhpcsim.check_policy(write(tmp_path, FAULTS["draws at random"][1]), n_cases=4, processes=False)
    assert time.time is clock
    assert np.random.get_state()[1].tolist() == before[1]


def test_a_policy_that_starves_is_warned_of_and_passes(tmp_path):
    report = qhpcsim.check_policy("sjf", "order", processes=False)
    (row,) = report.warned
    assert report.ok
    assert row.check == "starves"
    assert "1000 s comes at 1 s" in row.example
    assert "1 warning" in report.sentence
    assert not qhpcsim.check_policy("easy", processes=False).warned


def test_a_formula_with_waits_that_never_grow_is_warned_of(tmp_path):
    text = "from qhpcsim.policies.batch.orders import formula\n\n\n"
    text += '@formula("planted", "-w", "user")\ndef planted(q):\n    return q.s - q.w\n'
    report = qhpcsim.check_policy(write(tmp_path, text), processes=False, n_cases=8)
    assert [row.check for row in report.warned if row.check == "ages"] == ["ages"]


def test_a_file_of_several_and_an_object_and_a_second_look(tmp_path):
    text = answers("[job for job in view.waiting[:1] if job.nodes <= view.free_nodes]")
    text += '\n\nfrom qhpcsim.policies.batch.orders import formula\n\n\n@formula("planted_order", "n", "user")\n'
    text += "def planted_order(q):\n    return q.n\n"
    path = write(tmp_path, text)
    report = qhpcsim.check_policy(path, processes=False, n_cases=8)
    assert report.policies == ("policy planted", "order planted_order")
    again = qhpcsim.check_policy(path, processes=False, n_cases=8)
    assert again == report
    decide = entries("backfill")["planted"].target.decide
    assert qhpcsim.check_policy(decide, processes=False, n_cases=8).policies == ("policy planted",)


NO_DECORATOR = "def narrow(view):\n    return ()\n"
NO_VIEW = '\n\n@batch_policy("planted", summary="x")\ndef planted():\n    return ()\n'
CHOSE = """from qhpcsim.core.registry import register


@register("qpu_choice", "planted", summary="x")
class Planted:
    def __init__(self, view, params):
        self.view = view

    def chose(self, job, able):
        return able[0]
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\n", ["mine.py: registers nothing that can be checked", "next: docs/extending.md"]),
        (NO_DECORATOR, ["registers nothing", 'did you mean: @batch_policy("narrow", …) above def narrow']),
        ("import nothing_of_this_name\n", ["mine.py:1: ModuleNotFoundError"]),
        ("def f(:\n", ["mine.py:1: syntax error"]),
        (
            f"from qhpcsim.policies.batch.user import batch_policy{NO_VIEW}",
            ["mine.py:3", "planted(view) cannot be called"],
        ),
        (CHOSE, ["has no method 'choose'", "did you mean: choose instead of chose"]),
    ],
)
def test_a_file_that_cannot_be_used_says_why(text, words, tmp_path):
    with pytest.raises(PluginError) as caught:
        qhpcsim.check_policy(write(tmp_path, text))
    for word in words:
        assert word in str(caught.value)


def test_names_that_are_wrong_or_ambiguous():
    with pytest.raises(UnknownNameError, match="did you mean: easy"):
        qhpcsim.check_policy("eassy")
    with pytest.raises(ConfigError, match="allowed: qpu_choice, placement"):
        qhpcsim.check_policy("weighted")
    with pytest.raises(ConfigError, match="did you mean: discipline"):
        qhpcsim.check_policy("fifo", "disciplin")
    with pytest.raises(PluginError, match="no such file"):
        qhpcsim.check_policy("gone.py")
    with pytest.raises(PluginError, match="is not registered"):
        qhpcsim.check_policy(lambda view: ())
