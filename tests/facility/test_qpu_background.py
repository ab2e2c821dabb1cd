"""Background load inside the service: it is the fitted law, it sees everyone's jobs, and it disturbs no stream."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import simpy

from qhpcsim.core.errors import CardError, ConfigError, FacilityError
from qhpcsim.core.qpu_records import QpuJobState, QpuJobTable
from qhpcsim.core.rng import Rng
from qhpcsim.facility import qpu_load
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.qpu_calendar import open_frac
from qhpcsim.facility.qpu_checks import check_schedule
from qhpcsim.facility.qpu_jobs import QpuJob
from qhpcsim.facility.qpu_ledger import by_qpu, ledger
from qhpcsim.facility.qpu_service import QpuSystem
from qhpcsim.facility.qpu_simulation import QpuRun, run_qpu, schedule_of, simulate_qpu
from qhpcsim.qpu_scenario import (
    DAY_S,
    CalibrationWindow,
    Duration,
    OpenHours,
    Outages,
    Prices,
    PriorityDiscipline,
    QpuDevice,
    QpuDiscipline,
    QpuService,
)
from qhpcsim.workloads.pending_series import simulate
from qhpcsim.workloads.qpu_background import BackgroundStream, backends, background
from tests.qpu_tables import qpu_jobs, words

EMPTY = QpuJobTable(np.empty(0), np.empty(0))


def cloud(name: str, discipline: QpuDiscipline | None = None, **device: object) -> QpuService:
    """One QPU under the background load of the same name."""
    return QpuService({name: QpuDevice(background=name, **device)}, discipline or QpuDiscipline())  # type: ignore[arg-type]


def alone(name: str, days: float, seed: int = 7, **device: object) -> QpuRun:
    return run_qpu(EMPTY, cloud(name, **device), Rng(seed), until_s=days * DAY_S)


def pending(run: QpuRun, at_s: np.ndarray) -> np.ndarray:
    """Jobs in the queue and on the QPU at some instants."""
    ended_s = np.sort(np.where(np.isfinite(run.schedule.ended_s), run.schedule.ended_s, np.inf))
    came = np.searchsorted(run.schedule.queued_s, at_s, side="right")
    return came - np.searchsorted(ended_s, at_s, side="right")


@pytest.mark.parametrize("name", backends())
def test_alone_on_an_open_qpu_the_load_is_the_law_job_by_job(name: str) -> None:
    law = simulate(background(name), 5 * DAY_S, Rng(7))
    run = alone(name, 5)
    np.testing.assert_array_equal(run.jobs.submit_s, law.submit_s)
    np.testing.assert_allclose(run.jobs.drawn_s, law.service_s, rtol=1e-12)
    done = run.schedule.state == QpuJobState.COMPLETED
    np.testing.assert_allclose(run.schedule.ended_s[done], law.finish_s[done], atol=1e-6)
    assert (law.finish_s[~done] > 5 * DAY_S).all()
    np.testing.assert_array_equal(pending(run, np.arange(5 * 1440) * 60.0), law.pending(5 * 1440))
    assert run.jobs.user is not None
    assert [run.jobs.user.names[k] for k in run.jobs.user.code] == [f"background-{k}" for k in law.user]


def test_a_job_of_no_length_waits_for_the_work_that_is_there() -> None:
    """It changes nothing before its arrival, so its wait is that of the law's series."""
    law = simulate(background("ibm_hanoi"), 6 * DAY_S, Rng(3))
    for time_s in (1000.0, 90_000.0, 4.4 * DAY_S):
        run = run_qpu(QpuJobTable(np.array([time_s]), np.zeros(1)), cloud("ibm_hanoi"), Rng(3))
        free_s = law.finish_s[law.submit_s <= time_s].max()
        assert run.schedule.started_s[0] == pytest.approx(max(free_s, time_s), abs=1e-6)
        assert run.schedule.end_s == run.schedule.ended_s[0]


def test_users_see_the_jobs_of_the_workload() -> None:
    """Who finds 5000 jobs of someone else in front of the QPU balks; alone, hundreds come in a day."""
    jobs = QpuJobTable(np.zeros(5000), np.full(5000, 20.0))
    run = run_qpu(jobs, cloud("ibm_nairobi"), Rng(2), until_s=0.5 * DAY_S)
    crowd = run.jobs.submit_s[5000:]
    quiet = alone("ibm_nairobi", 0.5, seed=2).jobs.submit_s
    assert len(crowd[(crowd > 0) & (crowd < 0.5 * DAY_S)]) < 0.1 * len(quiet[quiet > 0])


