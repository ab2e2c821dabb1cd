"""Tasks that share a node: against processor sharing, and against a law that was measured."""

import numpy as np
import pytest

from qhpcsim.core.workflow_records import Need
from qhpcsim.middleware.pool_costs import PoolCosts
from qhpcsim.middleware.slots import PoolTask
from tests.middleware.pool_cases import case, ends, plan, tasks


def shared(cores: float):
    """Return the slowdown of processor sharing on so many cores."""
    return lambda busy: max(1.0, busy / cores)


def node(work, slowdown, slots=64, at=None):
    made = case([plan(cores=slots)], slowdown=slowdown)
    for k, each in enumerate(work):
        made.bag([each], at_s=0.0 if at is None else float(at[k]))
    made.run()
    return ends(work)


def test_processor_sharing_by_hand():
    """10, 4 and 6 s on one core: 4 is done at 12, 6 at 16, 10 at 20."""
    assert node(tasks(10, 4, 6), shared(1)) == [20, 12, 16]


def test_a_late_comer_slows_the_others_down():
    """10 s alone until 4; then two share: the second (3 s) is done at 10, the first, which has 3 s left then, at 13."""
    assert node(tasks(10, 3), shared(1), at=[0, 4]) == [13, 10]


def test_no_sharing_below_the_number_of_cores():
    assert node(tasks(10, 4, 6), shared(3)) == [10, 4, 6]
    assert node(tasks(10, 10, 10, 10), shared(3)) == [40 / 3] * 4


def test_tasks_of_several_cores_count_as_such():
    work = [PoolTask(6.0, Need(cores=2)), PoolTask(6.0, Need(cores=1))]
    assert node(work, shared(2)) == [9, 9]


def test_random_arrivals_against_processor_sharing_step_by_step():
    """The same jobs, worked off between events in small exact steps of another program."""
    draw = np.random.default_rng(3)
    at, run_s = np.cumsum(draw.exponential(1.0, 300)), draw.exponential(1.5, 300)
    work = tasks(*run_s.tolist())
    assert node(work, shared(2), slots=300, at=at) == pytest.approx(processor_sharing(at, run_s, 2), rel=1e-9)


def processor_sharing(at, run_s, cores):
    """Return end times of jobs on so many cores shared evenly, one core a job at most."""
    left, ended, now, k = {}, np.zeros(len(at)), 0.0, 0
    while k < len(at) or left:
        speed = min(1.0, cores / len(left)) if left else 1.0
        next_end = min(left.values()) / speed if left else np.inf
        step = min(next_end, at[k] - now if k < len(at) else np.inf)
        now += step
        for job in list(left):
            left[job] -= step * speed
            if left[job] <= 1e-12:
                ended[job] = now
                del left[job]
        if k < len(at) and now >= at[k] - 1e-12:
            left[k] = run_s[k]
            k += 1
    return ended


def test_poisson_arrivals_have_the_mean_response_of_processor_sharing():
    """M/M/1-PS: E[S]/(1 − ρ) = 1/(1 − 0.6) = 2.5 s; Little's law on the same run within its noise."""
    draw = np.random.default_rng(11)
    n = 40_000
    at, run_s = np.cumsum(draw.exponential(1 / 0.6, n)), draw.exponential(1.0, n)
    work = tasks(*run_s.tolist())
    response = np.array(node(work, shared(1), slots=200, at=at)) - at
    assert response.mean() == pytest.approx(2.5, rel=0.06)
    # of insensitivity: a job of length x takes x/(1 − ρ) on average
    long = run_s > 2.0
    assert (response[long] / run_s[long]).mean() == pytest.approx(2.5, rel=0.08)


def test_each_node_has_its_own_clock():
    work = tasks(6, 6, 6)
    made = case([plan(nodes=2, cores=2)], slowdown=shared(1))
    made.bag(work)
    made.run()
    assert ends(work) == [12, 12, 6]


def test_a_measured_law_in_one_wave():
    """64, 128 and 256 equal tasks take what the law says for so many."""
    seconds = {64: 54.1, 128: 61.44, 256: 103.46}
    law = np.array(sorted(seconds.items()))
    for n, time_s in seconds.items():
        work = tasks(*[54.1] * n)
        made = case([plan(cores=256)], slowdown=lambda busy: float(np.interp(busy, law[:, 0], law[:, 1])) / 54.1)
        made.bag(work)
        made.run()
        assert ends(work) == pytest.approx([time_s] * n)


def test_a_gang_is_not_slowed_down():
    work = [PoolTask(5.0, Need(nodes=2))]
    made = case([plan(nodes=2, cores=8)], slowdown=shared(1))
    made.bag(work)
    made.run()
    assert ends(work) == [5]


def test_waves_of_contention_with_turnover():
    """Two slots on one core, four tasks of 1 s each: always two share, so pairs end at 2 and 4."""
    work = tasks(1, 1, 1, 1)
    made = case([plan(cores=2)], PoolCosts(), slowdown=shared(1))
    made.bag(work)
    made.run()
    assert ends(work) == [2, 2, 4, 4]
