"""When a pilot that waits can be expected, against what then happens where requested times are used up."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.middleware.pilot_starts import PilotStarts
from qhpcsim.middleware.pilots import PilotCosts
from tests.job_tables import FCFS, table
from tests.middleware.pool_cases import case, plan


def asked_at(at_s: float, submit_s, nodes, run_s, *, machine=4, own=2, costs=None) -> tuple[list[float], float]:
    """Return what is expected at a time of a pilot that is submitted then, and when it takes tasks."""
    rigid = table(submit_s, nodes, run_s)
    made = case([plan(nodes=own, submit_s=at_s)], table=rigid, nodes=machine, pilot_costs=costs, batch=FCFS)
    starts, found = PilotStarts(made.centre, made.pilots), []
    for time_s in (at_s, at_s + 0.5):
        made.centre.clock.call_at(time_s, lambda _event: found.append(starts(0)), NORMAL)
    made.run()
    return found, made.pilots.runs[0].ready_s


def test_an_empty_machine():
    found, ready_s = asked_at(5.0, [0.0], [1], [100.0])
    assert found[0] == ready_s == 5.0


def test_a_pilot_that_starts_up():
    found, ready_s = asked_at(5.0, [0.0], [1], [100.0], costs=PilotCosts(start_s=7.0))
    assert found == [12.0, 12.0] and ready_s == 12.0


def test_behind_what_runs_and_waits():
    """Four nodes: 3 until 100, then a job of 4 until 130, then the pilot; its start-up of 7 s comes on top."""
    found, ready_s = asked_at(5.0, [0.0, 1.0], [3, 4], [100.0, 30.0], costs=PilotCosts(start_s=7.0))
    assert found == [137.0, 137.0] and ready_s == 137.0


@settings(max_examples=60, deadline=None)
@given(
    jobs=st.lists(st.tuples(st.integers(0, 20), st.integers(1, 4), st.integers(1, 60)), min_size=1, max_size=8),
    at_s=st.integers(0, 30),
    own=st.integers(1, 4),
)
def test_first_come_first_served_starts_it_then_or_later(jobs, at_s, own):
    """The plan lets the pilot into gaps, which plain FCFS does not; without gaps both agree."""
    jobs = sorted(job for job in jobs if job[0] < at_s)
    if not jobs:
        return
    submit_s, run_s = [float(job[0]) for job in jobs], [float(job[2]) for job in jobs]
    nodes = [job[1] for job in jobs]
    found, ready_s = asked_at(float(at_s), submit_s, nodes, run_s, own=own)
    assert math.isfinite(ready_s) and at_s <= found[0] <= ready_s + 1e-9
    whole, ready_s = asked_at(float(at_s), submit_s, [4] * len(nodes), run_s, own=4)
    assert whole[0] == pytest.approx(ready_s)
