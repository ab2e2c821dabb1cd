"""``qpu.csv`` and the ledger: what was simulated can be read back and adds up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qhpcsim.core.qpu_records import QpuJobTable
from qhpcsim.facility.qpu_ledger import by_qpu, by_user, ledger
from qhpcsim.facility.qpu_simulation import simulate_qpu
from qhpcsim.models.qpu_credits import hqc
from qhpcsim.qpu_scenario import CalibrationWindow, Prices, QpuDevice, QpuService
from qhpcsim.results.qpu_csv import (
    CHUNK,
    COLUMNS,
    INTERVAL_COLUMNS,
    QUALITY_COLUMNS,
    TEXT_COLUMNS,
    write_intervals,
    write_qpu_csv,
    write_quality,
)
from qhpcsim.results.qpu_outcome import QpuOutcome
from qhpcsim.results.run_folder import read_table
from tests.qpu_tables import qpu_jobs

SERVICE = QpuService(
    {
        "slow": QpuDevice(prices=Prices(per_second=1.6), busy_w=100.0),
        "dear": QpuDevice(prices=Prices(per_shot=0.01, per_task=0.3, per_hqc=2.0)),
    }
)


def three_jobs() -> QpuJobTable:
    jobs = qpu_jobs([(0, 10, "s0"), (30.5, 10, "s0"), (31, 0.1, "j"), (32, 1, "j")], ["=ann", "=ann", "bob", "bob"])
    jobs.qpu = np.array([0, 0, 1, -1], np.int32)
    jobs.drawn_s = np.array([[10, 10], [10, 10], [0.1, 0.1], [np.inf, np.inf]])
    jobs.shots = np.array([100, 100, 1000, 5])
    jobs.circuits = np.array([1, 2, 3, 4], np.int32)
    jobs.fidelity = np.array([[0.9, 0.8]] * 4)
    jobs.hqc = np.array([0.0, 0.0, 7.0, 1.0])
    return jobs


def test_costs() -> None:
    jobs = three_jobs()
    run = simulate_qpu(jobs, SERVICE)
    book = ledger(jobs, run, SERVICE)
    assert book.cost == pytest.approx([30.5 * 1.6, 70 * 1.6, 1000 * 0.01 + 0.3 + 14.0, 0.0])
    np.testing.assert_equal(book.energy_j, [1000, 1000, np.nan, np.nan])
    slow, dear = by_qpu(book, run)
    assert (slow.n_jobs, slow.billed_s, dear.shots) == (2, 100.5, 1000)
    assert jobs.user is not None
    ann, bob = by_user(book, run, jobs.user)
    assert ann.cost + bob.cost == pytest.approx(book.cost.sum())


def test_credits() -> None:
    one = np.ones(1)
    assert hqc(10 * one, 20 * one, 4 * one, 1000 * one).tolist() == [5 + 1000 * (10 + 200 + 20) / 5000]


def outcome(jobs: QpuJobTable, service: QpuService, fidelity: list[float]) -> QpuOutcome:
    run = simulate_qpu(jobs, service)
    rows = [[(0.0, 1e-2, 2e-2, 1e-4, 5e-5, 0)], []]
    return QpuOutcome(service, jobs, run, ledger(jobs, run, service), np.array(fidelity), rows[: len(service.qpus)])


def test_rows_read_back(tmp_path: Path) -> None:
    found = outcome(three_jobs(), SERVICE, [0.9, 0.85, 0.8, np.nan])
    write_qpu_csv(tmp_path / "qpu.csv", found)
    text = (tmp_path / "qpu.csv").read_text(encoding="utf-8").splitlines()
    first = "0,'=ann,workload,slow,session,0,0,0,0,10,1,100,10,10,10,30.5,0.9,48.800000000000004,1000,COMPLETED"
    assert text[1] == first
    assert text[4] == "3,bob,workload,,job,,32,32,,,4,5,,,0,0,,0,,REJECTED"
    frame = read_table(tmp_path / "qpu.csv", TEXT_COLUMNS)
    assert tuple(frame.columns) == COLUMNS
    assert frame["ended_s"].tolist()[:3] == found.schedule.ended_s.tolist()[:3]
    assert frame["cost"].tolist() == found.book.cost.tolist()
    np.testing.assert_equal(frame["fidelity"].to_numpy(), found.fidelity)


def test_jobs_of_other_users_come_last_and_say_so(tmp_path: Path) -> None:
    jobs = three_jobs()
    jobs.background = np.array([False, False, True, True])
    write_qpu_csv(tmp_path / "qpu.csv", outcome(jobs, SERVICE, [0.9, 0.85, np.nan, np.nan]))
    frame = pd.read_csv(tmp_path / "qpu.csv")
    assert frame["origin"].tolist() == ["workload", "workload", "background", "background"]
    assert frame[["circuits", "shots"]].isna().all(axis=1).tolist() == [False, False, True, True]


def test_many_rows_are_those_of_the_schedule(tmp_path: Path) -> None:
    n = 2 * CHUNK + 5
    jobs = QpuJobTable(np.arange(n) / 3.0, np.full(n, 0.1))
    found = outcome(jobs, QpuService(), [np.nan] * n)
    write_qpu_csv(tmp_path / "qpu.csv", found)
    frame = read_table(tmp_path / "qpu.csv", TEXT_COLUMNS)
    assert frame["job_id"].tolist() == list(range(n))
    assert frame["started_s"].tolist() == found.schedule.started_s.tolist()


def test_optional_columns_stay_empty(tmp_path: Path) -> None:
    jobs = QpuJobTable(np.zeros(2), np.ones(2), job_id=np.array(["a,b", "c"], dtype=object))
    write_qpu_csv(tmp_path / "qpu.csv", outcome(jobs, QpuService(), [np.nan] * 2))
    frame = pd.read_csv(tmp_path / "qpu.csv")
    assert frame["job_id"].tolist() == ["a,b", "c"]
    assert frame[["user", "shots", "circuits", "fidelity", "energy_j", "session"]].isna().all(axis=None)


def test_intervals_and_quality(tmp_path: Path) -> None:
    window = CalibrationWindow(period_s=20.0, offset_s=15.0, duration_s=1.5)
    service = QpuService({"slow": QpuDevice(windows=(window,)), "dear": QpuDevice()})
    found = outcome(three_jobs(), service, [np.nan] * 4)
    write_intervals(tmp_path / "intervals.csv", found)
    write_quality(tmp_path / "quality.csv", found)
    rows = (tmp_path / "intervals.csv").read_text().splitlines()
    assert rows[0] == ",".join(INTERVAL_COLUMNS)
    calibrated = [row for row in rows if "calibration" in row]
    assert calibrated[:2] == ["slow,calibration,15,16.5,", "slow,calibration,35,36.5,"]
    assert any(row.startswith("slow,session,0,") and row.endswith(",0") for row in rows)
    assert rows[1:] == sorted(rows[1:], key=lambda row: (row.split(",")[0] != "slow", float(row.split(",")[2])))
    assert (tmp_path / "quality.csv").read_text().splitlines() == [
        ",".join(QUALITY_COLUMNS),
        "slow,0,0.01,0.02,0.0001,5e-05,0",
    ]
