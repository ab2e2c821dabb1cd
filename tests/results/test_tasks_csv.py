"""tasks.csv: exact, harmless in a spreadsheet, readable by Pilot-Quantum's readers and by us."""

import csv

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhpcsim.core.errors import WorkloadError
from qhpcsim.core.task_records import TaskState, TaskTable, word_column, word_texts
from qhpcsim.results.tasks_csv import COLUMNS, PILOT_QUANTUM, write_tasks_csv
from qhpcsim.results.tasks_read import read_tasks_csv

METRICS = {
    "task_id", "submit_time", "pilot_scheduled", "wait_time_secs", "staging_time_secs",
    "input_staging_data_size_bytes", "execution_secs", "completion_time", "status", "error_msg",
}  # fmt: skip
"""Columns of Pilot-Quantum's metrics.csv."""
NAN = np.nan


def table(**more):
    columns = {
        "task_id": np.array(["a", "b", "c", "d"], dtype=object),
        "submitted_s": np.array([0.0, 0.5, 1.0, 2.0]),
        "started_s": np.array([0.25, 1.5, NAN, 3.0]),
        "ended_s": np.array([1.25, 1.75, NAN, NAN]),
        "state": np.array([TaskState.SUCCESS, TaskState.LOST_WORKER, TaskState.QUEUED, TaskState.RUNNING], np.int8),
    }
    return TaskTable(**(columns | more))


def lines(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_pilot_quantums_columns_are_there_and_follow_from_ours(tmp_path):
    path = tmp_path / "tasks.csv"
    write_tasks_csv(path, table(error=word_column(["", "signal 9", "", ""]), pilot=word_column(["p0", "p1", "p0", ""])))
    assert {"task_id", *PILOT_QUANTUM} == METRICS
    rows = lines(path)
    assert tuple(rows[0]) == COLUMNS
    names = (
        "submit_time",
        "pilot_scheduled",
        "wait_time_secs",
        "execution_secs",
        "completion_time",
        "status",
        "error_msg",
    )
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("0", "p0", "0.25", "1", "1.25", "SUCCESS", ""),
        ("0.5", "p1", "1", "0.25", "1.75", "FAILED", "signal 9"),
        ("1", "p0", "", "", "", "QUEUED", ""),
        ("2", "", "1", "", "", "RUNNING", ""),
    ]
    assert [row["state"] for row in rows] == ["success", "lost_worker", "queued", "running"]
    assert {row["staging_time_secs"] for row in rows} == {"0"}


