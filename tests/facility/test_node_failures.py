"""Nodes that fail or are serviced: whom that hits, who begins again, and what schedulers plan around."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhpcsim.core.errors import ConfigError, FacilityError
from qhpcsim.core.records import JobState
from qhpcsim.core.rng import Rng
from qhpcsim.facility.node_outages import with_outages
from qhpcsim.facility.replay import replay
from qhpcsim.facility.tracked_state import TrackedState
from qhpcsim.policies.batch.user import UserRule
from qhpcsim.qpu_scenario import Duration
from qhpcsim.scenario import Facility, NodeFailures, Partition, PlannedOutage, Policy, Scheduler
from tests.job_tables import CONSERVATIVE, EASY, FCFS, POLICIES, random_table, table

SJF = Policy(order="sjf", backfill="easy")
WFP3 = Policy(order="wfp3", backfill="easy", candidates="sjf")
MULTIFACTOR = Policy(name="multifactor", order="multifactor", backfill="easy")
DEEP = Policy(name="easy", backfill="easy", depth=3)
ALL = (*POLICIES, SJF, WFP3, DEEP)
BY_NAME = pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)


def told(*failures: tuple[int, float, float]) -> NodeFailures:
    return NodeFailures(fixed_s=failures)


def run(jobs, policy, requeue=True, seed=0, scheduler=None, **machine):
    machine = {"nodes": 4, **machine}
    return replay(jobs, {"cpu": Partition(requeue=requeue, **machine)}, policy, scheduler, rng=Rng(seed))


@BY_NAME
def test_a_job_that_loses_a_node_begins_again(policy):
    """Job 1 has nodes 0 and 1; node 0 fails at 5, one other node is free, so it waits until node 0 is back at 8."""
    jobs = table([0, 1, 2], [2, 2, 4], [10, 20, 5])
    schedule = run(jobs, policy, failures=told((0, 5, 8)))
    assert schedule.start_s.tolist() == [8, 1, 21]
    assert schedule.end_s.tolist() == [18, 21, 26]
    assert (schedule.state == JobState.COMPLETED_SUCCESSFULLY).all()
    lost = schedule.lost
    assert (lost.job.tolist(), lost.start_s.tolist(), lost.end_s.tolist()) == ([0], [0], [5])
    assert (lost.lo.tolist(), lost.hi.tolist()) == ([0], [1])
    assert [each.tolist() for each in schedule.down] == [[0], [5], [8]]


@BY_NAME
def test_without_requeue_it_is_killed(policy):
    jobs = table([0, 1, 2], [2, 2, 4], [10, 20, 5])
    schedule = run(jobs, policy, requeue=False, failures=told((0, 5, 8)))
    assert schedule.end_s.tolist() == [5, 21, 26]
    assert schedule.state.tolist() == [JobState.COMPLETED_KILLED, 0, 0]
    assert (schedule.reason.code.tolist(), schedule.reason.names) == ([0, -1, -1], ("NodeFail",))
    assert len(schedule.lost.job) == 0


def test_a_job_that_ends_as_its_node_fails_has_ended():
    jobs = table([0, 5], [4, 4], [5, 5])
    schedule = run(jobs, FCFS, failures=told((2, 5, 7)))
    assert schedule.state.tolist() == [0, 0]
    assert schedule.start_s.tolist() == [0, 7]
    assert len(schedule.lost.job) == 0


def test_a_requeued_job_stands_where_its_submission_puts_it():
    """Job 1 is hit at 3 and waits before job 2, which came after it; job 3 is small and EASY lets it pass."""
    jobs = table([0, 1, 2], [4, 4, 1], [10, 10, 2])
    assert run(jobs, FCFS, failures=told((0, 3, 6))).start_s.tolist() == [6, 16, 26]
    assert run(jobs, EASY, failures=told((0, 3, 6))).start_s.tolist() == [6, 16, 3]


def test_nobody_knows_when_a_failed_node_is_back():
    """The head needs all nodes, so no time can be reserved for it and job 3 may pass, however long it is."""
    jobs = table([0, 1, 2], [1, 4, 2], [4, 5, 50])
    assert run(jobs, EASY, failures=told((3, 0.5, 20))).start_s.tolist() == [0, 52, 2]
    assert run(jobs, EASY).start_s.tolist() == [0, 4, 9]


def test_schedulers_plan_around_a_planned_outage():
    """From 10 to 20 all nodes are away: job 1 would run into it and waits, the short job 2 goes before."""
    jobs = table([0, 1, 2], [2, 4, 2], [4, 7, 6])
    outage = (PlannedOutage(10, 20),)
    assert run(jobs, FCFS, outages=outage).start_s.tolist() == [0, 20, 27]
    assert run(jobs, EASY, outages=outage).start_s.tolist() == [0, 20, 2]
    assert run(jobs, CONSERVATIVE, outages=outage).start_s.tolist() == [0, 20, 2]


@BY_NAME
def test_a_part_of_the_nodes_can_be_away(policy):
    """Two of four nodes are away from 5 to 15: a job of two nodes runs through, one of three waits."""
    jobs = table([0, 1, 2], [2, 3, 1], [10, 3, 3])
    schedule = run(jobs, policy, outages=(PlannedOutage(5, 15, nodes=2),))
    expected = {"fcfs": [0, 15, 15], "easy": [0, 15, 2], "conservative": [0, 15, 2]}
    assert schedule.start_s.tolist() == expected[policy.name]
    assert schedule.down.node.tolist() == [2, 3]


def test_an_outage_takes_free_nodes_first_and_jobs_that_started_last_next():
    """Nodes 0 and 1 have jobs, 2 and 3 are free: one, two and three nodes are wanted from 5 to 6."""
    jobs = table([0, 1], [1, 1], [30, 30], [4, 4])  # both outstay their time
    for wanted, hit in ((1, []), (2, []), (3, [1]), (4, [0, 1])):
        machine = {"cpu": Partition(nodes=4, outages=(PlannedOutage(5, 6, nodes=wanted),))}
        schedule = replay(jobs, machine, FCFS, overrun="extend")
        assert sorted(schedule.lost.job.tolist()) == hit
        assert sorted(schedule.down.node.tolist()) == [3, 2, 1, 0][:wanted][::-1]


def test_an_outage_ends_jobs_that_outstay_their_time():
    jobs = table([0], [3], [20], [8])
    partition = {"cpu": Partition(nodes=4, outages=(PlannedOutage(10, 12, nodes=2),))}
    schedule = replay(jobs, partition, FCFS, overrun="extend")
    assert (schedule.start_s.tolist(), schedule.end_s.tolist()) == ([12], [32])
    assert schedule.lost.end_s.tolist() == [10]


def test_a_node_comes_back_when_nothing_keeps_it_away_any_more():
    jobs = table([11], [4], [1])
    schedule = run(jobs, FCFS, failures=told((1, 4, 14), (1, 6, 16)), outages=(PlannedOutage(10, 12),))
    assert schedule.start_s.tolist() == [16]
    assert sorted(zip(*(each.tolist() for each in schedule.down), strict=True)) == [
        (0, 10, 12),
        (1, 4, 16),
        (2, 10, 12),
        (3, 10, 12),
    ]


@pytest.mark.parametrize("policy", [*ALL, MULTIFACTOR], ids=str)
def test_failures_after_the_last_job_change_nothing(policy):
    jobs = random_table(7, 150, 16, load=1.2)
    plain = replay(jobs, {"cpu": Partition(nodes=16)}, policy, engine="general")
    far = float(plain.end_s.max()) + 1.0
    for more in ({"failures": told((3, far, far + 5))}, {"outages": (PlannedOutage(far * 1e6, far * 2e6),)}):
        same = run(jobs, policy, nodes=16, **more)
        assert same.start_s.tolist() == plain.start_s.tolist()
        assert (same.lo.tolist(), same.hi.tolist()) == (plain.lo.tolist(), plain.hi.tolist())


@pytest.mark.parametrize("policy", [FCFS, EASY, CONSERVATIVE], ids=lambda policy: policy.name)
@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), requeue=st.booleans())
def test_no_node_has_two_jobs_or_a_job_while_it_is_away(policy, seed, requeue):
    draw = np.random.default_rng(seed)
    jobs = random_table(seed, 40, 6, load=0.8)
    span = float(jobs.submit_s[-1])
    failures = NodeFailures(mtbf_s=span / 2, repair=Duration("exponential", span / 20))
    begin = float(draw.uniform(0, span))
    outages = (PlannedOutage(begin, begin + span / 10, nodes=int(draw.integers(1, 7))),)
    schedule = run(jobs, policy, requeue, seed, nodes=6, failures=failures, outages=outages)
    assert not np.isnan(schedule.end_s).any()
    check_nodes(jobs, schedule, 6)
    killed = schedule.state == JobState.COMPLETED_KILLED
    exact = np.isclose(schedule.end_s - schedule.start_s, jobs.runtime_s)
    assert exact[~killed].all()
    assert killed.any() == (schedule.reason is not None)
    assert not (requeue and killed.any())


def check_nodes(jobs, schedule, n_nodes):
    """Sweep over every stay on every node, of jobs, lost runs and absences: none overlaps another."""
    stays: list[list[tuple[float, float]]] = [[] for _ in range(n_nodes)]
    lost, down = schedule.lost, schedule.down
    for kind, who in ((schedule, np.flatnonzero(~np.isnan(schedule.start_s))), (lost, np.arange(len(lost.job)))):
        for j in who.tolist():
            held = [
                node for k in range(kind.offset[j], kind.offset[j + 1]) for node in range(kind.lo[k], kind.hi[k] + 1)
            ]
            assert len(held) == jobs.nodes[j if kind is schedule else kind.job[j]]
            for node in held:
                stays[node].append((float(kind.start_s[j]), float(kind.end_s[j])))
    for node, from_s, to_s in zip(*(each.tolist() for each in down), strict=True):
        stays[node].append((from_s, to_s))
    for each in stays:
        each.sort()
        assert all(a[1] <= b[0] for a, b in pairwise(each))
    runs = sorted((int(j), float(a), float(b)) for j, a, b in zip(lost.job, lost.start_s, lost.end_s, strict=True))
    runs += [(j, float(schedule.start_s[j]), float(schedule.end_s[j])) for j in range(jobs.n)]
    runs.sort()
    assert all(a[2] <= b[1] for a, b in pairwise(runs) if a[0] == b[0]), "a job ran twice at a time"


def test_failures_do_not_depend_on_the_policy():
    jobs = random_table(3, 60, 8)
    failures = NodeFailures(mtbf_s=200.0, repair=Duration("lognormal", 20.0, 1.0))
    downs = [run(jobs, policy, seed=5, nodes=8, failures=failures).down for policy in (FCFS, EASY)]
    n = min(len(down.node) for down in downs) - 8
    assert n > 20
    assert [downs[0].node[:n].tolist(), downs[0].start_s[:n].tolist()] == [
        downs[1].node[:n].tolist(),
        downs[1].start_s[:n].tolist(),
    ]


def test_a_users_policy_sees_jobs_and_free_nodes_only():
    jobs = table([0, 1], [2, 1], [10, 20])
    state = TrackedState(jobs, Partition(nodes=4), jobs.walltime_s)
    state.now_s = 0.0
    state.start(0)
    state.take_down(3, math.inf)
    view = UserRule(state, Policy())._view
    assert (view.free_nodes, view.n_nodes) == (1, 4)
    assert [(end_s, job.id) for end_s, job in view.running] == [(10.0, 1)]
    assert view.shadow(3) == (10.0, 0)


def test_scheduling_cycles_meet_failures_too():
    jobs = table([0, 1], [2, 2], [10, 20])
    schedule = run(jobs, EASY, scheduler=Scheduler(interval_s=4), failures=told((0, 5, 8)))
    assert schedule.start_s.tolist() == [8, 4]


@pytest.mark.parametrize(
    ("policy", "machine", "text"),
    [
        (Policy(semantics="each"), {}, "semantics"),
        (Policy(backfill="conservative", reservations="kept"), {}, "kept"),
        (Policy(), {"sharing": "cores"}, "whole, like nodes"),
        (Policy(), {"failures": told((4, 1, 2))}, "node 4"),
        (Policy(), {"failures": told((0, 2, 2))}, "from 2 s to 2 s"),
        (Policy(), {"outages": (PlannedOutage(1, 2, nodes=9),)}, "9 nodes"),
        (Policy(), {"failures": NodeFailures(mtbf_s=5, repair=Duration("constant", 0.0))}, "mean 0.0"),
    ],
)
def test_what_is_not_modelled_is_refused(policy, machine, text):
    with pytest.raises(ConfigError, match=text):
        run(table([0], [1], [1]), policy, **{"failures": told((0, 1, 2)), **machine})


def test_the_kernel_refuses():
    with pytest.raises(ConfigError, match="nodes fail"):
        replay(table([0], [1], [1]), {"cpu": Partition(failures=told((0, 1, 2)))}, FCFS, engine="kernel")


def test_a_job_that_never_finishes_is_said_so():
    jobs = table([0], [1], [1000.0])
    failures = NodeFailures(mtbf_s=1.0, repair=Duration("constant", 0.01))
    with pytest.raises(FacilityError, match="never finished"):
        run(jobs, FCFS, nodes=1, failures=failures)


def test_a_facility_speaks_for_its_partitions():
    own = NodeFailures(mtbf_s=5.0)
    outage = PlannedOutage(1, 2, partition="gpu")
    facility = Facility(
        partitions={"cpu": Partition(), "gpu": Partition(failures=own)},
        failures=NodeFailures(mtbf_s=9.0),
        outages=(outage,),
        requeue=False,
    )
    made = with_outages(facility, facility.partitions)
    assert (made["cpu"].failures.mtbf_s, made["cpu"].outages) == (9.0, ())
    assert (made["gpu"].failures, made["gpu"].outages, made["gpu"].requeue) == (own, (outage,), False)
    with pytest.raises(FacilityError, match="xpu"):
        with_outages(dataclasses.replace(facility, outages=(PlannedOutage(1, 2, partition="xpu"),)), made)
