"""Nodes that join or are drained and rules that change while jobs run, against schedules worked out by hand."""

import dataclasses

import numpy as np
import pytest

from qhpcsim.core.errors import ConfigError, FacilityError
from qhpcsim.core.records import JobState, Schedule
from qhpcsim.facility.changed_sizes import grown, routed, ungrown
from qhpcsim.facility.replay import replay
from qhpcsim.policies.batch.changed import changed_policy
from qhpcsim.policies.batch.multifactor import MultifactorPolicy
from qhpcsim.scenario import Change, NodeFailures, Partition, Policy
from tests.job_tables import CONSERVATIVE, EASY, FCFS, table

FOUR = {"batch": Partition(nodes=4)}
KEPT = dataclasses.replace(CONSERVATIVE, reservations="kept")


def held(schedule: Schedule, job: int) -> list[int]:
    """Return the node ids of a job."""
    spans = range(schedule.offset[job], schedule.offset[job + 1])
    return [node for k in spans for node in range(schedule.lo[k], schedule.hi[k] + 1)]


def absences(schedule: Schedule) -> list[tuple[int, float, float]]:
    assert schedule.down is not None
    columns = (schedule.down.node, schedule.down.start_s, schedule.down.end_s)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def test_nodes_added_under_easy_start_what_then_fits_and_move_the_reservation() -> None:
    """Four nodes; job 1 has all of them for 100 s. Job 2 (4 nodes) heads the queue, job 3 (2 nodes) is too long.

    Two nodes join at 30 s. Job 2 must still wait for job 1 (2 + 4 nodes at 100 s, two spare then), so job 3, which
    needs just the two spare nodes, starts at once. Job 4 (1 node, 10 s) comes at 40 s: nothing is free. At 100 s
    job 2 has the four nodes; at 150 s it ends and job 4 starts.
    """
    jobs = table([0, 10, 20, 40], [4, 4, 2, 1], [100, 50, 200, 10])
    plain = replay(jobs, FOUR, EASY)
    assert plain.start_s.tolist() == [0, 100, 150, 150]
    fork = replay(jobs, FOUR, EASY, changes=[Change(at_s=30, add_nodes=2)])
    assert fork.start_s.tolist() == [0, 100, 30, 150]
    assert [held(fork, job) for job in range(4)] == [[0, 1, 2, 3], [0, 1, 2, 3], [4, 5], [0]]
    assert absences(fork) == [(4, 0, 30), (5, 0, 30)]


def test_drained_nodes_are_the_next_that_come_free_and_come_back() -> None:
    """Four nodes: job 1 has nodes 0 and 1 until 60 s, job 2 nodes 2 and 3 until 40 s. Three are drained at 20 s.

    None is idle. At 40 s nodes 3 and 2 go, at 60 s node 1; job 3 (1 node) gets node 0 at 60 s. All are back at 200 s,
    when job 4 (4 nodes) starts.
    """
    jobs = table([0, 0, 5, 6], [2, 2, 1, 4], [60, 40, 10, 10])
    assert replay(jobs, FOUR, FCFS).start_s.tolist() == [0, 0, 40, 60]
    fork = replay(jobs, FOUR, FCFS, changes=[Change(at_s=20, remove_nodes=3, until_s=200)])
    assert fork.start_s.tolist() == [0, 0, 60, 200]
    assert held(fork, 2) == [0]
    assert absences(fork) == [(1, 60, 200), (2, 40, 200), (3, 40, 200)]


@pytest.mark.parametrize("policy", [EASY, CONSERVATIVE, KEPT], ids=["easy", "replanned", "kept"])
def test_backfilling_plans_with_the_return_of_drained_nodes(policy: Policy) -> None:
    """Job 1 (2 of 4 nodes) runs to 100 s; the other two nodes are drained from 10 s to 50 s.

    The head (4 nodes) can start at 100 s; a job of 2 nodes for 50 s fits between 50 s and 100 s, one of 60 s does not.
    """
    jobs = table([0, 20, 21, 22], [2, 4, 2, 2], [100, 10, 60, 50])
    fork = replay(jobs, FOUR, policy, changes=[Change(at_s=10, remove_nodes=2, until_s=50)])
    assert fork.start_s.tolist() == [0, 100, 110, 50]


