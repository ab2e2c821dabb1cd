"""Counts do not depend on who runs a cut, in which batches, or how often it was interrupted."""

import heapq
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qhpcsim.circuits import cutting_batches
from qhpcsim.core.errors import EngineError, RunFolderError
from qhpcsim.core.task_records import TaskState
from qhpcsim.execution import cutting_work
from qhpcsim.execution.cutting import run_cut
from qhpcsim.execution.cutting_store import FILE
from qhpcsim.execution.cutting_work import Planned, batches
from qhpcsim.execution.engine import open_engine
from tests.circuits.cutting_cases import random_problem
from tests.execution.dask_clusters import ROOT, cluster

OPTIONS = {"shots": 150, "seed": 6, "num_samples": 20}


@pytest.fixture(scope="module")
def problem():
    return random_problem(7)[0]


@pytest.fixture(scope="module")
def alone(problem):
    return run_cut(problem, **OPTIONS)


def equal(one, two):
    assert np.array_equal(one.values, two.values) and np.array_equal(one.covariance, two.covariance)


def one_in_a_batch(monkeypatch):
    monkeypatch.setattr(cutting_batches, "LEAST_WORK", 1)
    monkeypatch.setattr(cutting_batches, "ROUNDS", 10**6)


def test_batches_do_not_matter(problem, alone, monkeypatch):
    monkeypatch.setattr(cutting_batches, "LEAST_WORK", 2**40)
    found = run_cut(problem, **OPTIONS)
    equal(found, alone)
    assert len(found.tasks) == 1
    one_in_a_batch(monkeypatch)
    found = run_cut(problem, **OPTIONS)
    equal(found, alone)
    assert len(found.tasks) == len(found.experiments)


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_do_not_matter(problem, alone, workers, monkeypatch):
    monkeypatch.setattr(cutting_batches, "LEAST_WORK", 2**19)
    found = run_cut(problem, engine="processes", workers=workers, **OPTIONS)
    equal(found, alone)
    assert len({result.worker for result in found.tasks}) <= workers
    execute = next(phase for phase in found.phases if phase.name == "execute")
    assert execute.cpu_s >= sum(each.cpu_s for each in found.experiments) > 0


def test_dask_does_not_matter(problem, alone, tmp_path):
    pytest.importorskip("distributed")
    with cluster(tmp_path) as (address, _), open_engine("dask", scheduler=address) as engine:
        equal(run_cut(problem, engine=engine, **OPTIONS), alone)


def test_seed_like_runs_on_workers_too(problem):
    alone = run_cut(problem, mode="seed_like", shots=20, num_samples=10)
    equal(run_cut(problem, mode="seed_like", shots=20, num_samples=10, engine="processes", workers=2), alone)


def test_an_open_engine_stays_open(problem, alone):
    with open_engine("serial") as engine:
        for _ in range(2):
            equal(run_cut(problem, engine=engine, **OPTIONS), alone)


def planned(work):
    return [Planned(f"{k:03}", b"", 1, 0, (), w) for k, w in enumerate(work)]


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_batches_hold_each_circuit_once_longest_first(workers):
    rng = np.random.default_rng(workers)
    jobs = planned((2.0 ** rng.uniform(10, 28, 300)).tolist())
    groups = batches(jobs, workers)
    flat = [each for group in groups for each in group]
    assert sorted(each.name for each in flat) == [each.name for each in jobs]
    assert [each.work for each in flat] == sorted((each.work for each in jobs), reverse=True)
    most = max(2**23, sum(each.work for each in jobs) / (6 * workers))
    assert all(len(group) == 1 or sum(each.work for each in group) <= most for group in groups)
    assert batches([], workers) == []


@pytest.mark.parametrize("workers", [2, 4, 8])
def test_batches_keep_all_workers_busy_to_the_end(workers):
    """Free workers take the next batch; with enough work, what is lost at the end is little."""
    rng = np.random.default_rng(workers)
    groups = batches(planned((2.0 ** rng.uniform(26, 28, 40 * workers)).tolist()), workers)
    busy = [0.0] * workers
    for group in groups:
        heapq.heapreplace(busy, busy[0] + sum(each.work for each in group))
    assert sum(busy) / max(busy) > 0.93 * workers


def die_once(group, folder=None):
    """Kill the worker at the first batch, as when memory runs out."""
    mark = Path(os.environ["QHPCSIM_TEST_MARK"])
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return cutting_work.run_batch(group)


def fail_some(group):
    if any(each.name.endswith("1") for each in group):
        raise ValueError("no memory")
    return cutting_work.run_batch(group)


