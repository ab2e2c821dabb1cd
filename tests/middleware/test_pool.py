"""The task pool against schedules worked out by hand, and its bookkeeping under injected faults."""

import math
from dataclasses import replace

import numpy as np
import pytest

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.registry import entries
from qhpcsim.core.task_records import TaskState
from qhpcsim.core.workflow_records import Need
from qhpcsim.middleware.client import ClientCosts
from qhpcsim.middleware.pilots import PilotCosts
from qhpcsim.middleware.pool_costs import PoolCosts
from qhpcsim.middleware.slots import PoolTask
from tests.middleware.pool_cases import Case, case, ends, plan, starts, states, tasks


def run(made: Case, work: list[PoolTask]) -> Case:
    made.bag(work)
    made.run()
    return made


def test_first_come_first_served_on_two_slots():
    work = tasks(5, 3, 4, 1)
    made = run(case([plan(nodes=2)]), work)
    assert starts(work) == [0, 0, 3, 5]
    assert ends(work) == [5, 3, 7, 6]
    assert made.done_s == [7]
    assert [each.nodes for each in work] == [(0,), (1,), (1,), (0,)]


def test_tasks_are_dispatched_one_after_the_other():
    work = tasks(10, 10, 10, 10)
    run(case([plan(cores=3)], PoolCosts(dispatch_s=1.0)), work)
    assert starts(work) == [1, 2, 3, 12]


def test_first_tasks_wait_for_their_workers():
    """Two slots: both workers start side by side in 3 s; the second wave finds them."""
    work = tasks(10, 10, 10, 10)
    run(case([plan(cores=2)], PoolCosts(cold_s=3.0)), work)
    assert starts(work) == [3, 3, 13, 13]


def test_a_node_loads_the_application_once_while_its_workers_start():
    """Loaded at 5 s for the worker that began at 0 (up at 2 s) and for the one that began at 4 s (up at 6 s)."""
    first, second = tasks(20), tasks(20, 20)
    made = case([plan(cores=3)], PoolCosts(cold_s=2.0, load_s=5.0))
    made.bag(first)
    made.bag(second, at_s=4.0)
    made.run()
    assert starts(first) + starts(second) == [5, 6, 6]


def test_every_task_on_a_gpu_may_need_a_worker_of_its_own():
    """Four GPU tasks on two GPUs: 3 s before each; a task on a core waits 1 s for the first worker only."""
    work = tasks(10, 10, 10, 10, need=Need(gpus=1)) + tasks(10, 10)
    run(case([plan(cores=3, gpus_per_node=2)], PoolCosts(cold_s=1.0, gpu_cold_s=3.0)), work)
    assert starts(work) == [3, 3, 16, 16, 1, 11]


def test_a_slot_rests_after_each_task():
    work = tasks(5, 5, 5)
    made = run(case([plan(cores=1)], PoolCosts(turnaround_s=2.0)), work)
    assert starts(work) == [0, 7, 14]
    assert made.done_s == [19]


def test_four_quarters_of_a_gpu():
    need = Need(cores=1, gpus=0.25)
    work = tasks(*[10.0] * 10, need=need)
    run(case([plan(cores=64, gpus_per_node=2)]), work)
    assert starts(work) == [0] * 8 + [10] * 2


