"""Scenarios with QPUs, from the scenario to the run folder and back."""

import json
from pathlib import Path

import numpy as np
import pytest

import qhpcsim
from qhpcsim.core.errors import QhpcsimError, RunFolderError
from qhpcsim.core.qpu_records import QpuJobState
from qhpcsim.results.checking import check_folder, check_qpus
from qhpcsim.results.result import Result
from qhpcsim.results.run_folder import FILES, QPU_FILES

CLOUD = ("qpu_service", ["qpu_workload.duration_s=6h"])
MIXED = (
    "small_centre",
    [
        "workload.n_jobs=80",
        "facility=small_centre_qpu",
        "qpu_workload=stream",
        "qpu_workload.duration_s=6h",
        "qpu_workload.shape.max_width=20",
    ],
)
ON_PREMISES = (MIXED[0], [*MIXED[1], "qpu=on_premises"])
BESIDE = (MIXED[0], [*MIXED[1], "qpu=single", "workload.loads.qpu=0"])
TABLE = """\
submit_s,n_circuits,shots,depth_total,n_2q_total,n_qubits_total,service_s,user
0,1,1000,10,5,4,7,ann
1,1,1000,10,5,4,3,bob
2,1,1000,10,5,4,5,ann
"""


def run(name, overrides):
    return qhpcsim.simulate(qhpcsim.load(name, overrides))


@pytest.fixture(scope="module", params=[CLOUD, ON_PREMISES, BESIDE], ids=["cloud", "on_premises", "beside"])
def written(request, tmp_path_factory):
    result = run(*request.param)
    return result, result.write(tmp_path_factory.mktemp("runs") / "run")


def test_a_table_on_one_qpu_as_worked_out_by_hand(tmp_path):
    (tmp_path / "jobs.csv").write_text(TABLE)
    overrides = ["workload=none", "qpu=single", "qpu_workload=table", f"qpu_workload.path={tmp_path / 'jobs.csv'}"]
    result = run("replay", overrides)
    assert result.qpu.schedule.started_s.tolist() == [0, 7, 10]
    assert result.qpu.schedule.ended_s.tolist() == [7, 10, 15]
    figures = result.summary["qpu"]
    assert figures["mean_wait_s"] == pytest.approx((0 + 6 + 8) / 3)
    assert figures["by_qpu"]["qpu"]["utilisation_frac"] == 1.0
    assert result.answer == "QPU jobs waited a median of 6 s for qpu; the QPU was busy 100 % of the time."
    assert result.card["inputs"].keys() == {"jobs.csv"}


def test_the_tables_read_back_exactly(written):
    result, folder = written
    run_folder = Result.read(folder)
    schedule = result.qpu.schedule
    for name in ("submitted_s", "queued_s", "started_s", "ended_s", "used_s", "billed_s"):
        np.testing.assert_equal(run_folder.qpu[name].to_numpy(float), getattr(schedule, name), err_msg=name)
    np.testing.assert_equal(run_folder.qpu["fidelity"].to_numpy(float), result.qpu.fidelity)
    np.testing.assert_equal(run_folder.qpu["cost"].to_numpy(float), result.qpu.book.cost)
    assert run_folder.qpu["state"].tolist() == [QpuJobState(k).name for k in schedule.state]
    assert len(run_folder.qpu_intervals) == len(result.qpu.intervals())
    assert len(run_folder.qpu_quality) == sum(map(len, result.qpu.quality))
    assert run_folder.summary["qpu"] == json.loads(json.dumps(result.summary["qpu"]))


def test_the_rules_hold(written):
    _, folder = written
    run_folder = Result.read(folder)
    assert check_folder(run_folder) == []
    assert check_qpus(run_folder).broken == []


def test_broken_tables_are_found(written):
    _, folder = written
    text = (folder / "qpu.csv").read_text()
    lines = text.splitlines()
    row = lines[1].split(",")
    row[8] = repr(float(row[8]) - 1e4)
    try:
        (folder / "qpu.csv").write_text("\n".join([lines[0], ",".join(row), *lines[2:]]) + "\n")
        assert check_qpus(Result.read(folder)).broken
        (folder / "qpu.csv").write_text("a,b\n1,2\n")
        with pytest.raises(RunFolderError, match=r"qpu\.csv: no column"):
            check_qpus(Result.read(folder))
    finally:
        (folder / "qpu.csv").write_text(text)


def test_the_written_scenario_gives_the_same_run(written, tmp_path):
    _, folder = written
    again = run(folder / "scenario.yaml", []).write(tmp_path / "again")
    for name in ("qpu.csv", "qpu_intervals.csv", "qpu_quality.csv", "jobs.csv"):
        assert (again / name).read_bytes() == (folder / name).read_bytes(), name


def test_summary_has_no_nan(written):
    _, folder = written
    json.loads((folder / "summary.json").read_text(), parse_constant=pytest.fail)


