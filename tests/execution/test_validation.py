"""A sample of a run's tasks, executed for real: whole, inside its budget, and honest about what is missing."""

import csv
import math
import os
import signal
import threading
import time
from collections import Counter

import numpy as np
import pytest

from qhpcsim.core.errors import WorkloadError
from qhpcsim.core.task_records import word_texts
from qhpcsim.execution import findings, validation
from qhpcsim.execution.stand_in import Host
from qhpcsim.execution.validation import ValidationOptions, validate
from qhpcsim.execution.validation_files import write_validation
from qhpcsim.results.tasks_csv import COLUMNS
from qhpcsim.results.tasks_read import read_tasks_csv
from tests.execution import jobs, runs


@pytest.fixture
def table(tmp_path):
    runs.write(tmp_path / "tasks.csv", runs.rows())
    return read_tasks_csv(tmp_path / "tasks.csv")


def read_rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def done(found):
    return [each.task_id for each in found.results if each.ok]


def test_forty_tasks_with_a_killed_worker_lose_nothing_inside_the_budget(table, tmp_path):
    killed = []

    def kill_one(engine):
        def wait_and_kill():
            while not killed:
                for worker in list(engine._busy):
                    killed.append(worker.name)
                    os.kill(int(worker.name.rpartition(":")[2]), signal.SIGKILL)
                    break
                time.sleep(0.01)

        timer = threading.Timer(2.0, wait_and_kill)
        timer.daemon = True
        timer.start()

    began_s = time.monotonic()
    options = ValidationOptions(n_tasks=40, budget_s=120.0, seed=1, workers=2)
    found = validate(table, options, tmp_path, runs.judged(), with_engine=kill_one)
    assert time.monotonic() - began_s < 120.0
    assert killed
    assert len(set(done(found))) == 40
    assert np.isfinite(found.measured_s).all() and (found.measured_s > 0).all()
    assert sum(each.attempts for each in found.results) >= 41
    assert Counter(zip(word_texts(found.table.motif, 40), found.size, strict=True)).keys() == {
        (motif, size) for motif in ("bag", "vqe", "cutting") for size in ("1–12 qubits", "13–16 qubits")
    }


def test_dask_and_processes_agree_on_the_values(table, tmp_path):
    pytest.importorskip("distributed")
    values = {}
    for engine in ("processes", "dask"):
        found = validate(table, ValidationOptions(12, 90.0, 5, engine, 2), tmp_path, runs.judged())
        assert len(done(found)) == 12
        values[engine] = {r.task_id: [(c.counts, c.value) for c in r.value] for r in found.results}
    assert values["dask"] == values["processes"]


def test_what_cannot_be_done_here_is_counted(table, tmp_path):
    found = validate(table, ValidationOptions(6, 60.0, engine="serial"), tmp_path, runs.judged())
    assert found.excluded == {
        "nothing here does work of kind qpu": 2,
        "nothing here does work of kind reconstruct": 2,
        "the card is of a cpu, not of a gpu": 2,
    }
    assert [check.words() for check in findings.checks(found) if not check.n_measured] == [
        "epyc, reconstruct: not checked (2 tasks)",
        "h100, sampling: not checked (2 tasks)",
        "heron, qpu: not checked (2 tasks)",
    ]
    words = findings.checked_sentence(found, "this_host")
    assert "Checked: the model with card this_host" in words
    assert "numbers of epyc themselves are not" in words
    assert "h100 (sampling)" in words and "heron (qpu)" in words


def test_machines_differ(table, tmp_path):
    small = Host(1, 16 * 2.0**6 / 0.6, ("cpu",))
    found = validate(table, ValidationOptions(40, 60.0, engine="serial"), tmp_path, runs.judged(), host=small)
    assert found.table.n == 36
    assert set(found.size) == {"1–12 qubits"}
    assert found.excluded["its state vector does not fit into the memory"] == 36


def test_times_are_compared_with_the_predictions_of_the_table(tmp_path):
    head = (*runs.HEAD, "predicted_s", "p5_s", "p95_s")
    table = [(*row, 100.0, 50.0, 200.0) for row in runs.rows(widths=(4,), copies=2) if row[1] == "bag"]
    runs.write(tmp_path / "tasks.csv", table, head)
    tasks = read_tasks_csv(tmp_path / "tasks.csv")
    with pytest.raises(WorkloadError, match="more than a third of the time limit of one task"):
        validate(tasks, ValidationOptions(2, 60.0, engine="serial"), tmp_path)
    found = validate(tasks, ValidationOptions(2, 60.0, engine="serial", timeout_s=1e4), tmp_path)
    assert found.table.predicted_s.tolist() == [100.0, 100.0]
    (_, (whole,)), *_ = findings.groups(found)
    assert whole[1].mape_frac == pytest.approx(np.mean(100.0 / found.measured_s - 1.0))
    assert whole[1].n_inside == 0
    assert "if this machine is one" in findings.checked_sentence(found, "")