@pytest.mark.parametrize(("share", "at_once"), [(0.1, 10), (0.3, 3), (1 / 3, 3), (0.5, 2), (0.7, 1)])
def test_shares_of_a_gpu_add_up_in_spite_of_rounding(share, at_once):
    work = tasks(*[1.0] * (3 * at_once), need=Need(cores=0, gpus=share))
    made = run(case([plan(cores=64, gpus_per_node=1)]), work)
    assert starts(work) == [k // at_once for k in range(3 * at_once)]
    assert (made.pool.pilots[0].nodes[0].cores, made.pool.pilots[0].nodes[0].gpus) == (64, 1)


def test_qpu_slots_count_whatever_the_cores():
    work = tasks(4, 4, 4, need=Need(cores=1, qpus=1))
    run(case([plan(cores=16, qpus_per_node=2)]), work)
    assert starts(work) == [0, 0, 4]


def test_a_gang_waits_for_whole_nodes_and_smaller_tasks_overtake():
    """Nodes of 2 cores: a task holds node 0 until 6; the gang of 3 starts then, the task behind it at once."""
    one, gang, behind = Need(cores=1), Need(nodes=3), Need(cores=1)
    work = [PoolTask(6.0, one), PoolTask(5.0, gang), PoolTask(2.0, behind)]
    run(case([plan(nodes=3, cores=2)]), work)
    assert starts(work) == [0, 6, 0]
    assert work[1].nodes == (0, 1, 2)


def test_a_gang_holds_its_nodes_alone():
    work = [PoolTask(5.0, Need(nodes=2)), PoolTask(1.0), PoolTask(1.0)]
    run(case([plan(nodes=2, cores=4)]), work)
    assert starts(work) == [0, 5, 5]


def test_a_kind_without_room_does_not_block_another():
    work = [PoolTask(9.0, Need(gpus=1)), PoolTask(9.0, Need(gpus=1)), PoolTask(1.0)]
    run(case([plan(cores=4, gpus_per_node=1)]), work)
    assert starts(work) == [0, 9, 0]


def test_first_fit_finds_a_node_that_became_free_before_the_last_one_used():
    """Node 0 frees its core at 1 while the search stands behind node 2; the next task goes to node 0."""
    work = tasks(1, 9, 9, 5)
    run(case([plan(nodes=3)]), work)
    assert work[3].nodes == (0,)
    assert starts(work)[3] == 1


@pytest.mark.parametrize(
    ("retries", "state", "attempts", "ended_s"), [(0, "FAILED", 1, 5), (1, "SUCCESS", 2, 10), (3, "SUCCESS", 2, 10)]
)
def test_work_that_fails_is_tried_again_if_it_may(retries, state, attempts, ended_s):
    work = tasks(5, fails=True)
    made = run(case([plan()], PoolCosts(retries=retries)), work)
    assert (states(work), work[0].attempts, ends(work)) == ([state], attempts, [ended_s])
    assert made.done_s == [ended_s]


def test_a_task_that_nothing_could_ever_run_is_refused_with_what_there_is():
    made = case([plan(cores=4)])
    with pytest.raises(ConfigError, match="no pilot can run a task that needs Need") as error:
        made.pool.submit(PoolTask(1.0, Need(gpus=1)))
    assert "p: 1 nodes of 4, 0, 0" in str(error.value)
    with pytest.raises(ConfigError, match="no pilot can run"):
        made.pool.submit(PoolTask(1.0, Need(nodes=2)))


def test_tasks_wait_for_the_next_pilot_when_theirs_are_over():
    """The first pilot ends at 4: with a retry its task runs on the second, which starts at 10; without it is lost."""
    for retries, expected in ((1, (["SUCCESS"] * 2, [15, 15])), (0, (["LOST_WORKER", "SUCCESS"], [4, 15]))):
        work = tasks(5, 5)
        plans = [plan("a", walltime_s=4.0), plan("b", nodes=2, submit_s=10.0)]
        run(case(plans, PoolCosts(retries=retries)), work)
        assert (states(work), ends(work)) == expected


def test_a_task_that_is_lost_before_its_worker_came_never_started():
    work = tasks(5)
    run(case([plan(walltime_s=4.0)], PoolCosts(cold_s=9.0)), work)
    assert states(work) == ["LOST_WORKER"]
    assert math.isnan(work[0].started_s)
    assert work[0].ended_s == 4


def test_tasks_without_any_pilot_left_stay_in_the_queue():
    work = tasks(5, 5)
    made = run(case([plan(walltime_s=7.0)], PoolCosts(retries=9)), work)
    assert states(work) == ["SUCCESS", "QUEUED"]
    assert made.pool.n_waiting == 1
    assert made.done_s == []
    made.pool.submit(PoolTask(1.0))
    assert made.pool.n_waiting == 2


def test_backlog_and_the_time_to_work_it_off():
    made = case([plan(nodes=2, cores=2)])
    for each in tasks(10, 20, 30):
        made.pool.submit(each)
    made.pool.submit(PoolTask(5.0, Need(nodes=2), 5.0))
    assert (made.pool.n_waiting, made.pool.backlog_s()) == (4, 65)
    assert made.pool.drain_s() == 60 / 4 + 5
    made.run()
    assert (made.pool.n_waiting, made.pool.n_running, made.pool.drain_s()) == (0, 0, 0)


# The bookkeeping, step by step, with something going wrong at every instant of a small scenario.


def mixed() -> list[PoolTask]:
    """Return nine tasks of four kinds, three of which fail once."""
    kinds = [Need(), Need(), Need(cores=1, gpus=0.5), Need(nodes=2), Need(), Need(cores=2, qpus=1), Need(gpus=1)]
    kinds += [Need(), Need(gpus=0.5)]
    lengths = [5.0, 3.0, 4.0, 6.0, 2.0, 7.0, 1.0, 5.0, 3.0]
    return [
        PoolTask(run_s, need, run_s, fails=k in (1, 3, 6))
        for k, (run_s, need) in enumerate(zip(lengths, kinds, strict=True))
    ]


def pilots(walltime_s: float = 1e6):
    return [
        plan("a", nodes=2, cores=2, gpus_per_node=1, qpus_per_node=1, walltime_s=walltime_s),
        plan("b", nodes=2, cores=2, gpus_per_node=1, qpus_per_node=1, submit_s=4.0),
        plan("c", nodes=2, cores=3, gpus_per_node=1, qpus_per_node=1, submit_s=30.0),
    ]


COSTS = PoolCosts(dispatch_s=0.25, cold_s=1.5, load_s=1.0, turnaround_s=0.5, retries=2)
CLIENT = ClientCosts(submit_s=0.125, collect_s=0.25, collect_per_task_s=0.0625, in_flight=6)


def checked(made: Case, work: list[PoolTask], retries: int) -> list[float]:
    """Run step by step, check the books after each event, and return the times of the events."""
    over: list[int] = []
    made.bag(work)
    clock, times = made.centre.clock, []
    hooked = False
    while clock.peek() < math.inf:
        clock.step()
        times.append(clock.now)
        for each in work:
            if each.on_end is not None and not hasattr(each.on_end, "counted"):
                each.on_end = counted(each.on_end, over)
                hooked = True
        check_books(made, work, over)
    assert hooked
    check_end(made, work, over, retries)
    return sorted(set(times))


def counted(on_end, over):
    def ended(task):
        over.append(task.index)
        on_end(task)

    ended.counted = True
    return ended


def check_books(made: Case, work: list[PoolTask], over: list[int]) -> None:
    """Every submitted task is in exactly one place, and nodes hold no more than they have."""
    pool = made.pool
    waiting = [entry[2].index for _, _, queue in pool._waiting.kinds() for entry in queue]
    running = [index for pilot in pool.pilots for index in pilot.running]
    done = [each.index for each in work if each.state not in (TaskState.RUNNING, TaskState.QUEUED)]
    assert sorted(waiting + running + done) == list(range(len(pool.tasks)))
    assert sorted(over) == sorted(done)
    bound = [(task.pilot, task) for pilot in pool.pilots for task in pilot.running.values()]
    bound += [(pilot, entry[2]) for _, pilot, queue in pool._waiting.kinds() for entry in queue]
    for pilot in pool.pilots:
        assert pilot.view.active or not pilot.running
        mine = [task for index, task in bound if index == pilot.view.index]
        load_s = sum(task.predicted_s / pilot.view.slots(task.need) for task in mine)
        assert pilot.view.load_s == pytest.approx(load_s, abs=1e-9)
        for k, node in enumerate(pilot.nodes):
            here = [task.need for task in pilot.running.values() if k in task.nodes]
            assert node.n_running >= len(here)
            assert -1e-9 <= node.cores <= pilot.view.cores
            assert -1e-9 <= node.gpus <= pilot.view.gpus
            gangs = [need for need in here if need.nodes]
            assert len(here) == 1 or not gangs
            if not gangs:
                assert sum(need.cores for need in here) <= pilot.view.cores - node.cores + 1e-9
                assert sum(need.gpus for need in here) <= pilot.view.gpus - node.gpus + 1e-9


def check_end(made: Case, work: list[PoolTask], over: list[int], retries: int) -> None:
    """Nothing is left on any node; no task is started more often than it may be; times are in order."""
    for pilot in made.pool.pilots:
        assert not pilot.running
        for node in pilot.nodes:
            assert (node.cores, node.gpus, node.qpus) == (pilot.view.cores, pilot.view.gpus, pilot.view.qpus)
            assert node.n_running == 0
        assert pilot.open_nodes == list(range(len(pilot.nodes)))
    for system in made.centre.systems:
        assert system.state.free_nodes == system.state.n_nodes
    assert {each.attempts for each in work} <= set(range(retries + 2))
    for each in work:
        if each.state == TaskState.SUCCESS:
            assert each.submitted_s <= each.started_s
            assert each.ended_s - each.started_s == pytest.approx(each.run_s)
        elif each.state == TaskState.LOST_WORKER:
            assert not each.started_s > each.ended_s
    assert len(made.done_s) == (len(over) == len(work))


def scenario(policy: str, retries: int, walltime_s: float = 1e6) -> tuple[Case, list[PoolTask]]:
    costs = replace(COSTS, retries=retries)
    made = case(pilots(walltime_s), costs, policy, CLIENT, PilotCosts(start_s=1.0, poll_s=6.0, cancel_s=0.5), nodes=6)
    made.at(60.0, made.pilots.end_all)
    return made, mixed()


THOROUGH = {"late": 1, "early": 1}
"""Every instant for one policy that pins tasks and one that does not; every seventh for the others."""


@pytest.mark.parametrize("policy", sorted(entries("binding")))
@pytest.mark.parametrize("retries", [0, 2])
def test_books_balance_whatever_ends_when(policy, retries):
    made, work = scenario(policy, retries)
    times = checked(made, work, retries)
    assert len(times) > 30, "the scenario shall have many instants"
    assert "QUEUED" not in states(work)
    seen: set[str] = set()
    for time_s in times[: -1 : THOROUGH.get(policy, 7)]:
        for pilot in (0, 1):
            made, work = scenario(policy, retries)
            made.at(time_s, lambda made=made, pilot=pilot: made.pilots.end(pilot))
            checked(made, work, retries)
            seen |= set(states(work))
        if time_s > 0:
            made, work = scenario(policy, retries, walltime_s=time_s)
            checked(made, work, retries)
            seen |= set(states(work))
    assert "SUCCESS" in seen
    if retries:
        assert seen == {"SUCCESS"}
    else:
        assert {"FAILED", "LOST_WORKER"} <= seen


def test_books_balance_where_tasks_slow_each_other_down():
    for time_s in np.arange(0.0, 20.0, 0.5):
        made = case(
            [plan("a", nodes=2, cores=4), plan("b", cores=4, submit_s=1.0)],
            PoolCosts(retries=1, load_s=0.5),
            slowdown=lambda cores: max(1.0, cores / 2),
        )
        work = tasks(5, 3, 4, 6, 2, 7, 1, 5, 3, 2, 2, 2)
        made.at(float(time_s), lambda made=made: made.pilots.end(0))
        made.at(60.0, made.pilots.end_all)
        made.bag(work)
        made.run()
        assert states(work) == ["SUCCESS"] * len(work)
        assert all(each.ended_s - each.started_s >= each.run_s - 1e-9 for each in work)


def test_memory_and_time_grow_no_faster_than_the_tasks():
    """Counted, not timed: calendar entries a task stay the same from 2,000 to 20,000 tasks."""
    per_task = []
    for n in (2_000, 20_000):
        made = case([plan(nodes=4, cores=16)])
        made.bag([PoolTask(1.0 + k % 7) for k in range(n)])
        made.run()
        assert made.pool.tasks[-1].state == TaskState.SUCCESS
        per_task.append(next(made.centre.clock._eid) / n)
    assert per_task[1] == pytest.approx(per_task[0], rel=0.05)
    assert per_task[1] < 2.5
