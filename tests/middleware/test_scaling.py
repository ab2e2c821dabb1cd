"""Scaling policies: pilots come while work piles up and go when they are idle."""

import numpy as np
import pytest

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.registry import entries, lookup
from qhpcsim.core.workflow_records import Need
from qhpcsim.middleware.pilots import PilotCosts
from qhpcsim.middleware.scaling import Scaler
from qhpcsim.policies.scaling.scaling import Decision, Load, PilotLoad
from tests.job_tables import table
from tests.middleware.pool_cases import Case, case, plan, starts, states, tasks

RESERVE = [plan("r0", reserve=True), plan("r1", reserve=True), plan("r2", reserve=True)]


def policy(name: str, **params):
    """Return a scaling policy."""
    entry = lookup("scaling", name)
    assert entry.params is not None
    return entry.target(entry.params(**params))


def scaled(made: Case, name: str, n_bags: int = 1, **params) -> Scaler:
    """Start a scaler that stops when so many bags are done, and gives everything back then."""
    over = lambda: len(made.done_s) >= n_bags  # noqa: E731
    scaler = Scaler(made.pilots, policy(name, **params), over)
    made.at(0.0, scaler.start)
    return scaler


def spans(made: Case) -> list[tuple[float, float, str]]:
    return [(run.submitted_s, run.ended_s, run.state) for run in made.pilots.runs]


def test_pilots_are_added_one_a_look_while_the_backlog_is_long():
    """Eight tasks of 100 s. At 0 the planned pilot is still in the queue, so none is asked for; at 60 seven wait for
    one slot (700 s), at 120 five for two (250 s); at 180 three wait for three slots (100 s), which is below 150 s.
    """
    made = case([plan("a"), *RESERVE])
    work = tasks(*[100.0] * 8)
    made.bag(work)
    scaled(made, "backlog", drain_s=150.0, interval_s=60.0)
    made.at(1000.0, made.pilots.end_all)
    made.run()
    assert [run.submitted_s for run in made.pilots.runs[:3]] == [0, 60, 120]
    assert made.pilots.runs[3].state == "CANCELLED"
    assert starts(work) == [0, 60, 100, 120, 160, 200, 220, 260]


def test_idle_pilots_are_given_back_after_their_time():
    """Tasks of 10 and 100 s: the first pilot is idle from 10 on; looks at 30 and 60 see 20 and 50 s of it."""
    made = case([plan("a"), plan("b")])
    work = tasks(10, 100)
    made.bag(work)
    scaled(made, "backlog", idle_s=40.0, interval_s=30.0)
    made.at(500.0, made.pilots.end_all)
    made.run()
    assert spans(made)[0] == (0, 60, "DONE")
    assert states(work) == ["SUCCESS", "SUCCESS"]


def test_the_least_number_of_pilots_is_kept():
    made = case([plan("a"), plan("b"), plan("c")])
    made.bag(tasks(500))
    scaled(made, "backlog", idle_s=20.0, interval_s=30.0, min_pilots=2)
    made.at(600.0, made.pilots.end_all)
    made.run()
    assert sorted(run.ended_s for run in made.pilots.runs) == [30, 600, 600]


def test_only_so_many_pilots_wait_at_a_time():
    """A rigid job has all nodes until 1000: with two in the queue nothing more is asked for."""
    made = case([*RESERVE], nodes=2, table=table([0.0], [2], [1000.0]))
    work = tasks(10, 10)
    made.bag(work)
    scaled(made, "backlog", drain_s=1.0, max_waiting=2, interval_s=60.0)
    made.at(3000.0, made.pilots.end_all)
    made.run()
    assert [run.submitted_s for run in made.pilots.runs[:2]] == [0, 60]
    assert made.pilots.runs[2].state == "CANCELLED"
    assert starts(work) == [1000, 1000]


def test_an_application_may_begin_without_any_pilot():
    made = case(RESERVE, pilot_costs=PilotCosts(start_s=5.0))
    work = tasks(10)
    made.bag(work, at_s=30.0)
    scaled(made, "backlog", drain_s=5.0, interval_s=60.0)
    made.at(500.0, made.pilots.end_all)
    made.run()
    assert starts(work) == [65]


def test_added_pilots_that_are_not_needed_any_more_leave_the_queue():
    """r0 is asked for at 50 and waits behind a rigid job; no task waits after 180, and the look at 200 withdraws it."""
    made = case([plan("a"), *RESERVE], nodes=2, table=table([0.0], [1], [1000.0]))
    made.bag(tasks(*[20.0] * 10))
    made.bag(tasks(5), at_s=400.0)
    scaled(made, "backlog", n_bags=2, drain_s=30.0, idle_s=1e4, interval_s=50.0)
    made.at(1500.0, made.pilots.end_all)
    made.run()
    assert spans(made)[1] == (50, 200, "CANCELLED")


def test_planned_pilots_are_not_withdrawn_before_the_first_task():
    made = case([plan("a", nodes=2)], nodes=2, table=table([0.0], [2], [100.0]))
    work = tasks(5)
    made.bag(work, at_s=150.0)
    scaled(made, "backlog", idle_s=200.0, interval_s=10.0)
    made.at(500.0, made.pilots.end_all)
    made.run()
    assert starts(work) == [150]


