"""The client's single thread: sending, throttling, collecting, polling, each against sums by hand."""

import pytest

from qhpcsim.middleware.client import ClientCosts
from qhpcsim.middleware.pool_costs import PoolCosts
from tests.middleware.pool_cases import case, ends, plan, starts, tasks


def go(work, costs, cores=64.0, pool=None, pilot=-1):
    made = case([plan(cores=cores)], pool or PoolCosts(), client=costs)
    made.bag(work, pilot)
    made.run()
    assert len(made.done_s) == 1
    return made.done_s[0]


def test_an_ideal_client_costs_nothing():
    work = tasks(5, 3, 4, 1)
    assert go(work, ClientCosts(), cores=2) == 7


def test_tasks_are_sent_one_by_one():
    work = tasks(10, 10, 10)
    assert go(work, ClientCosts(submit_s=2.0)) == 16
    assert starts(work) == [2, 4, 6]


def test_it_collects_only_when_nothing_is_left_to_send():
    """No-op tasks: n submissions, then turns of 1 + 0.1 · (left), left = 4 … 1: 4 · 2 + 4 + 0.1 · 10."""
    assert go(tasks(0, 0, 0, 0), ClientCosts(submit_s=2.0, collect_s=1.0, collect_per_task_s=0.1)) == pytest.approx(13)


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_the_loop_is_quadratic(n):
    costs = ClientCosts(submit_s=0.01, collect_s=0.002, collect_per_task_s=1e-5)
    assert go(tasks(*[0.0] * n), costs) == pytest.approx(n * 0.012 + 1e-5 * n * (n + 1) / 2)


def test_at_most_so_many_in_flight_and_one_taken_a_turn():
    """Two at a time, each 10 s, turns of 1 s: sent at 0 and 0; taken by 11 and 12, sent again at once; done at 24."""
    work = tasks(10, 10, 10, 10)
    assert go(work, ClientCosts(collect_s=1.0, in_flight=2)) == 23
    assert starts(work) == [0, 0, 11, 12]


def test_the_limit_in_flight_counts_results_not_taken():
    work = tasks(1, 1, 1)
    assert go(work, ClientCosts(collect_s=5.0, in_flight=1)) == 18
    assert starts(work) == [0, 6, 12]


def test_polls_begin_with_the_first_result():
    """First result at 3 s; the others are seen at 13 and 23 s."""
    assert go(tasks(3, 13, 14), ClientCosts(poll_s=10.0)) == 23
    assert go(tasks(3, 13, 13), ClientCosts(poll_s=10.0)) == 13
    assert go(tasks(3), ClientCosts(poll_s=10.0)) == 3


def test_it_does_not_look_before_everything_is_sent():
    """The first task ends at 1.5 s, the last is sent at 4 s: looks at 4 and 14 s."""
    assert go(tasks(0.5, 0.5, 0.5, 0.5), ClientCosts(submit_s=1.0, poll_s=10.0)) == 14


def test_naming_the_pilot_saves_the_pause_after_each_submission():
    costs = ClientCosts(submit_s=0.5, submit_unpinned_s=1.0)
    assert go(tasks(10, 10), costs) == 13
    assert go(tasks(10, 10), costs, pilot=0) == 11


def test_an_empty_bag_is_done_at_once():
    assert go([], ClientCosts(submit_s=5.0)) == 0


def test_bags_share_the_thread_in_order():
    """3 · 2 s for the first bag, then the second's; the first bag's result waits for the thread until 10."""
    made = case([plan(cores=64)], client=ClientCosts(submit_s=2.0, collect_s=1.0))
    first, second = tasks(1, 1, 1), tasks(1, 1)
    made.bag(first)
    made.bag(second, at_s=1.0)
    made.run()
    assert starts(first) == [2, 4, 6]
    assert starts(second) == [8, 10]
    assert made.done_s == [13, 15]


def test_a_callback_may_send_the_next_bag():
    made = case([plan()])
    log = []

    def again() -> None:
        log.append(made.centre.clock.now)
        if len(log) < 4:
            made.client.run(tasks(2), again)

    made.at(0.0, lambda: made.client.run(tasks(2), again))
    made.run()
    assert log == [2, 4, 6, 8]


def test_results_of_lost_tasks_are_collected_too():
    made = case([plan(walltime_s=4.0)], client=ClientCosts(collect_s=1.0))
    work = tasks(3, 3, need=tasks(1)[0].need)
    made.bag(work)
    made.run()
    assert ends(work) == [3, 4]
    assert made.done_s == [5]