@pytest.mark.parametrize("policy", [EASY, CONSERVATIVE, KEPT], ids=["easy", "replanned", "kept"])
def test_nobody_is_in_the_way_when_drained_nodes_come_back(policy: Policy) -> None:
    """Five nodes: job 1 has two to 100 s, two are drained from 10 s to 50 s, one is idle.

    The head (3 nodes) starts at 50 s. A job of one node for 25 s fits before that; one of 40 s would delay the head.
    """
    jobs = table([0, 20, 21, 22], [2, 3, 1, 1], [100, 10, 40, 25])
    five = {"batch": Partition(nodes=5)}
    fork = replay(jobs, five, policy, changes=[Change(at_s=10, remove_nodes=2, until_s=50)])
    assert fork.start_s.tolist() == [0, 50, 60, 22]


def test_jobs_too_wide_for_what_is_left_are_turned_away() -> None:
    """The waiting job of 4 nodes is rejected when two nodes go for good, and so is one that comes later."""
    jobs = table([0, 5, 6, 30], [2, 4, 2, 3], [60, 10, 10, 10])
    fork = replay(jobs, FOUR, FCFS, changes=[Change(at_s=20, remove_nodes=2)])
    assert fork.state.tolist() == [0, JobState.REJECTED, 0, JobState.REJECTED]
    assert fork.start_s[2] == 60
    assert absences(fork) == [(2, 20, 70), (3, 20, 70)]


def test_wider_jobs_are_taken_from_the_moment_on() -> None:
    jobs = table([0, 20, 30], [5, 5, 5], [10, 10, 10])
    fork = replay(jobs, FOUR, EASY, changes=[Change(at_s=20, add_nodes=1)])
    assert fork.state.tolist() == [JobState.REJECTED, 0, 0]
    assert fork.start_s[1:].tolist() == [20, 30]


def test_another_policy_decides_from_its_moment_on() -> None:
    """Job 3 could overtake job 2 at 10 s; under first come, first served it waits until EASY is in force at 40 s."""
    jobs = table([0, 5, 10], [3, 4, 1], [100, 10, 50])
    assert replay(jobs, FOUR, FCFS).start_s.tolist() == [0, 100, 110]
    fork = replay(jobs, FOUR, FCFS, changes=[Change(at_s=40, policy={"name": "easy"})])
    assert fork.start_s.tolist() == [0, 100, 40]


def test_another_order_sorts_the_queue_that_stands() -> None:
    jobs = table([0, 1, 2, 3], [4, 4, 4, 4], [100, 30, 20, 10])
    fork = replay(jobs, FOUR, FCFS, changes=[Change(at_s=50, policy={"order": "sjf"})])
    assert fork.start_s.tolist() == [0, 130, 110, 100]


def test_fair_share_remembers_what_was_used_before_it_came() -> None:
    """User a has run a long job. The queue holds a job of a, then one of b: fair share puts b first."""
    from qhpcsim.core.records import Categories

    jobs = table([0, 1, 2], [4, 4, 4], [1000, 10, 10])
    jobs.user = Categories(np.array([0, 0, 1], np.int32), ("a", "b"))
    to_fair = {"name": "multifactor", "weight_age": "0", "weight_job_size": "0", "calc_period_s": "0"}
    fork = replay(jobs, FOUR, EASY, changes=[Change(at_s=500, policy=to_fair)])
    assert fork.start_s.tolist() == [0, 1010, 1000]


def test_jobs_are_no_longer_killed() -> None:
    """Job 1 would be killed at 50 s and job 3 after 10 s; from 40 s on both run to their ends. Job 2 was killed."""
    jobs = table([0, 0, 1], [3, 1, 4], [80, 90, 30], [50, 30, 10])
    plain = replay(jobs, FOUR, FCFS)
    fork = replay(jobs, FOUR, FCFS, changes=[Change(at_s=40, overrun="extend")])
    assert plain.end_s.tolist() == [50, 30, 60]
    assert fork.end_s.tolist() == [80, 30, 110]
    assert fork.state.tolist() == [0, JobState.COMPLETED_WALLTIME_REACHED, 0]


