"""Failing nodes against renewal theory: jobs that begin again, and the share of time that nodes are up."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qhpcsim.core.records import Schedule
from qhpcsim.core.rng import Rng
from qhpcsim.facility.replay import replay
from qhpcsim.qpu_scenario import Duration
from qhpcsim.scenario import NodeFailures, Partition
from tests.job_tables import FCFS, table
from tests.theory import oracles


def simulate(submit: np.ndarray, length_s: float, partition: Partition, seed: int) -> Schedule:
    jobs = table(submit, np.ones(len(submit), int), np.full(len(submit), length_s))
    return replay(jobs, {"batch": partition}, FCFS, rng=Rng(seed))


def completion_s(work_s: float, rate: float, repair_s: float) -> float:
    """Mean time from first start to end of work that begins again at every failure: (e^(θS) − 1)(1/θ + E[R])."""
    return math.expm1(rate * work_s) * (1.0 / rate + repair_s)


@pytest.mark.parametrize(
    "repair",
    [Duration("exponential", 2.0), pytest.param(Duration("constant", 2.0), marks=pytest.mark.slow)],
    ids=lambda law: law.law,
)
def test_restart_from_zero(repair):
    work_s, rate = 8.0, 0.1
    expected = completion_s(work_s, rate, repair.mean_s)
    assert expected == pytest.approx(14.706491, abs=1e-6)
    n = 110_000
    machine = Partition(nodes=1, failures=NodeFailures(mtbf_s=1.0 / rate, repair=repair))
    schedule = simulate(np.arange(n) * expected / 0.9, work_s, machine, seed=27)
    first_s = schedule.start_s.copy()
    lost = schedule.lost
    assert lost is not None
    np.minimum.at(first_s, lost.job, lost.start_s)
    verdict = oracles.agree(schedule.end_s - first_s, expected, 0.5)
    assert verdict.agrees, verdict
    never_hit = np.bincount(lost.job, minlength=n) == 0
    verdict = oracles.agree(never_hit.astype(float), math.exp(-rate * work_s), 0.5)
    assert verdict.agrees, verdict


@pytest.mark.parametrize(
    ("law", "cv", "repair"),
    [("exponential", None, Duration("lognormal", 1.0, 0.7)), ("lognormal", 1.2, Duration("constant", 1.0))],
    ids=["exponential-lognormal", "lognormal-constant"],
)
def test_availability(law, cv, repair):
    """Any law: nodes are up MTBF / (MTBF + MTTR) of the time; 8 nodes, 23 h up and 1 h down in the mean."""
    up, n_nodes, cycles = 23.0, 8, 12_000
    truth = repair.mean_s / (up + repair.mean_s)
    assert 1 - truth == pytest.approx(0.958333, abs=1e-6)
    horizon = (up + repair.mean_s) * cycles
    machine = Partition(nodes=n_nodes, failures=NodeFailures(up, law, cv, repair))
    schedule = simulate(np.array([0.0, horizon]), 1e-3, machine, seed=29)
    down = schedule.down
    assert down is not None
    edges = np.linspace(0.0, horizon, 33 * 10 + 1)
    order = np.argsort(down.end_s)
    total = np.concatenate([[0.0], np.cumsum((down.end_s - down.start_s)[order])])
    by_then = total[np.searchsorted(down.end_s[order], edges)]  # to within one absence a node
    verdict = oracles.agree(np.diff(by_then) / np.diff(edges) / n_nodes, truth, 0.5)
    assert verdict.agrees, verdict
