"""``jobs.csv`` is Batsim's table, byte for byte as expected, and reads back exactly."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest

from qhpcsim.core.records import Categories, JobState
from qhpcsim.results.csv_text import cell
from qhpcsim.results.job_columns import COLUMNS
from qhpcsim.results.result import Result
from tests.metrics.runs import HAND_EASY, make_result, random_fcfs, users

GOLDEN = """\
job_id,workload_name,profile,submission_time,requested_number_of_resources,requested_time,success,final_state,\
starting_time,execution_time,finish_time,waiting_time,turnaround_time,stretch,allocated_resources,consumed_energy,metadata
1,workload,rigid,100,3,10,1,COMPLETED_SUCCESSFULLY,100,10,110,0,10,1,0-2,6000,"{""user"": ""u0""}"
2,workload,rigid,100.5,1,2.5,0,COMPLETED_WALLTIME_REACHED,100.5,2.5,103,0,2.5,1,3,500,
3,workload,rigid,101,9,-1,0,REJECTED,,,,,,,,,"{""user"": ""u1""}"
4,workload,rigid,102,4,-1,1,COMPLETED_SUCCESSFULLY,110,0.25,110.25,8,8.25,33,0-3,200,"{""user"": ""u1""}"
5,workload,rigid,103,1,5,1,COMPLETED_SUCCESSFULLY,103,0,103,0,0,,3,0,"{""user"": ""u0""}"
"""


def small_run():
    jobs = [(0, 3, 10), (0.5, 1, 4), (1, 9, 1), (2, 4, 0.25), (3, 1, 0)]
    limits = [10, 2.5, np.inf, np.inf, 5]
    return make_result(
        jobs, [0, 0.5, np.nan, 10, 3], limits=limits, power=(50.0, 200.0), zero_s=100.0, user=users([0, -1, 1, 1, 0])
    )


def text_of(result, folder):
    return (result.write(folder) / "jobs.csv").read_text()


def test_golden_bytes(tmp_path):
    assert text_of(small_run(), tmp_path / "run") == GOLDEN


def test_the_file_reads_back_as_the_frame(tmp_path):
    for result in (small_run(), random_fcfs(n=200), make_result(starts=HAND_EASY)):
        folder = Result.read(result.write(tmp_path / "run"))
        pd.testing.assert_frame_equal(folder.jobs, result.jobs, check_dtype=False)
        assert tuple(result.jobs.columns) == COLUMNS


def test_unix_times_keep_short_runs_exact():
    result = make_result([(0, 1, 250e-6), (30.5, 1, 100e-9)], [0, 30.5], zero_s=1.7e9)
    assert result.jobs["execution_time"].tolist() == [250e-6, 100e-9]
    assert result.jobs["submission_time"].tolist() == [1.7e9, 1700000030.5]
    assert result.jobs["stretch"].tolist() == [1.0, 1.0]


def test_running_and_queued_jobs(tmp_path):
    result = make_result([(0, 2, 10), (1, 4, 5)], [0, np.nan])
    result.schedule.end_s[0] = np.nan
    result.schedule.state[:] = (JobState.RUNNING, JobState.QUEUED)
    lines = text_of(result, tmp_path / "run").splitlines()[1:]
    assert lines[0] == "1,workload,rigid,0,2,10,0,RUNNING,0,,,0,,,0-1,,"
    assert lines[1] == "2,workload,rigid,1,4,5,0,QUEUED,,,,,,,,,"


def test_named_jobs_and_hostile_words(tmp_path):
    result = make_result([(0, 1, 1), (0, 1, 2), (0, 1, 3)], [0, 0, 0])
    names = ["=cmd|' /C calc'!A0", 'a,"b"\nc', "NA"]
    result.table.job_id = np.array(names, dtype=object)
    result.table.user = Categories(np.array([0, 1, -1], dtype=np.int32), ("@evil", 'x", "y\n\u2028\ud800'))
    result.table.workload_name = "-w\n1"
    back = Result.read(result.write(tmp_path / "run")).jobs
    assert back["job_id"].tolist() == ["'" + names[0], names[1], "NA"]
    assert json.loads(back["metadata"][0]) == {"user": "@evil"}
    assert json.loads(back["metadata"][1])["user"].startswith('x", "y\n')
    assert set(back["workload_name"]) == {"'-w\n1"}


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_formulas_are_marked_as_text(text):
    assert cell(text).lstrip('"').startswith("'")


def test_metadata_holds_what_is_known():
    counts = np.array([0, 4, 4], dtype=np.int32)
    memory = np.array([0.0, 1e9, 2.5e9])
    gpus = Categories(np.array([-1, 0, 0], dtype=np.int32), ("H100",))
    result = make_result([(0, 1, 1)] * 3, [0, 0, 0], gpus_per_node=counts, memory_per_node_bytes=memory, gpu_type=gpus)
    texts = [json.loads(text) if isinstance(text, str) else {} for text in result.jobs["metadata"]]
    assert texts == [
        {},
        {"gpu_type": "H100", "gpus_per_node": 4, "memory_per_node_bytes": 1e9},
        {"gpu_type": "H100", "gpus_per_node": 4, "memory_per_node_bytes": 2.5e9},
    ]


def test_evalys_and_procset_read_it(tmp_path):
    with warnings.catch_warnings():
        # evalys and what it imports use deprecated names; only theirs are let through
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", SyntaxWarning)
        jobset = pytest.importorskip("evalys.jobset")
        procset = pytest.importorskip("procset")
        result = random_fcfs(n=100, whole=True)
        path = result.write(tmp_path / "run") / "jobs.csv"
        found = jobset.JobSet.from_csv(path, resource_bounds=(0, 15))
        busy = found.utilisation
    assert found.df["starting_time"].to_numpy() == pytest.approx(result.schedule.start_s, abs=1e-6)
    assert found.df["proc_alloc"].tolist() == result.table.nodes.tolist()
    assert busy.load.max() <= 16
    for text, width in zip(result.jobs["allocated_resources"], result.table.nodes, strict=True):
        assert len(procset.ProcSet.from_str(text)) == width
