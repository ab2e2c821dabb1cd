"""QPU services against queueing theory: mean waits by batch means, losses, and job by job where theory is exact."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qhpcsim.core.qpu_records import QpuJobState, QpuJobTable, QpuSchedule
from qhpcsim.core.records import Categories
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
from qhpcsim.workloads.laws import ServiceLaw, sample
from tests.theory import oracles, qpu_oracles

ERLANG_2 = ServiceLaw("erlang", 1.0, 2**-0.5)
HYPER = ServiceLaw("hyperexponential", 1.0, 1.2)
EXPONENTIAL = ServiceLaw("exponential", 1.0)


def poisson(lam: float, n: int, law: ServiceLaw, seed: int) -> QpuJobTable:
    """n jobs that arrive at rate lam."""
    generator = np.random.default_rng(seed)
    submit_s = np.cumsum(generator.exponential(1.0 / lam, n))
    return QpuJobTable(submit_s, sample(law, n, generator))


def one(device: QpuDevice, discipline: QpuDiscipline | None = None) -> QpuService:
    return QpuService({"qpu": device}, discipline or QpuDiscipline())


def waits(jobs: QpuJobTable, service: QpuService) -> np.ndarray:
    return np.asarray(simulate_qpu(jobs, service, seed=5).started_s - jobs.submit_s)


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


@pytest.mark.parametrize(
    ("law", "second"), [(ServiceLaw("constant", 1.0), 1.0), (ERLANG_2, 1.5), (HYPER, 2.44)], ids=["D", "E2", "H2"]
)
def test_mg1(law: ServiceLaw, second: float) -> None:
    """T03, T04: Pollaczek–Khinchine, and P(Wq > 0) = ρ for any law."""
    lam, n = 0.4, 1_000_000 if second < 1.5 else 1_800_000
    wait = waits(poisson(lam, n, law, seed=31), QpuService())
    check(wait, qpu_oracles.mg1_wait(lam, 1.0, second), lam)
    check((wait > 0).astype(float), lam, lam)


def classes_of_t07(rate: float, n: int, seed: int) -> tuple[QpuJobTable, np.ndarray, list[qpu_oracles.Class]]:
    """Constant, exponential and Erlang-2 classes in the proportions of T07; class 0 is the most urgent."""
    generator = np.random.default_rng(seed)
    lam = rate * np.array([0.05, 0.2, 0.35])
    kind = generator.choice(3, n, p=lam / lam.sum())
    laws = (ServiceLaw("constant", 4.0), EXPONENTIAL, ERLANG_2)
    drawn_s = np.choose(kind, [sample(law, n, generator) for law in laws])
    submit_s = np.cumsum(generator.exponential(1.0 / lam.sum(), n))
    jobs = QpuJobTable(submit_s, drawn_s, priority=(2 - kind).astype(np.int32))
    moments = ((4.0, 16.0), (1.0, 2.0), (1.0, 1.5))
    return jobs, kind, [(float(x), *moment) for x, moment in zip(lam, moments, strict=True)]


def check_priorities(rate: float, n: int, seed: int) -> None:
    """T07 and T11: Cobham's waits of three classes, and Kleinrock's conservation law."""
    jobs, kind, classes = classes_of_t07(rate, n, seed)
    rho = sum(lam * mean for lam, mean, _ in classes)
    wait = waits(jobs, one(QpuDevice(), PriorityDiscipline()))
    for k, truth in enumerate(qpu_oracles.mg1_priority(classes)):
        check(wait[kind == k], truth, rho)
    # ρ_k Wq_k summed over classes is the mean over jobs of Λ E[S_class] Wq.
    mean_s = np.array([mean for _, mean, _ in classes])
    check(sum(lam for lam, _, _ in classes) * mean_s[kind] * wait, qpu_oracles.conserved_work(classes), rho)


def check_preemptive(rate: float, n: int, seed: int) -> None:
    """T08: times in the system of three classes with preemptive resume."""
    jobs, kind, classes = classes_of_t07(rate, n, seed)
    rho = sum(lam * mean for lam, mean, _ in classes)
    schedule = simulate_qpu(jobs, one(QpuDevice(), PriorityDiscipline(preemptive=True)))
    np.testing.assert_allclose(schedule.used_s, jobs.drawn_s, atol=1e-6)
    for k, truth in enumerate(qpu_oracles.mg1_preemptive(classes)):
        check((schedule.ended_s - jobs.submit_s)[kind == k], truth, rho)


def test_priorities() -> None:
    check_priorities(0.6, 1_500_000, seed=33)


def test_preemptive_priorities() -> None:
    check_preemptive(0.6, 500_000, seed=34)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [35, 36])
def test_priorities_under_load(seed: int) -> None:
    check_priorities(1.0, 4_000_000, seed)
    check_preemptive(1.0, 4_000_000, seed)


@pytest.mark.parametrize("name", ["fifo", "fair_share", "round_robin"])
def test_blind_rules_conserve_work(name: str) -> None:
    """T11: rules that do not look at service times share out the same mean wait."""
    jobs = poisson(0.5, 1_000_000, ERLANG_2, seed=37)
    users = np.random.default_rng(1).choice(4, jobs.n, p=[0.55, 0.25, 0.15, 0.05]).astype(np.int32)
    jobs.user = Categories(users, ("a", "b", "c", "d"))
    wait = waits(jobs, one(QpuDevice(), QpuDiscipline(name)))
    check(wait, qpu_oracles.mg1_wait(0.5, 1.0, 1.5), 0.5)


def check_shortest_first(lam: float, n: int) -> None:
    """T10: shortest first with exact predictions of three sizes."""
    generator = np.random.default_rng(38)
    sizes = [(0.5, 0.6), (2.0, 0.3), (8.0, 0.1)]
    drawn_s = generator.choice([0.5, 2.0, 8.0], n, p=[0.6, 0.3, 0.1])
    jobs = QpuJobTable(np.cumsum(generator.exponential(1.0 / lam, n)), drawn_s)
    wait = waits(jobs, one(QpuDevice(), QpuDiscipline("shortest")))
    check(wait, qpu_oracles.mg1_sjf_discrete(lam, sizes), lam * 1.7)


def test_shortest_first() -> None:
    check_shortest_first(0.25, 1_200_000)


@pytest.mark.slow
def test_shortest_first_under_load() -> None:
    check_shortest_first(0.4, 5_000_000)


def test_calibration_whenever_idle() -> None:
    """T12: multiple vacations of 3 s add exactly 1.5 s to the mean wait."""
    device = QpuDevice(idle_calibration=IdleCalibration("repeat", Duration("constant", 3.0)))
    truth = qpu_oracles.mg1_wait(0.5, 1.0, 1.5) + qpu_oracles.vacation_extra(3.0, 9.0)
    check(waits(poisson(0.5, 400_000, ERLANG_2, seed=39), one(device)), truth, 0.5)


def test_random_calibration_whenever_idle() -> None:
    """T12 with exponential vacations: E[V²] = 2 E[V]²."""
    device = QpuDevice(idle_calibration=IdleCalibration("repeat", Duration("exponential", 2.0)))
    truth = qpu_oracles.mg1_wait(0.5, 1.0, 1.5) + qpu_oracles.vacation_extra(2.0, 8.0)
    check(waits(poisson(0.5, 500_000, ERLANG_2, seed=40), one(device)), truth, 0.5)


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
    """T15 with frequent failures: exponential jobs of 1 s, up for 20 s on average, down for exactly 2 s."""
    lam, theta = 0.4, 1 / 20
    truth = qpu_oracles.mg1_breakdowns(lam, (1.0, 2.0), theta, (2.0, 4.0))
    device = QpuDevice(outages=Outages(20.0, Duration("constant", 2.0)))
    check(waits(poisson(lam, 1_000_000, EXPONENTIAL, seed=43), one(device)), truth, lam * 1.1)


@pytest.mark.slow
def test_failing_server_with_rare_long_failures() -> None:
    """T15: jobs of 60 s at ρ = 0.7, down for 1 h after 23 h on average."""
    lam, theta = 0.7 / 60, 1 / 82800
    truth = qpu_oracles.mg1_breakdowns(lam, (60.0, 7200.0), theta, (3600.0, 3600.0**2))
    device = QpuDevice(outages=Outages(82800.0, Duration("constant", 3600.0)))
    jobs = poisson(lam, 12_000_000, ServiceLaw("exponential", 60.0), seed=44)
    check(waits(jobs, one(device)), truth, 0.7305)


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
    check_erlang_b(1.2, 3, law, 500_000)


@pytest.mark.slow
@pytest.mark.parametrize("law", [EXPONENTIAL, ServiceLaw("constant", 1.0)], ids=["M", "D"])
def test_erlang_b_of_ten(law: ServiceLaw) -> None:
    check_erlang_b(8.0, 10, law, 1_500_000)
