"""QPU jobs from a CSV file: what it says is what comes, and mistakes are named by line."""

import numpy as np
import pytest

from qhpcsim.core.csv_table import read_csv
from qhpcsim.core.errors import QhpcsimError, WorkloadError
from qhpcsim.core.qpu_records import QpuMode
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_simulation import simulate_qpu
from qhpcsim.facility.qpu_validate import check_jobs
from qhpcsim.models.qpu_fleet import Fleet
from qhpcsim.qpu_scenario import QpuDevice, QpuService
from qhpcsim.workloads.qpu_table import TableWorkload, read_demand

SMALL = """submit_s,n_circuits,shots,depth_total,n_2q_total,n_qubits_total
7.5,1,1000,20,5,5
3,2,4000,40,10,10
7.5,1,100,20,5,5
"""
FULL = (
    "job_id,submit_s,n_circuits,shots,depth_total,n_2q_gates_total,n_qubits_total,"
    "user,group,mode,session,closes_session,qpu,priority,depends_on,think_s,min_fidelity,service_s"
    """
a,5,1,1000,20,5,5,=cmd|' /c calc',g,session,3,,q,1,,,0.5,
b,5,1,1000,20,5,5,=cmd|' /c calc',g,session,3,1,q,-1,a,2.5,,7
"c,d",0,2,1000,20,5,5,,,,,,,,,,,
e,9,2,1000,20,5,5,zoë,,batch,0,0,,,"c,d",0,,
"""
)


def read(tmp_path, text):
    path = tmp_path / "jobs.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return read_demand(path)


def refused(tmp_path, text):
    with pytest.raises(QhpcsimError) as caught:
        read(tmp_path, text)
    return str(caught.value)


def test_jobs_come_in_order_of_submission(tmp_path):
    demand = read(tmp_path, SMALL)
    assert demand.submit_s.tolist() == [3, 7.5, 7.5]
    assert demand.shots.tolist() == [4000, 1000, 100]
    assert demand.job_id.tolist() == [0, 1, 2]
    assert demand.line.tolist() == [3, 2, 4]
    assert demand.place(0).endswith("jobs.csv:3")
    for name in ("user", "qpu", "priority", "depends_on", "think_s", "min_fidelity", "service_s", "closes_session"):
        assert getattr(demand, name) is None
    assert demand.mode.tolist() == [0, 0, 0]


def test_every_column_is_read(tmp_path):
    demand = read(tmp_path, FULL)
    assert demand.job_id.tolist() == ["c,d", "a", "b", "e"]
    assert [demand.user.names[k] if k >= 0 else "" for k in demand.user.code] == ["", *["=cmd|' /c calc'"] * 2, "zoë"]
    assert demand.group.names == ("g",)
    assert demand.mode.tolist() == [QpuMode.JOB, QpuMode.SESSION, QpuMode.SESSION, QpuMode.BATCH]
    assert demand.session.tolist() == [-1, 3, 3, 0]
    assert demand.closes_session.tolist() == [False, False, True, False]
    assert demand.qpu.code.tolist() == [-1, 0, 0, -1]
    assert demand.priority.tolist() == [0, 1, -1, 0]
    assert demand.depends_on.tolist() == [-1, -1, 1, 0]
    assert demand.think_s.tolist() == [0, 0, 2.5, 0]
    np.testing.assert_array_equal(demand.min_fidelity, [np.nan, 0.5, np.nan, np.nan])
    np.testing.assert_array_equal(demand.service_s, [np.nan, np.nan, 7, np.nan])


def test_the_service_runs_a_table(tmp_path):
    demand = read(tmp_path, FULL.replace("0.5", ""))
    opened = Fleet.open(QpuService({"q": QpuDevice(card="ibm_heron_r3")}), Rng(1))
    table = opened.jobs(demand)
    check_jobs(table, opened.service)
    schedule = simulate_qpu(table, opened.service)
    assert (schedule.state == 0).all()
    assert schedule.used_s[2] == pytest.approx(7.0)
    assert schedule.submitted_s[2] == pytest.approx(schedule.ended_s[1] + 2.5)


def test_numbered_ids_match_however_they_are_padded(tmp_path):
    text = SMALL.replace("submit_s", "job_id,depends_on,submit_s").replace("\n7.5", "\n007,12,7.5", 1)
    text = text.replace("\n3", "\n12,,3").replace("\n7.5", "\n9,7,7.5")
    demand = read(tmp_path, text)
    assert demand.job_id.tolist() == [12, 7, 9]
    assert demand.depends_on.tolist() == [-1, 0, 1]


