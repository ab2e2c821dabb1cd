"""The study of sessions compares like with like, and its README has the tables that it refers to."""

from __future__ import annotations

import csv
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "experiments" / "01_qpu_queue"


@pytest.fixture(scope="module")
def workload() -> ModuleType:
    """The study's workload."""
    spec = importlib.util.spec_from_file_location("qpu_queue_workload", FOLDER / "workload.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_shares_change_how_jobs_come_and_never_which_jobs_there_are(workload: ModuleType) -> None:
    nobody, some, half = (workload.jobs_of(86400.0, 30.0, 5.0, share, seed=3) for share in (0.0, 0.2, 0.5))
    how = ["mode", "session", "closes_session"]
    for other in (some, half):
        pd.testing.assert_frame_equal(nobody.drop(columns=how), other.drop(columns=how))
    loops = nobody["job_id"].str.startswith("loop")
    assert set(nobody["mode"].dropna()) == {"job"}
    assert (half["mode"][loops] == "session").all()
    assert half["mode"][~loops].isna().all()
    users = some["user"][some["mode"] == "session"].unique()
    assert len(users) == 0.2 * workload.N_USERS
    assert pd.to_numeric(half["think_s"]).max() < 60.0


def test_a_loop_is_a_chain_and_its_last_job_closes_the_session(workload: ModuleType) -> None:
    jobs = workload.jobs_of(86400.0, 5.0, 5.0, 0.5, seed=1)
    one = jobs[jobs["job_id"].str.startswith("loop0.")]
    assert one["depends_on"].tolist() == ["", *one["job_id"].tolist()[:-1]]
    assert one["closes_session"].tolist() == [""] * 19 + ["1"]
    left_open = workload.jobs_of(86400.0, 5.0, 5.0, 0.5, seed=1, closes=False)
    assert set(left_open["closes_session"].dropna()) == {""}


def test_one_pair_of_simulations_has_equal_work_and_unequal_waits() -> None:
    code = "import json, study; print(json.dumps([float(study.measure(study.Case('alone', 5.0, share, 1))[key])"
    code += " for share in (0.0, 0.5) for key in ('work_s', 'mean', 'held_idle')]))"
    said = subprocess.check_output([sys.executable, "-c", code], cwd=FOLDER, text=True, timeout=120)
    work_s, wait_s, idle, work_too_s, longer_s, more_idle = json.loads(said)
    assert work_too_s == pytest.approx(work_s, rel=1e-12)
    assert longer_s > 5 * wait_s
    assert idle == 0.0
    assert 0.03 < more_idle < 0.09


def test_the_readme_has_the_service_time_models() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    errors: dict[str, dict[str, str]] = {}
    with (ROOT / "calibration" / "qpu" / "service_time_fit.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            errors.setdefault(row["model"], {})[row["stratum"]] = row["median_ape_pct"]
    assert len(errors) == 7
    for model, by in errors.items():
        line = f"| {model} | {by['all']} | {by['one circuit']} | {by['several circuits']} |"
        assert line in readme


def test_the_readme_has_the_published_waits() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    report = (ROOT / "calibration" / "qpu_background" / "fit.md").read_text(encoding="utf-8")
    rows = [line for line in report.splitlines() if line.startswith(("| **all jobs**", "| **published**"))]
    assert len(rows) == 3
    assert all(row in readme for row in rows)
