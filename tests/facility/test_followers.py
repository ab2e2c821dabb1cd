"""Dependencies on success and on several jobs, and limits on job arrays: the schedules that hand calculation gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.records import ArrayTasks, JobState, Waits
from qhpcsim.facility.replay import replay
from qhpcsim.scenario import NodeFailures, Partition, Policy
from tests.job_tables import EASY, FCFS, POLICIES, random_table, table

DONE, FAILED, WALLTIME, QUEUED, REJECTED = (
    JobState.COMPLETED_SUCCESSFULLY,
    JobState.COMPLETED_FAILED,
    JobState.COMPLETED_WALLTIME_REACHED,
    JobState.QUEUED,
    JobState.REJECTED,
)


def waits(*lists: list[tuple[int, bool]]) -> Waits:
    """Return dependencies from (predecessor, must succeed) of each job."""
    flat = [pair for each in lists for pair in each]
    offset = np.concatenate([[0], np.cumsum([len(each) for each in lists])]).astype(np.int64)
    return Waits(offset, np.array([job for job, _ in flat], np.int32), np.array([ok for _, ok in flat], np.bool_))


def run(jobs, policy=FCFS, nodes=4, **machine):
    return replay(jobs, {"cpu": Partition(nodes=nodes, **machine)}, policy, engine="general")


def reasons(schedule):
    if schedule.reason is None:
        return None
    return [schedule.reason.names[code] if code >= 0 else "" for code in schedule.reason.code.tolist()]


def test_a_job_waits_for_the_last_of_several():
    jobs = table([0, 0, 0, 0], [1, 1, 1, 1], [10, 25, 5, 1])
    jobs.waits = waits([], [], [(0, True), (1, True)], [(0, False), (2, True)])
    schedule = run(jobs)
    assert schedule.start_s.tolist() == [0, 0, 25, 30]
    assert reasons(schedule) is None


@pytest.mark.parametrize("how", ["fails", "walltime", "rejected", "node"])
def test_afterok_never_runs_after_a_failure_and_afterany_does(how):
    jobs = table([0, 0, 0, 0, 0], [9 if how == "rejected" else 2, 1, 1, 1, 1], [10, 3, 3, 3, 3])
    jobs.waits = waits([], [(0, True)], [(0, False)], [(1, False)], [(1, True)])
    machine = {}
    if how == "fails":
        jobs.fails = np.array([True, False, False, False, False])
    if how == "walltime":
        jobs.walltime_s[0] = 10.0
        jobs.runtime_s[0] = 12.0
    if how == "node":
        machine = {"failures": NodeFailures(fixed_s=((0, 10.0 - 1e-6, 20.0),)), "requeue": False}
    schedule = run(jobs, **machine)
    ended = 0.0 if how == "rejected" else 10.0
    assert schedule.start_s[2] == pytest.approx(ended, abs=1e-5)
    assert np.isnan(schedule.start_s[[1, 3, 4]]).all()
    state = {"fails": FAILED, "walltime": WALLTIME, "rejected": REJECTED, "node": JobState.COMPLETED_KILLED}[how]
    assert schedule.state.tolist() == [state, QUEUED, DONE, QUEUED, QUEUED]
    first = "NodeFail" if how == "node" else ""
    assert reasons(schedule) == [first, "DependencyNeverSatisfied", "", "Dependency", "Dependency"]


def test_a_requeued_job_has_not_ended():
    jobs = table([0, 0], [2, 1], [10, 3])
    jobs.waits = waits([], [(0, True)])
    schedule = run(jobs, failures=NodeFailures(fixed_s=((1, 6, 7),)))
    assert schedule.start_s.tolist() == [6, 16]  # on nodes 0, 2 at once


def test_think_time_counts_from_the_last_end():
    jobs = table([0, 0, 0], [1, 1, 1], [10, 4, 1], [10, 4, 1])
    jobs.waits, jobs.think_s = waits([], [], [(0, True), (1, False)]), np.array([0.0, 0.0, 7.0])
    assert run(jobs).start_s.tolist() == [0, 0, 17]


def test_an_array_runs_so_many_tasks_at_a_time():
    """Six tasks of 10 s, two at a time, on a machine with room for all; a plain job is not held up."""
    jobs = table([0] * 6 + [1], [1] * 7, [10] * 6 + [5])
    jobs.array = ArrayTasks(np.array([0] * 6 + [-1], np.int32), ("1",), (2,))
    assert run(jobs, nodes=8).start_s.tolist() == [0, 0, 10, 10, 20, 20, 1]


def test_an_array_may_wait_for_a_job_and_for_its_own_tasks():
    jobs = table([0] * 5, [1] * 5, [4, 10, 10, 10, 3])
    jobs.array = ArrayTasks(np.array([-1, 0, 0, 0, -1], np.int32), ("1",), (1,))
    jobs.waits = waits([], [(0, True)], [(0, True)], [(0, True)], [(1, True), (2, True), (3, True)])
    assert run(jobs, nodes=8).start_s.tolist() == [0, 4, 14, 24, 34]


def test_a_requeued_task_keeps_its_slot():
    jobs = table([0] * 3, [1] * 3, [10] * 3)
    jobs.array = ArrayTasks(np.zeros(3, np.int32), ("1",), (1,))
    schedule = run(jobs, failures=NodeFailures(fixed_s=((0, 5, 100),)))
    assert schedule.start_s.tolist() == [5, 15, 25]


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6), policy=st.sampled_from([*POLICIES, Policy(order="sjf", backfill="easy")]))
def test_dependencies_and_limits_hold_on_random_workloads(seed, policy):
    draw = np.random.default_rng(seed)
    n = 40
    jobs = random_table(seed, n, 8, load=1.2)
    jobs.fails = draw.random(n) < 0.2
    jobs.waits = waits(
        *(
            [(int(k), bool(draw.random() < 0.5)) for k in sorted(draw.choice(j, min(j, draw.integers(0, 3)), False))]
            for j in range(n)
        )
    )
    jobs.array = ArrayTasks(draw.integers(-1, 2, n).astype(np.int32), ("a", "b"), (2, 3))
    schedule = run(jobs, policy, nodes=8)
    never = schedule.state == QUEUED
    offset, before, ok = jobs.waits
    for j in range(n):
        mine, must = before[offset[j] : offset[j + 1]], ok[offset[j] : offset[j + 1]]
        hopeless = never[mine].any() or (must & (schedule.state[mine] != DONE)).any()
        assert never[j] == hopeless
        if not never[j]:
            assert schedule.start_s[j] >= schedule.end_s[mine].max(initial=jobs.submit_s[j])
    for code, limit in ((0, 2), (1, 3)):
        tasks = np.flatnonzero((jobs.array.code == code) & ~never)
        for t in schedule.start_s[tasks]:
            assert ((schedule.start_s[tasks] <= t) & (t < schedule.end_s[tasks])).sum() <= limit


def test_without_limits_and_dependencies_nothing_changes():
    jobs = random_table(5, 200, 16, load=1.3)
    plain = run(jobs, EASY, nodes=16).start_s.tolist()
    jobs.array = ArrayTasks(np.zeros(200, np.int32), ("a",), (200,))
    jobs.waits = waits(*([] for _ in range(200)))
    assert run(jobs, EASY, nodes=16).start_s.tolist() == plain


def test_the_kernel_refuses():
    jobs = table([0, 1], [1, 1], [1, 1])
    jobs.waits = waits([], [(0, True)])
    with pytest.raises(ConfigError, match="wait for other jobs"):
        replay(jobs, {"cpu": Partition()}, FCFS, engine="kernel")
    jobs.waits, jobs.array = None, ArrayTasks(np.zeros(2, np.int32), ("a",), (1,))
    with pytest.raises(ConfigError, match="job arrays"):
        replay(jobs, {"cpu": Partition()}, FCFS, engine="kernel")


def test_both_engines_know_jobs_that_fail():
    jobs = random_table(5, 50, 8)
    jobs.fails = np.arange(50) % 3 == 0
    machine = {"cpu": Partition(nodes=8)}
    general, kernel = (replay(jobs, machine, FCFS, engine=engine) for engine in ("general", "kernel"))
    assert general.state.tolist() == kernel.state.tolist() == [FAILED if k % 3 == 0 else DONE for k in range(50)]
