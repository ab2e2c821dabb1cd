"""Mean waits and their tails against queueing theory: generator, engine and clock in one go."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from qhpcsim.core.rng import Rng
from qhpcsim.scenario import Partition
from qhpcsim.simulation import simulate_table
from qhpcsim.workloads.laws import ServiceLaw
from qhpcsim.workloads.poisson import PoissonWorkload, generate
from tests.job_tables import FCFS
from tests.theory import oracles

Tail = Callable[[float], float]


def waits(law: ServiceLaw, rho: float, servers: int, n: int, seed: int) -> np.ndarray:
    """Waits in seconds of n jobs of one node under FCFS."""
    workload = PoissonWorkload(n_jobs=n, load=rho, service=law)
    jobs = generate(workload, {"batch": Partition(nodes=servers)}, Rng(seed))
    return np.asarray(simulate_table(jobs, servers, FCFS).start_s - jobs.submit_s)


def check(wait: np.ndarray, rho: float, mean: float, tail: Tail, t: float) -> None:
    """The mean wait and P(Wq > t) must agree by batch means."""
    for what, series, truth in (("mean", wait, mean), (f"P(Wq>{t})", (wait > t).astype(float), tail(t))):
        verdict = oracles.agree(series, truth, rho)
        assert verdict.agrees, f"{what}: {truth:.6g} expected, {verdict}"


def phase_type_tail(rho: float, law: ServiceLaw) -> Tail:
    """P(Wq > t) of M/G/1 with hyperexponential or Erlang-3 service of mean 1."""
    if law.law == "hyperexponential":
        (p, q), (a, b) = oracles.hyperexponential_phases(1.0, law.cv or 1.0)
        top = np.polyadd(p * a * np.array([1.0, b]), q * b * np.array([1.0, a]))
        return partial(oracles.mg1_tail, rho, 1.0, top, np.polymul([1.0, a], [1.0, b]))
    return partial(oracles.mg1_tail, rho, 1.0, np.array([27.0]), np.poly([-3.0, -3.0, -3.0]))


def test_mm1() -> None:
    rho = 0.5
    wait = waits(ServiceLaw(mean_s=1.0), rho, 1, 2_000_000, seed=1)
    check(wait, rho, oracles.mm1_wait(rho), partial(oracles.mm1_tail, rho), t=2.0)


def test_mmc() -> None:
    """Three runs from an empty machine, put end to end: short waits vary most, and memory stays small."""
    lam, c = 1.2, 2
    wait = np.concatenate([waits(ServiceLaw(mean_s=1.0), lam / c, c, 2_000_000, seed) for seed in (21, 22, 23)])
    check(wait, lam / c, oracles.mmc_wait(lam, 1.0, c), partial(oracles.mmc_tail, lam, 1.0, c), t=0.5)


def test_md1() -> None:
    rho = 0.6
    wait = waits(ServiceLaw("constant", 1.0), rho, 1, 1_200_000, seed=3)
    check(wait, rho, oracles.md1_wait(rho), partial(oracles.md1_tail, rho), t=1.5)


@pytest.mark.parametrize(
    ("law", "t"),
    [(ServiceLaw("hyperexponential", 1.0, 1.5), 2.0), (ServiceLaw("erlang", 1.0, 3**-0.5), 1.0)],
)
def test_mg1(law: ServiceLaw, t: float) -> None:
    rho = 0.4
    wait = waits(law, rho, 1, 2_400_000, seed=4)
    mean = oracles.mg1_wait(rho, 1.0, 1.0 + (law.cv or 0.0) ** 2)
    check(wait, rho, mean, phase_type_tail(rho, law), t)


def test_mg1_lognormal() -> None:
    """No closed tail: P(Wq > 0) = ρ for any law of service."""
    rho = 0.4
    wait = waits(ServiceLaw("lognormal", 1.0, 1.0), rho, 1, 2_400_000, seed=5)
    check(wait, rho, oracles.mg1_wait(rho, 1.0, 2.0), lambda t: rho, t=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize(("rho", "n"), [(0.7, 4_500_000), (0.9, 5_000_000)])
def test_mm1_under_load(rho: float, n: int, seed: int) -> None:
    wait = waits(ServiceLaw(mean_s=1.0), rho, 1, n, seed)
    check(wait, rho, oracles.mm1_wait(rho), partial(oracles.mm1_tail, rho), t=2.0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [13, 14])
@pytest.mark.parametrize("law", [ServiceLaw("hyperexponential", 1.0, 2.0), ServiceLaw("erlang", 1.0, 3**-0.5)])
def test_mg1_under_load(law: ServiceLaw, seed: int) -> None:
    rho = 0.8
    wait = waits(law, rho, 1, 5_000_000, seed)
    mean = oracles.mg1_wait(rho, 1.0, 1.0 + (law.cv or 0.0) ** 2)
    check(wait, rho, mean, phase_type_tail(rho, law), t=3.0)


@pytest.mark.slow
@pytest.mark.parametrize(("lam", "c"), [(3.4, 4), (14.0, 16)])
def test_mmc_under_load(lam: float, c: int) -> None:
    wait = np.concatenate([waits(ServiceLaw(mean_s=1.0), lam / c, c, 3_000_000, seed) for seed in (15, 16)])
    check(wait, lam / c, oracles.mmc_wait(lam, 1.0, c), partial(oracles.mmc_tail, lam, 1.0, c), t=0.5)
