"""QPU calls on one clock with nodes: background load, other users' jobs and fidelity, as in runs with QPUs only."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

import qhpcsim
from qhpcsim.core.errors import ConfigError, WorkloadError
from qhpcsim.core.qpu_records import QpuDemand, QpuJobState, QpuJobTable, QpuSchedule
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_simulation import run_qpu
from qhpcsim.models.qpu_fleet import Fleet
from qhpcsim.qpu_scenario import CalibrationWindow, QpuDevice, QpuService
from qhpcsim.results.checking import check_folder, check_hybrid_jobs
from qhpcsim.results.result import Result

SMALL = ("workload.n_jobs=6", "workload.loops=8", "workload.rigid.n_jobs=30", "workload.gaps.mean_s=3h")
CALL = ("workload.call.n_circuits=4", "workload.call.n_2q=40", "workload.call.depth=20", "workload.call.n_qubits=8")
SPARSE = ("workload.gaps.mean_s=1d",)
BUSY = {
    "one": QpuService({"a": QpuDevice(background="ibm_perth")}),
    "two, latency": QpuService(
        {"a": QpuDevice(background="ibm_perth"), "b": QpuDevice(background="ibm_lagos")}, latency_s=3.0
    ),
    "calibrated": QpuService({"a": QpuDevice(background="ibm_hanoi", windows=(CalibrationWindow(mode="resume"),))}),
}


def simulated(service: QpuService, *changes: str) -> Result:
    scenario = qhpcsim.load("coupling_study", (*SMALL, "workload.walltime_factor=0", *changes))
    return qhpcsim.simulate(dataclasses.replace(scenario, qpu=service))


def own(jobs: QpuJobTable) -> np.ndarray:
    return np.ones(jobs.n, np.bool_) if jobs.background is None else ~jobs.background


def times(schedule: QpuSchedule, rows: np.ndarray) -> np.ndarray:
    return np.column_stack([schedule.queued_s, schedule.started_s, schedule.ended_s, schedule.qpu])[rows]


@pytest.mark.parametrize("kind", BUSY)
@pytest.mark.parametrize("coupling", ["hold", "split", "pilot"])
def test_calls_wait_as_in_the_service_alone(kind, coupling):
    """The same arrivals at the service alone, same seed: same times to the last bit, other users' jobs too."""
    result = simulated(BUSY[kind], f"coupling={coupling}")
    qpu = result.qpu
    assert qpu is not None and result.summary["hybrid"]["n_completed"] == 6
    mine = own(qpu.jobs)
    n = int(mine.sum())
    assert (mine == (np.arange(qpu.jobs.n) < n)).all(), "own jobs first"
    assert n == 48 and qpu.jobs.n - n > 100
    table = QpuJobTable(qpu.jobs.submit_s[:n], qpu.jobs.drawn_s[:n], predicted_s=qpu.jobs.predicted_s[:n])
    alone = run_qpu(table, BUSY[kind], Rng(result.scenario.seed), until_s=qpu.schedule.end_s)
    assert alone.jobs.n == qpu.jobs.n
    np.testing.assert_array_equal(times(alone.schedule, own(alone.jobs)), times(qpu.schedule, mine))
    np.testing.assert_array_equal(times(alone.schedule, ~own(alone.jobs)), times(qpu.schedule, ~mine))
    waits = (qpu.schedule.started_s - qpu.schedule.queued_s)[mine]
    quiet = simulated(dataclasses.replace(BUSY[kind], qpus={"a": QpuDevice()}), f"coupling={coupling}")
    assert waits.mean() > 10 * (quiet.qpu.schedule.started_s - quiet.qpu.schedule.queued_s).mean()


def test_the_load_goes_on_while_no_call_is_there():
    """Between two hybrid jobs the service has no work of theirs; the backlog that the next one meets is the law's."""
    result = simulated(BUSY["one"], *SPARSE)
    others = np.sort(result.qpu.jobs.submit_s[~own(result.qpu.jobs)])
    jobs = result.hybrid.runs
    idle = [(a.ended_s, b.started_s) for a, b in itertools.pairwise(jobs) if a.ended_s < b.started_s]
    assert any(((others > low_s) & (others < high_s)).any() for low_s, high_s in idle)


