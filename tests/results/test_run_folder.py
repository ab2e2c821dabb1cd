"""The run folder: complete, the same bytes every time, and careful with other people's files."""

import gzip
import json

import numpy as np
import pytest
import yaml

from qhpcsim.core.errors import RunFolderError
from qhpcsim.results.checking import check_folder
from qhpcsim.results.result import Result
from qhpcsim.results.run_folder import FILES
from qhpcsim.scenario import Partition
from tests.metrics.runs import HAND_EASY, HAND_FCFS, make_result, random_fcfs


def test_everything_but_the_card_is_the_same_twice(tmp_path):
    first, second = (random_fcfs(n=50).write(tmp_path / name) for name in "ab")
    for name in FILES[:-1]:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_a_run_can_be_written_again_into_its_folder(tmp_path):
    make_result().write(tmp_path / "run")
    make_result(starts=HAND_EASY).write(tmp_path / "run")
    assert Result.read(tmp_path / "run").summary["makespan_s"] == 31


def test_other_peoples_files_are_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunFolderError, match="not a run's"):
        make_result().write(tmp_path)
    with pytest.raises(RunFolderError, match="not a folder"):
        make_result().write(tmp_path / "thesis.tex")


@pytest.mark.parametrize("name", FILES)
def test_an_incomplete_run_is_named(tmp_path, name):
    folder = make_result().write(tmp_path / "run")
    (folder / name).unlink()
    with pytest.raises(RunFolderError, match=name):
        Result.read(folder)


def test_a_damaged_run_is_named(tmp_path):
    folder = make_result().write(tmp_path / "run")
    (folder / "summary.json").write_text("{")
    with pytest.raises(RunFolderError, match=r"summary\.json"):
        Result.read(folder)
    with pytest.raises(RunFolderError, match="no such run folder"):
        Result.read(tmp_path / "nowhere")


def test_a_written_run_can_be_validated(tmp_path):
    result = random_fcfs(n=100, power=(90.0, 200.0))
    run = Result.read(result.write(tmp_path / "run"))
    assert check_folder(run) == []
    (tmp_path / "run" / "events.csv.gz").write_bytes(gzip.compress(b"time_s,event\n2,end\n1,end\n"))
    assert {v.id for v in check_folder(run)} == {"I07"}
    (tmp_path / "run" / "events.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(RunFolderError, match="not an event log"):
        check_folder(run)


def test_the_scenario_states_the_machine(tmp_path):
    folder = make_result(power=(90.0, 200.0)).write(tmp_path / "run")
    scenario = yaml.safe_load((folder / "scenario.yaml").read_text())
    stated = {"nodes": 4, "idle_w": 90.0, "busy_w": 200.0, "partitions": {}, "outages": [], "requeue": True}
    assert {key: scenario["facility"][key] for key in stated} == stated
    assert Result.read(folder).partitions["batch"] == Partition(nodes=4, idle_w=90.0, busy_w=200.0)


def test_summary_has_no_nan(tmp_path):
    folder = make_result([(0, 9, 1)], [np.nan]).write(tmp_path / "run")
    figures = json.loads((folder / "summary.json").read_text(), parse_constant=pytest.fail)
    assert figures["answer"] == "No job finished: 1 rejected."
    assert figures["mean_wait_s"] is None and figures["makespan_s"] is None
    assert -1 not in figures.values()


def events(folder):
    return gzip.decompress((folder / "events.csv.gz").read_bytes()).decode().splitlines()


def test_events_in_order(tmp_path):
    jobs = [(0, 4, 10), (10, 4, 0), (10, 4, 5), (10, 9, 1), (12, 4, 9)]
    folder = make_result(jobs, [0, 10, 10, np.nan, 15], limits=[10, 1, 5, 1, 3], zero_s=0.5).write(tmp_path / "run")
    assert events(folder) == [
        "time_s,event,job_id,nodes,partition",
        "0.5,submit,1,4,batch",
        "0.5,start,1,4,batch",
        "10.5,end,1,4,batch",
        "10.5,submit,2,4,batch",
        "10.5,submit,3,4,batch",
        "10.5,submit,4,9,",
        "10.5,reject,4,9,",
        *events(folder)[8:11],
        "12.5,submit,5,4,batch",
        "15.5,end,3,4,batch",
        "15.5,start,5,4,batch",
        "18.5,kill,5,4,batch",
    ]
    assert sorted(events(folder)[8:11]) == ["10.5,end,2,4,batch", "10.5,start,2,4,batch", "10.5,start,3,4,batch"]


def test_every_job_has_its_events(tmp_path):
    result = random_fcfs(n=500)
    result.table.job_id = np.array([f"j{k}" for k in range(500)], dtype=object)
    rows = [line.split(",") for line in events(result.write(tmp_path / "run"))[1:]]
    times = [float(row[0]) for row in rows]
    assert times == sorted(times)
    for kind in ("submit", "start", "end"):
        assert sorted(row[2] for row in rows if row[1] == kind) == sorted(result.table.job_id)


def test_gzip_header_names_neither_file_nor_time(tmp_path):
    head = (make_result().write(tmp_path / "run") / "events.csv.gz").read_bytes()[:10]
    assert head[3] == 0 and head[4:8] == b"\0\0\0\0"


def test_hand_starts_are_in_the_file(tmp_path):
    run = Result.read(make_result().write(tmp_path / "run"))
    assert run.jobs["starting_time"].tolist() == HAND_FCFS