def test_none_leaves_everything_as_it_is():
    made = case([plan("a"), *RESERVE])
    work = tasks(*[100.0] * 8)
    made.bag(work)
    scaled(made, "none")
    made.at(1000.0, made.pilots.end_all)
    made.run()
    assert made.done_s == [800]
    assert [run.state for run in made.pilots.runs] == ["DONE"] + ["CANCELLED"] * 3


def test_looking_ends_with_the_application_or_its_last_pilot():
    """The calendar is empty soon after the pilots are gone, though nobody says that the application is over."""
    made = case([plan("a", walltime_s=100.0)])
    made.bag(tasks(80))
    scaled(made, "backlog", n_bags=9, interval_s=60.0)
    made.run()
    assert made.centre.clock.now <= 160


LESS = {"drain_s": 30.0, "idle_s": 20.0, "min_pilots": 1}
BUSY = {"none": {}, "backlog": LESS, "elastic": LESS | {"shrink_idle_s": 10.0}}
"""Parameters under which a policy has much to do."""


@pytest.mark.parametrize("name", sorted(entries("scaling")))
@pytest.mark.parametrize("seed", range(4))
def test_every_task_ends_whatever_is_added_and_taken_away(name, seed):
    draw = np.random.default_rng(seed)
    made = case([plan("a", cores=2), *RESERVE], nodes=3)
    bags = [tasks(*draw.exponential(40.0, 10).tolist()) for _ in range(5)]
    for k, bag in enumerate(bags):
        made.bag(bag, at_s=300.0 * k)
    scaled(made, name, n_bags=5, interval_s=15.0, **BUSY.get(name, {}))
    made.at(5000.0, made.pilots.end_all)
    made.run()
    assert {state for bag in bags for state in states(bag)} == {"SUCCESS"}
    assert all(task.attempts == 1 for bag in bags for task in bag), "an idle pilot has no task to lose"
    assert all(system.state.free_nodes == system.state.n_nodes for system in made.centre.systems)


def test_what_the_policy_sees():
    made = case([plan("a", cores=2), plan("b", submit_s=50.0), *RESERVE])
    scaler = Scaler(made.pilots, policy("none"), lambda: False)
    seen: list[Load] = []
    made.bag(tasks(20, 20, 30))
    for time_s in (10.0, 45.0, 70.0):
        made.at(time_s, lambda: seen.append(scaler.load()))
    made.at(100.0, made.pilots.end_all)
    made.run()
    first = (True, 0.0, False, 1)
    assert seen[0] == Load(10.0, 1, 30 / 3, (PilotLoad(0, *first, (), 1e6 - 10),), 3)
    assert seen[1] == Load(45.0, 0, 0.0, (PilotLoad(0, *first, (), 1e6 - 45),), 3)
    idle = (True, 20.0, False, 1, (20.0,))
    assert seen[2] == Load(70.0, 0, 0.0, (PilotLoad(0, *idle, 1e6 - 70), PilotLoad(1, *idle, 1e6 - 20)), 3)


@pytest.mark.parametrize(
    ("needs", "ended"),
    [([], [30, 30]), ([Need()], [30, 600]), ([Need(gpus=1)], [30, 600]), (None, [600, 600])],
)
def test_the_last_pilot_that_tasks_to_come_can_run_on_is_kept(needs, ended):
    """Both are idle at 30; nobody has said how many are to be kept, but a later stage needs a core, or a GPU."""
    made = case([plan("a"), plan("b", gpus_per_node=1.0)])
    made.at(600.0, made.pilots.end_all)
    scaler = Scaler(made.pilots, policy("backlog", idle_s=20.0, interval_s=30.0), lambda: False, lambda: needs)
    made.at(0.0, scaler.start)
    made.run()
    assert sorted(run.ended_s for run in made.pilots.runs) == ended
    assert not needs or not needs[0].gpus or made.pilots.runs[1].ended_s == 600


@pytest.mark.parametrize(
    ("drain_s", "waiting", "idle_s", "expected"),
    [
        (301.0, 5, 0.0, Decision(add=1)),
        (300.0, 5, 0.0, Decision()),
        (float("inf"), 5, 0.0, Decision(add=1)),
        (0.0, 0, 120.0, Decision(end=(1,))),
        (0.0, 0, 119.0, Decision()),
    ],
)
def test_thresholds_of_the_backlog_policy(drain_s, waiting, idle_s, expected):
    load = Load(0.0, waiting, drain_s, (PilotLoad(0, True, 0.0, False), PilotLoad(1, True, idle_s, False)), 2)
    assert policy("backlog").decide(load) == expected


def test_senseless_parameters_are_refused():
    for name, value in (("drain_s", -1.0), ("max_waiting", 0), ("idle_s", float("nan")), ("min_pilots", -1)):
        with pytest.raises(ConfigError, match=name):
            policy("backlog", **{name: value})
    made = case([plan()])
    for interval_s in (0.0, -5.0, float("inf"), float("nan")):
        with pytest.raises(ConfigError, match="interval_s"):
            Scaler(made.pilots, policy("backlog", interval_s=interval_s), lambda: False)