def test_runs_with_background_are_written_and_healthy(tmp_path):
    run = Result.read(simulated(BUSY["two, latency"], "coupling=pilot").write(tmp_path / "run"))
    assert check_folder(run) == []
    assert check_hybrid_jobs(run).broken == []
    assert set(run.qpu["origin"]) == {"workload", "background"}


def test_fidelity_of_calls_is_that_of_their_start():
    """With drift: what a run with QPUs only says of the same jobs at the same times."""
    service = QpuService({"a": QpuDevice(card="ibm_eagle_r3", drift=True), "b": QpuDevice()})
    result = simulated(service, *CALL, *SPARSE)
    qpu = result.qpu
    assert len(qpu.quality[0]) == 1 + int(qpu.schedule.end_s // 86_400) > 2
    assert qpu.quality[1] == []
    on_a = qpu.schedule.qpu == 0
    assert np.isnan(qpu.fidelity[~on_a]).all() and on_a.any() and (~on_a).any()
    n = qpu.jobs.n
    same = QpuDemand(qpu.jobs.submit_s, *(np.full(n, x) for x in (4.0, 1000.0, 80.0, 160.0, 32.0)))
    expected = Fleet.open(service, Rng(1)).quality(same).of(np.arange(n), qpu.schedule.qpu, qpu.schedule.started_s)
    np.testing.assert_array_equal(qpu.fidelity, expected)
    assert len(np.unique(expected[on_a])) > 2
    assert result.summary["qpu"]["shots"] == 48 * 4000


def test_qpus_drift_as_in_a_run_with_qpus_only():
    service = QpuService({"a": QpuDevice(card="ibm_eagle_r3", drift=True)})
    with_nodes = simulated(service, *CALL, *SPARSE).qpu.quality[0]
    users = ("qpu_workload.duration_s=9d", "qpu_workload.gaps.mean_s=1h")
    scenario = qhpcsim.load("qpu_service", ("workload=none", *users, "seed=1"))
    alone = qhpcsim.simulate(dataclasses.replace(scenario, qpu=service)).qpu.quality[0]
    assert len(with_nodes) > 1 and list(with_nodes) == list(alone)[: len(with_nodes)]


def test_calls_go_to_qpus_that_are_good_enough():
    service = QpuService({"worse": QpuDevice(card="ibm_eagle_r3"), "better": QpuDevice(card="ibm_heron_r3")})
    free = simulated(service, *CALL).qpu
    level = [free.fidelity[free.schedule.qpu == k][0] for k in (0, 1)]
    assert level[0] < level[1]
    held = simulated(service, *CALL, f"workload.min_fidelity={np.mean(level)}").qpu
    assert set(held.schedule.qpu.tolist()) == {1} and (held.schedule.state == QpuJobState.COMPLETED).all()
    none = simulated(service, *CALL, "workload.min_fidelity=0.999")
    assert none.summary["hybrid"]["n_failed"] == 6
    assert "no QPU good enough" in none.summary["qpu"]["notes"][0]


def test_calls_that_are_too_large_go_elsewhere_or_are_refused():
    service = QpuService({"small": QpuDevice(card="ibm_eagle_r3"), "large": QpuDevice(card="ibm_heron_r3")})
    found = simulated(service, *CALL, "workload.call.n_qubits=140")
    assert set(found.qpu.schedule.qpu.tolist()) == {1}
    with pytest.raises(WorkloadError, match="140 qubits are too many for small"):
        simulated(QpuService({"small": service.qpus["small"]}), *CALL, "workload.call.n_qubits=140")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (("workload.min_fidelity=0.5",), "nobody says what a call asks for"),
        ((*CALL, "workload.min_fidelity=0.5"), "no QPU's card states errors"),
        ((*CALL, "workload.min_fidelity=0.5", "coupling=exclusive"), "the batch system chooses the QPU"),
        ((*CALL, "workload.min_fidelity=1.5"), "workload.min_fidelity"),
        ((*CALL, "workload.call.shots=0"), "workload.call: shots is 0"),
    ],
)
def test_calls_that_nobody_could_judge_are_refused(changes, text):
    with pytest.raises(ConfigError, match=text):
        simulated(QpuService(), *changes)


