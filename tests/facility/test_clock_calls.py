"""Calls at times and SimPy's own events on one calendar."""

import math

import pytest
from simpy.core import EmptySchedule

from qhpcsim.core.errors import InvariantError
from qhpcsim.facility.clock import Clock


def test_calls_and_events_take_turns_by_time_priority_and_order():
    clock, seen = Clock(), []

    def note(word):
        return lambda _event: seen.append((clock.now, word))

    clock.call_at(2.0, note("second"))
    clock.at(2.0, priority=1).callbacks.append(note("event before it"))
    clock.call_at(2.0, note("call before it"), 1)
    clock.call_at(1.0, lambda _event: clock.call_at(1.0, note("at once"), 1))
    clock.timeout(1.5).callbacks.append(note("timeout"))
    with pytest.raises(EmptySchedule):
        clock.steps(100)
    times = [(1.0, "at once"), (1.5, "timeout"), (2.0, "event before it"), (2.0, "call before it"), (2.0, "second")]
    assert seen == times


def test_a_process_can_wait_for_a_time():
    clock, seen = Clock(), []

    def process():
        yield clock.at(0.1 + 0.2)
        seen.append(clock.now)

    clock.process(process())
    clock.run()
    assert seen == [0.1 + 0.2]


def test_steps_stop_where_they_are_told():
    clock, seen = Clock(), []
    for time_s in (1.0, 2.0, 3.0):
        clock.call_at(time_s, lambda _event: seen.append(clock.now))
    clock.steps(2)
    assert seen == [1.0, 2.0] and clock.peek() == 3.0
    clock.step()
    with pytest.raises(EmptySchedule):
        clock.step()


@pytest.mark.parametrize("time_s", [math.nan, math.inf, -1.0])
def test_times_that_cannot_be_are_refused(time_s):
    with pytest.raises(InvariantError, match="cannot be put"):
        Clock().call_at(time_s, print)
