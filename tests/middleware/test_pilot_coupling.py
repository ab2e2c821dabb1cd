"""Hybrid jobs on shared pilots: late binding, renewal, what is held and what is refused, worked out by hand."""

import numpy as np
import pytest

from qhpcsim.core.errors import ConfigError, FacilityError
from qhpcsim.core.hybrid_records import HybridJob
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.metrics.hybrid import held_node_s
from qhpcsim.middleware.hybrid import HybridJobs
from qhpcsim.middleware.shared_pilots import first_rows, pilot_plans
from qhpcsim.policies.coupling.params import PilotParams
from qhpcsim.policies.coupling.pilot import Pilot
from qhpcsim.qpu_scenario import QpuService
from qhpcsim.scenario import NodeFailures, Partition
from tests.job_tables import EASY, FCFS, table
from tests.middleware.hybrid_cases import constant_job, no_jobs, run, spent


def job(name: str, cpu_s: list[float], qpu_s: float = 5.0, nodes: int = 1, submit_s: float = 0.0, **more) -> HybridJob:
    """A job whose last classical phase is the last of ``cpu_s``."""
    calls = len(cpu_s) - 1
    return HybridJob(name, submit_s, nodes, np.array(cpu_s[:-1]), np.full(calls, qpu_s), cpu_s[-1], **more)


def phases(made: HybridJobs, k: int, kind: str) -> list[tuple[float, float]]:
    return [(a, b) for what, a, b in made.runs[k].phases if what == kind]


def test_one_node_serves_two_jobs_in_turn():
    """While the first is on the QPU (10 to 15 s) the second computes; no node waits for a call."""
    made = run([job("a", [10, 10]), job("b", [10, 10])], "pilot", 8, pilot_nodes=1)
    assert phases(made, 0, "cpu") == [(0, 10), (20, 30)]
    assert phases(made, 1, "cpu") == [(10, 20), (30, 40)]
    assert phases(made, 0, "queue") == [(15, 20)]
    assert made.pilots == [(1, 0, 40)]
    assert [held_node_s(each) for each in made.runs] == [20, 20]
    jobs, schedule = made.centre.outcome()
    assert list(jobs.job_id) == ["pilot.0"]
    assert (schedule.start_s[0], schedule.end_s[0]) == (0, 40)


def test_idle_time_of_pilots_is_charged_in_proportion_to_use():
    """8 nodes for 25 s; the jobs use 20 and 30 node seconds of them."""
    made = run([job("a", [5, 5], qpu_s=15.0, nodes=2), job("b", [10], nodes=3)], "pilot", 8, pilot_nodes=8)
    assert made.pilots == [(8, 0, 25)]
    assert [held_node_s(each) for each in made.runs] == [pytest.approx(80), pytest.approx(120)]


def test_first_come_first_served_even_where_a_later_phase_would_fit():
    """Of 4 nodes 3 are in use: the job of 2 waits, and the job of 1 behind it."""
    made = run([job("a", [10], nodes=3), job("b", [4], nodes=2), job("c", [4], nodes=1)], "pilot", 8, pilot_nodes=4)
    assert [phases(made, k, "cpu") for k in range(3)] == [[(0, 10)], [(10, 14)], [(10, 14)]]


def test_a_pilot_is_renewed_when_a_phase_finds_no_room():
    """Walltime 25 s: the third phase of 10 s would end at 30 s, so it waits for the pilot's end at 25 s."""
    made = run([job("a", [10, 10, 10], qpu_s=0.0)], "pilot", 4, walltime_s=25.0)
    assert phases(made, 0, "cpu") == [(0, 10), (10, 20), (25, 35)]
    assert made.pilots == [(1, 0, 25), (1, 25, 35)]
    exact = run([job("a", [0.1] * 30, qpu_s=0.0)], "pilot", 4, walltime_s=0.3)
    assert len(exact.pilots) == 10, "three phases of 0.1 s fit, rounding or not"


