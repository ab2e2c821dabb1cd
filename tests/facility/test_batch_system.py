"""One instant, by hand: ties, zero-length jobs, dependencies, overruns, named semantics."""

import numpy as np
import pytest

from qhpcsim.core.errors import InvariantError
from qhpcsim.core.records import JobState, JobTable
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.replay import drain, replay
from qhpcsim.scenario import Partition, Policy
from qhpcsim.simulation import simulate_table


def table(jobs, **columns):
    """Return a table of (submit, nodes, runtime, walltime) tuples."""
    submit, nodes, runtime, walltime = zip(*jobs, strict=True)
    return JobTable(
        job_id=np.arange(len(jobs)),
        submit_s=np.array(submit, dtype=float),
        runtime_s=np.array(runtime, dtype=float),
        walltime_s=np.array(walltime, dtype=float),
        nodes=np.array(nodes, dtype=np.int32),
        **columns,
    )


HAND = table([(0, 3, 10, 10), (1, 3, 5, 5), (2, 1, 8, 8), (3, 1, 20, 20), (4, 2, 2, 2), (5, 4, 1, 1)])


@pytest.mark.parametrize(
    ("policy", "starts"),
    [
        (Policy(), [0, 10, 10, 15, 15, 35]),
        (Policy(backfill="easy"), [0, 10, 2, 10, 15, 30]),
        (Policy(backfill="conservative"), [0, 10, 2, 10, 15, 30]),
        (Policy(backfill="conservative", reservations="kept"), [0, 10, 2, 10, 15, 30]),
    ],
)
def test_hand_example(policy, starts):
    assert simulate_table(HAND, 4, policy).start_s.tolist() == starts


def test_a_job_that_ends_now_frees_its_nodes_for_an_arrival_of_the_same_instant():
    jobs = table([(0, 4, 10, 10), (10, 4, 5, 5)])
    assert simulate_table(jobs, 4, Policy()).start_s.tolist() == [0, 10]


def test_zero_length_jobs_end_within_the_instant_and_the_pass_repeats():
    jobs = table([(0, 4, 0, 10), (0, 4, 0, 10), (0, 4, 5, 10)])
    schedule = simulate_table(jobs, 4, Policy())
    assert schedule.start_s.tolist() == [0, 0, 0]
    assert schedule.order.tolist() == [0, ~0, 1, ~1, 2, ~2]


def test_batch_sees_the_whole_instant_each_sees_one_event_at_a_time():
    """Job 1 and job 2 arrive together; shortest first starts job 2 only if it sees both at once."""
    jobs = table([(0, 1, 9, 9), (0, 1, 3, 3)])
    starts = {
        semantics: simulate_table(jobs, 1, Policy(order="sjf", semantics=semantics)).start_s.tolist()
        for semantics in ("batch", "each")
    }
    assert starts == {"batch": [3, 0], "each": [0, 9]}


def test_pyss_counts_nodes_as_free_at_the_estimate_before_the_end_is_handled():
    """At t = 10 the arrival is handled before the end, yet takes the nodes: order of the log shows it."""
    jobs = table([(0, 4, 10, 10), (10, 4, 5, 5)])
    schedule = simulate_table(jobs, 4, Policy(semantics="pyss"))
    assert schedule.start_s.tolist() == [0, 10]
    assert schedule.order.tolist() == [0, 1, ~0, ~1]
    assert (schedule.lo[schedule.offset[:-1]] == 0).all()


def test_jobs_are_killed_at_the_requested_time_unless_told_not_to():
    jobs = table([(0, 1, 30, 10)])
    killed = simulate_table(jobs, 1, Policy())
    extended = simulate_table(jobs, 1, Policy(), overrun="extend")
    assert (killed.end_s[0], killed.state[0]) == (10, JobState.COMPLETED_WALLTIME_REACHED)
    assert (extended.end_s[0], extended.state[0]) == (30, JobState.COMPLETED_SUCCESSFULLY)


@pytest.mark.parametrize("backfill", ["easy", "conservative"])
def test_overrunning_jobs_never_lead_to_overcommit(backfill):
    jobs = table([(0, 3, 50, 10), (1, 4, 5, 5), (2, 1, 8, 8), (3, 1, 100, 9), (20, 1, 5, 5)])
    schedule = simulate_table(jobs, 4, Policy(backfill=backfill), overrun="extend")
    assert np.isfinite(schedule.start_s).all()
    assert schedule.start_s[1] >= 50


def test_a_dependent_job_waits_for_the_end_and_the_think_time():
    depends = {"depends_on": np.array([-1, 0, 1], dtype=np.int32), "think_s": np.array([0.0, 5.0, 0.0])}
    jobs = table([(0, 1, 10, 10), (0, 1, 10, 10), (100, 1, 1, 1)], **depends)
    assert simulate_table(jobs, 8, Policy()).start_s.tolist() == [0, 15, 100]


def test_a_job_that_depends_on_a_rejected_one_does_not_wait_for_ever():
    jobs = table([(0, 99, 10, 10), (3, 1, 10, 10)], depends_on=np.array([-1, 0], dtype=np.int32))
    schedule = simulate_table(jobs, 8, Policy())
    assert schedule.state.tolist() == [JobState.REJECTED, JobState.COMPLETED_SUCCESSFULLY]
    assert schedule.start_s[1] == 3


def test_partitions_do_not_disturb_each_other():
    """A job's schedule on its partition is the same whether or not the other partition is there."""
    rng = np.random.default_rng(5)
    n = 400
    submit = np.sort(rng.integers(0, 5000, n)).astype(float)
    runtime = rng.integers(1, 200, n).astype(float)
    from qhpcsim.core.records import Categories

    where = rng.integers(0, 2, n).astype(np.int32)
    both = JobTable(np.arange(n), submit, runtime, runtime * 2, rng.integers(1, 9, n).astype(np.int32))
    both.partition = Categories(where, ("a", "b"))
    whole = replay(both, {"a": Partition(nodes=8), "b": Partition(nodes=16)}, Policy(backfill="easy"))
    for code, nodes in enumerate((8, 16)):
        pick = where == code
        alone = JobTable(np.arange(pick.sum()), submit[pick], runtime[pick], runtime[pick] * 2, both.nodes[pick])
        assert np.array_equal(simulate_table(alone, nodes, Policy(backfill="easy")).start_s, whole.start_s[pick])
    low, high = whole.lo[whole.offset[:-1]], whole.hi[whole.offset[1:] - 1]
    assert high[where == 0].max() < 8 <= low[where == 1].min()


@pytest.mark.parametrize("time_s", [float("nan"), float("inf"), -1.0])
def test_the_clock_refuses_impossible_times(time_s):
    with pytest.raises(InvariantError):
        Clock().at(time_s)


def test_an_engine_that_runs_in_a_circle_is_stopped():
    clock = Clock()

    def again(_event):
        clock.call_at(clock.now, again)

    clock.call_at(1.0, again)
    with pytest.raises(InvariantError, match="time stands still"):
        drain(clock, lambda: 0.0, None)
