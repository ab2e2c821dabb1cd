"""Hybrid jobs that are stopped: what they were at is in their phases, and those cover all of their time."""

import numpy as np
import pytest

from qhpcsim.core.hybrid_records import HybridJob
from qhpcsim.core.registry import entries
from qhpcsim.core.rng import Rng
from qhpcsim.metrics.hybrid import n_answered, summarise_hybrid
from qhpcsim.middleware.hybrid import HybridJobs
from qhpcsim.qpu_scenario import Outages, QpuDevice, QpuService
from qhpcsim.results.hybrid_outcome import HybridOutcome
from qhpcsim.scenario import NodeFailures, Partition
from tests.job_tables import EASY, FCFS, table
from tests.middleware.hybrid_cases import constant_job, no_jobs, run


def covered(made: HybridJobs) -> None:
    """Check that the phases of each job follow one another from its submission to its end."""
    for runner in made.runners:
        marks = [runner.job.submit_s, *(t for _, a, b in runner.run.phases for t in (a, b)), runner.run.ended_s]
        assert marks[::2] == marks[1::2], (runner.job.name, runner.run)


STOPS = [
    (5.0, [("cpu", 0, 5)], 0),
    (12.0, [("cpu", 0, 10), ("qpu", 10, 12)], 0),
    (15.0, [("cpu", 0, 10), ("qpu", 10, 15)], 0),
    (18.0, [("cpu", 0, 10), ("qpu", 10, 15), ("cpu", 15, 18)], 1),
    (27.0, [("cpu", 0, 10), ("qpu", 10, 15), ("cpu", 15, 25), ("qpu", 25, 27)], 1),
]


@pytest.mark.parametrize("coupling", ["hold", "exclusive", "vqpu"])
@pytest.mark.parametrize(("walltime_s", "phases", "answered"), STOPS)
def test_the_phase_that_is_cut_short(coupling, walltime_s, phases, answered):
    made = run([constant_job("a", 3, 10.0, 5.0, walltime_s=walltime_s)], coupling, 8)
    (ended,) = made.runs
    assert (ended.state, ended.ended_s) == ("WALLTIME", walltime_s)
    if walltime_s != 15.0 or coupling != "exclusive":
        assert ended.phases == phases
        assert n_answered(ended) == answered
    covered(made)


def test_a_call_that_still_waits_is_in_the_phases_and_no_response():
    """The second job's call waits from 10 s on for the first one's, which takes 100 s."""
    jobs = [
        HybridJob("a", 0.0, 1, np.array([9.0]), np.array([100.0])),
        HybridJob("b", 0.0, 1, np.array([10.0, 1.0]), np.array([2.0, 2.0]), walltime_s=30.0),
    ]
    made = run(jobs, "hold", 2)
    assert made.runs[1].phases == [("cpu", 0, 10), ("qpu_wait", 10, 30)]
    figures = summarise_hybrid(jobs, made.runs, 1)
    assert (figures["n_calls"], figures["qpu_response_s"]) == (1, 100.0)
    assert HybridOutcome("hold", jobs, made.runs, 1).data.n_calls.tolist() == [1, 0]
    covered(made)


def test_a_growing_job_that_waits_for_nodes():
    """The walltime of the kept nodes comes while the others are taken by a rigid job."""
    rigid = table([1.0], [6], [80.0])
    made = run(
        [constant_job("a", 2, 10.0, 5.0, min_nodes=2, walltime_s=40.0)], "malleable", 8, policy=FCFS, rigid=rigid
    )
    assert made.runs[0].phases == [("cpu", 0, 10), ("qpu", 10, 15), ("queue", 15, 40)]
    covered(made)


def test_a_job_that_loses_a_node_has_failed():
    from qhpcsim.core.registry import lookup

    made = HybridJobs(
        [constant_job("a", 2, 10.0, 5.0, nodes=2)],
        lookup("coupling", "hold").target(lookup("coupling", "hold").params()),
        no_jobs(),
        {"cpu": Partition(nodes=2, failures=NodeFailures(fixed_s=((1, 12.0, 20.0),)))},
        FCFS,
        QpuService(),
        Rng(0),
    )
    made.simulate()
    assert (made.runs[0].state, made.runs[0].ended_s) == ("FAILED", 12.0)
    assert made.runs[0].phases == [("cpu", 0, 10), ("qpu", 10, 12)]


def test_a_call_that_fails_too_often_ends_the_job():
    """An outage at 12 s stops the call, which may not be tried again: until now it counted as answered."""
    down = QpuDevice(outages=Outages(fixed_s=((12.0, 20.0),), mode="restart"))
    made = run([constant_job("a", 2, 10.0, 5.0)], "hold", 8, service=QpuService({"q": down}, max_attempts=1))
    assert made.runs[0].state == "FAILED"
    assert n_answered(made.runs[0]) == 0
    assert made.runs[0].phases[0] == ("cpu", 0, 10)
    covered(made)


def test_a_full_queue_fails_a_session_instead_of_trying_for_ever():
    service = QpuService({"q": QpuDevice()}, queue_limit=0)
    jobs = [constant_job(name, 1, 1.0, 5.0, nodes=1) for name in ("a", "b")]
    made = run(jobs, "hold_unhold", 8, service=service)
    assert {each.state for each in made.runs} == {"FAILED"}
    covered(made)


@pytest.mark.parametrize("coupling", sorted(entries("coupling")))
def test_phases_cover_all_time_under_every_coupling(coupling):
    draw = np.random.default_rng(5)
    jobs = [
        HybridJob(
            f"j{k}",
            3.0 * k,
            int(draw.integers(1, 6)),
            draw.exponential(5, 5),
            draw.exponential(3, 5),
            1.0,
            walltime_s=float(draw.uniform(20, 90)),
        )
        for k in range(12)
    ]
    rigid = table(np.cumsum(draw.exponential(4, 40)), draw.integers(1, 7, 40), draw.exponential(9, 40) + 0.1)
    made = run(jobs, coupling, 8, tokens=2, policy=EASY, rigid=rigid)
    states = {each.state for each in made.runs}
    assert states == {"COMPLETED"} if coupling in ("split", "pilot") else "WALLTIME" in states
    covered(made)
