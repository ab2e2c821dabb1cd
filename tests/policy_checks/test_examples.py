"""The examples of docs/extending.md: 15 lines or fewer, one of every kind, good in every way of use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import qhpcsim
from qhpcsim.core.plugins import load_plugin
from qhpcsim.policy_checks.subjects import SUBJECTS, subjects_of
from qhpcsim.studies.simulating import Workers

PAGE = Path(__file__).resolve().parents[2] / "docs" / "extending.md"
FILES = dict(
    re.findall(r"<!-- tested: (\w+\.py) -->\n+```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
)


@pytest.fixture
def plugin(tmp_path):
    """Return how to write an example as a file."""

    def write(name: str) -> Path:
        (tmp_path / name).write_text(FILES[name])
        return tmp_path / name

    return write


@pytest.mark.parametrize("name", FILES)
def test_fifteen_lines_or_fewer(name):
    assert len(FILES[name].splitlines()) <= 15


def test_there_is_one_of_every_kind(plugin):
    kinds = {subject.entry.kind for name in FILES for subject in subjects_of(plugin(name))}
    assert kinds == set(SUBJECTS) - {"backfill"}


@pytest.mark.parametrize("name", FILES)
def test_each_keeps_its_promises(name, plugin):
    report = qhpcsim.check_policy(plugin(name), n_cases=10, processes=name in ("widest_first.py", "careful.py"))
    assert report.ok, str(report)


@pytest.mark.parametrize(
    ("name", "scenario", "overrides", "varied"),
    [
        ("widest_first.py", "small_centre", ["workload.n_jobs=40"], "policy=widest_first,easy"),
        ("careful.py", "qpu_service", ["qpu=ibm_fleet", "qpu_workload.duration_s=2h"], "qpu.choice=careful,named"),
    ],
)
def test_serial_and_worker_processes_give_the_same_figures(name, scenario, overrides, varied, plugin, tmp_path):
    file = plugin(name)
    load_plugin(file)
    found = []
    for engine in ("serial", "processes"):
        workers = Workers(engine, 2, plugins=(str(file),))
        qhpcsim.sweep(scenario, [*overrides, varied], seeds=1, out=tmp_path / engine, workers=workers)
        found.append((tmp_path / engine / "results.csv").read_bytes())
    assert found[0] == found[1]
    assert found[0].count(b"\n") == 3
