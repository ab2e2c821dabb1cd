"""Sweeps: the same bytes whoever runs them and however often they are cut off."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import qhpcsim
from qhpcsim.config.sweeps import axes_of
from qhpcsim.core.errors import ConfigError, QhpcsimError, StudyError
from qhpcsim.studies.identity import plain
from qhpcsim.studies.points import grid_of
from qhpcsim.studies.simulating import Workers
from qhpcsim.studies.sweep import RESULTS, sweep

GRID = ["workload=poisson", "facility.nodes=8", "workload.n_jobs=40", "policy=fcfs,easy", "workload.load=0.5,0.9"]
SERIAL = Workers("serial")


def test_axes_follow_hydras_grammar():
    fixed, axes = axes_of(["policy=fcfs,easy", "workload.n_jobs=range(1,9,3)", "seed=4", "a=[1,2]", "p=x/y.swf"])
    assert fixed == ("seed=4", "a=[1,2]", "p=x/y.swf")
    assert [(axis.key, axis.values) for axis in axes] == [
        ("policy", ("fcfs", "easy")),
        ("workload.n_jobs", ("1", "4", "7")),
    ]


@pytest.mark.parametrize("text", ["a=1,1", "a=,", "a=range(3,3)", "a=interval(1,2)", "a=glob(*)", "a=${b},2"])
def test_lists_that_are_none_are_refused(text):
    with pytest.raises(ConfigError):
        axes_of([text])


def test_a_key_is_swept_once():
    with pytest.raises(ConfigError, match="twice"):
        axes_of(["a=1,2", "a=3,4"])


def test_every_point_is_checked_before_the_first_run(tmp_path):
    with pytest.raises(QhpcsimError, match="esay"):
        sweep("replay", [*GRID, "policy.order=fcfs", "policy.backfill=easy,esay"], out=tmp_path / "s", workers=SERIAL)
    assert not (tmp_path / "s").exists()


def test_seeds_come_from_the_scenario_or_from_an_axis():
    assert grid_of("replay", [*GRID, "seed=5"], 3).seeds == (5, 6, 7)
    assert grid_of("replay", [*GRID, "seed=9,4"]).seeds == (9, 4)
    with pytest.raises(StudyError, match="twice"):
        grid_of("replay", [*GRID, "seed=9,4"], 3)
    with pytest.raises(StudyError, match="whole numbers"):
        grid_of("replay", [*GRID, "seed=1,x"])


def test_points_are_what_load_gives_and_share_what_is_equal():
    points = grid_of("hybrid_centre", ["workload.lublin.load=0.5,0.6", "policy=fcfs,easy"]).points
    for point in points:
        alone = qhpcsim.load("hybrid_centre", [f"{key}={value}" for key, value in point.choices.items()])
        assert point.scenario == alone
        assert json.dumps(plain(point.scenario)) == json.dumps(plain(alone))
    assert all(point.scenario.facility is points[0].scenario.facility for point in points)
    assert points[0].scenario.policy is points[2].scenario.policy


def test_rows_are_those_of_single_runs(tmp_path):
    found = sweep("replay", GRID, 2, tmp_path / "s", SERIAL)
    assert found.complete and len(found.rows) == 8
    table = found.table
    for _, row in table.iterrows():
        alone = qhpcsim.load("replay", [*GRID[:3], f"policy={row['policy']}", f"workload.load={row['workload.load']}"])
        assert qhpcsim.simulate(alone, seed=int(row["seed"])).summary["mean_wait_s"] == row["mean_wait_s"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a serial sweep."""
    folder = tmp_path_factory.mktemp("whole") / "s"
    sweep("replay", GRID, 2, folder, SERIAL)
    return (folder / RESULTS).read_bytes()