def test_what_is_written_is_read_back(tmp_path):
    wanted = table(
        motif=word_column(["bag", "", "vqe", "bag"]),
        circuit=word_column(["qaoa:20:graph=regular3,seed=7", "a b.qasm", "", 'odd "name", with\nlines']),
        shots=np.array([1, 0, 10**12, 5]),
        n_qubits=np.array([20, 3, 0, 1], np.int32),
        n_gpus=np.array([0.25, 0.0, NAN, 1.0]),
        predicted_s=np.array([0.1, 1e-9, NAN, 1 / 3]),
    )
    write_tasks_csv(tmp_path / "t.csv", wanted)
    found = read_tasks_csv(tmp_path / "t.csv")
    for name in (
        "task_id",
        "submitted_s",
        "started_s",
        "ended_s",
        "state",
        "shots",
        "n_qubits",
        "n_gpus",
        "predicted_s",
    ):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    for name in ("motif", "circuit"):
        assert word_texts(getattr(found, name), 4) == word_texts(getattr(wanted, name), 4)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.floats(0, 1e9), st.floats(0, 1e6), st.floats(0, 1e6), st.text(max_size=12)),
        min_size=1,
        max_size=30,
    )
)
def test_any_numbers_and_words_survive(rows):
    import tempfile
    from pathlib import Path

    submitted, waits, runs, names = (list(column) for column in zip(*rows, strict=True))
    started = np.array(submitted) + waits
    wanted = TaskTable(
        np.arange(len(rows)), np.array(submitted), started, started + runs, np.zeros(len(rows), np.int8),
        motif=word_column(names),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        write_tasks_csv(path, wanted)
        found = read_tasks_csv(path)
        cells = pd.read_csv(path, dtype=str, keep_default_na=False, usecols=["motif"])["motif"]
    for name in ("task_id", "submitted_s", "started_s", "ended_s"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


def test_more_columns_follow_ours(tmp_path):
    path = tmp_path / "t.csv"
    write_tasks_csv(
        path, table(), {"measured_s": np.array([1.5, NAN, 2.0, NAN]), "size": word_column(["x", "", "y", "x"])}
    )
    rows = lines(path)
    assert list(rows[0])[len(COLUMNS) :] == ["measured_s", "size"]
    assert [(row["measured_s"], row["size"]) for row in rows] == [("1.5", "x"), ("", ""), ("2", "y"), ("", "x")]


def test_large_tables_are_written_in_pieces(tmp_path):
    n = 20_000
    names = word_column([f"m{k % 7}" for k in range(n)])
    wanted = TaskTable(
        np.arange(n), np.arange(n) / 8, np.arange(n) / 8 + 1, np.arange(n) / 8 + 3, np.zeros(n, np.int8), motif=names
    )
    write_tasks_csv(tmp_path / "t.csv", wanted)
    found = read_tasks_csv(tmp_path / "t.csv")
    np.testing.assert_array_equal(found.ended_s, wanted.ended_s)
    assert word_texts(found.motif, n) == word_texts(names, n)


def test_a_short_table_by_hand(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("circuit,kind,device_class,shots\nghz:3,sampling,cpu,10\nghz:4, sampling ,cpu,\n")
    found = read_tasks_csv(path)
    assert found.task_id.tolist() == [0, 1]
    assert found.shots.tolist() == [10, 0]
    assert word_texts(found.kind, 2) == ["sampling"] * 2
    assert found.motif is None and found.predicted_s is None
    assert np.isnan(found.started_s).all()
    assert set(found.state.tolist()) == {TaskState.QUEUED}


def test_pilot_quantums_own_file_is_read(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text(
        "completion_time,error_msg,execution_secs,pilot_scheduled,status,submit_time,task_id,wait_time_secs\n"
        "2024-06-22 23:57:15.5,,0.99,p0,SUCCESS,2024-06-22 23:57:14.1,task_ce-16,0.43\n"
        "2024-06-22 23:57:16.5,boom,0.10,p0,FAILED,2024-06-22 23:57:14.2,task_ce-17,0.44\n"
    )
    found = read_tasks_csv(path)
    assert found.task_id.tolist() == ["task_ce-16", "task_ce-17"]
    assert found.state.tolist() == [TaskState.SUCCESS, TaskState.FAILED]
    assert word_texts(found.error, 2) == ["", "boom"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a table of tasks"),
        ("circuit,shots\n", "no tasks"),
        ("circuit,shot\nghz:3,1\n", "did you mean: shots"),
        ("circuit,shots\nghz:3,1\nghz:3,many\n", "t.csv:3: shots is 'many'"),
        ("circuit,shots\nghz:3,1.5\n", "t.csv:2: shots is 1.5"),
        ("circuit,shots\nghz:3,-1\n", "t.csv:2: shots is -1"),
        ("circuit,shots\nghz:3,1_0\n", "t.csv:2: shots is '1_0'"),
        ("circuit,predicted_s\nghz:3,inf\n", "t.csv:2: predicted_s is 'inf'"),
        ("circuit,predicted_s\nghz:3,nan\n", "t.csv:2: predicted_s is 'nan'"),
        ("circuit,shots\nghz:3,99999999999999999999\n", "t.csv:2: shots is 99999999999999999999"),
        ("task_id,circuit\n1,ghz:3\n2,ghz:3\n1,ghz:3\n", "t.csv:4: task '1' is there twice"),
        ("circuit,state\nghz:3,done\n", "t.csv:2: unknown state 'done'"),
        ("circuit,shots\nghz:3,1,2,3\nghz:4,1\n", "t.csv:2: 4 cells"),
        ("circuit,shots\nghz:3,1\nghz:4,1,2\n", "t.csv:3: 3 cells"),
        ("circuit,shots\nghz:3,1\nghz:4\n", "t.csv:3: 1 cells"),
    ],
)
def test_mistakes_name_the_line(tmp_path, text, words):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(WorkloadError) as caught:
        read_tasks_csv(path)
    assert words in str(caught.value)


def test_a_missing_file_is_explained(tmp_path):
    with pytest.raises(WorkloadError, match=r"gone\.csv"):
        read_tasks_csv(tmp_path / "gone.csv")


def test_some_of_the_tasks():
    found = table(motif=word_column(["bag", "", "vqe", "bag"])).take(np.array([2, 0]))
    assert found.task_id.tolist() == ["c", "a"]
    assert word_texts(found.motif, 2) == ["vqe", "bag"]
    assert found.kind is None
