"""Binding policies, each against a case worked out by hand."""

import pytest

from qhpcsim.core.registry import entries
from qhpcsim.core.workflow_records import Need
from qhpcsim.middleware.pilots import PilotCosts
from qhpcsim.middleware.slots import PoolTask
from tests.middleware.pool_cases import case, plan, starts, states, tasks


def run(policy, plans, work, at_s=0.0, **more):
    made = case(plans, policy=policy, **more)
    made.bag(work, at_s=at_s)
    made.at(1e5, made.pilots.end_all)
    made.run()
    return [each.pilot for each in work]


TWO = [plan("a", cores=1), plan("b", cores=3)]


def test_early_shares_by_slots_at_submission():
    """One slot against three: of eight tasks two go to a, whatever has ended."""
    work = tasks(*[5.0] * 8)
    assert run("early", TWO, work) == [1, 1, 0, 1, 1, 1, 0, 1]
    assert starts(work) == [0, 0, 0, 0, 5, 5, 5, 5]


def test_early_tasks_wait_for_their_pilot_though_another_is_idle():
    """Pilot b comes at 50; late binding would run all on a by 20."""
    plans = [plan("a"), plan("b", submit_s=50.0)]
    work = tasks(5, 5, 5, 5)
    assert run("early", plans, work) == [0, 1, 0, 1]
    assert starts(work) == [0, 50, 5, 55]
    work = tasks(5, 5, 5, 5)
    assert run("late", plans, work) == [0, 0, 0, 0]


def test_round_robin_takes_turns_by_kind():
    assert run("round_robin", TWO, tasks(1, 1, 1, 1, 1)) == [0, 1, 0, 1, 0]
    gpus = [plan("a", cores=4, gpus_per_node=1), plan("b", cores=4, gpus_per_node=1)]
    work = [PoolTask(1.0, Need(gpus=k % 2)) for k in range(6)]
    assert run("round_robin", gpus, work) == [0, 0, 1, 1, 0, 0]


def test_least_loaded_looks_at_predicted_seconds():
    """8 s to a, 5 to b, 2 to b (5 < 8), 4 to b (7 < 8), 1 to a (8 < 11)."""
    assert run("least_loaded", [plan("a"), plan("b")], tasks(8, 5, 2, 4, 1)) == [0, 1, 1, 1, 0]


def test_least_loaded_counts_work_a_slot_and_forgets_what_has_ended():
    made = case([plan("a", cores=2), plan("b", cores=1)], policy="least_loaded")
    first, later = tasks(8, 5), tasks(1, 1)
    made.bag(first)
    made.bag(later, at_s=6.0)
    made.at(50.0, made.pilots.end_all)
    made.run()
    assert [each.pilot for each in first] == [0, 1]
    assert [each.pilot for each in later] == [1, 1]


def test_earliest_finish_waits_for_a_pilot_only_if_that_is_sooner():
    """Pilot b is expected at 12. Queue on a: 10, 20; a third of 10 s would end at 30 on a and at 22 on b."""
    plans = [plan("a"), plan("b", submit_s=12.0)]
    work = tasks(10, 10, 10, 10)
    assert run("earliest_finish", plans, work) == [0, 0, 1, 0]
    assert starts(work) == [0, 10, 12, 20]


def test_earliest_finish_counts_the_expected_wait_and_the_start_up():
    plans = [plan("a"), plan("b", expected_wait_s=15.0)]
    costs = PilotCosts(start_s=6.0)
    assert run("earliest_finish", plans, tasks(10, 10, 10), pilot_costs=costs) == [0, 0, 1]


def test_longest_first():
    work = tasks(1, 5, 3, 4)
    made = case([plan()], policy="longest_first")
    made.bag(work)
    made.run()
    assert starts(work) == [12, 0, 9, 5]


def test_longest_first_keeps_the_order_of_equals():
    work = tasks(3, 3, 3)
    made = case([plan()], policy="longest_first")
    made.bag(work)
    made.run()
    assert starts(work) == [0, 3, 6]


def test_longest_first_bounds_the_makespan():
    """Graham: at most 4/3 − 1/(3m) of the optimum; his worst case for two machines, 7 against 6."""
    for policy, makespan in (("longest_first", 7), ("late", 7)):
        made = case([plan(cores=2)], policy=policy)
        made.bag(tasks(3, 3, 2, 2, 2))
        made.run()
        assert made.done_s == [makespan]
    made = case([plan(cores=2)])
    made.bag(tasks(2, 2, 2, 3, 3))
    made.run()
    assert made.done_s == [7]
    made = case([plan(cores=2)], policy="longest_first")
    made.bag(tasks(1, 1, 1, 1, 4))
    made.run()
    assert made.done_s == [4]


@pytest.mark.parametrize("policy", sorted(set(entries("binding")) - {"late", "longest_first"}))
def test_a_pinned_task_is_bound_anew_when_its_pilot_ends(policy):
    """Both pilots have tasks that wait when a ends at 7; they go to b, in order of submission."""
    made = case([plan("a", walltime_s=7.0), plan("b")], policy=policy)
    work = tasks(*[5.0] * 6)
    made.bag(work)
    made.at(100.0, made.pilots.end_all)
    made.run()
    assert sorted(states(work)) == ["LOST_WORKER"] + ["SUCCESS"] * 5
    assert all(each.pilot == 1 for each in work if each.started_s >= 7)


@pytest.mark.parametrize("policy", sorted(entries("binding")))
def test_only_pilots_that_can_run_a_task_get_it(policy):
    plans = [plan("a", cores=8), plan("b", cores=8, gpus_per_node=2)]
    work = [PoolTask(1.0, Need(gpus=1), 1.0) for _ in range(5)]
    assert run(policy, plans, work) == [1] * 5