def test_failures_time_outs_and_lost_workers_are_rows_with_a_reason(table, tmp_path, monkeypatch):
    class Registered:
        def __init__(self, target):
            self.target = target

    odd = {"sampling": jobs.fail_work, "expectation": jobs.sleep_work, "sub_experiments": jobs.die_work}
    monkeypatch.setattr(validation, "lookup", lambda kind, name: Registered(odd[name]))
    options = ValidationOptions(6, 60.0, workers=2, timeout_s=0.5)
    found = validate(table, options, tmp_path, runs.judged())
    assert Counter(each.reason for each in found.results) == {"failed": 2, "timed_out": 2, "lost_worker": 2}
    assert findings.sentence(found) == ("No task gave a time to compare: 2 failed, 2 lost worker, 2 timed out.")
    assert findings.checked_sentence(found, "c").startswith("No model is checked.")
    write_validation(found, tmp_path / "v.csv", tmp_path / "v.html", "c", options)
    written = read_rows(tmp_path / "v.csv")
    assert Counter(row["reason"] for row in written) == {"failed": 2, "timed_out": 2, "lost_worker": 2}
    assert all(row["error_msg"] and not row["measured_s"] and not row["error_frac"] for row in written)
    page = (tmp_path / "v.html").read_text()
    for words in ("not a gate of ours", "signal 9", "at its time limit", "there is nothing to draw"):
        assert words in page


def test_a_budget_too_short_for_all_leaves_rows(table, tmp_path, monkeypatch):
    monkeypatch.setattr(validation, "lookup", lambda *_: type("E", (), {"target": jobs.sleep_work}))
    began_s = time.monotonic()
    found = validate(table, ValidationOptions(30, 6.0, workers=1, timeout_s=30.0), tmp_path, runs.judged())
    assert time.monotonic() - began_s < 20.0
    assert len(found.results) == 30
    assert {each.reason for each in found.results} == {"budget"}


def test_the_sample_and_its_values_depend_on_the_seed_only(table, tmp_path):
    options = [ValidationOptions(6, 60.0, seed, engine="serial") for seed in (1, 1, 2)]
    first, again, other = (validate(table, each, tmp_path, runs.judged()) for each in options)
    assert [r.task_id for r in first.results] == [r.task_id for r in again.results]
    assert [[c.counts for c in r.value] for r in first.results] == [[c.counts for c in r.value] for r in again.results]
    assert [r.task_id for r in first.results] != [r.task_id for r in other.results]


def test_files_are_read_beside_the_table_and_nowhere_else(tmp_path):
    text = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[3]; creg c[3]; h q; measure q -> c;'
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "mine.qasm").write_text(text)
    (tmp_path / "theirs.qasm").write_text(text)
    names = ("mine.qasm", "../theirs.qasm", str(tmp_path / "theirs.qasm"), "gone.qasm", "nofamily:4")
    table = [(k, "bag", "sampling", "epyc", "cpu", name, "", 10, 1) for k, name in enumerate(names)]
    runs.write(folder / "tasks.csv", table)
    tasks = read_tasks_csv(folder / "tasks.csv")
    found = validate(tasks, ValidationOptions(9, 60.0, engine="serial"), folder, runs.judged())
    assert done(found) == ["0"]
    assert found.table.n_qubits.tolist() == [3]
    assert found.excluded == {"its circuit cannot be read": 4}


def test_files_of_a_validation(table, tmp_path):
    options = ValidationOptions(6, 60.0, engine="serial")
    found = validate(table, options, tmp_path, runs.judged())
    write_validation(found, tmp_path / "validation.csv", tmp_path / "validation.html", "my_card", options)
    rows = read_rows(tmp_path / "validation.csv")
    assert tuple(rows[0])[: len(COLUMNS)] == COLUMNS
    for row, seconds in zip(rows, found.measured_s, strict=True):
        assert float(row["measured_s"]) == seconds
        assert float(row["error_frac"]) == pytest.approx(0.01 * int(row["n_circuits"]) / seconds - 1)
        inside = float(row["p5_s"]) <= seconds <= float(row["p95_s"])
        assert row["inside_interval"] == str(int(inside))
        assert (row["status"], row["card"], row["reason"]) == ("SUCCESS", "my_card", "")
        assert float(row["execution_secs"]) >= seconds
    page = (tmp_path / "validation.html").read_text()
    assert findings.sentence(found).split(":")[0] in page.replace("\u00a0", " ")
    assert page.count("data:image/svg+xml") == 2
    assert "http" not in page.split("<body>")[1].replace("http://www.w3.org", "").replace("http%3A", "")


def test_words_of_the_table():
    from qhpcsim.execution.agreement import Agreement

    found = Agreement(38, 2, 0.083, 0.061, 0.112, -0.0123, 38, 34)
    assert findings.row("all", found)[:7] == [
        "all", "40", "2", "8.3 %", "6.1–11.2 %", "−1.2 %", "34 of 38",
    ]  # fmt: skip
    nothing = Agreement(0, 1, math.nan, math.nan, math.nan, math.nan, 0, 0)
    assert findings.row("x", nothing)[3:] == ["none"] * 5