def test_everything_but_the_card_is_the_same_twice(tmp_path):
    first, second = (run(*CLOUD).write(tmp_path / name) for name in "ab")
    for name in [*FILES[:-1], *QPU_FILES]:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_a_qpu_beside_the_batch_system_changes_nothing_there():
    alone = run(MIXED[0], [*MIXED[1][:-3], "workload.loads.qpu=0"])
    beside = run(*BESIDE)
    assert beside.schedule.start_s.tolist() == alone.schedule.start_s.tolist()
    assert beside.summary["qpu"]["n_jobs"] > 0
    kept = {key: value for key, value in beside.summary.items() if key not in ("qpu", "answer")}
    assert kept == {key: value for key, value in alone.summary.items() if key != "answer"}


def test_on_premises_the_jobs_stand_in_both_tables():
    result = run(*ON_PREMISES)
    jobs, qpu = result.jobs, result.qpu
    own = jobs[jobs["metadata"].str.contains('"partition": "qpu"')]
    assert own["job_id"].tolist() == [f"qpu-{k}" for k in range(1, len(own) + 1)]
    assert own["starting_time"].tolist() == qpu.schedule.started_s.tolist()
    assert own["allocated_resources"].unique().tolist() == ["72"]
    assert set(qpu.schedule.qpu.tolist()) == {0}


def test_on_premises_a_job_asks_for_its_95_per_cent_time():
    result = run(*ON_PREMISES)
    late = qpu_late(result)
    assert 0.02 < late < 0.09
    assert f"{round(late * result.qpu.jobs.n)} QPU jobs killed at their walltime" in " ".join(result.qpu.notes)
    patient = run(ON_PREMISES[0], [*ON_PREMISES[1], "workload.overrun=extend"])
    assert patient.summary["qpu"]["n_failed"] == 0
    assert patient.qpu.notes == ()


def qpu_late(result):
    return float(np.mean(result.qpu.schedule.state == QpuJobState.FAILED))


def test_jobs_that_no_qpu_can_run_are_rejected_by_name(tmp_path):
    (tmp_path / "jobs.csv").write_text(TABLE + "3,1,1000,10,5,400,,cy\n")
    overrides = ["workload=none", "qpu.qpus.g.card=iqm_garnet", "qpu_workload=table"]
    result = run("replay", [*overrides, f"qpu_workload.path={tmp_path / 'jobs.csv'}"])
    assert result.qpu.schedule.state.tolist()[3] == QpuJobState.REJECTED
    assert any("jobs.csv:5" in note and "400 qubits" in note for note in result.qpu.notes)
    assert "1 rejected" in result.answer


def test_other_rejections_are_counted(tmp_path):
    (tmp_path / "jobs.csv").write_text(TABLE)
    overrides = ["workload=none", "qpu=single", "qpu.queue_limit=0", "qpu_workload=table"]
    result = run("replay", [*overrides, f"qpu_workload.path={tmp_path / 'jobs.csv'}"])
    assert result.summary["qpu"]["n_rejected"] == 2
    assert result.summary["qpu"]["notes"] == [
        "2 QPU jobs rejected: queues full, or no QPU good enough or open long enough"
    ]


def test_a_job_for_a_qpu_that_cannot_run_it_is_refused(tmp_path):
    (tmp_path / "jobs.csv").write_text(
        "submit_s,n_circuits,shots,depth_total,n_2q_total,n_qubits_total,qpu\n0,1,1000,10,5,400,g\n"
    )
    overrides = ["workload=none", "qpu.qpus.g.card=iqm_garnet", "qpu_workload=table"]
    with pytest.raises(QhpcsimError, match=r"jobs.csv:2.*400 qubits"):
        run("replay", [*overrides, f"qpu_workload.path={tmp_path / 'jobs.csv'}"])


def test_qpus_without_jobs():
    result = run("replay", ["workload=none", "qpu=single"])
    assert result.summary["message"] == "No QPU job was completed: the workload has no QPU jobs."


def test_stale_tables_of_an_earlier_run_go(tmp_path):
    folder = run(*CLOUD).write(tmp_path / "run")
    run("small_centre", ["workload.n_jobs=20"]).write(folder)
    assert not any((folder / name).exists() for name in QPU_FILES)
    assert Result.read(folder).qpu is None
    assert "qpu" not in Result.read(folder).summary


@pytest.mark.parametrize("name", QPU_FILES)
def test_an_incomplete_run_is_named(tmp_path, name):
    folder = run(*CLOUD).write(tmp_path / "run")
    (folder / name).unlink()
    with pytest.raises(RunFolderError, match=name):
        Result.read(folder)


def test_progress_reaches_the_end():
    seen: list[float] = []
    qhpcsim.simulate(qhpcsim.load(BESIDE[0], BESIDE[1]), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_facility_without_nodes_reads_back(tmp_path):
    folder = run(*CLOUD).write(tmp_path / "run")
    assert Result.read(folder).partitions == {}
    assert isinstance(folder, Path)
