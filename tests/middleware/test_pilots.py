"""Pilots on the batch system: their states and times, what their end takes away, and who is told."""

import math

import pytest

from qhpcsim.core.errors import ConfigError, FacilityError
from qhpcsim.core.records import JobState
from qhpcsim.core.workflow_records import Need
from qhpcsim.middleware.pilots import PilotCosts, next_poll_s
from qhpcsim.middleware.pool_costs import PoolCosts
from qhpcsim.middleware.slots import PoolTask
from tests.job_tables import EASY, table
from tests.middleware.pool_cases import case, ends, plan, starts, states, tasks


def test_a_pilot_waits_in_the_batch_queue_and_then_starts_up():
    """A rigid job has all nodes until 100; 4 nodes take 3 + 2 · 0.5 s more."""
    made = case(
        [plan(nodes=4, walltime_s=50.0, submit_s=10.0)],
        pilot_costs=PilotCosts(start_s=3.0, start_per_doubling_s=0.5),
        nodes=4,
        table=table([0.0], [4], [100.0]),
    )
    work = tasks(5)
    made.bag(work, at_s=1.0)
    made.run()
    run = made.pilots.runs[0]
    assert (run.submitted_s, run.started_s, run.ready_s, run.ended_s, run.state) == (10, 100, 104, 150, "WALLTIME")
    assert (starts(work), states(work)) == ([104], ["SUCCESS"])


RIGID = table([0.0], [3], [100.0])


def test_tasks_are_late_bound_to_whichever_pilot_comes_first():
    """Pilot a waits behind a rigid job, pilot b fits beside it."""
    made = case([plan("a", nodes=4), plan("b", walltime_s=90.0)], nodes=4, table=RIGID, batch=EASY)
    work = tasks(30, 30)
    made.at(200.0, made.pilots.end_all)
    made.bag(work)
    made.run()
    assert starts(work) == [0, 30]
    assert [each.pilot for each in work] == [1, 1]


def test_the_walltime_takes_tasks_away_and_a_retry_runs_them_on_the_next_pilot():
    plans = [plan("a", walltime_s=8.0), plan("b", submit_s=20.0)]
    for retries, expected in ((0, ["LOST_WORKER", "SUCCESS"]), (1, ["SUCCESS", "SUCCESS"])):
        made = case(plans, PoolCosts(retries=retries))
        work = tasks(10, 5)
        made.at(100.0, made.pilots.end_all)
        made.bag(work)
        made.run()
        assert states(work) == expected
        assert work[0].attempts == 1 + retries
        assert [run.state for run in made.pilots.runs] == ["WALLTIME", "DONE"]


def test_giving_back_takes_its_time_and_the_nodes_are_free_after_it():
    made = case([plan(nodes=2)], pilot_costs=PilotCosts(cancel_s=2.0), nodes=2, table=table([5.0], [2], [1.0]))
    made.at(10.0, made.pilots.end_all)
    made.run()
    jobs, schedule = made.centre.outcome()
    assert made.pilots.runs[0].ended_s == 12
    assert schedule.start_s[list(jobs.job_id).index("1")] == 12


@pytest.mark.parametrize(("at_s", "state", "started"), [(1.0, "CANCELLED", False), (4.0, "CANCELLED", False)])
def test_a_pilot_may_be_given_up_before_it_starts(at_s, state, started):
    """Before its submission (2 s) and in the queue: it is never started, and the batch queue is clean."""
    made = case([plan(nodes=2, submit_s=2.0)], nodes=2, table=table([0.0], [2], [50.0]))
    made.at(at_s, lambda: made.pilots.end(0))
    made.run()
    assert made.pilots.runs[0].state == state
    assert math.isnan(made.pilots.runs[0].started_s) is not started
    assert all(not system.state.queue for system in made.centre.systems)
    _, schedule = made.centre.outcome()
    assert (schedule.state == JobState.COMPLETED_SUCCESSFULLY).sum() == 1


def test_the_instant_of_the_start_and_the_end_may_be_one():
    """It gets its nodes at 50 and is given up at 50: it ends there, nothing leaks, no task runs."""
    made = case([plan(nodes=2, submit_s=2.0)], nodes=2, table=table([0.0], [2], [50.0]))
    work = tasks(1)
    made.bag(work)
    made.at(50.0, lambda: made.pilots.end(0))
    made.run()
    assert made.pilots.runs[0].ended_s == 50
    assert states(work) == ["QUEUED"]
    assert all(system.state.free_nodes == system.state.n_nodes for system in made.centre.systems)


def test_a_pilot_that_is_given_up_while_it_starts_never_takes_tasks():
    made = case([plan()], pilot_costs=PilotCosts(start_s=10.0))
    work = tasks(1)
    made.bag(work)
    made.at(5.0, lambda: made.pilots.end(0))
    made.run()
    run = made.pilots.runs[0]
    assert (run.state, run.ended_s, math.isnan(run.ready_s)) == ("DONE", 5, True)
    assert states(work) == ["QUEUED"]


