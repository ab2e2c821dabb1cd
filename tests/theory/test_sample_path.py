"""First come first served is a recursion: the simulator must give every start of it, job by job."""

from __future__ import annotations

import numpy as np
import pytest

from qhpcsim.simulation import simulate_table
from tests.job_tables import CONSERVATIVE, EASY, FCFS, random_table, table
from tests.theory import oracles

N_JOBS = 250


def assert_same(found: np.ndarray, wanted: list[float]) -> None:
    expected = np.array(wanted)
    assert np.abs(found - expected).max() <= 1e-9 * max(1.0, float(expected.max()))


@pytest.mark.parametrize("seed", range(10))
def test_one_server_follows_lindley(seed: int) -> None:
    jobs = random_table(seed, N_JOBS, machine=1, load=0.95)
    assert_same(simulate_table(jobs, 1, FCFS).start_s, oracles.lindley(jobs.submit_s, jobs.runtime_s))


@pytest.mark.parametrize("seed", range(15))
def test_servers_follow_kiefer_wolfowitz(seed: int) -> None:
    c = (2, 3, 4, 7, 16)[seed % 5]
    jobs = random_table(100 + seed, N_JOBS, machine=c, load=0.95, widest=1)
    wanted = oracles.kiefer_wolfowitz(jobs.submit_s, jobs.runtime_s, c)
    assert_same(simulate_table(jobs, c, FCFS).start_s, wanted)


@pytest.mark.parametrize("seed", range(30))
def test_mixed_sizes_follow_the_multi_node_recursion(seed: int) -> None:
    machine = (2, 5, 8, 13, 64, 100)[seed % 6]
    jobs = random_table(200 + seed, N_JOBS, machine, load=(0.6, 0.9, 1.3)[seed % 3])
    schedule = simulate_table(jobs, machine, FCFS)
    wanted = oracles.fcfs_multi_node(jobs.submit_s, jobs.nodes, jobs.runtime_s, machine)
    assert_same(schedule.start_s, wanted)
    np.testing.assert_allclose(schedule.end_s - schedule.start_s, jobs.runtime_s, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["general", "kernel"])
@pytest.mark.parametrize("seed", range(300))
def test_the_recursion_holds_on_many_workloads(seed: int, engine: str) -> None:
    machine = 1 + seed * 7 % 97
    jobs = random_table(1000 + seed, N_JOBS, machine, load=(0.6, 0.9, 1.3)[seed % 3])
    wanted = oracles.fcfs_multi_node(jobs.submit_s, jobs.nodes, jobs.runtime_s, machine)
    assert_same(simulate_table(jobs, machine, FCFS, engine=engine).start_s, wanted)


def test_hand_example() -> None:
    """Four nodes, six jobs: worked by hand for the three classic rules."""
    jobs = table([0, 1, 2, 3, 4, 5], [3, 3, 1, 1, 2, 4], [10, 5, 8, 20, 2, 1])
    for policy, wanted in (
        (FCFS, [0, 10, 10, 15, 15, 35]),
        (EASY, [0, 10, 2, 10, 15, 30]),
        (CONSERVATIVE, [0, 10, 2, 10, 15, 30]),
    ):
        assert simulate_table(jobs, 4, policy).start_s.tolist() == wanted, policy.backfill


def test_the_recursions_agree_with_each_other() -> None:
    jobs = random_table(5, N_JOBS, machine=1)
    lindley = oracles.lindley(jobs.submit_s, jobs.runtime_s)
    assert oracles.kiefer_wolfowitz(jobs.submit_s, jobs.runtime_s, 1) == lindley
    assert oracles.fcfs_multi_node(jobs.submit_s, jobs.nodes, jobs.runtime_s, 1) == lindley