def test_a_change_in_one_partition_leaves_the_other() -> None:
    machine = {"a": Partition(nodes=2), "b": Partition(nodes=3)}
    changes = [Change(at_s=5, add_nodes=2, partition="a"), Change(at_s=9, remove_nodes=1, partition="b")]
    jobs = table([0, 1, 6], [2, 3, 4], [10, 10, 10])
    assert {name: part.nodes for name, part in grown(machine, changes).items()} == {"a": 4, "b": 3}
    assert ungrown(grown(machine, changes), changes) == machine
    assert routed(jobs, machine, changes).tolist() == [0, 1, 0]
    fork = replay(jobs, machine, FCFS, changes=changes)
    assert fork.start_s.tolist() == [0, 1, 10]
    assert held(fork, 1) == [4, 5, 6]


@pytest.mark.parametrize(
    ("machine", "policy", "change", "complaint"),
    [
        (FOUR, EASY, Change(remove_nodes=4), "1 … 3"),
        (FOUR, EASY, Change(at_s=9, remove_nodes=1, until_s=9), "an end after the start"),
        (FOUR, EASY, Change(add_nodes=1, partition="bacth"), "did you mean: batch"),
        (FOUR, EASY, Change(policy={"semantics": "pyss"}), "cannot change while"),
        (FOUR, EASY, Change(policy={"dpeth": "3"}), "did you mean: depth"),
        (FOUR, EASY, Change(policy={"depth": "-3"}), "a whole number from 0"),
        (FOUR, EASY, Change(policy={"candidates": "sfj"}), "did you mean: sjf"),
        (FOUR, EASY, Change(policy={"name": "slurm"}), "look at nodes in different ways"),
        (FOUR, EASY, Change(overrun="kill"), "from kill to extend"),
        (FOUR, dataclasses.replace(EASY, estimates="actual"), Change(overrun="extend"), "true run times"),
        (FOUR, EASY, Change(add_nodes=-1), "below 0"),
        (FOUR, Policy(name="slurm", backfill="slurm"), Change(add_nodes=1), "not policy slurm"),
        (FOUR, dataclasses.replace(EASY, semantics="pyss"), Change(add_nodes=1), "allowed: batch"),
        ({"batch": Partition(nodes=4, failures=NodeFailures(mtbf_s=9e9))}, EASY, Change(add_nodes=1), "nodes fail"),
        ({"batch": Partition(nodes=4, sharing="cores")}, EASY, Change(add_nodes=1), "shared or unlike"),
    ],
)  # fmt: skip
def test_impossible_changes_are_refused_before_anything_runs(
    machine: dict[str, Partition], policy: Policy, change: Change, complaint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        replay(table([0], [1], [1]), machine, policy, changes=[change])
    assert complaint in caught.value.block()


def test_jobs_that_others_wait_for_are_not_turned_away() -> None:
    jobs = table([0, 5, 6], [4, 4, 1], [60, 10, 10])
    jobs.depends_on = np.array([-1, -1, 1], np.int32)
    with pytest.raises(FacilityError, match="other work may wait for it"):
        replay(jobs, FOUR, FCFS, changes=[Change(at_s=20, remove_nodes=2)])


def test_the_kernel_says_that_it_cannot() -> None:
    with pytest.raises(ConfigError, match="the machine or its rules change"):
        replay(table([0], [1], [1]), FOUR, EASY, engine="kernel", changes=[Change(add_nodes=1)])


def test_a_policy_keeps_what_is_not_changed() -> None:
    old = MultifactorPolicy(weight_age=5.0, estimates="actual")
    assert changed_policy(old, {"weight_qos": "2", "max_age_s": "2d"}) == dataclasses.replace(
        old, weight_qos=2.0, max_age_s=172800.0
    )
    easy = changed_policy(old, {"name": "easy", "depth": "3"})
    assert (easy.name, easy.backfill, easy.depth, easy.estimates) == ("easy", "easy", 3, "actual")