@pytest.mark.parametrize("text", [SMALL.replace("\n", "\r\n"), "\ufeff" + SMALL, "\n\n" + SMALL, SMALL.rstrip("\n")])
def test_line_ends_and_marks_do_not_matter(tmp_path, text):
    assert read(tmp_path, text).submit_s.tolist() == [3, 7.5, 7.5]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("7.5,1,1000", "nan,1,1000", "jobs.csv:2: submit_s: 'nan' is not a finite number"),
        ("7.5,1,1000", "-1,1,1000", "jobs.csv:2: submit_s: -1\n  allowed: 0"),
        ("7.5,1,1000", "1e16,1,1000", "jobs.csv:2: submit_s: 1e+16"),
        ("7.5,1,1000", ",1,1000", "jobs.csv:2: submit_s: '' is not a finite number"),
        ("3,2,4000", "3,0,4000", "jobs.csv:3: n_circuits is 0"),
        ("3,2,4000", "3,2,0.5", "jobs.csv:3: shots is 0.5"),
        ("40,10,10", "40,-10,10", "jobs.csv:3: n_2q_total is -10"),
        ("40,10,10", "40,10,1e999", "jobs.csv:3: n_qubits_total: '1e999' is not a finite number"),
        ("40,10,10", "40,10,0x10", "jobs.csv:3: n_qubits_total: '0x10'"),
        ("40,10,10", "40,10", "jobs.csv:3: 5 cells\n  allowed: 6"),
        ("shots", "shot", "jobs.csv:1: column 'shot' is unknown"),
        ("shots", "shots,shots", "column 'shots' is there twice"),
        ("7.5,1,1000", '7.5,"1,1000', "not CSV"),
        ("7.5,1,1000", "7.5,\udcff1,1000", "jobs.csv:2: not UTF-8 text"),
        (SMALL, "", "no jobs"),
        (SMALL, "submit_s,n_circuits,shots,depth_total,n_2q_total,n_qubits_total\n", "no jobs"),
    ],
)
def test_a_bad_table_is_refused_by_line(tmp_path, old, new, said):
    assert said in refused(tmp_path, SMALL.replace(old, new, 1))


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("submit_s,n_circuits,shots,depth_total,n_2q_total,user", "jobs.csv:1: no column n_qubits_total"),
        ("n_circuits,shots,depth_total,n_2q_total,n_qubits_total,user", "jobs.csv:1: no column submit_s"),
        ("submit_s,n_circuits,shots,depth_total,n_2q_total,n_2q_gates_total,n_qubits_total", "under two names"),
        ("submit_s,n_circuits,shots,depth_total,n_2q_total,n_qubits_total,predicted_s", "'predicted_s' is unknown"),
        ("submit_s,n_circuits,shots,depth_total,n_2q_total,n_qubits_total,thinks_s", "did you mean: think_s"),
    ],
)
def test_the_header_must_name_the_columns(tmp_path, header, said):
    assert said in refused(tmp_path, f"{header}\n{','.join('1' for _ in header.split(','))}\n")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("b,5,", "a,5,", "jobs.csv:3: job_id: 'a' is that of line 2 too"),
        ("b,5,", ",5,", "jobs.csv:3: job_id: empty"),
        ("g,session,3,1", "g,sesion,3,1", "jobs.csv:3: mode: unknown mode 'sesion'"),
        ("g,session,3,1", "g,sesion,3,1", "did you mean: session"),
        ("g,session,3,1", "g,session,,", "jobs.csv:3: mode session with no session"),
        ("g,session,3,1", "g,job,3,", "jobs.csv:3: mode job with session 3"),
        ("g,session,3,1", "g,batch,3,", "jobs.csv:3: mode: differs from that of line 2"),
        ("b,5,1,1000,20,5,5,=", "b,5,1,1000,20,5,5,+", "jobs.csv:3: user: differs from that of line 2"),
        ("3,1,q,-1", "3,1,,-1", "jobs.csv:3: qpu: differs"),
        ("g,session,3,1", "g,session,3.5,1", "jobs.csv:3: session: 3.5\n  allowed: a whole number"),
        ("g,session,3,1", "g,session,-3,1", "jobs.csv:3: session: -3\n  allowed: 0 … 2147483647"),
        ("g,session,3,1", "g,session,3,maybe", "jobs.csv:3: closes_session: 'maybe'"),
        ("zoë,,batch,0,0", "zoë,,,,1", "jobs.csv:5: closes_session: closes a session, but is in none"),
        ("q,-1,a", "q,1.5,a", "jobs.csv:3: priority: 1.5"),
        ("q,-1,a", "q,-1,x", "jobs.csv:3: depends_on: 'x', and no job has that id"),
        ("q,-1,a", "q,-1,b", "jobs.csv:3: depends_on: 'b', which is not submitted before"),
        ("q,-1,a", "q,-1,e", "jobs.csv:3: depends_on: 'e', which is not submitted before"),
        ("q,-1,a", "q,-1,", "jobs.csv:3: think_s: a think time, but no job to wait for"),
        ("a,2.5", "a,-2.5", "jobs.csv:3: think_s: -2.5"),
        ("0.5", "1.5", "jobs.csv:2: min_fidelity: 1.5\n  allowed: 0 … 1"),
        (",7\n", ",-7\n", "jobs.csv:3: service_s: -7"),
        ("zoë", "zo\x00", "jobs.csv:5: user: 'zo"),
        ("zoë", "z" * 300, "at most 200 printable characters"),
        ("job_id,", "job,", "column 'job' is unknown"),
    ],
)
def test_bad_optional_columns_are_refused_by_line(tmp_path, old, new, said):
    assert old in FULL
    assert said in refused(tmp_path, FULL.replace(old, new, 1))


def test_a_job_to_wait_for_needs_ids(tmp_path):
    text = SMALL.replace("submit_s", "depends_on,submit_s").replace("\n7.5", "\n,7.5").replace("\n3", "\n,3")
    assert "depends_on needs the column job_id" in refused(tmp_path, text)


def test_files_that_are_none(tmp_path):
    for path in (tmp_path, tmp_path / "absent.csv", tmp_path / "a\0b"):
        with pytest.raises(WorkloadError, match="cannot be read"):
            read_demand(path)
    big = tmp_path / "big.csv"
    big.write_text(SMALL)
    with pytest.raises(WorkloadError, match="size limit"):
        read_csv(big, max_bytes=50)


def test_the_source_needs_a_path(tmp_path):
    entry = lookup("qpu_generator", "table")
    assert entry.params is TableWorkload
    with pytest.raises(QhpcsimError, match=r"qpu_workload\.path=FILE"):
        entry.target(TableWorkload(), Rng(0))
    path = tmp_path / "jobs.csv"
    path.write_text(SMALL)
    assert entry.target(TableWorkload(path=str(path)), Rng(0)).n == 3