def test_a_lost_worker_costs_nothing_but_time(problem, alone, monkeypatch, tmp_path):
    monkeypatch.setenv("QHPCSIM_TEST_MARK", str(tmp_path / "mark"))
    monkeypatch.setattr("qhpcsim.execution.cutting_run.tasks", _tasks_of(die_once))
    monkeypatch.setattr(cutting_batches, "LEAST_WORK", 2**19)
    found = run_cut(problem, engine="processes", workers=2, **OPTIONS)
    equal(found, alone)
    assert max(result.attempts for result in found.tasks) == 2
    assert all(result.state is TaskState.SUCCESS for result in found.tasks)


def _tasks_of(function):
    from qhpcsim.execution.task import Task

    return lambda groups: [Task(f"cut/{place}", function, (group,)) for place, group in enumerate(groups)]


def test_a_failed_batch_is_an_error_and_the_rest_is_kept(problem, alone, monkeypatch, tmp_path):
    one_in_a_batch(monkeypatch)
    with monkeypatch.context() as broken:
        broken.setattr("qhpcsim.execution.cutting_run.tasks", _tasks_of(fail_some))
        with pytest.raises(EngineError, match=r"gave nothing; first: failed: ValueError: no memory"):
            run_cut(problem, folder=tmp_path, **OPTIONS)
    found = run_cut(problem, folder=tmp_path, **OPTIONS)
    equal(found, alone)
    assert 0 < found.n_resumed < len(found.experiments)
    assert len(found.tasks) == len(found.experiments) - found.n_resumed


def test_a_finished_run_is_read_back(problem, alone, tmp_path):
    run_cut(problem, folder=tmp_path / "new" / "run", **OPTIONS)
    again = run_cut(problem, folder=tmp_path / "new" / "run", **OPTIONS)
    equal(again, alone)
    assert again.n_resumed == len(again.experiments) and not again.tasks


SCRIPT = """
import sys, time
from qhpcsim.circuits import cutting_batches
cutting_batches.LEAST_WORK, cutting_batches.ROUNDS = 1, 10**6
from qhpcsim.execution import cutting_store
keep = cutting_store.Store.keep
def slow(self, ran):
    keep(self, ran)
    print("kept", flush=True)
    time.sleep(0.05)
cutting_store.Store.keep = slow
from qhpcsim.execution.cutting import run_cut
from tests.circuits.cutting_cases import random_problem
run_cut(random_problem(7)[0], folder=sys.argv[1], shots=150, seed=6, num_samples=20)
"""


@pytest.mark.parametrize("n_kept", [1, 9])
def test_a_killed_run_goes_on_where_it_was(problem, alone, tmp_path, n_kept):
    with subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert [process.stdout.readline() for _ in range(n_kept)] == [b"kept\n"] * n_kept
            with pytest.raises(RunFolderError, match="another run is using it"):
                run_cut(problem, folder=tmp_path, **OPTIONS)
        finally:
            process.kill()
    found = run_cut(problem, folder=tmp_path, **OPTIONS)
    equal(found, alone)
    assert n_kept <= found.n_resumed < len(found.experiments)


def test_damaged_counts_run_again_with_a_warning(problem, alone, tmp_path, caplog):
    run_cut(problem, folder=tmp_path, **OPTIONS)
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE counts SET numbers = x'00' WHERE rowid % 3 = 0")
        connection.execute("UPDATE counts SET name = 'nobody' WHERE rowid = 1")
    connection.close()
    with caplog.at_level("WARNING"):
        found = run_cut(problem, folder=tmp_path, **OPTIONS)
    equal(found, alone)
    n_again = len(found.experiments) - found.n_resumed
    assert 1 < n_again < len(found.experiments)
    assert sum("runs again" in each.message for each in caplog.records) >= n_again


@pytest.mark.parametrize("change", [{"seed": 7}, {"shots": 151}, {"num_samples": 21}])
def test_a_folder_of_another_run_is_refused(problem, tmp_path, change):
    run_cut(problem, folder=tmp_path, **OPTIONS)
    with pytest.raises(RunFolderError, match="other circuits, shots, seeds or versions"):
        run_cut(problem, folder=tmp_path, **{**OPTIONS, **change})


def test_a_file_that_is_no_database_is_refused(problem, tmp_path):
    (tmp_path / FILE).write_bytes(b"not a database, but long enough to be taken for one" * 20)
    with pytest.raises(RunFolderError, match="cannot be used"):
        run_cut(problem, folder=tmp_path, **OPTIONS)
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="cannot be used"):
        run_cut(problem, folder=tmp_path / "file", **OPTIONS)


def test_progress_is_told(problem):
    seen = []
    run_cut(problem, progress=seen.append, **OPTIONS)
    assert seen[-1] == 1.0 and seen == sorted(seen)
