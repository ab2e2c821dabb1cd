"""Pilots that grow and shrink while they run: nodes over time, tasks, and what the batch table says of them."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qhpcsim.core.errors import ConfigError, FacilityError
from qhpcsim.core.records import JobState
from qhpcsim.core.registry import entries, lookup
from qhpcsim.core.task_records import TaskState, word_texts
from qhpcsim.core.workflow_records import Need, PilotAsk
from qhpcsim.middleware.applications import TaskLayer
from qhpcsim.middleware.pilots import PilotCosts
from qhpcsim.middleware.pool_costs import PoolCosts
from qhpcsim.middleware.scaling import Scaler
from qhpcsim.policies.batch.multifactor import MultifactorPolicy
from qhpcsim.policies.scaling.scaling import Decision, Load, PilotLoad
from qhpcsim.scenario import Policy
from tests.job_tables import EASY, FCFS, table
from tests.middleware.pool_cases import Case, case, ends, plan, starts, states, tasks
from tests.middleware.test_applications import app
from tests.middleware.test_applications import bag as equal_tasks
from tests.middleware.test_applications import run as run_applications
from tests.middleware.test_scaling import policy

CONSERVATIVE = Policy(name="conservative", backfill="conservative")


def sizable(name="p", nodes=1, n_spares=8, step=1, **more):
    """Return a pilot that may change its size."""
    return plan(name, nodes, n_spares=n_spares, step=step, **more)


def rows(made: Case) -> dict[str, tuple[int, float, float]]:
    """Return nodes, start and end of every job that ran."""
    jobs, schedule = made.centre.outcome()
    columns = zip(jobs.job_id.tolist(), jobs.nodes.tolist(), schedule.start_s, schedule.end_s, strict=True)
    return {str(name): (n, float(a), float(b)) for name, n, a, b in columns if a == a}


def nodes_at(made: Case, name: str, time_s: float) -> int:
    """Return the nodes of a pilot at a time, by the batch table."""
    mine = [row for job, row in rows(made).items() if job == name or job.startswith(f"{name}.")]
    return sum(n for n, start_s, end_s in mine if start_s <= time_s < end_s)


def elastic(made: Case, interval_s=10.0, n_bags=1, **params) -> Scaler:
    """Start a scaler with the elastic policy; what is not said never happens."""
    given = {"drain_s": 1e9, "idle_s": 1e9, "shrink_idle_s": 1e9} | params
    scaler = Scaler(made.pilots, policy("elastic", interval_s=interval_s, **given), lambda: len(made.done_s) >= n_bags)
    made.at(0.0, scaler.start)
    return scaler


@pytest.mark.parametrize("batch", [FCFS, EASY, CONSERVATIVE], ids=["fcfs", "easy", "conservative"])
def test_idle_nodes_are_given_back(batch):
    """Four nodes, tasks of 10, 10, 10 and 100 s: at the look at 40 three nodes have been idle for 30 s.

    A rigid job of three nodes that waits since 5 starts then; the pilot goes at 110 with the node that it kept.
    """
    made = case([sizable(nodes=4)], nodes=4, table=table([5.0], [3], [20.0]), batch=batch)
    work = tasks(10, 10, 10, 100)
    made.bag(work)
    elastic(made, interval_s=20.0, shrink_idle_s=30.0)
    made.at(110.0, made.pilots.end_all)
    made.run()
    found = rows(made)
    assert found["p"] == (1, 0, 110)
    assert [found[f"p.{k}"] for k in (1, 2, 3)] == [(1, 0, 40)] * 3
    assert [found[job] for job in found if not job.startswith("p")] == [(3, 40, 60)]
    assert made.pilots.runs[0].sizes == [(40, 3), (40, 2), (40, 1)]
    assert states(work) == ["SUCCESS"] * 4


def test_a_pilot_grows_when_its_expansion_starts():
    """One node and tasks of 20 s; three nodes in all, two of them a rigid job's until 50.

    The look at 10 sees 140 s of work and asks for a node, which comes at 50 and takes the fourth task.
    """
    made = case([sizable()], nodes=3, table=table([0.0], [2], [50.0]))
    work = tasks(*[20.0] * 8)
    made.bag(work)
    elastic(made, drain_s=50.0)
    made.at(200.0, made.pilots.end_all)
    made.run()
    assert starts(work) == [0, 20, 40, 50, 60, 70, 80, 90]
    found = rows(made)
    assert (found["p"], found["p.1"]) == ((1, 0, 200), (1, 50, 200))
    assert made.pilots.runs[0].sizes == [(50, 2)]


def test_workers_of_an_expansion_start_first():
    """Two nodes more are there at 10, their workers 3 + 1 s later."""
    made = case([sizable(step=2)], pilot_costs=PilotCosts(start_s=3.0, start_per_doubling_s=1.0))
    work = tasks(*[50.0] * 3)
    made.bag(work)
    made.at(10.0, made.pilots.size(0).grow)
    made.at(300.0, made.pilots.end_all)
    made.run()
    assert starts(work) == [3, 14, 14]


def test_an_expansion_asks_for_the_time_that_is_left_and_ends_with_its_pilot():
    made = case([sizable(walltime_s=100.0)])
    work = tasks(30, 30, 200)
    made.bag(work)
    made.at(40.0, made.pilots.size(0).grow)
    made.run()
    jobs, schedule = made.centre.outcome()
    assert jobs.walltime_s.tolist() == [100, 60]
    assert rows(made) == {"p": (1, 0, 100), "p.1": (1, 40, 100)}
    assert schedule.state.tolist() == [JobState.COMPLETED_WALLTIME_REACHED] * 2
    assert states(work) == ["SUCCESS", "SUCCESS", "LOST_WORKER"]
    assert made.pilots.runs[0].state == "WALLTIME"


def test_an_expansion_goes_before_nodes_of_the_first_job():
    made = case([sizable(nodes=2)])
    made.bag(tasks(5, 5, 5))
    made.at(1.0, made.pilots.size(0).grow)
    made.at(20.0, lambda: made.pilots.size(0).shrink(2))
    made.at(30.0, made.pilots.end_all)
    made.run()
    assert rows(made) == {"p": (1, 0, 30), "p.1": (1, 1, 20), "p.2": (1, 0, 20)}


def test_nodes_with_tasks_stay():
    made = case([sizable(nodes=3)], PoolCosts(turnaround_s=4.0))
    work = tasks(10, 10, 50)
    made.bag(work)
    for time_s, left in ((5.0, 3), (12.0, 3), (15.0, 1)):
        made.at(time_s, lambda: made.pilots.size(0).shrink(3))
        made.at(time_s, lambda left=left: checked.append(made.pilots.size(0).n_nodes == left))
    checked: list[bool] = []
    made.at(60.0, made.pilots.end_all)
    made.run()
    assert checked == [True] * 3
    assert states(work) == ["SUCCESS"] * 3
    assert all(each.attempts == 1 for each in work)


def test_what_has_to_stay_stays():
    """Never below the nodes of the largest gang, never by a part of a step, never without a row for it."""
    for more, left in (({"min_nodes": 3}, 3), ({"step": 3}, 2), ({"n_spares": 1}, 7), ({"nodes": 2, "step": 2}, 2)):
        made = case([sizable(**({"nodes": 8} | more))])
        made.at(10.0, lambda made=made: made.pilots.size(0).shrink(7))
        seen: list[int] = []
        made.at(20.0, lambda made=made, seen=seen: seen.append(made.pilots.size(0).n_nodes))
        made.at(30.0, made.pilots.end_all)
        made.run()
        assert seen == [left], more


def test_a_gang_runs_on_merged_nodes():
    made = case([sizable(nodes=2, step=2)])
    gang = tasks(10, need=Need(nodes=4))
    made.at(1.0, made.pilots.size(0).grow)
    made.bag(gang, at_s=5.0)
    made.at(30.0, made.pilots.end_all)
    made.run()
    assert (starts(gang), ends(gang)) == ([5], [15])


@pytest.mark.parametrize(("step", "grows"), [(1, False), (2, True)])
def test_a_pilot_does_not_grow_by_nodes_that_no_waiting_task_could_use(step, grows):
    """Gangs of two nodes on a pilot of two: one node more would stay idle."""
    made = case([sizable(nodes=2, step=step)])
    made.bag(tasks(50, 50, 50, need=Need(nodes=2)))
    elastic(made, drain_s=20.0)
    made.at(300.0, made.pilots.end_all)
    made.run()
    assert bool(made.pilots.runs[0].sizes) is grows


def test_an_expansion_that_is_not_wanted_any_more_leaves_the_queue():
    """It waits for a rigid job that ends at 1000; the last task begins at 80, and the look at 90 withdraws it."""
    made = case([sizable()], nodes=2, table=table([0.0], [1], [1000.0]))
    made.bag(tasks(*[20.0] * 5))
    made.bag(tasks(5), at_s=500.0)
    elastic(made, drain_s=30.0, n_bags=2)
    seen: list[bool] = []
    for time_s in (85.0, 95.0):
        made.at(time_s, lambda: seen.append(made.pilots.size(0).is_growing))
    made.at(1500.0, made.pilots.end_all)
    made.run()
    assert seen == [True, False]
    assert "p.1" not in rows(made)


@pytest.mark.parametrize("end_s", [30.0, 55.0, 58.0], ids=["queued", "starting", "merged"])
def test_an_expansion_goes_with_its_pilot_whatever_it_does(end_s):
    made = case([sizable()], nodes=2, table=table([0.0], [1], [50.0]), pilot_costs=PilotCosts(start_s=7.0))
    made.bag(tasks(500, 500))
    made.at(8.0, made.pilots.size(0).grow)
    made.at(end_s, made.pilots.end_all)
    made.run()
    assert all(system.state.free_nodes == system.state.n_nodes for system in made.centre.systems)
    assert rows(made)["p"] == (1, 0, end_s)
    assert rows(made).get("p.1", (1, 50, end_s)) == (1, 50, end_s)
    assert ("p.1" in rows(made)) == (end_s > 50)


def test_usage_counts_what_was_held():
    """Fair share charges 4 nodes for 40 s, then one for 60 s."""
    batch = MultifactorPolicy(name="multifactor", order="multifactor", decay_half_life_s=0.0)
    made = case([sizable(nodes=4)], nodes=4, batch=batch)
    made.at(40.0, lambda: made.pilots.size(0).shrink(3))
    made.at(100.0, made.pilots.end_all)
    made.run()
    usage = made.centre.systems[0].waiting.order.usage
    cores = made.centre.partitions["cpu"].cores_per_node
    assert sum(usage.amount) == pytest.approx((4 * 40 + 60) * cores)


def test_pilots_that_cannot_be_split_are_refused_beforehand():
    kept = Policy(name="conservative", backfill="conservative", reservations="kept")
    with pytest.raises(ConfigError, match="cannot be split"):
        case([sizable()], batch=kept)
    with pytest.raises(FacilityError, match=r"p\.1 asks for 65 nodes"):
        case([sizable(step=65)])


AT_REST = PilotLoad(0, True, 0.0, False, n_nodes=2, left_s=1000.0, n_spares=3)


@pytest.mark.parametrize(
    ("drain_s", "changes", "expected"),
    [
        (301.0, {}, Decision(grow=(0,))),
        (300.0, {}, Decision()),
        (301.0, {"growing": True}, Decision()),
        (301.0, {"n_spares": 0}, Decision(add=1)),
        (301.0, {"useful": False}, Decision(add=1)),
        (301.0, {"left_s": 300.0}, Decision(add=1)),
        (301.0, {"n_nodes": 4}, Decision(add=1)),
        (301.0, {"idle_nodes_s": (200.0,)}, Decision(add=1, shrink=((0, 1),))),
        (0.0, {"growing": True}, Decision(withdraw=(0,))),
        (0.0, {"idle_nodes_s": (300.0, 120.0, 119.0)}, Decision(shrink=((0, 2),))),
        (0.0, {"idle_nodes_s": (300.0, 120.0), "idle_s": 120.0}, Decision(end=(0,))),
    ],
)
def test_thresholds_of_the_elastic_policy(drain_s, changes, expected):
    fields = {name: getattr(AT_REST, name) for name in AT_REST.__slots__} | changes
    load = Load(0.0, 0, drain_s, (PilotLoad(**fields),), 2)
    assert policy("elastic", max_nodes=4).decide(load) == expected


def test_senseless_parameters_are_refused():
    for name, value in (("step", 0), ("max_nodes", 0), ("shrink_idle_s", -1.0), ("max_changes", -1)):
        with pytest.raises(ConfigError, match=name):
            policy("elastic", **{name: value})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10**6),
    nodes=st.integers(1, 4),
    step=st.integers(1, 2),
    batch=st.sampled_from([FCFS, EASY, CONSERVATIVE]),
    binding=st.sampled_from(["late", "early", "least_loaded", "longest_first"]),
    turnaround_s=st.sampled_from([0.0, 3.0]),
)
def test_no_task_is_lost_and_no_node_leaks(seed, nodes, step, batch, binding, turnaround_s):
    """Random backlogs and rigid jobs: every task succeeds at its first attempt, and nodes add up at every instant."""
    draw = np.random.default_rng(seed)
    n = 6
    rigid = table(
        np.sort(draw.uniform(0, 2000, n)).tolist(),
        draw.integers(1, 5, n).tolist(),
        draw.exponential(150.0, n).round(3).tolist(),
    )
    pilots = [sizable("a", nodes, step=step), sizable("b", 2, step=step, submit_s=50.0)]
    made = case(pilots, PoolCosts(turnaround_s=turnaround_s), binding, nodes=6, table=rigid, batch=batch)
    bags = [tasks(*draw.exponential(60.0, int(draw.integers(1, 25))).tolist()) for _ in range(4)]
    for k, bag in enumerate(bags):
        made.bag(bag, at_s=float(500 * k))
    elastic(made, n_bags=4, drain_s=60.0, shrink_idle_s=25.0, max_waiting=2)
    made.at(20_000.0, made.pilots.end_all)
    made.run()
    work = [task for bag in bags for task in bag]
    assert {*states(work)} == {"SUCCESS"}
    assert all(task.attempts == 1 for task in work)
    assert all(system.state.free_nodes == system.state.n_nodes for system in made.centre.systems)
    found = rows(made)
    times = sorted({time_s for _, start_s, end_s in found.values() for time_s in (start_s, end_s)})
    for at_s in times:
        assert sum(k for k, start_s, end_s in found.values() if start_s <= at_s < end_s) <= 6
    for which, run in enumerate(made.pilots.runs):
        for at_s, size in dict(run.sizes).items():
            assert nodes_at(made, "ab"[which], at_s) == size
    busy = [(task.started_s, task.ended_s) for task in work]
    for at_s in times:
        held = nodes_at(made, "a", at_s) + nodes_at(made, "b", at_s)
        assert sum(start_s <= at_s < end_s for start_s, end_s in busy) <= held


def test_an_application_on_an_elastic_pilot():
    """A node of two cores, twenty tasks of 10 s: more nodes come, and every task is where a batch job had a node."""
    params = lookup("scaling", "elastic").params(interval_s=5.0, drain_s=15.0, shrink_idle_s=10.0, max_changes=4)
    made = run_applications(app(pilots=[PilotAsk("cpu")], **equal_tasks(20)), layer=TaskLayer(scaling=params))
    assert made.runs[0].state == "COMPLETED"
    assert made.runs[0].ended_s < 100.0, "ten rounds on one node"
    jobs, schedule = made.centre.outcome()
    held = zip(jobs.job_id.tolist(), jobs.nodes.tolist(), schedule.start_s, schedule.end_s, strict=True)
    there = {name: row for name, *row in held}
    assert len(there) > 1
    work = made.tasks()
    names, workers = word_texts(work.pilot, work.n), word_texts(work.worker, work.n)
    assert set(names) == set(there)
    for name, worker, start_s, end_s in zip(names, workers, work.started_s, work.ended_s, strict=True):
        nodes, from_s, to_s = there[name]
        assert int(worker.removeprefix("node")) < nodes and from_s <= start_s and end_s <= to_s


@pytest.mark.parametrize("name", sorted(entries("binding")))
def test_tasks_on_a_pilot_that_ends_are_lost_without_retries_and_the_application_goes_on(name):
    """The first pilot ends at 25 with its third round; what waited for it runs on the second one, if there is one."""
    pilots = [PilotAsk("cpu", walltime_s=25.0), PilotAsk("cpu", walltime_s=1000.0)]
    layer = TaskLayer(binding=lookup("binding", name).params(name=name))
    made = run_applications(app(pilots=pilots, **equal_tasks(20)), layer=layer)
    work = made.tasks()
    lost = work.state == TaskState.LOST_WORKER
    assert made.runs[0].state == "INCOMPLETE" and made.runs[0].n_failed == lost.sum() == 2
    assert (work.ended_s[lost] == 25.0).all() and (work.attempts == 1).all()
    assert (work.state[~lost] == TaskState.SUCCESS).all()
