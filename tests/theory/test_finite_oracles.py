"""Oracles of runs that begin empty: by hand for the first jobs, and the steady state in the end."""

import numpy as np
import pytest

from tests.theory import finite_oracles as theory
from tests.theory import oracles


def test_the_first_jobs_of_mm1_by_hand():
    """Job 1 waits 0; job 2 waits an exponential service if it comes before the end of job 1: λ / (λ + μ) · 1/μ."""
    assert theory.mmc_mean_wait(0.7, 1.0, 1, 1) == 0.0
    assert theory.mmc_mean_wait(0.7, 1.0, 1, 2) == pytest.approx(0.7 / 1.7 / 2)
    stay = 0.7 / 1.7  # the next job comes before a service ends
    finds_two, finds_one = stay**2, stay * (1 - stay) * stay + (1 - stay) * stay
    assert theory.mmc_mean_wait(0.7, 1.0, 1, 3) * 3 == pytest.approx(stay + 2 * finds_two + finds_one)


@pytest.mark.parametrize(("lam", "c"), [(0.7, 1), (3.4, 4), (1.2, 2)])
def test_long_runs_end_in_erlangs_steady_state(lam, c):
    long = 20_000 * theory.mmc_mean_wait(lam, 1.0, c, 20_000) - 10_000 * theory.mmc_mean_wait(lam, 1.0, c, 10_000)
    assert long / 10_000 == pytest.approx(oracles.mmc_wait(lam, 1.0, c), rel=1e-6)


def test_vacations_end_in_the_decomposition():
    long = 4000 * theory.mm1_vacations_mean_wait(0.5, 1.0, 3.0, 4000)
    long -= 2000 * theory.mm1_vacations_mean_wait(0.5, 1.0, 3.0, 2000)
    assert long / 2000 == pytest.approx(theory.vacations_wait(0.5, 1.0, 3.0), rel=1e-9)
    assert theory.vacations_wait(0.5, 1.0, 3.0) == pytest.approx(1.0 + 18.0 / 6.0)


def test_short_vacations_are_none():
    assert theory.mm1_vacations_mean_wait(0.5, 1.0, 1e-6, 50) == pytest.approx(
        theory.mmc_mean_wait(0.5, 1.0, 1, 50), rel=1e-5
    )


def test_the_first_job_under_vacations_waits_for_one():
    assert theory.mm1_vacations_mean_wait(0.5, 1.0, 3.0, 1) == pytest.approx(3.0)


def test_two_jobs_that_call_once():
    """They call at times that differ by an exponential of mean Z (memoryless): the second waits S/(S+Z) · S."""
    z, s = 30.0, 2.5
    assert theory.closed_loop_mean_wait(2, 1, z, s) == pytest.approx(s / (s + z) * s / 2)
    assert theory.closed_loop_mean_wait(1, 7, z, s) == 0.0


def test_a_long_loop_nears_mean_value_analysis():
    truth = theory.mva_wait(2, 30.0, 2.5)
    assert truth == pytest.approx(2.69231 - 2.5, abs=1e-5)
    short, long = (theory.closed_loop_mean_wait(2, loops, 30.0, 2.5) for loops in (50, 200))
    assert truth * 0.9 < short < long < truth  # while one job is left it never waits
    rise = np.array([truth - short, truth - long])
    assert rise[0] / rise[1] == pytest.approx(2.0, rel=0.1)  # that part shrinks like 1/√loops