@pytest.mark.parametrize("name", ["fifo", "fair_share", "round_robin", "shortest", "priority"])
def test_looks_come_at_the_same_times_under_every_discipline(name: str) -> None:
    generator = np.random.default_rng(1)
    jobs = QpuJobTable(np.sort(generator.uniform(0, DAY_S, 300)), generator.exponential(60.0, 300))
    jobs.user = words(["ann"] * 300)
    run = run_qpu(jobs, cloud("ibm_perth", QpuDiscipline(name)), Rng(4))
    stream = BackgroundStream(background("ibm_perth"), Rng(4))
    looks = [0.0]
    while stream.next_look_s <= run.schedule.end_s:
        looks.append(stream.next_look_s)
        stream.look(0)
    assert np.isin(run.jobs.submit_s[300:], looks).all()
    np.testing.assert_array_equal(run.jobs.submit_s[:300], jobs.submit_s)
    assert (run.schedule.state[:300] == QpuJobState.COMPLETED).all()


CLOSED = {
    "drain": {"windows": (CalibrationWindow(mode="drain"),)},
    "resume": {"windows": (CalibrationWindow(mode="resume"),)},
    "restart": {"windows": (CalibrationWindow(mode="restart"),)},
    "interleave": {"windows": (CalibrationWindow(mode="interleave"),)},
    "outages": {"outages": Outages(DAY_S, Duration("exponential", 7200.0))},
}


@pytest.mark.parametrize("closed", CLOSED)
@pytest.mark.parametrize("name", ["ibm_perth", "ibm_hanoi"])
def test_throughput_stays_that_of_the_law_on_a_qpu_that_is_closed_at_times(name: str, closed: str) -> None:
    """1 h of 24 h calibrates, or 2 h of 26 h fail: without the correction 4.2 % or 7.7 % would be lost."""
    assert n_done(name, closed) == pytest.approx(n_done(name, "never"), rel=0.03)


@cache
def n_done(name: str, closed: str) -> int:
    """Jobs that are done after 20 days, over three seeds."""
    runs = [alone(name, 20, seed, **CLOSED.get(closed, {})).schedule for seed in range(3)]
    return sum(int((run.state == QpuJobState.COMPLETED).sum()) for run in runs)


def test_share_of_open_time() -> None:
    hour = CalibrationWindow(mode="resume")
    assert open_frac(QpuDevice()) == 1.0
    assert open_frac(QpuDevice(windows=(hour,))) == pytest.approx(23 / 24)
    assert open_frac(QpuDevice(windows=(replace(hour, offset_s=-1800.0),))) == pytest.approx(23 / 24)
    assert open_frac(QpuDevice(windows=(hour, replace(hour, mode="interleave")))) == pytest.approx(22 / 24)
    night = OpenHours(offset_s=6 * 3600.0, duration_s=12 * 3600.0)
    assert open_frac(QpuDevice(windows=(hour,), open_hours=night)) == pytest.approx(0.5), "calibrates at night"
    late = replace(hour, offset_s=8 * 3600.0)
    assert open_frac(QpuDevice(windows=(late,), open_hours=night)) == pytest.approx(11 / 24)
    failing = Outages(9 * 3600.0, Duration("constant", 3600.0))
    assert open_frac(QpuDevice(windows=(hour,), outages=failing)) == pytest.approx(23 / 24 * 0.9)
    weekly = replace(hour, period_s=7 * DAY_S, duration_s=DAY_S, offset_s=DAY_S)
    assert open_frac(QpuDevice(windows=(hour, weekly))) == pytest.approx(6 / 7 * 23 / 24)


def test_two_qpus_have_streams_of_their_own() -> None:
    service = QpuService({"a": QpuDevice(background="ibm_lagos"), "b": QpuDevice(background="ibm_lagos")})
    run = run_qpu(EMPTY, service, Rng(1), until_s=DAY_S)
    a, b = (run.jobs.submit_s[run.schedule.qpu == k] for k in (0, 1))
    assert min(len(a), len(b)) > 50
    assert not np.isin(a[a > 0], b).any()
    alone_on_a = run_qpu(EMPTY, QpuService({"a": QpuDevice(background="ibm_lagos")}), Rng(1), until_s=DAY_S)
    np.testing.assert_array_equal(alone_on_a.jobs.submit_s, a)


