"""Whatever a QPU service does, its written tables break no rule and give back the figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qhpcsim.core.qpu_records import QpuJobState, QpuJobTable, QpuMode
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_ledger import ledger
from qhpcsim.facility.qpu_simulation import run_qpu
from qhpcsim.metrics.checks.qpu import check_qpu
from qhpcsim.metrics.checks.qpu_tables import read_tables
from qhpcsim.metrics.checks.tables import Findings
from qhpcsim.qpu_scenario import (
    CalibrationWindow,
    Duration,
    IdleCalibration,
    OpenHours,
    Outages,
    Prices,
    PriorityDiscipline,
    QpuDevice,
    QpuDiscipline,
    QpuService,
    Reservation,
    Sessions,
)
from qhpcsim.results.qpu_csv import write_intervals, write_qpu_csv
from qhpcsim.results.qpu_outcome import QpuOutcome
from tests.qpu_tables import words

OUTAGES = Outages(mtbf_s=3000.0, repair=Duration("exponential", 200.0), mode="restart")
SERVICES = {
    "plain": QpuDevice(busy_w=100.0, prices=Prices(per_second=1.6)),
    "drain": QpuDevice(windows=(CalibrationWindow(2000.0, 500.0, 300.0, "drain"),)),
    "resume": QpuDevice(windows=(CalibrationWindow(700.0, 100.0, 50.0, "resume"),), warm_up=Duration("constant", 5.0)),
    "restart": QpuDevice(windows=(CalibrationWindow(1500.0, 0.0, 90.0, "restart"),), outages=OUTAGES),
    "interleave": QpuDevice(windows=(CalibrationWindow(900.0, 50.0, 120.0, "interleave", 30.0),)),
    "idle": QpuDevice(idle_calibration=IdleCalibration("repeat", Duration("exponential", 20.0))),
    "hours": QpuDevice(open_hours=OpenHours(4000.0, 500.0, 2500.0), outages=Outages(mtbf_s=2000.0)),
    "reserved": QpuDevice(reservations=(Reservation("u1", 1000.0, 2000.0), Reservation("u2", 5000.0, 5500.0))),
}


def random_jobs(
    seed: int, n: int = 120, modes: tuple[QpuMode, ...] = tuple(QpuMode), span_s: float = 7000.0
) -> QpuJobTable:
    """Jobs of all modes on two QPUs; some cannot run anywhere, some wait for others."""
    draw = np.random.default_rng(seed)
    mode = draw.choice([int(each) for each in modes], n).astype(np.int32)
    inside = np.isin(mode, (int(QpuMode.BATCH), int(QpuMode.SESSION)))
    session = np.where(inside, draw.integers(0, 6, n) + 10 * mode, -1).astype(np.int32)
    drawn_s = draw.exponential(20.0, (n, 2))
    drawn_s[draw.random(n) < 0.05] = np.inf
    before = np.where(draw.random(n) < 0.2, np.maximum(np.arange(n) - draw.integers(1, 5, n), 0), -1)
    before[0] = -1
    return QpuJobTable(
        np.sort(draw.uniform(0.0, span_s, n)),
        drawn_s,
        predicted_s=drawn_s * draw.uniform(0.8, 1.2, (n, 1)),
        user=words([f"u{k}" for k in draw.integers(0, 4, n)]),
        mode=mode,
        session=session,
        closes_session=draw.random(n) < 0.05,
        priority=draw.integers(0, 3, n).astype(np.int32),
        depends_on=before.astype(np.int32),
        think_s=draw.exponential(15.0, n),
        circuits=np.ones(n, np.int32),
        shots=draw.integers(1, 5000, n),
        fidelity=draw.uniform(0.2, 1.0, (n, 2)),
    )


def outcome_of(jobs: QpuJobTable, service: QpuService, seed: int = 0) -> QpuOutcome:
    """Return what a service does with jobs."""
    run = run_qpu(jobs, service, Rng(seed))
    fidelity = np.full(run.jobs.n, np.nan)
    fidelity[: jobs.n] = 0.5
    return QpuOutcome(service, run.jobs, run.schedule, ledger(run.jobs, run.schedule, service), fidelity, [])


def findings(outcome: QpuOutcome, folder: Path, preemptive: bool = False) -> Findings:
    """Return what the checks find in the tables as they are written and read again."""
    write_qpu_csv(folder / "qpu.csv", outcome)
    write_intervals(folder / "qpu_intervals.csv", outcome)
    summary = json.loads(json.dumps(outcome.summary, allow_nan=False))
    paths = [folder / name for name in ("qpu.csv", "qpu_intervals.csv")]
    tables = [pd.read_csv(path, keep_default_na=False, na_values=[""]) for path in paths]
    return check_qpu(read_tables(*tables, summary), summary, preemptive=preemptive)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", SERVICES)
def test_no_rule_is_broken(name: str, seed: int, tmp_path: Path) -> None:
    modes = tuple(QpuMode) if name == "reserved" else (QpuMode.JOB, QpuMode.BATCH, QpuMode.SESSION)
    service = QpuService({"a": SERVICES[name], "b": QpuDevice()}, latency_s=0.5, sessions=Sessions(max_ttl_s=600.0))
    found = findings(outcome_of(random_jobs(seed, modes=modes), service, seed), tmp_path)
    assert found.broken == []
    assert found.skipped == []


def test_jobs_that_are_interrupted_too_often_fail_and_break_no_rule(tmp_path: Path) -> None:
    device = QpuDevice(windows=(CalibrationWindow(30.0, 20.0, 10.0, "restart"),))
    outcome = outcome_of(random_jobs(1, modes=(QpuMode.JOB,)), QpuService({"a": device, "b": device}, max_attempts=2))
    assert outcome.summary["n_failed"] > 0
    assert findings(outcome, tmp_path).broken == []


@pytest.mark.parametrize("seed", range(3))
def test_what_preemption_hides_is_said_and_the_rest_checked(seed: int, tmp_path: Path) -> None:
    service = QpuService(
        {"a": SERVICES["resume"], "b": QpuDevice()}, PriorityDiscipline(preemptive=True), sessions=Sessions(30.0)
    )
    outcome = outcome_of(random_jobs(seed, modes=(QpuMode.JOB, QpuMode.SESSION), span_s=1500.0), service)
    found = findings(outcome, tmp_path, preemptive=True)
    assert found.broken == []
    assert len(found.skipped) == 1
    as_if_not = findings(outcome, tmp_path)
    assert {violation.id for violation in as_if_not.broken} >= {"I03"}


def test_a_run_that_stops_before_its_background_load(tmp_path: Path) -> None:
    service = QpuService({"a": QpuDevice(background="ibm_hanoi"), "b": QpuDevice()}, QpuDiscipline("round_robin"))
    outcome = outcome_of(random_jobs(2, modes=(QpuMode.JOB, QpuMode.SESSION)), service)
    figures = outcome.summary
    assert figures["n_background"] > 0
    assert figures["n_unfinished"] == 0
    left = np.isin(outcome.schedule.state, (int(QpuJobState.RUNNING), int(QpuJobState.QUEUED)))
    assert figures["background"]["n_unfinished"] == left.sum()
    assert findings(outcome, tmp_path).broken == []
