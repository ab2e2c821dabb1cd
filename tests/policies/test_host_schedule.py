"""The plan over named hosts against a plain list of reservations, and what overrunning jobs do to it."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qhpcsim.core.records import JobTable
from qhpcsim.policies.batch.batsched import BatschedConservative, BatschedEasy
from qhpcsim.policies.batch.host_schedule import HostSchedule, Reservation, host_ids, lowest
from qhpcsim.policies.batch.state import QueueState
from qhpcsim.scenario import Policy

HOSTS = 5


def free_hosts(booked: list[Reservation], time_s: float) -> int:
    """Return the hosts that no reservation holds at one time."""
    held = 0
    for one in booked:
        held |= one.hosts if one.begin_s <= time_s < one.end_s else 0
    return (2**HOSTS - 1) & ~held


def brute_first_fit(booked: list[Reservation], now_s: int, need: int, duration_s: int) -> Reservation:
    """Try every integer begin time and look at every second of the interval."""
    for begin_s in range(now_s, 1000):
        hosts = 2**HOSTS - 1
        for time_s in range(begin_s, begin_s + duration_s):
            hosts &= free_hosts(booked, time_s)
        if hosts.bit_count() >= need:
            chosen = sum(1 << host for host in list(host_ids(hosts))[:need])
            return Reservation(float(begin_s), float(begin_s + duration_s), chosen)
    raise AssertionError("the last reservation ends before 1000")


@given(st.lists(st.tuples(st.integers(1, HOSTS), st.integers(1, 9), st.integers(0, 3), st.booleans()), max_size=25))
def test_first_fit_is_the_earliest_and_lowest(steps: list[tuple[int, int, int, bool]]) -> None:
    plan, booked, now_s = HostSchedule(HOSTS), [], 0
    for need, duration_s, pause_s, drop in steps:
        now_s += pause_s
        plan.advance(float(now_s))
        found = plan.first_fit(need, float(duration_s))
        assert found == brute_first_fit(booked, now_s, need, duration_s)
        plan.hold(found)
        booked.append(found)
        if drop:
            plan.release(booked.pop(len(booked) // 2))
        assert plan.free == [free_hosts(booked, time_s) for time_s in plan.begin_s]
        assert plan.begin_s == sorted(set(plan.begin_s))


@given(st.integers(0, 2**200 - 1), st.data())
def test_lowest_takes_the_lowest_ids(hosts: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, hosts.bit_count()))
    assert list(host_ids(lowest(hosts, count))) == list(host_ids(hosts))[:count]


def test_a_reservation_without_end_never_fits_behind_another() -> None:
    plan = HostSchedule(2)
    plan.advance(0.0)
    first = plan.first_fit(1, math.inf)
    assert first == Reservation(0.0, math.inf, 0b01)
    plan.hold(first)
    assert plan.first_fit(1, math.inf) == Reservation(0.0, math.inf, 0b10)
    assert plan.first_fit(2, 5.0) is None
    plan.release(first)
    assert plan.begin_s == [0.0]


def state_of(nodes: list[int], est_s: list[float]) -> QueueState:
    """Return a queue on two hosts; the jobs' true times do not matter here."""
    times = np.array(est_s)
    zero = np.zeros(len(nodes))
    table = JobTable(np.arange(len(nodes)), zero, times, times, np.array(nodes, dtype=np.int32))
    return QueueState(table, 2, times)


def test_a_job_that_overruns_its_requested_time_keeps_its_hosts() -> None:
    for rule_class in (BatschedEasy, BatschedConservative):
        state = state_of([2, 2, 1], [10.0, 5.0, 1.0])
        rule = rule_class(state, Policy())
        state.now_s, state.queue = 0.0, [0, 1]
        assert rule.select([], [0, 1]) == [0]
        state.queue = [1, 2]
        state.now_s = 12.0
        assert rule.select([], [2]) == []
        state.now_s = 13.0
        assert rule.select([0], []) in ([1], [2])