def test_pilots_end_between_jobs_and_come_again():
    made = run([job("a", [10]), job("b", [10], submit_s=100.0)], "pilot", 4, pilots=2)
    assert made.pilots == [(1, 0, 10), (1, 100, 110)]


def test_as_many_pilots_come_as_the_waiting_phases_would_fill():
    jobs = [job(f"j{k}", [10.0 + k]) for k in range(5)]
    assert [len(run(jobs, "pilot", 8, pilots=count).pilots) for count in (1, 2, 5, 8)] == [1, 2, 5, 5]
    assert [len(run(jobs, "pilot", 8, pilots=8, pilot_nodes=n).pilots) for n in (2, 3, 4, 5)] == [3, 2, 2, 1]


def test_rows_for_pilots_grow_as_needed():
    """Nine jobs with nobody between them need nine pilots; the first guess is that two suffice."""
    jobs = [job(f"j{k}", [10, 10], submit_s=100.0 * k) for k in range(9)]
    plans = pilot_plans(jobs, Pilot(PilotParams()), "")
    assert list(first_rows(jobs, plans).values()) == [2]
    made = run(jobs, "pilot", 2)
    assert made.pilots == [(1, 100.0 * k, 100.0 * k + 25.0) for k in range(9)]
    assert list(made.centre.outcome()[0].job_id) == [f"pilot.{k}" for k in range(9)]
    assert [len(each.phases) for each in made.runs] == [3] * 9, "a beginning that was given up leaves nothing behind"


def test_users_can_have_pilots_of_their_own():
    jobs = [job("a", [10], user="ann"), job("b", [10], user="bob"), job("c", [10], user="ann")]
    made = run(jobs, "pilot", 4, per_user=True)
    ids = made.centre.outcome()[0].job_id
    assert sorted(ids) == ["pilot-ann.0", "pilot-bob.0"]
    assert [phases(made, k, "cpu") for k in range(3)] == [[(0, 10)], [(0, 10)], [(10, 20)]]


def test_pilots_wait_in_the_batch_queue_like_anyone():
    made = run([job("a", [10])], "pilot", 4, policy=EASY, rigid=table([0.0], [4], [30.0]))
    assert phases(made, 0, "queue") == [(0, 30)]
    assert made.runs[0].started_s == 30


def test_launches_take_time_on_the_nodes():
    made = run([job("a", [10, 10])], "pilot", 4, launch_s=2.0)
    assert made.runs[0].ended_s == 2 + 10 + 5 + 2 + 10
    assert spent(made, "launch") == 4


def test_a_phase_that_loses_its_node_begins_again():
    """The node of the pilot is away from 4 to 6 s; a second one is free for the next pilot."""
    entry = lookup("coupling", "pilot")
    made = HybridJobs(
        [job("a", [10])],
        entry.target(entry.params()),
        no_jobs(),
        {"cpu": Partition(nodes=1, failures=NodeFailures(fixed_s=((0, 4.0, 6.0),)))},
        FCFS,
        QpuService(),
        Rng(0),
    )
    made.simulate()
    assert made.runs[0].phases == [("cpu", 0, 4), ("queue", 4, 6), ("cpu", 6, 16)]
    assert made.runs[0].state == "COMPLETED"
    assert made.pilots == [(1, 0, 4), (1, 6, 16)]


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"pilot_nodes": 4}, "needs 8 nodes at a time"),
        ({"walltime_s": 9.0}, "takes 10 s, and pilots last 9 s"),
        ({"launch_s": 5.0, "walltime_s": 14.0}, "takes 15 s"),
        ({"pilots": 0}, "at least 1"),
        ({"walltime_s": 0.0}, "more than 0 s"),
    ],
)
def test_pilots_that_could_never_run_a_phase_are_refused(params, text):
    with pytest.raises(ConfigError, match=text):
        run([constant_job("a", 2, 10.0, 5.0)], "pilot", 8, **params)


def test_pilots_larger_than_the_machine_are_refused():
    with pytest.raises(FacilityError, match=r"pilot\.0 asks for 9 nodes"):
        run([constant_job("a", 2, 10.0, 5.0)], "pilot", 8, pilot_nodes=9)
