"""The Dask engine on clusters that are not its own: workers killed, schedulers lost, batch systems asked."""

import os
import stat
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from qhpcsim.core.errors import EngineError, UnknownNameError
from qhpcsim.execution.engine import open_engine
from qhpcsim.execution.task import Task
from tests.execution import jobs
from tests.execution.dask_clusters import ROOT, cluster

pytest.importorskip("distributed")

FAKE_SBATCH = """#!/bin/bash
echo "$@" >> {log}
job=$(mktemp -p {folder})
cp "${{@: -1}}" "$job"  # as Slurm does: the file is gone when the job starts
setsid bash "$job" > "$job.out" 2>&1 &
echo "Submitted batch job $!"
"""
FAKE_SCANCEL = '#!/bin/bash\nfor job in "$@"; do kill -9 -- -$job; done\n'


def kill_at_work(worker, folder):
    """Kill a Dask worker soon after the start of its second task; return that task's id."""
    while True:
        marks = sorted(folder.glob(f"*.{worker.pid}"), key=lambda mark: mark.stat().st_mtime)
        if len(marks) > 1 and 0.05 < time.time() - marks[-1].stat().st_mtime < 0.2:
            worker.kill()
            worker.wait()
            return marks[-1].stem
        time.sleep(0.02)


def wait_for_workers(engine, n):
    engine._client.wait_for_workers(n, timeout=60)


def test_one_of_two_workers_killed_in_the_middle_loses_nothing(tmp_path):
    with cluster(tmp_path) as (address, (_, _, victim)), open_engine("dask", scheduler=address, budget_s=90) as engine:
        wait_for_workers(engine, 2)
        with ThreadPoolExecutor(1) as killer:
            interrupted = killer.submit(kill_at_work, victim, tmp_path)
            results = list(engine.map_unordered(Task(str(k), jobs.slow_marked, (0.4, tmp_path, k)) for k in range(16)))
    assert sorted(each.value for each in results) == list(range(16))
    assert {each.task_id: each.attempts for each in results}[interrupted.result()] == 2
    assert sum(each.attempts for each in results) <= 18


def test_processes_of_a_killed_worker_end_with_it(tmp_path):
    mark = tmp_path / "alive"
    with (
        cluster(tmp_path, workers=1) as (address, (_, worker)),
        open_engine("dask", scheduler=address, budget_s=30, retries=0) as engine,
    ):
        wait_for_workers(engine, 1)
        engine.submit(Task("spin", jobs.spin, (str(mark),)))
        while not mark.exists():
            time.sleep(0.05)
        worker.kill()
        worker.wait()
        time.sleep(0.3)
        last = mark.read_text()
        time.sleep(0.3)
        assert mark.read_text() == last
        engine.close(cancel=True)


def test_a_lost_scheduler_ends_every_task_with_a_reason(tmp_path):
    with (
        cluster(tmp_path, workers=1) as (address, (scheduler, _)),
        open_engine("dask", scheduler=address, budget_s=6, retries=1) as engine,
    ):
        wait_for_workers(engine, 1)
        results = []
        for result in engine.map_unordered([Task(str(k), jobs.slow, (0.2, k)) for k in range(60)]):
            results.append(result)
            if len(results) == 3:
                scheduler.kill()
                scheduler.wait()
    assert sorted(int(each.task_id) for each in results) == list(range(60))
    assert {each.reason for each in results} <= {"", "budget", "lost_worker"}
    assert sum(not each.ok for each in results) >= 30


def test_the_cluster_stays_and_our_processes_go(tmp_path):
    with cluster(tmp_path, workers=1) as (address, processes):
        pids = []
        for _ in range(2):
            with open_engine("dask", scheduler=address) as engine:
                wait_for_workers(engine, 1)
                (result,) = engine.map([Task("p", jobs.process_id)])
                pids.append(result.value)
        assert all(each.poll() is None for each in processes)
        assert pids[0] != pids[1]
        time.sleep(0.5)
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)


def test_workers_as_slurm_jobs(tmp_path, monkeypatch):
    """The real SLURMCluster, with an sbatch that starts the job script on this machine."""
    import dask
    import dask_jobqueue  # noqa: F401  (its defaults must be there before ours)

    log = tmp_path / "sbatch.log"
    for name, text in (("sbatch", FAKE_SBATCH.format(log=log, folder=tmp_path)), ("scancel", FAKE_SCANCEL)):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    settings = {
        "cores": 1, "processes": 1, "memory": "1GB", "walltime": "00:05:00", "interface": "lo",
        "python": sys.executable, "job-script-prologue": [f"export PYTHONPATH={ROOT}"],
        "local-directory": str(tmp_path),
    }  # fmt: skip
    with (
        dask.config.set({f"jobqueue.slurm.{key}": value for key, value in settings.items()}),
        open_engine("dask", workers=2, scheduler="slurm", budget_s=60) as engine,
    ):
        results = list(engine.map(Task(str(k), jobs.slow, (0.3, k)) for k in range(6)))
    assert [each.value for each in results] == list(range(6))
    assert len(log.read_text().split()) == 2
    assert len({each.worker for each in results}) == 2


def test_schedulers_that_cannot_be_used_are_explained(monkeypatch):
    with pytest.raises(UnknownNameError, match="unknown scheduler 'slrum'"):
        open_engine("dask", scheduler="slrum")
    monkeypatch.setattr("qhpcsim.execution.dask_cluster._CONNECT_S", 0.5)
    with pytest.raises(EngineError, match="no Dask scheduler answers"):
        open_engine("dask", scheduler="tcp://127.0.0.1:9")
    with pytest.raises(EngineError, match="lack cores and memory"):
        open_engine("dask", scheduler="pbs")


def test_a_batch_system_that_takes_no_jobs_is_explained(tmp_path, monkeypatch):
    """dask-jobqueue itself logs the error and waits for ever."""
    import dask
    import dask_jobqueue  # noqa: F401  (its defaults must be there before ours)

    settings = {"jobqueue.slurm.cores": 1, "jobqueue.slurm.memory": "1GB", "jobqueue.slurm.interface": "lo"}
    monkeypatch.chdir(tmp_path)
    with dask.config.set(settings):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(EngineError, match="there is no sbatch on this machine"):
            open_engine("dask", workers=2, scheduler="slurm")
        sbatch = tmp_path / "sbatch"
        sbatch.write_text("#!/bin/sh\necho 'sbatch: error: invalid partition specified: night' >&2\nexit 1\n")
        sbatch.chmod(0o755)
        with pytest.raises(EngineError, match=r"sbatch takes no job: .*invalid partition"):
            open_engine("dask", workers=2, scheduler="slurm")


def test_without_dask_the_way_to_get_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(EngineError, match=r"pip install 'qhpcsim\[dask\]'"):
        open_engine("dask")