def test_a_walltime_shorter_than_the_start_up():
    made = case([plan(walltime_s=5.0)], pilot_costs=PilotCosts(start_s=10.0))
    made.run()
    assert (made.pilots.runs[0].state, math.isnan(made.pilots.runs[0].ready_s)) == ("WALLTIME", True)


def test_ending_twice_is_ending_once():
    made = case([plan(nodes=2)], pilot_costs=PilotCosts(cancel_s=2.0))
    for time_s in (10.0, 11.0, 12.0, 20.0):
        made.at(time_s, made.pilots.end_all)
    made.run()
    assert (made.pilots.runs[0].state, made.pilots.runs[0].ended_s) == ("DONE", 12)


def test_who_waits_for_a_pilot_is_told_at_the_next_poll_not_when_workers_are_there():
    """Submitted at 1, started at 20: polls of 6 s from 1 on see it at 25; its workers come at 60."""
    made = case(
        [plan(nodes=2, submit_s=1.0)],
        pilot_costs=PilotCosts(start_s=40.0, poll_s=6.0),
        nodes=2,
        table=table([0.0], [2], [20.0]),
    )
    told: list[tuple[str, float]] = []
    clock = made.centre.clock
    made.at(0.0, lambda: made.pilots.wait(0, lambda: told.append(("early", clock.now))))
    made.at(27.0, lambda: made.pilots.wait(0, lambda: told.append(("late", clock.now))))
    made.at(100.0, made.pilots.end_all)
    made.run()
    assert told == [("early", 25), ("late", 31)]
    assert made.pilots.runs[0].ready_s == 60


def test_who_waits_for_a_pilot_that_is_given_up_is_told_too():
    made = case([plan(nodes=2, submit_s=5.0)], nodes=2, table=table([0.0], [2], [50.0]))
    told: list[float] = []
    made.at(1.0, lambda: made.pilots.wait(0, lambda: told.append(made.centre.clock.now)))
    made.at(9.0, lambda: made.pilots.end(0))
    made.run()
    assert told == [9]


@pytest.mark.parametrize(
    ("origin", "poll", "time", "seen"),
    [(0, 0, 5.5, 5.5), (0, 6, 0, 0), (0, 6, 6, 6), (0, 6, 6.1, 12), (1, 6, 7, 7), (0.1, 0.1, 0.30000000000000004, 0.3)],
)
def test_polls(origin, poll, time, seen):
    assert next_poll_s(origin, poll, time) == pytest.approx(seen)
    assert next_poll_s(origin, poll, time) >= time


def test_a_task_of_a_named_pilot_runs_there_or_nowhere():
    made = case([plan("a", walltime_s=7.0), plan("b")], PoolCosts(retries=5))
    here, there = tasks(5, 5, 5), tasks(5)
    made.bag(here, pilot=0)
    made.bag(there, pilot=1, at_s=1.0)
    made.at(30.0, made.pilots.end_all)
    made.run()
    assert states(here) == ["SUCCESS", "LOST_WORKER", "LOST_WORKER"]
    assert [each.pilot for each in here] == [0, 0, 0]
    assert ends(here) == [5, 7, 7]
    assert starts(there) == [1]


def test_a_named_pilot_that_is_over_or_too_small():
    made = case([plan("a", walltime_s=3.0), plan("b")])
    late = tasks(1)
    made.bag(late, pilot=0, at_s=5.0)
    made.at(9.0, made.pilots.end_all)
    made.run()
    assert states(late) == ["LOST_WORKER"]
    assert made.done_s == [5]
    with pytest.raises(ConfigError, match="no pilot can run"):
        made.pool.submit(PoolTask(1.0, Need(gpus=1)), pilot=1)


def test_a_reserve_is_not_submitted_unless_asked_for():
    made = case([plan("a"), plan("b", reserve=True)])
    work = tasks(5, 5)
    made.bag(work)
    made.at(20.0, made.pilots.end_all)
    made.run()
    assert [run.state for run in made.pilots.runs] == ["DONE", "CANCELLED"]
    assert starts(work) == [0, 5]


def test_work_for_a_reserve_waits_until_it_is_asked_for():
    made = case([plan("a"), plan("gpu", gpus_per_node=1, reserve=True)], policy="early")
    work = [PoolTask(5.0, Need(gpus=1))]
    made.bag(work)
    made.at(7.0, lambda: made.pilots.submit(1))
    made.at(8.0, lambda: made.pilots.submit(1))
    made.at(20.0, made.pilots.end_all)
    made.run()
    assert starts(work) == [7]


def test_a_pilot_that_no_partition_holds_is_refused():
    with pytest.raises(FacilityError, match="asks for 65 nodes"):
        case([plan(nodes=65)])