@pytest.mark.parametrize(
    "lives",
    [
        pytest.param([(2, Workers(workers=1))], id="one process"),
        pytest.param([(2, Workers(workers=3))], id="three processes"),
        pytest.param([(1, SERIAL), (2, Workers(workers=2))], id="more seeds later"),
        pytest.param([(2, Workers("serial", timeout_s=1e-9)), (2, SERIAL)], id="nothing in time at first"),
        pytest.param([(2, Workers("dask", workers=2))], id="dask", marks=pytest.mark.slow),
        pytest.param([(1, Workers("dask", workers=1)), (2, SERIAL)], id="dask, then here", marks=pytest.mark.slow),
    ],
)
def test_the_same_bytes_for_any_engine_and_history(lives, whole, tmp_path):
    for n_seeds, workers in lives:
        found = sweep("replay", GRID, n_seeds, tmp_path / "s", workers)
    assert found.complete
    assert (tmp_path / "s" / RESULTS).read_bytes() == whole


@pytest.mark.slow
def test_a_dask_worker_killed_under_a_sweep_costs_nothing(tmp_path):
    from tests.execution.dask_clusters import cluster

    grid = [*GRID[:2], "workload.n_jobs=400", *GRID[3:]]
    sweep("replay", grid, 30, tmp_path / "whole", SERIAL)
    with cluster(tmp_path) as (address, (_, _, victim)):

        def kill(n_done: int, _: int) -> None:
            if n_done == 5:
                victim.kill()

        found = sweep("replay", grid, 30, tmp_path / "s", Workers("dask", None, address), progress=kill)
    assert found.complete
    assert (tmp_path / "s" / RESULTS).read_bytes() == (tmp_path / "whole" / RESULTS).read_bytes()


@pytest.mark.slow
def test_a_cluster_with_other_code_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("qhpcsim.studies.sweep.code_version", lambda plugins: "of another day")
    found = sweep("replay", GRID, 1, tmp_path / "s", Workers("dask", workers=1))
    assert not found.rows
    assert "another version of qhpcsim" in found.lost[0]


def test_a_file_that_changes_meanwhile_is_noticed(tmp_path):
    log = tmp_path / "log.csv"
    rows = "".join(f"{k},{60 * k},1,{50 + k},100\n" for k in range(50))
    log.write_text(f"job_id,submit_s,nodes,runtime_s,walltime_s\n{rows}")
    words = [f"workload.path={log}", "facility.nodes=2", "policy=fcfs,easy,conservative"]

    def change(n_done: int, _: int) -> None:
        if n_done == 1:
            log.write_text(log.read_text().replace("1,60,1", "1,61,1"))

    found = sweep("replay", words, out=tmp_path / "s", workers=SERIAL, progress=change)
    assert len(found.rows) == 1
    assert [error for _, error in found.failed] == [f"{log}: is not the file that it was when the study began"] * 2
    again = sweep("replay", words, out=tmp_path / "s", workers=SERIAL)
    assert again.complete
    assert again.n_kept == 0  # what was found with the old file answers another question


def test_a_card_that_changes_makes_other_runs(tmp_path):
    """A scenario names files in many places; each counts with its content."""
    from qhpcsim.core.data import data_dir
    from qhpcsim.studies.identity import Parts, run_key

    card = tmp_path / "mine.yaml"
    card.write_bytes((data_dir("calibration") / "gpu" / "a100_80.yaml").read_bytes())
    scenario = qhpcsim.load("hybrid_centre", [f"workload.share.bag.settings.device=gpu:{card}"])
    first = run_key(scenario, Parts(), "code")
    assert run_key(scenario, Parts(), "code") == first
    card.write_bytes(card.read_bytes() + b"# later\n")
    assert run_key(scenario, Parts(), "code") != first


def test_what_is_there_is_not_run_again_and_more_seeds_go_on(tmp_path):
    first = sweep("replay", GRID, 1, tmp_path / "s", SERIAL)
    again = sweep("replay", GRID, 1, tmp_path / "s", Workers("serial", plugins=()))
    more = sweep("replay", GRID, 3, tmp_path / "s", SERIAL)
    assert (first.n_kept, again.n_kept, more.n_kept) == (0, 4, 4)
    assert len(more.rows) == 12
    whole = sweep("replay", GRID, 3, tmp_path / "whole", SERIAL)
    assert (tmp_path / "s" / RESULTS).read_bytes() == (tmp_path / "whole" / RESULTS).read_bytes()
    assert whole.n_kept == 0