def test_rows_of_the_workload_come_first() -> None:
    jobs = qpu_jobs([(100, 5, "s0"), (200, 5, "s0"), (300, 5, "j")], ["ann", "ann", "bob"])
    jobs.group = words(["x", "x", "y"])
    jobs.job_id = np.array([7, 3, 9])
    jobs.drawn_s = np.array([[5.0, 6.0]] * 3)
    jobs.fidelity = np.array([0.5, 0.6, 0.7])
    jobs.shots = np.array([10, 20, 30])
    service = QpuService({"a": QpuDevice(), "b": QpuDevice(background="ibm_lagos")})
    run = run_qpu(jobs, service, Rng(1), until_s=DAY_S)
    table, n_more = run.jobs, run.jobs.n - 3
    assert n_more > 50
    assert table.job_id is not None and table.user is not None and table.group is not None
    assert table.background is not None and table.qpu is not None and table.shots is not None
    assert table.job_id.tolist() == [7, 3, 9, *range(10, 10 + n_more)]
    np.testing.assert_array_equal(table.background, [False] * 3 + [True] * n_more)
    np.testing.assert_array_equal(table.qpu[3:], 1)
    assert np.isinf(table.drawn_s[3:, 0]).all() and np.isfinite(table.drawn_s[3:, 1]).all()
    assert table.shots.tolist() == [10, 20, 30] + [0] * n_more
    assert table.fidelity is not None and np.isnan(table.fidelity[3:]).all()
    assert [table.user.names[k] for k in table.user.code[:3]] == ["ann", "ann", "bob"]
    assert all(table.group.names[k].startswith("background-") for k in table.group.code[3:])
    assert (np.diff(table.submit_s[3:]) >= 0).all()
    assert jobs.n == 3, "the given table is left alone"


def test_the_run_ends_with_the_workload_and_its_sessions() -> None:
    """What others leave is counted: in the queue, on the QPU up to the end, nowhere else."""
    run = run_qpu(qpu_jobs([(50_000, 5, "s0")], ["ann"]), cloud("ibm_perth"), Rng(1))
    schedule = run.schedule
    (hold,) = schedule.holds
    assert schedule.end_s == hold[3] == schedule.ended_s[0] + 60.0, "until the session's time to live"
    assert schedule.billed_s[0] == 65.0
    assert np.nanmax(schedule.ended_s) <= schedule.end_s
    counts = np.bincount(schedule.state, minlength=5)
    assert counts[QpuJobState.QUEUED] > 0
    assert counts[QpuJobState.RUNNING] == 1
    (running,) = np.flatnonzero(schedule.state == QpuJobState.RUNNING)
    assert schedule.used_s[running] == schedule.end_s - schedule.started_s[running]
    assert np.isnan(schedule.ended_s[running])
    later = run_qpu(qpu_jobs([(50_000, 5, "s0")], ["ann"]), cloud("ibm_perth"), Rng(1), until_s=5 * DAY_S).schedule
    assert later.end_s == 5 * DAY_S
    np.testing.assert_array_equal(later.started_s[0], schedule.started_s[0])


def test_a_running_job_that_paused_counts_without_its_pauses() -> None:
    device = QpuDevice(background="ibm_perth", windows=(CalibrationWindow(period_s=200, duration_s=50, mode="resume"),))
    run = run_qpu(EMPTY, QpuService({"q": device}), Rng(5), until_s=DAY_S)
    schedule = run.schedule
    (running,) = np.flatnonzero(schedule.state == QpuJobState.RUNNING)
    pieces = schedule.pieces[running]
    assert all(stop_s <= DAY_S for _, stop_s in pieces)
    assert schedule.used_s[running] == pytest.approx(sum(stop_s - start_s for start_s, stop_s in pieces))
    done = schedule.state == QpuJobState.COMPLETED
    np.testing.assert_allclose(schedule.used_s[done], run.jobs.drawn_s[done], atol=1e-6)


def test_an_interrupted_job_of_another_user_waits_on() -> None:
    jobs = QpuJobTable(np.array([30_000.0]), np.array([5.0]), priority=np.array([1], np.int32))
    run = run_qpu(jobs, cloud("ibm_perth", PriorityDiscipline(preemptive=True)), Rng(1))
    assert run.schedule.started_s[0] == 30_000
    (interrupted,) = run.schedule.pieces
    assert run.schedule.used_s[interrupted] == 30_000 - run.schedule.started_s[interrupted]
    assert run.schedule.state[interrupted] in (QpuJobState.QUEUED, QpuJobState.RUNNING)


