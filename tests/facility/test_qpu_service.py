"""The service on the facility's clock, and under outages at every moment of a run."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from qhpcsim.core.errors import InvariantError
from qhpcsim.core.qpu_records import QpuJobState, QpuJobTable, QpuSchedule
from qhpcsim.core.registry import entries
from qhpcsim.core.rng import Rng
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.qpu_checks import check_schedule
from qhpcsim.facility.qpu_jobs import QpuJob
from qhpcsim.facility.qpu_service import QpuSystem
from qhpcsim.facility.qpu_simulation import schedule_of, simulate_qpu
from qhpcsim.qpu_scenario import (
    CalibrationWindow,
    Duration,
    IdleCalibration,
    OpenHours,
    Outages,
    PriorityDiscipline,
    QpuDevice,
    QpuDiscipline,
    QpuService,
    Reservation,
    Sessions,
)
from tests.qpu_tables import one_qpu, qpu_jobs

EMPTY = QpuJobTable(np.empty(0), np.empty(0))


def test_no_jobs() -> None:
    assert simulate_qpu(EMPTY).n == 0


def test_latency_delays_arrival_and_result() -> None:
    jobs = qpu_jobs([(0, 10, "j"), (0, 10, "j")])
    jobs.depends_on = np.array([-1, 0], np.int32)
    run = simulate_qpu(jobs, QpuService(latency_s=2.0))
    assert run.submitted_s.tolist() == [0, 14]
    assert run.queued_s.tolist() == [2, 16]
    assert run.started_s.tolist() == [2, 16]


def test_a_full_queue_rejects() -> None:
    jobs = qpu_jobs([(0, 10, "j"), (1, 10, "j"), (2, 10, "j"), (10, 10, "j")])
    run = simulate_qpu(jobs, QpuService(queue_limit=1))
    assert run.state.tolist() == [0, 0, QpuJobState.REJECTED, 0]


def test_one_instant_frees_before_it_fills() -> None:
    """A job that comes when another one ends finds the QPU free; jobs of no length take no time."""
    run = simulate_qpu(qpu_jobs([(0, 10, "j"), (10, 0, "j"), (10, 5, "j")]), QpuService(queue_limit=1))
    assert run.started_s.tolist() == [0, 10, 10]
    run = simulate_qpu(qpu_jobs([(0, 10, "j"), (10, 5, "j")]), QpuService(queue_limit=0))
    assert run.started_s.tolist() == [0, 10]


def test_others_on_the_clock_can_send_jobs_and_wait_for_them() -> None:
    """A hybrid loop beside background jobs: think 3 s, QPU job of 4 s, three times."""
    clock = Clock()
    system = QpuSystem(clock, qpu_jobs([(0, 5, "j"), (9, 5, "j")]), QpuService(), Rng(0))
    ended: list[float] = []

    def loop() -> Generator[simpy.Event, None, None]:
        for _ in range(3):
            yield clock.timeout(3.0)
            back = clock.event()
            system.submit(QpuJob((4.0,), user="ann"), lambda job, time_s, back=back: back.succeed())  # type: ignore[misc]
            yield back
            ended.append(clock.now)

    clock.process(loop())
    clock.run()
    assert ended == [9, 18, 25]
    assert schedule_of(system).started_s.tolist() == [0, 9, 5, 14, 21]


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=30, deadline=None)
def test_running_ahead_changes_nothing(seed: int, watched: bool) -> None:
    """Jobs sent one by one from outside, watched or not, fare like jobs known beforehand."""
    jobs, service = tangle(seed, n=25)
    clock = Clock()
    system = QpuSystem(clock, EMPTY, service, Rng(1))

    def users() -> Generator[simpy.Event, None, None]:
        for k in range(jobs.n):
            if jobs.submit_s[k] > clock.now:
                yield clock.at(float(jobs.submit_s[k]), priority=1)
            system.submit(live(jobs, k), (lambda job, time_s: None) if watched else None)

    clock.process(users())
    clock.run()
    known = simulate_qpu(jobs, service, seed=1)
    np.testing.assert_array_equal(schedule_of(system).ended_s, known.ended_s)


def live(jobs: QpuJobTable, k: int) -> QpuJob:
    assert jobs.mode is not None and jobs.session is not None and jobs.user is not None and jobs.priority is not None
    return QpuJob(
        tuple(np.atleast_1d(jobs.drawn_s[k]).tolist()),
        user=jobs.user.names[jobs.user.code[k]],
        mode=jobs.mode[k],
        session=int(jobs.session[k]),
        priority=int(jobs.priority[k]),
    )


def tangle(seed: int, n: int = 40) -> tuple[QpuJobTable, QpuService]:
    """Everything at once: modes, users, priorities, windows, reservations, outages, on two QPUs."""
    generator = np.random.default_rng(seed)
    names = ("ann", "bob", "cyd")
    owner = {f"{mode}{k}": names[generator.integers(3)] for mode in "bs" for k in range(3)}
    kinds = [str(kind) for kind in generator.choice(["j", "j", "d", *(owner)], n)]
    kinds = [kind if kind[0] != "b" else f"b{int(kind[1:]) + 3}" for kind in kinds]
    users = [names[generator.integers(3)] if len(k) == 1 else owner.get(k, names[0]) for k in kinds]
    submit_s = np.sort(generator.integers(0, 300, n)).astype(float)
    length_s = generator.integers(0, 25, n).astype(float)
    jobs = qpu_jobs(list(zip(submit_s.tolist(), length_s.tolist(), kinds, strict=True)), users)
    jobs.priority = generator.integers(0, 3, n).astype(np.int32)
    if generator.random() < 0.5:
        jobs.drawn_s = np.stack([length_s, length_s + 3.0], axis=1)
    return jobs, QpuService(
        {"x": device(generator), "y": device(generator)},
        PriorityDiscipline(preemptive=bool(generator.integers(2)))
        if generator.random() < 0.4
        else QpuDiscipline(str(generator.choice(sorted(entries("discipline"))))),
        queue_limit=None if generator.random() < 0.7 else 5,
        sessions=Sessions(20.0, 150.0, 100.0, 60.0),
    )


def device(generator: np.random.Generator) -> QpuDevice:
    modes = generator.choice(["drain", "resume", "restart", "interleave"], 2)
    windows = tuple(
        CalibrationWindow(float(generator.integers(80, 200)), float(generator.integers(50)), 12.0, str(mode), 5.0)
        for mode in modes
    )
    idle = IdleCalibration(str(generator.choice(["none", "repeat", "once"])), Duration("constant", 7.0))
    outages = Outages(float(generator.choice([0, 60])), Duration("exponential", 10.0), str(generator.choice(modes[:1])))
    if outages.mode not in ("resume", "restart"):
        outages = Outages(outages.mtbf_s, outages.repair, "restart")
    return QpuDevice(
        windows=windows if generator.random() < 0.7 else (),
        idle_calibration=idle,
        warm_up=Duration("constant", 2.0) if generator.random() < 0.3 else None,
        outages=outages,
        open_hours=OpenHours(400.0, 10.0, 350.0) if generator.random() < 0.3 else None,
        reservations=(Reservation("ann", 90.0, 140.0), Reservation("bob", 200.0, 230.0)),
    )


@given(st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_whatever_happens_the_service_keeps_its_rules(seed: int) -> None:
    """``simulate_qpu`` checks its schedule: nobody lost, nobody together, nothing in a window."""
    jobs, service = tangle(seed)
    run = simulate_qpu(jobs, service, seed=1)
    again = simulate_qpu(jobs, service, seed=1)
    np.testing.assert_array_equal(run.ended_s, again.ended_s)
    check_work(jobs, run)


def check_work(jobs: QpuJobTable, run: QpuSchedule) -> None:
    """Completed jobs got all their work; the others none, or lost it to restarts."""
    done = run.state == QpuJobState.COMPLETED
    qpu = np.maximum(run.qpu, 0)
    wanted = jobs.drawn_s if jobs.drawn_s.ndim == 1 else jobs.drawn_s[np.arange(jobs.n), qpu]
    assert (run.used_s[done] >= wanted[done] - 1e-9).all()
    whole = done & ~np.isin(np.arange(jobs.n), list(run.pieces))
    np.testing.assert_allclose(run.used_s[whole], wanted[whole], atol=1e-9)
    assert (run.used_s[run.state == QpuJobState.REJECTED] == 0).all()
    assert (run.billed_s >= run.used_s - 1e-9).all()
    held = sum(end_s - start_s for _, _, start_s, end_s in run.holds)
    assert jobs.mode is not None
    assert run.billed_s[jobs.mode == 2].sum() <= held + 1e-6


CHAOS = qpu_jobs(
    [
        (0, 20, "j"),
        (2, 10, "s0"),
        (5, 30, "j"),
        (30, 10, "s0"),
        (31, 8, "b1"),
        (32, 8, "b1"),
        (40, 12, "d"),
        (60, 10, "j"),
        (61, 10, "s0"),
        (90, 15, "d"),
        (95, 0, "j"),
    ],
    ["ann", "bob", "cyd", "bob", "cyd", "cyd", "ann", "bob", "bob", "ann", "cyd"],
)
CHAOS.priority = np.array([0, 1, 2, 1, 0, 0, 0, 2, 1, 0, 0], np.int32)


def chaotic(outages: Outages, preemptive: bool) -> QpuService:
    device = QpuDevice(
        windows=(
            CalibrationWindow(120, 50, 10, "drain"),
            CalibrationWindow(150, 75, 6, "resume"),
            CalibrationWindow(200, 20, 15, "interleave", 5),
        ),
        reservations=(Reservation("ann", 100, 130),),
        outages=outages,
    )
    return one_qpu(device, PriorityDiscipline(preemptive=preemptive), Sessions(15.0, 120.0, 120.0, 100.0))


@pytest.mark.parametrize("mode", ["resume", "restart"])
@pytest.mark.parametrize("preemptive", [False, True])
def test_an_outage_at_any_event_breaks_nothing(mode: str, preemptive: bool) -> None:
    calm = simulate_qpu(CHAOS, chaotic(Outages(), preemptive))
    times = np.concatenate([calm.started_s, calm.ended_s, calm.queued_s, *np.array(calm.holds)[:, 2:]])
    moments = np.unique(np.concatenate([times[np.isfinite(times)], np.arange(0.0, 200.0, 5.0)]))
    for moment in moments.tolist():
        for begin_s in (max(0.0, moment - 7.0), max(0.0, moment - 0.5), moment):
            service = chaotic(Outages(fixed_s=((begin_s, begin_s + 7.0),), mode=mode), preemptive)
            run = simulate_qpu(CHAOS, service)
            check_work(CHAOS, run)
            assert (run.state <= QpuJobState.REJECTED).all()
            if mode == "resume":
                done = run.state == QpuJobState.COMPLETED
                np.testing.assert_allclose(run.used_s[done], CHAOS.drawn_s[done], atol=1e-9)


def test_seeds_make_outages_and_nothing_else() -> None:
    jobs = qpu_jobs([(float(k), 5.0, "j") for k in range(50)], ["ann"] * 50)
    service = one_qpu(QpuDevice(outages=Outages(30.0, Duration("constant", 5.0))))
    first, same, other = (simulate_qpu(jobs, service, seed).ended_s for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def broken(change: str, value: float) -> None:
    """Check a schedule of two jobs after a change to the second job's row."""
    clock = Clock()
    device = QpuDevice(windows=(CalibrationWindow(1000, 50, 10),))
    system = QpuSystem(clock, qpu_jobs([(0, 10, "j"), (0, 10, "j")]), one_qpu(device), Rng(0))
    clock.run()
    schedule = schedule_of(system)
    getattr(schedule, change)[1] = value
    check_schedule(system, schedule)


@pytest.mark.parametrize(
    ("change", "value", "words"),
    [
        ("started_s", 5.0, "two things at once"),
        ("started_s", 25.0, "before it started"),
        ("ended_s", 51.0, "while it was closed"),
        ("queued_s", 11.0, "started before it came"),
        ("state", QpuJobState.QUEUED, "neither ended"),
    ],
)
def test_a_broken_schedule_is_noticed(change: str, value: float, words: str) -> None:
    broken("ended_s", 20.0)
    with pytest.raises(InvariantError, match=words):
        broken(change, value)
