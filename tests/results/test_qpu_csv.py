"""``qpu.csv`` and the ledger: what was simulated can be read back and adds up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qhpcsim.core.qpu_records import QpuJobTable
from qhpcsim.facility.qpu_ledger import by_qpu, by_user, hqc, ledger
from qhpcsim.facility.qpu_simulation import simulate_qpu
from qhpcsim.qpu_scenario import Prices, QpuDevice, QpuService
from qhpcsim.results.qpu_csv import COLUMNS, write_qpu_csv
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


def test_rows_read_back(tmp_path: Path) -> None:
    jobs = three_jobs()
    run = simulate_qpu(jobs, SERVICE)
    book = ledger(jobs, run, SERVICE)
    write_qpu_csv(tmp_path / "qpu.csv", jobs, run, book)
    text = (tmp_path / "qpu.csv").read_text(encoding="utf-8").splitlines()
    assert text[1] == "0,'=ann,slow,session,0,0,0,0,10,1,100,10,10,10,30.5,0.9,48.800000000000004,1000,COMPLETED"
    assert text[4] == "3,bob,,job,,32,32,,,4,5,,,0,0,,0,,REJECTED"
    frame = pd.read_csv(tmp_path / "qpu.csv")
    assert tuple(frame.columns) == COLUMNS
    np.testing.assert_allclose(frame["ended_s"], run.ended_s, rtol=1e-15)
    assert [float(line.split(",")[16]) for line in text[1:]] == book.cost.tolist()


def test_optional_columns_stay_empty(tmp_path: Path) -> None:
    jobs = QpuJobTable(np.zeros(2), np.ones(2), job_id=np.array(["a,b", "c"], dtype=object))
    run = simulate_qpu(jobs)
    write_qpu_csv(tmp_path / "qpu.csv", jobs, run, ledger(jobs, run, QpuService()))
    frame = pd.read_csv(tmp_path / "qpu.csv")
    assert frame["job_id"].tolist() == ["a,b", "c"]
    assert frame[["user", "shots", "circuits", "fidelity", "energy_j", "session"]].isna().all(axis=None)
