"""Scenarios with failing nodes, maintenance, dependencies and arrays, from the configuration to the run folder."""

from __future__ import annotations

import csv
import gzip
import json

import numpy as np
import pytest

import qhpcsim
from qhpcsim.core.errors import QhpcsimError
from qhpcsim.results.checking import check_folder, check_hybrid_jobs
from qhpcsim.results.result import Result

JOBS = ("workload=lublin", "workload.n_jobs=400", "facility.nodes=32", "facility.idle_w=100", "facility.busy_w=400")
FAILING = ("facility.failures.mtbf_s=15d", "facility.failures.repair.mean_s=3h")
SERVICE = ("facility.outages=[{start_s: 1d, end_s: 1.5d}, {start_s: 2d, end_s: 2.1d, nodes: 9}]",)


def lines(path):
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return list(csv.DictReader(text.splitlines()))


@pytest.fixture(scope="module", params=["fcfs", "easy", "conservative"])
def folder(request, tmp_path_factory):
    scenario = qhpcsim.load("replay", (*JOBS, *FAILING, *SERVICE, f"policy={request.param}"))
    return qhpcsim.simulate(scenario).write(tmp_path_factory.mktemp("run") / "a")


def test_the_rules_of_every_run_hold(folder):
    assert check_folder(Result.read(folder)) == []


def test_the_figures_follow_from_the_tables(folder):
    summary = json.loads((folder / "summary.json").read_text())
    figures = summary["node_failures"]
    lost, away, jobs = (lines(folder / name) for name in ("lost_runs.csv", "node_outages.csv", "jobs.csv"))
    assert len(lost) == figures["n_restarts"] > 0 and len(away) == figures["n_absences"] > 32
    width = {row["job_id"]: int(row["requested_number_of_resources"]) for row in jobs}
    lost_s = sum((float(run["end"]) - float(run["start"])) * width[run["job_id"]] for run in lost)
    assert figures["lost_node_h"] == pytest.approx(lost_s / 3600)
    last_s = summary["window_end_s"]
    down_s = sum(min(float(row["end"]), last_s) - max(float(row["start"]), summary["window_start_s"]) for row in away)
    area = 32 * (last_s - summary["window_start_s"])
    assert figures["availability_frac"] == pytest.approx(1 - down_s / area)
    held = sum(float(row["execution_time"]) * width[row["job_id"]] for row in jobs) + lost_s
    assert summary["utilisation_frac"] == pytest.approx(held / area)
    assert figures["available_utilisation_frac"] == pytest.approx(held / (area - down_s))
    own = {row["job_id"]: json.loads(row["metadata"]) for row in jobs}
    assert sum(each.get("restarts", 0) for each in own.values()) == len(lost)
    assert {run["job_id"] for run in lost} == {job for job, each in own.items() if each.get("restarts")}


def test_the_event_log_tells_the_same_story(folder):
    events = lines(folder / "events.csv.gz")
    free, running = 32, set()
    for event in events:
        job = event["job_id"]
        if event["event"] == "start":
            assert job not in running
            running.add(job)
            free -= int(event["nodes"])
        elif event["event"] in ("end", "kill", "requeue"):
            running.remove(job)
            free += int(event["nodes"])
        assert 0 <= free <= 32
    assert not running
    times = [float(event["time_s"]) for event in events]
    assert times == sorted(times)
    requeued = sorted((event["time_s"], event["job_id"]) for event in events if event["event"] == "requeue")
    assert requeued == sorted((run["end"], run["job_id"]) for run in lines(folder / "lost_runs.csv"))


def test_a_run_can_be_run_again_from_its_folder(folder, tmp_path):
    again = qhpcsim.simulate(qhpcsim.load(folder / "scenario.yaml")).write(tmp_path / "b")
    for name in ("jobs.csv", "summary.json", "lost_runs.csv", "node_outages.csv"):
        assert (again / name).read_bytes() == (folder / name).read_bytes(), name


def test_tokens_of_qpus_do_not_fail_and_hybrid_jobs_may(tmp_path):
    few = ("workload.n_jobs=8", "workload.rigid.n_jobs=40", "coupling=vqpu", "facility.failures.mtbf_s=1d")
    first = qhpcsim.simulate(qhpcsim.load("coupling_study", few))
    folder = first.write(tmp_path / "a")
    assert first.summary["node_failures"]["n_killed_by_failure"] > 0
    assert {row["partition"] for row in lines(folder / "node_outages.csv")} == {"batch"}
    read = Result.read(folder)
    assert check_folder(read) == [] and check_hybrid_jobs(read).broken == []
    again = qhpcsim.simulate(qhpcsim.load(folder / "scenario.yaml")).write(tmp_path / "b")
    assert (again / "jobs.csv").read_bytes() == (folder / "jobs.csv").read_bytes()


def test_no_failures_leave_no_trace(tmp_path):
    result = qhpcsim.simulate(qhpcsim.load("replay", JOBS))
    folder = result.write(tmp_path / "a")
    assert "node_failures" not in result.summary and "restarts" not in (folder / "jobs.csv").read_text()
    assert not (folder / "lost_runs.csv").exists() and not (folder / "node_outages.csv").exists()


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        (("facility.outages=[{start_s: 5, end_s: 2}]",), "from 5 s to 2 s"),
        (("facility.outages=[{start_s: 1, end_s: 2, partition: gpu}]",), "'gpu', which is not there"),
        (("facility.failures.fixed_s=[[99, 1, 2]]",), "node 99"),
        (("facility.failures.mtbf_s=1d", "engine=kernel"), "nodes fail"),
        (("facility.failures.mtbf_s=1d", "policy=slurm"), "whole, like nodes"),
        (("facility.failures.mtbf_s=1d", "facility.failures.law=weird"), "weird"),
    ],
)
def test_mistakes_are_told(overrides, text):
    with pytest.raises(QhpcsimError, match=text):
        qhpcsim.simulate(qhpcsim.load("replay", (*JOBS, *overrides)))


def test_dependencies_and_arrays_from_a_table(tmp_path):
    path = tmp_path / "jobs.csv"
    path.write_text(
        "job_id,submit_s,nodes,runtime_s,walltime_s,depends_on,fails,array\n"
        "prep,100,2,10,20,,0,\n"
        "work,101,1,5,10,afterok:prep,0,0-3%2\n"
        "bad,102,1,4,10,afterok:work,1,\n"
        "lost,103,1,4,10,afterok:bad,0,\n"
        "clean,104,1,4,10,afterany:bad,0,\n"
    )
    settings = (f"workload.path={path}", "facility.nodes=8", "policy=easy")
    result = qhpcsim.simulate(qhpcsim.load("replay", settings))
    rows = {row["job_id"]: row for row in lines(result.write(tmp_path / "run") / "jobs.csv")}
    assert [rows[f"work_{k}"]["starting_time"] for k in range(4)] == ["110", "110", "115", "115"]
    assert (rows["bad"]["starting_time"], rows["bad"]["final_state"]) == ("120", "COMPLETED_FAILED")
    assert rows["clean"]["starting_time"] == "124"
    assert rows["lost"]["final_state"] == "QUEUED"
    assert json.loads(rows["lost"]["metadata"]) == {"reason": "DependencyNeverSatisfied"}
    assert result.summary["n_failed"] == 1 and result.summary["n_queued"] == 1
    assert "1 of 8 jobs never started" in result.answer
    assert check_folder(Result.read(tmp_path / "run")) == []
    assert np.isnan(result.schedule.start_s).sum() == 1