def test_another_question_in_the_same_folder_is_refused(tmp_path):
    sweep("replay", GRID, 1, tmp_path / "s", SERIAL)
    with pytest.raises(StudyError, match=r"workload\.n_jobs was 40, now 41"):
        sweep("replay", [*GRID, "workload.n_jobs=41"], 1, tmp_path / "s", SERIAL)


def test_a_folder_of_others_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(StudyError, match="not a study's"):
        sweep("replay", GRID, 1, tmp_path, SERIAL)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_runs_that_fail_are_told_and_the_others_kept(tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text(
        "from qhpcsim.policies.batch.user import batch_policy\n"
        "@batch_policy('broken', summary='fails')\n"
        "def broken(view):\n    raise ValueError('on purpose')\n    yield\n"
    )
    workers = Workers("serial", plugins=(str(broken),))
    from qhpcsim.core.plugins import load_plugin

    load_plugin(broken)
    found = sweep("replay", [*GRID[:3], "policy=easy,broken"], 2, tmp_path / "s", workers)
    assert len(found.rows) == 2
    assert len(found.failed) == 2
    assert "on purpose" in found.failed[0][1]
    assert not found.complete
    again = sweep("replay", [*GRID[:3], "policy=easy,broken"], 2, tmp_path / "s", workers)
    assert (again.n_kept, len(again.failed)) == (2, 2)  # an error may have been the machine's: it is tried again


def command(folder: Path, seeds: int) -> list[str]:
    words = [*GRID[:2], "workload.n_jobs=2000", *GRID[3:], "--seeds", str(seeds), "--out", str(folder)]
    return [sys.executable, "-m", "qhpcsim", "sweep", "replay", *words, "--workers", "2"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_sweep_that_is_stopped_goes_on(tmp_path, number):
    whole = subprocess.run(command(tmp_path / "whole", 30), capture_output=True, text=True, check=True)
    assert "policy" in whole.stdout
    process = subprocess.Popen(command(tmp_path / "cut", 30), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _wait_for_some(process, tmp_path / "cut")
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    if number != signal.SIGKILL:
        assert "stopped; the runs that ended are recorded" in told
    assert not (tmp_path / "cut" / RESULTS).exists()
    n_before = _n_recorded(tmp_path / "cut")
    assert 3 <= n_before < 120
    again = subprocess.run(command(tmp_path / "cut", 30), capture_output=True, text=True, check=True)
    assert f"{n_before} of 120 runs were there already." in again.stdout
    assert (tmp_path / "cut" / RESULTS).read_bytes() == (tmp_path / "whole" / RESULTS).read_bytes()


def _wait_for_some(process: subprocess.Popen[str], folder: Path) -> None:
    while _n_recorded(folder) < 3:
        assert process.poll() is None, "it ended too early"
        time.sleep(0.01)


def _n_recorded(folder: Path) -> int:
    import sqlite3

    try:
        db = sqlite3.connect(f"file:{folder / 'ledger.sqlite'}?mode=ro", uri=True)
        count = db.execute("SELECT COUNT(*) FROM runs").fetchone()[0]
        db.close()
    except sqlite3.Error:
        return 0
    return int(count)


def test_a_killed_worker_costs_nothing(tmp_path):
    process = subprocess.Popen(command(tmp_path / "cut", 30), stdout=subprocess.PIPE, text=True)
    _wait_for_some(process, tmp_path / "cut")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers = [
        int(text) for task in children.parent.parent.iterdir() for text in (task / "children").read_text().split()
    ]
    os.kill(workers[0], signal.SIGKILL)
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert _n_recorded(tmp_path / "cut") == 120