def test_no_load_and_no_jobs_take_no_time() -> None:
    assert run_qpu(EMPTY, cloud("ibm_perth"), Rng(1)).schedule.end_s == 0.0
    assert simulate_qpu(EMPTY).end_s == 0.0
    table = qpu_jobs([(0, 5, "j")])
    assert run_qpu(table, QpuService(), Rng(0)).jobs is table
    assert run_qpu(table, QpuService(), Rng(0), until_s=50.0).schedule.end_s == 50.0


def test_equal_seeds_give_equal_runs_to_the_bit() -> None:
    one, two, other = (alone("ibm_cairo", 2, seed).schedule.ended_s for seed in (1, 1, 2))
    assert one.tobytes() == two.tobytes() != other.tobytes()


def test_a_job_that_never_gets_its_turn_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qpu_load, "PATIENCE_S", 5 * DAY_S)
    jobs = QpuJobTable(np.array([0.0, 10.0]), np.array([1.0, 1e6]))
    with pytest.raises(FacilityError, match=r"job 1 has waited for 5 days.*ibm_sherbrooke"):
        run_qpu(jobs, cloud("ibm_sherbrooke", QpuDiscipline("shortest")), Rng(1))


def test_a_long_job_is_not_taken_for_a_starving_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qpu_load, "PATIENCE_S", 0.01 * DAY_S)
    jobs = QpuJobTable(np.array([0.0, 0.0]), np.array([3 * DAY_S, 1.0]), priority=np.array([1, 1], np.int32))
    run = run_qpu(jobs, cloud("ibm_hanoi", PriorityDiscipline()), Rng(1))
    assert (run.schedule.state[:2] == QpuJobState.COMPLETED).all()


@pytest.mark.parametrize("until_s", [-1.0, float("nan"), float("inf")])
def test_a_run_needs_an_end(until_s: float) -> None:
    with pytest.raises(ConfigError, match="until_s"):
        run_qpu(EMPTY, cloud("ibm_perth"), Rng(0), until_s=until_s)


def test_wrong_loads_are_refused() -> None:
    with pytest.raises(CardError, match="ibm_perth"):
        run_qpu(EMPTY, QpuService({"q": QpuDevice(background="ibm_pert")}), Rng(0))
    pieces = CalibrationWindow(period_s=100, duration_s=60, mode="interleave")
    device = QpuDevice(background="ibm_perth", windows=(pieces, pieces))
    with pytest.raises(ConfigError, match="no time for jobs"):
        run_qpu(EMPTY, QpuService({"q": device}), Rng(0))


def test_nobody_says_what_the_jobs_of_others_cost() -> None:
    service = cloud("ibm_lagos", prices=Prices(per_second=2.0, per_shot=1.0), busy_w=10.0)
    run = run_qpu(qpu_jobs([(5000, 5, "j")], ["ann"]), service, Rng(1))
    book = ledger(run.jobs, run.schedule, service)
    assert book.cost[0] == 10.0
    assert np.isnan(book.cost[1:]).all()
    assert by_qpu(book, run.schedule)[0].cost == 10.0
    started = np.isfinite(run.schedule.started_s)
    np.testing.assert_allclose(book.energy_j[started], 10.0 * run.schedule.used_s[started])


def test_others_on_the_clock_meet_the_same_load() -> None:
    """A loop that sends its jobs one by one fares like a table of jobs that wait for each other."""
    table = qpu_jobs([(1000, 5, "j")] * 4, ["ann"] * 4)
    table.depends_on, table.think_s = np.array([-1, 0, 1, 2], np.int32), np.full(4, 700.0)
    known = run_qpu(table, cloud("ibm_hanoi"), Rng(6))
    clock = Clock()
    system = QpuSystem(clock, EMPTY, cloud("ibm_hanoi"), Rng(6))

    def loop() -> Generator[simpy.Event, None, None]:
        yield clock.timeout(1000.0)
        for k in range(4):
            back = clock.event()
            system.submit(QpuJob((5.0,), user="ann"), lambda job, time_s, back=back: back.succeed())  # type: ignore[misc]
            yield back
            yield clock.timeout(700.0 if k < 3 else 40_000.0)

    clock.process(loop())
    clock.run()
    schedule = schedule_of(system)
    check_schedule(system, schedule)
    mine = ~np.array(system.jobs.background)
    np.testing.assert_allclose(schedule.started_s[mine], known.schedule.started_s[:4])
    assert schedule.end_s == clock.now
    assert np.nanmax(schedule.ended_s) > clock.now - 10_000, "the load went on while nobody waited for anything"
