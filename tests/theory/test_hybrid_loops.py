"""Closed hybrid loops against mean value analysis (product form: QPU exponential, any classical phase)."""

import numpy as np
import pytest

from qhpcsim.core.hybrid_records import HybridJob
from tests.middleware.hybrid_cases import constant_job, node_seconds, run, spent
from tests.theory.oracles import agree

Z_S, S_S = 30.0, 2.5
LAWS = {
    "constant": lambda draw, n: np.full(n, Z_S),
    "exponential": lambda draw, n: draw.exponential(Z_S, n),
    "lognormal": lambda draw, n: draw.lognormal(np.log(Z_S) - 0.5 * np.log(2), np.sqrt(np.log(2)), n),
}


def mva(n_jobs: int, think_s: float, service_s: float) -> tuple[float, float]:
    """Return throughput and response time of n jobs that think, then queue for one exponential server."""
    queue = 0.0
    for n in range(1, n_jobs + 1):
        response_s = service_s * (1 + queue)
        rate = n / (think_s + response_s)
        queue = rate * response_s
    return rate, response_s


def test_the_oracle_gives_the_table():
    assert mva(10, Z_S, S_S) == (pytest.approx(0.2792300, abs=1e-7), pytest.approx(5.81277, abs=1e-5))
    assert mva(20, Z_S, S_S)[1] == pytest.approx(20.49463, abs=1e-5)


def test_one_job_alone_never_waits():
    made = run([constant_job("a", 100, Z_S, S_S)], "hold", 8)
    assert made.runs[0].ended_s == 100 * (Z_S + S_S)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n_jobs", [2, 5, 10, 20])
def test_response_of_a_closed_loop(law, n_jobs):
    draw, calls = np.random.default_rng(n_jobs), 400_000 // n_jobs
    jobs = [HybridJob(f"j{k}", 0.0, 1, LAWS[law](draw, calls), draw.exponential(S_S, calls)) for k in range(n_jobs)]
    made = run(jobs, "hold", n_jobs)
    rate, response_s = mva(n_jobs, Z_S, S_S)
    ends = sorted(
        (end_s, end_s - start_s - wait)
        for each in made.runs
        for end_s, start_s, wait in ((p[2], p[1], 0.0) for p in each.phases if p[0] == "qpu")
    )
    assert len(ends) == n_jobs * calls
    stays = stay_times(made)
    verdict = agree(stays[len(stays) // 20 :], response_s, min(0.9, rate * S_S))
    assert verdict.agrees, verdict
    cut = len(ends) // 20
    measured = (len(ends) - 2 * cut) / (ends[-cut][0] - ends[cut][0])
    assert measured == pytest.approx(rate, rel=0.01)


def stay_times(made) -> np.ndarray:
    """Return the time from each call to its answer, in order of answer."""
    found = []
    for each in made.runs:
        sent_s = None
        for kind, start_s, end_s in each.phases:
            if kind == "qpu_wait":
                sent_s = start_s
            elif kind == "qpu":
                found.append((end_s, end_s - (start_s if sent_s is None else sent_s)))
                sent_s = None
    return np.array([stay for _, stay in sorted(found)])


def pool_and_server(n_jobs: int, think_s: float, service_s: float, servers: int) -> tuple[float, float, float]:
    """Return throughput, time before and on the servers, and response of the QPU: Gordon & Newell's product form.

    n jobs of which at most ``servers`` think at a time (exponential), the others wait for that; one exponential QPU.
    """
    think = [1.0]
    for n in range(1, n_jobs + 1):
        think.append(think[-1] * think_s / min(n, servers))
    weight = [think[k] * service_s ** (n_jobs - k) for k in range(n_jobs + 1)]
    total = sum(weight)
    rate = sum(think[k] * service_s ** (n_jobs - 1 - k) for k in range(n_jobs)) / total
    thinking = sum(k * w for k, w in enumerate(weight)) / total
    return rate, thinking / rate, (n_jobs - thinking) / rate


def test_the_oracle_of_a_pool_is_its_markov_chain_and_mean_value_analysis():
    share = [1.0]
    for k in range(1, 10):
        share.append(share[-1] * (1 / S_S) / (min(k, 4) / Z_S))
    assert pool_and_server(9, Z_S, S_S, 4)[0] == pytest.approx((1 - share[9] / sum(share)) / S_S, rel=1e-12)
    assert pool_and_server(9, Z_S, S_S, 4)[0] == pytest.approx(0.1332834, abs=1e-7)
    rate, stay_s, response_s = pool_and_server(10, Z_S, S_S, 10)
    assert (rate, response_s) == pytest.approx(mva(10, Z_S, S_S), rel=1e-12)
    assert stay_s == pytest.approx(Z_S, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("think_s", "pilots", "pilot_nodes"), [(Z_S, 2, 2), (8.0, 2, 2), (8.0, 1, 4), (Z_S, 3, 3)])
def test_loops_on_shared_pilots(think_s, pilots, pilot_nodes):
    """T23: 9 jobs on pilots for 4 of them, or (T22) for all of them."""
    n_jobs, calls = 9, 40_000
    draw = np.random.default_rng(23)
    jobs = [
        HybridJob(f"j{k}", 0.0, 1, draw.exponential(think_s, calls), draw.exponential(S_S, calls))
        for k in range(n_jobs)
    ]
    made = run(jobs, "pilot", 16, pilots=pilots, pilot_nodes=pilot_nodes, walltime_s=np.inf)
    rate, stay_s, response_s = pool_and_server(n_jobs, think_s, S_S, pilots * pilot_nodes)
    busy = min(0.9, rate * think_s / (pilots * pilot_nodes))
    on_nodes = node_times(made)
    verdict = agree(on_nodes[len(on_nodes) // 20 :], stay_s, busy)
    assert verdict.agrees, verdict
    stays = stay_times(made)
    verdict = agree(stays[len(stays) // 20 :], response_s, rate * S_S)
    assert verdict.agrees, verdict
    ends = sorted(b for each in made.runs for kind, _, b in each.phases if kind == "qpu")
    cut = len(ends) // 20
    assert (len(ends) - 2 * cut) / (ends[-cut] - ends[cut]) == pytest.approx(rate, rel=0.01)


def node_times(made) -> np.ndarray:
    """Return the time that each classical phase waited for nodes and took, in order of its end."""
    found = []
    for each in made.runs:
        waited_s = 0.0
        for kind, start_s, end_s in each.phases:
            if kind == "queue":
                waited_s = end_s - start_s
            elif kind == "cpu":
                found.append((end_s, waited_s + end_s - start_s))
                waited_s = 0.0
    return np.array([stay for _, stay in sorted(found)])


@pytest.mark.slow
def test_nodes_that_are_held_while_calls_wait():
    """T24: 64 nodes, 8 a job, 50 calls: 1732.067 s a job, 13.398 % of the held node time idle."""
    draw, n_jobs, calls = np.random.default_rng(3), 4000, 50
    jobs = [
        HybridJob(f"j{k}", 0.0, 8, LAWS["lognormal"](draw, calls), draw.exponential(S_S, calls)) for k in range(n_jobs)
    ]
    made = run(jobs, "hold", 64)
    middle = made.runs[100:-100]
    stay_s = np.array([each.ended_s - each.started_s for each in middle])
    verdict = agree(stay_s, 1732.067, 0.7)
    assert verdict.agrees, verdict
    idle = 1 - spent(made, "cpu") * 8 / node_seconds(made)
    assert idle == pytest.approx(0.13398, abs=0.004)
