"""QPU services against queueing theory: mean waits by batch means, losses, and job by job where theory is exact."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qhpcsim.core.qpu_records import QpuJobState, QpuJobTable, QpuSchedule
from qhpcsim.core.records import Categories
from qhpcsim.core.registry import entries
from qhpcsim.facility.qpu_simulation import simulate_qpu
from qhpcsim.qpu_scenario import (
    CalibrationWindow,
    Duration,
    IdleCalibration,
    Outages,
    PriorityDiscipline,
    QpuDevice,
    QpuDiscipline,
    QpuService,
)
from qhpcsim.workloads.laws import ServiceLaw, checked_cv, sample
from tests.theory import oracles, qpu_oracles

ERLANG_2 = ServiceLaw("erlang", 1.0, 2**-0.5)
HYPER = ServiceLaw("hyperexponential", 1.0, 1.5)
EXPONENTIAL = ServiceLaw("exponential", 1.0)


def poisson(lam: float, n: int, law: ServiceLaw, seed: int) -> QpuJobTable:
    """n jobs that arrive at rate lam."""
    generator = np.random.default_rng(seed)
    submit_s = np.cumsum(generator.exponential(1.0 / lam, n))
    return QpuJobTable(submit_s, sample(law, n, generator))


def one(device: QpuDevice, discipline: QpuDiscipline | None = None) -> QpuService:
    return QpuService({"qpu": device}, discipline or QpuDiscipline())


def waits(jobs: QpuJobTable, service: QpuService, seed: int = 5) -> np.ndarray:
    return np.asarray(simulate_qpu(jobs, service, seed).started_s - jobs.submit_s)


def check(series: np.ndarray, truth: float, rho: float) -> None:
    verdict = oracles.agree(series, truth, rho)
    assert verdict.agrees, f"{truth:.6g} expected, {verdict}"


def test_oracles_give_the_published_examples() -> None:
    classes = [(0.05, 4.0, 16.0), (0.2, 1.0, 2.0), (0.35, 1.0, 1.5)]
    assert qpu_oracles.mg1_priority(classes) == pytest.approx([1.078125, 1.796875, 5.75])
    assert qpu_oracles.mg1_preemptive(classes) == pytest.approx([4.5, 2.5, 7.416667])
    assert qpu_oracles.conserved_work(classes) == pytest.approx(2.5875)
    assert qpu_oracles.mg1_sjf_discrete(0.4, [(0.5, 0.6), (2, 0.3), (8, 0.1)]) == pytest.approx(2.639293)
    wait = qpu_oracles.mg1_wait(0.5, 1.0, 1.5)
    assert wait + qpu_oracles.vacation_extra(3.0, 9.0) == pytest.approx(2.25)
    assert wait + qpu_oracles.single_vacation_extra(0.5, 3.0, 9.0, math.exp(-1.5)) == pytest.approx(2.055763)
    assert wait + qpu_oracles.setup_extra(0.5, 3.0, 9.0) == pytest.approx(2.85)
    failing = qpu_oracles.mg1_breakdowns(0.7 / 60, (60.0, 7200.0), 1 / 82800, (3600.0, 3600.0**2))
    assert failing == pytest.approx(447.875, abs=1e-3)
    assert qpu_oracles.erlang_b(8.0, 10) == pytest.approx(0.1216611, abs=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_fifo_follows_lindley_job_by_job(seed: int) -> None:
    jobs = poisson(0.95, 20_000, HYPER, seed)
    wanted = np.array(oracles.lindley(jobs.submit_s.tolist(), jobs.drawn_s.tolist()))
    found = simulate_qpu(jobs).started_s
    assert np.abs(found - wanted).max() <= 1e-9 * wanted.max()


def check_mg1(lam: float, law: ServiceLaw, second: float, n: int) -> None:
    """T03, T04: Pollaczek–Khinchine, and P(Wq > 0) = ρ for any law."""
    wait = waits(poisson(lam, n, law, seed=31), QpuService())
    check(wait, qpu_oracles.mg1_wait(lam, 1.0, second), lam)
    check((wait > 0).astype(float), lam, lam)


def test_md1() -> None:
    check_mg1(0.4, ServiceLaw("constant", 1.0), 1.0, 1_000_000)


def test_mg1() -> None:
    check_mg1(0.4, ERLANG_2, 1.5, 1_400_000)


@pytest.mark.slow
def test_mg1_of_high_variance() -> None:
    check_mg1(0.4, HYPER, 3.25, 3_000_000)


@pytest.mark.parametrize("name", sorted(entries("discipline")))
def test_every_discipline_conserves_work_exactly(name: str) -> None:
    """T11 on the sample path: without interruptions Σ S (Wq + S / 2) is the area under the work left, for any rule."""
    jobs = poisson(0.9, 30_000, HYPER, seed=37)
    generator = np.random.default_rng(1)
    users = generator.choice(4, jobs.n, p=[0.55, 0.25, 0.15, 0.05]).astype(np.int32)
    jobs.user, jobs.priority = Categories(users, ("a", "b", "c", "d")), users
    wait = waits(jobs, one(QpuDevice(), QpuDiscipline(name)))
    fifo = np.array(oracles.lindley(jobs.submit_s.tolist(), jobs.drawn_s.tolist())) - jobs.submit_s
    assert float(jobs.drawn_s @ wait) == pytest.approx(float(jobs.drawn_s @ fifo), rel=1e-9)


Rates = tuple[float, float, float]
T07: Rates = (0.05, 0.2, 0.35)
EVEN: Rates = (0.2, 0.15, 0.15)
"""With laws of lower variance, fewer jobs give the same precision."""
WIDE = (ServiceLaw("constant", 4.0), EXPONENTIAL, ERLANG_2)
NARROW = (ServiceLaw("constant", 1.0), ServiceLaw("uniform", 1.0, 0.5), ERLANG_2)


def three_classes(rates: Rates, n: int, seed: int) -> tuple[QpuJobTable, np.ndarray, list[qpu_oracles.Class]]:
    """Jobs of three laws, the first the most urgent."""
    generator = np.random.default_rng(seed)
    lam = np.array(rates)
    kind = generator.choice(3, n, p=lam / lam.sum())
    laws = WIDE if rates == T07 else NARROW
    drawn_s = np.choose(kind, [sample(law, n, generator) for law in laws])
    submit_s = np.cumsum(generator.exponential(1.0 / lam.sum(), n))
    jobs = QpuJobTable(submit_s, drawn_s, priority=(2 - kind).astype(np.int32))
    moments = [(law.mean_s, law.mean_s**2 * (1.0 + checked_cv(law) ** 2)) for law in laws]
    return jobs, kind, [(float(x), *moment) for x, moment in zip(lam, moments, strict=True)]


def check_priorities(rates: Rates, n: int, seed: int) -> None:
    """T07 and T11: Cobham's waits of three classes, and Kleinrock's conservation law."""
    jobs, kind, classes = three_classes(rates, n, seed)
    rho = sum(lam * mean for lam, mean, _ in classes)
    wait = waits(jobs, one(QpuDevice(), PriorityDiscipline()))
    for k, truth in enumerate(qpu_oracles.mg1_priority(classes)):
        check(wait[kind == k], truth, rho)
    # ρ_k Wq_k summed over classes is the mean over jobs of Λ E[S_class] Wq.
    mean_s = np.array([mean for _, mean, _ in classes])
    check(sum(lam for lam, _, _ in classes) * mean_s[kind] * wait, qpu_oracles.conserved_work(classes), rho)


def check_preemptive(rates: Rates, n: int, seed: int) -> None:
    """T08: times in the system of three classes with preemptive resume."""
    jobs, kind, classes = three_classes(rates, n, seed)
    rho = sum(lam * mean for lam, mean, _ in classes)
    schedule = simulate_qpu(jobs, one(QpuDevice(), PriorityDiscipline(preemptive=True)))
    np.testing.assert_allclose(schedule.used_s, jobs.drawn_s, atol=1e-6)
    for k, truth in enumerate(qpu_oracles.mg1_preemptive(classes)):
        check((schedule.ended_s - jobs.submit_s)[kind == k], truth, rho)


def test_priorities() -> None:
    check_priorities(EVEN, 1_800_000, seed=33)


def test_preemptive_priorities() -> None:
    check_preemptive(EVEN, 800_000, seed=34)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [35, 36])
def test_priorities_under_load(seed: int) -> None:
    check_priorities(T07, 4_000_000, seed)
    check_preemptive(T07, 4_000_000, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fair_share", "round_robin"])
def test_rules_blind_to_service_times_share_one_mean_wait(name: str) -> None:
    """T11: the mean wait is that of first come, first served."""
    jobs = poisson(0.5, 1_500_000, ERLANG_2, seed=37)
    users = np.random.default_rng(1).choice(4, jobs.n, p=[0.55, 0.25, 0.15, 0.05]).astype(np.int32)
    jobs.user = Categories(users, ("a", "b", "c", "d"))
    wait = waits(jobs, one(QpuDevice(), QpuDiscipline(name)))
    check(wait, qpu_oracles.mg1_wait(0.5, 1.0, 1.5), 0.5)


Sizes = list[tuple[float, float]]


def check_shortest_first(lam: float, sizes: Sizes, n: int) -> None:
    """T10: shortest first with exact predictions of three sizes."""
    generator = np.random.default_rng(38)
    size_s, chance = zip(*sizes, strict=True)
    drawn_s = generator.choice(size_s, n, p=chance)
    jobs = QpuJobTable(np.cumsum(generator.exponential(1.0 / lam, n)), drawn_s)
    wait = waits(jobs, one(QpuDevice(), QpuDiscipline("shortest")))
    check(wait, qpu_oracles.mg1_sjf_discrete(lam, sizes), lam * float(np.dot(size_s, chance)))


def test_shortest_first() -> None:
    check_shortest_first(0.5, [(0.5, 0.5), (1.0, 0.3), (2.0, 0.2)], 1_200_000)


@pytest.mark.slow
def test_shortest_first_under_load() -> None:
    check_shortest_first(0.4, [(0.5, 0.6), (2.0, 0.3), (8.0, 0.1)], 5_000_000)


def test_calibration_whenever_idle() -> None:
    """T12: multiple vacations of 3 s add exactly 1.5 s to the mean wait."""
    device = QpuDevice(idle_calibration=IdleCalibration("repeat", Duration("constant", 3.0)))
    truth = qpu_oracles.mg1_wait(0.5, 1.0, 1.5) + qpu_oracles.vacation_extra(3.0, 9.0)
    check(waits(poisson(0.5, 300_000, ERLANG_2, seed=39), one(device)), truth, 0.5)


def test_random_calibration_whenever_idle() -> None:
    """T12 with exponential vacations: E[V²] = 2 E[V]²."""
    device = QpuDevice(idle_calibration=IdleCalibration("repeat", Duration("exponential", 2.0)))
    truth = qpu_oracles.mg1_wait(0.5, 1.0, 1.5) + qpu_oracles.vacation_extra(2.0, 8.0)
    check(waits(poisson(0.5, 400_000, ERLANG_2, seed=40), one(device)), truth, 0.5)


def test_one_calibration_per_idle_period() -> None:
    """T13: single vacations of 3 s."""
    device = QpuDevice(idle_calibration=IdleCalibration("once", Duration("constant", 3.0)))
    extra = qpu_oracles.single_vacation_extra(0.5, 3.0, 9.0, math.exp(-1.5))
    truth = qpu_oracles.mg1_wait(0.5, 1.0, 1.5) + extra
    check(waits(poisson(0.5, 400_000, ERLANG_2, seed=41), one(device)), truth, 0.5)


def test_warm_up_after_idling() -> None:
    """T14: 3 s before the first job of every busy period."""
    truth = qpu_oracles.mg1_wait(0.5, 1.0, 1.5) + qpu_oracles.setup_extra(0.5, 3.0, 9.0)
    device = QpuDevice(warm_up=Duration("constant", 3.0))
    check(waits(poisson(0.5, 400_000, ERLANG_2, seed=42), one(device)), truth, 0.5)


def test_failing_server() -> None:
    """T15 with frequent failures: Erlang-2 jobs of 1 s, up for 10 s on average, down for exactly 2 s."""
    lam, theta = 0.4, 1 / 10
    truth = qpu_oracles.mg1_breakdowns(lam, (1.0, 1.5), theta, (2.0, 4.0))
    device = QpuDevice(outages=Outages(10.0, Duration("constant", 2.0)))
    check(waits(poisson(lam, 1_000_000, ERLANG_2, seed=43), one(device)), truth, lam * 1.2)


@pytest.mark.slow
def test_failing_server_with_rare_long_failures() -> None:
    """T15: jobs of 60 s at ρ = 0.7, down for 1 h after 23 h on average. Five runs put end to end save memory."""
    lam, theta = 0.7 / 60, 1 / 82800
    truth = qpu_oracles.mg1_breakdowns(lam, (60.0, 7200.0), theta, (3600.0, 3600.0**2))
    device = QpuDevice(outages=Outages(82800.0, Duration("constant", 3600.0)))
    law = ServiceLaw("exponential", 60.0)
    runs = [waits(poisson(lam, 2_500_000, law, seed), one(device), seed) for seed in (44, 45, 46, 47, 48)]
    check(np.concatenate(runs), truth, 0.7305)


@pytest.mark.parametrize(
    ("mode", "start_s", "end_s"), [("resume", 80000, 93600), ("restart", 80000, 100000), ("drain", 90000, 100000)]
)
def test_daily_window(mode: str, start_s: float, end_s: float) -> None:
    """T17, exact: closed in [0, 1 h) of each day; a job of 10000 s comes at t = 80000 s."""
    device = QpuDevice(windows=(CalibrationWindow(mode=mode),))
    schedule = simulate_qpu(QpuJobTable(np.array([80000.0]), np.array([10000.0])), one(device))
    assert (schedule.started_s[0], schedule.ended_s[0]) == (start_s, end_s)
    lost_s = 6400 if mode == "restart" else 0
    assert schedule.used_s[0] == 10000 + lost_s


def lost(offered: float, c: int, law: ServiceLaw, n: int, seed: int) -> QpuSchedule:
    service = QpuService({f"qpu{k}": QpuDevice() for k in range(c)}, queue_limit=0)
    return simulate_qpu(poisson(offered, n, law, seed), service)


def check_erlang_b(offered: float, c: int, law: ServiceLaw, n: int) -> None:
    """T18: the share of lost jobs, whatever the law of service."""
    schedule = lost(offered, c, law, n, seed=45)
    refused = (schedule.state == QpuJobState.REJECTED).astype(float)
    check(refused, qpu_oracles.erlang_b(offered, c), offered / c)


@pytest.mark.parametrize("law", [EXPONENTIAL, ServiceLaw("constant", 1.0), HYPER], ids=["M", "D", "H2"])
def test_erlang_b(law: ServiceLaw) -> None:
    check_erlang_b(2.0, 3, law, 800_000 if law is HYPER else 500_000)


@pytest.mark.slow
@pytest.mark.parametrize("law", [EXPONENTIAL, ServiceLaw("constant", 1.0)], ids=["M", "D"])
def test_erlang_b_of_ten(law: ServiceLaw) -> None:
    check_erlang_b(8.0, 10, law, 1_500_000)