def test_prices_by_the_shot_need_shots():
    from qhpcsim.qpu_scenario import Prices

    service = QpuService({"a": QpuDevice(prices=Prices(per_shot=0.01))})
    assert "nobody says how many" in simulated(service).summary["qpu"]["notes"][0]
    told = simulated(service, *CALL)
    assert told.summary["qpu"]["notes"] == []
    assert told.qpu.book.cost.sum() == pytest.approx(48 * 4000 * 0.01)
    opened = simulated(service, *CALL, "coupling=hold_unhold")
    assert opened.qpu.book.cost.sum() == pytest.approx(48 * 4000 * 0.01), "a session is opened without a shot"


STREAM = ("qpu=single", "qpu_workload=stream", "qpu_workload.duration_s=5h", "qpu_workload.modes.session=0.5")


@pytest.mark.parametrize("background", ["", "ibm_perth"])
def test_other_users_jobs_come_as_in_the_service_alone(background):
    """Jobs and sessions of a stream beside calls; the same arrivals at the service alone give the same times."""
    service = QpuService({"a": QpuDevice(card="ibm_eagle_r3", background=background)})
    result = simulated(service, *STREAM, *CALL)
    qpu = result.qpu
    mine = own(qpu.jobs)
    ids = qpu.jobs.job_id[mine].astype(str)
    calls = np.char.startswith(ids, "call-")
    assert calls.sum() == 48 and (~calls).sum() > 20
    assert (qpu.jobs.mode[mine][~calls] == 2).any()
    assert np.isfinite(qpu.fidelity[mine]).all()
    rows = np.flatnonzero(mine)
    columns = {
        name: getattr(qpu.jobs, name)[rows] for name in ("drawn_s", "predicted_s", "mode", "session", "submit_s")
    }
    last = {int(s): k for k, s in enumerate(columns["session"])}
    closes = np.array([columns["session"][k] >= 0 and last[int(columns["session"][k])] == k for k in range(len(rows))])
    order = np.argsort(columns["submit_s"], kind="stable")
    table = QpuJobTable(closes_session=closes[order], **{name: column[order] for name, column in columns.items()})
    alone = run_qpu(table, service, Rng(result.scenario.seed), until_s=qpu.schedule.end_s)
    np.testing.assert_array_equal(times(alone.schedule, own(alone.jobs)), times(qpu.schedule, rows[order]))


def test_applications_share_qpus_with_a_background_load():
    """Their calls and sessions wait as in the service alone."""
    scenario = qhpcsim.load("hybrid_centre", ("workload.n_applications=3",))
    qpus = {name: dataclasses.replace(qpu, background="ibm_perth") for name, qpu in scenario.qpu.qpus.items()}
    service = dataclasses.replace(scenario.qpu, qpus=qpus)
    result = qhpcsim.simulate(dataclasses.replace(scenario, qpu=service))
    jobs, mine = result.qpu.jobs, own(result.qpu.jobs)
    n = int(mine.sum())
    assert 0 < n < jobs.n
    assert np.isfinite(result.qpu.fidelity[:n]).any() and np.isnan(result.qpu.fidelity[n:]).all()
    session = jobs.session[:n]
    last = {int(number): k for k, number in enumerate(session)}
    table = QpuJobTable(
        jobs.submit_s[:n],
        jobs.drawn_s[:n],
        predicted_s=jobs.predicted_s[:n],
        mode=jobs.mode[:n],
        session=session,
        closes_session=np.array([k == last[int(number)] and number >= 0 for k, number in enumerate(session)]),
        fidelity=jobs.fidelity[:n],
    )
    alone = run_qpu(table, result.qpu.service, Rng(scenario.seed), until_s=result.qpu.schedule.end_s)
    np.testing.assert_array_equal(times(alone.schedule, own(alone.jobs)), times(result.qpu.schedule, mine))
