"""Scenarios with applications, from the configuration to the run folder."""

from __future__ import annotations

import csv
import json

import pytest

import qhpcsim
from qhpcsim.core.errors import ConfigError, QhpcsimError

SMALL = ("workload.n_applications=8", "workload.lublin.n_jobs=40")


@pytest.fixture(scope="module")
def result():
    """A short run of the hybrid centre."""
    return qhpcsim.simulate(qhpcsim.load("hybrid_centre", SMALL))


def test_applications_are_in_the_summary(result):
    figures = result.summary["workflows"]
    assert figures["n_applications"] == 8
    assert sum(each["n_applications"] for each in figures["by_motif"].values()) == 8
    assert f"of {figures['n_applications']} applications" in result.answer
    assert figures["n_tasks"] == result.workflows.tasks.n


def test_the_run_folder_has_applications_and_tasks(result, tmp_path):
    folder = result.write(tmp_path / "run")
    with (folder / "tasks.csv").open(encoding="utf-8") as file:
        tasks = list(csv.DictReader(file))
    with (folder / "workflows.csv").open(encoding="utf-8") as file:
        workflows = {row["workflow"]: row for row in csv.DictReader(file)}
    assert len(workflows) == 8
    assert len(tasks) == result.summary["workflows"]["n_tasks"]
    assert {row["workflow"] for row in tasks} <= set(workflows)
    for row in tasks:
        if row["ended_s"]:
            assert float(row["submitted_s"]) <= float(row["started_s"]) <= float(row["ended_s"])
            over_s = workflows[row["workflow"]]["ended_s"]
            assert not over_s or float(row["ended_s"]) <= float(over_s)
    assert json.loads((folder / "summary.json").read_text(encoding="utf-8"))["workflows"]["n_applications"] == 8


def test_the_same_seed_gives_the_same_bytes(result, tmp_path):
    again = qhpcsim.simulate(qhpcsim.load("hybrid_centre", SMALL)).write(tmp_path / "b")
    first = result.write(tmp_path / "a")
    for name in ("jobs.csv", "tasks.csv", "workflows.csv", "qpu.csv", "summary.json"):
        assert (first / name).read_bytes() == (again / name).read_bytes(), name


def test_what_the_task_system_costs_shows(result):
    ideal = qhpcsim.simulate(qhpcsim.load("hybrid_centre", (*SMALL, "middleware=ideal")))
    costly = result.summary["workflows"]["mean_time_to_solution_s"]
    assert ideal.summary["workflows"]["mean_time_to_solution_s"] < costly


@pytest.mark.parametrize("binding", ["early", "late", "round_robin", "least_loaded", "longest_first"])
def test_bindings_are_chosen_in_the_configuration(binding):
    scenario = qhpcsim.load("hybrid_centre", (*SMALL, f"middleware.binding={binding}"))
    assert scenario.middleware.binding.name == binding
    assert qhpcsim.simulate(scenario).summary["workflows"]["n_completed"] > 0


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("middleware.binding=latte", "late"),
        ("middleware.scaling=backlogg", "backlog"),
        ("middleware.backend=rayy", "ray"),
        ("workload.max_jobs=3", "n_applications"),
        ("workload.share.bag.motif=circuit_execusion", "circuit_execution"),
        ("workload.share.bag.pilots.gpu.partition=a10", "a100"),
        ("qpu_workload=stream", "bring their own"),
    ],
)
def test_mistakes_are_refused_with_the_nearest_word(override, words):
    with pytest.raises(QhpcsimError, match=words):
        qhpcsim.simulate(qhpcsim.load("hybrid_centre", (*SMALL, override)))


def test_motifs_that_call_a_qpu_need_one():
    with pytest.raises(ConfigError, match="QPU"):
        qhpcsim.simulate(qhpcsim.load("hybrid_centre", (*SMALL, "workload.n_applications=60", "qpu=none")))


def test_the_scenario_that_a_run_leaves_gives_the_run_again(result, tmp_path):
    first = result.write(tmp_path / "a")
    again = qhpcsim.simulate(qhpcsim.load(str(first / "scenario.yaml"))).write(tmp_path / "b")
    for name in ("jobs.csv", "tasks.csv", "workflows.csv", "qpu.csv"):
        assert (first / name).read_bytes() == (again / name).read_bytes(), name
