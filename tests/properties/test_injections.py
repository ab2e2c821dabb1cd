"""A failure, a walltime end or a resize at every event time of a small scenario, one at a time.

Whatever is injected, the clock runs out, every job and task has an end state, every node that is up is free at the
end, and no node ever had two jobs, or a job while it was away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from qhpcsim.core.circuit_times import ConstantTimes
from qhpcsim.core.hybrid_records import HybridJob
from qhpcsim.core.records import DownTimes, JobState, JobTable, LostRuns, Schedule
from qhpcsim.core.registry import entries, lookup
from qhpcsim.core.rng import Rng
from qhpcsim.core.task_records import TaskState
from qhpcsim.core.workflow_records import Application, PilotAsk, WorkflowWork
from qhpcsim.facility.centre import Centre
from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.metrics.invariants import check_run
from qhpcsim.middleware.applications import Applications, TaskLayer
from qhpcsim.middleware.hybrid import HybridJobs
from qhpcsim.middleware.pilots import PilotCosts
from qhpcsim.middleware.pool_costs import PoolCosts
from qhpcsim.qpu_scenario import QpuService
from qhpcsim.results.result import Result
from qhpcsim.scenario import NodeFailures, Partition, Policy, Scenario
from qhpcsim.workloads.motifs.making import motif_params
from tests.job_tables import EASY, POLICIES, table

N_NODES, N_RIGID = 4, 4
REPAIR_S = 7.0
HAIR_S = 2.0**-10
COUPLINGS = sorted(entries("coupling"))
NOTHING = LostRuns(*(np.zeros(0, int) for _ in range(3)), np.zeros(1, int), np.zeros(0, int), np.zeros(0, int))
Prepare = Callable[[Centre], None]


def rigid() -> JobTable:
    """Four jobs, two of which wait; the last one is killed at its walltime."""
    return table([0, 1, 3, 9], [2, 3, 1, 4], [11, 6, 8, 5], [12, 6, 20, 4])


def machine(failures: tuple = (), requeue: bool = True) -> dict[str, Partition]:
    cpu = Partition(nodes=N_NODES, cores_per_node=2, failures=NodeFailures(fixed_s=failures), requeue=requeue)
    return {"cpu": cpu, "qpu": Partition(nodes=2)}


def hybrid(
    coupling: str,
    partitions: dict[str, Partition],
    jobs: JobTable,
    prepare: Prepare | None,
    policy: Policy = EASY,
) -> HybridJobs:
    entry = lookup("coupling", coupling)
    assert entry.params is not None
    work = [
        HybridJob(f"h{k}", submit_s, nodes, np.array([2.0, 3.0]), np.array([1.5, 2.0]), 1.0, walltime_s=60.0)
        for k, (submit_s, nodes) in enumerate([(0.5, 2), (2.0, 3), (2.5, 1)])
    ]
    made = HybridJobs(
        work, entry.target(entry.params()), jobs, partitions, policy, QpuService(), Rng(0), prepare=prepare
    )
    made.simulate()
    return made


def opened_applications(partitions: dict[str, Partition], jobs: JobTable) -> Applications:
    settings = {"qubits": "4", "num_entries": "9", "device": "cpu:any"}
    params = motif_params("circuit_execution", settings)
    pilots = (PilotAsk("cpu", walltime_s=25.0), PilotAsk("cpu", nodes=2, walltime_s=40.0, reserve=True))
    work = WorkflowWork(jobs, [Application("a", "circuit_execution", params, 0.5, "u", pilots)])
    layer = TaskLayer(pilot=PilotCosts(start_s=1.0, cancel_s=0.5), pool=PoolCosts(retries=1))
    return Applications(work, ConstantTimes(simulated_s=4.0), partitions, EASY, layer, QpuService())


def applications(partitions: dict[str, Partition], jobs: JobTable, prepare: Prepare | None) -> Applications:
    made = opened_applications(partitions, jobs)
    if prepare is not None:
        prepare(made.centre)
    made.simulate()
    return made


def event_times(run: Callable[[Prepare], object]) -> list[float]:
    """Return every time at which the clock of the undisturbed run had something to do."""
    times: set[float] = set()

    def listen(centre: Centre) -> None:
        times.update(entry[0] for entry in centre.clock._queue)
        call_at = centre.clock.call_at
        centre.clock.call_at = lambda time_s, *rest: (times.add(time_s), call_at(time_s, *rest))[1]

    run(listen)
    return sorted(times)


def around(times: list[float]) -> Iterator[float]:
    """Yield each time, a hair before it and a hair after it."""
    for time_s in times:
        yield from (each for each in (time_s - HAIR_S, time_s, time_s + HAIR_S) if each > 0)


def check_centre(centre: Centre) -> tuple[JobTable, Schedule]:
    """Check what batch systems and nodes look like at the end, and return the outcome."""
    jobs, schedule = centre.outcome()
    for system in centre.systems:
        state = system.state
        assert not system._ends and not state.queue, "jobs are left on the nodes or in the queue"
        away = sum(job >= centre.table.n for _, job in state.running)
        assert state.free_nodes == state.n_nodes - away, "nodes leaked"
        assert len(state.running) == away
    ended = np.isfinite(schedule.end_s) & np.isfinite(schedule.start_s)
    withdrawn = schedule.state == JobState.QUEUED
    assert (ended | withdrawn).all()
    own = [str(name).isdigit() for name in jobs.job_id.tolist()]
    assert sum(own) == N_RIGID and ended[own].all(), "a rigid job was lost"
    check_nodes(jobs, schedule)
    return jobs, schedule


def check_nodes(jobs: JobTable, schedule: Schedule) -> None:
    """Sweep over every stay on every node, of jobs, lost runs and absences: none overlaps another."""
    lost = schedule.lost or NOTHING
    down = schedule.down or DownTimes(*(np.zeros(0, int) for _ in range(3)))
    stays = [(int(node), a, b) for node, a, b in zip(*down, strict=True)]
    runs: list[tuple[int, float, float]] = []
    for kind, who in ((schedule, np.flatnonzero(np.isfinite(schedule.start_s))), (lost, np.arange(len(lost.job)))):
        for j in who.tolist():
            job, a, b = j if kind is schedule else int(kind.job[j]), float(kind.start_s[j]), float(kind.end_s[j])
            runs.append((job, a, b))
            held = [n for k in range(kind.offset[j], kind.offset[j + 1]) for n in range(kind.lo[k], kind.hi[k] + 1)]
            assert len(held) == jobs.nodes[job]
            stays += [(node, a, b) for node in held if b > a]
    for what in (stays, runs):
        what.sort()
        for one, other in pairwise(what):
            assert one[0] != other[0] or one[2] <= other[1], f"{one} and {other} overlap"


def check_hybrid(made: HybridJobs) -> None:
    check_centre(made.centre)
    for each in made.runs:
        assert each.state in ("COMPLETED", "WALLTIME", "FAILED"), each.state
        assert np.isfinite(each.ended_s)


def check_applications(made: Applications) -> None:
    check_centre(made.centre)
    assert made.n_over == len(made.runs) or made.runs[0].state == "STRANDED"
    tasks = made.tasks()
    assert tasks.n >= 9
    running = tasks.state == TaskState.RUNNING
    assert not running.any(), "a task was lost"
    if made.runs[0].state != "STRANDED":
        assert not (tasks.state == TaskState.QUEUED).any(), "a task was lost"


def kill(turn: int) -> Prepare:
    """Return what ends one of the running open jobs as its walltime would."""

    def act(centre: Centre) -> None:
        live = [row for row in centre.open.rows if row in centre.open._watch and centre.open.is_running(row)]
        if live:
            row = live[turn % len(live)]
            centre.systems[int(centre._wants.home[row])].end_now(row)

    return act


def at(time_s: float, act: Prepare) -> Prepare:
    return lambda centre: centre.clock.call_at(time_s, lambda _event: act(centre), NORMAL)


def shortened(jobs: JobTable, schedule: Schedule, time_s: float, turn: int) -> JobTable | None:
    """Return the jobs with the walltime of one such that it ended at a time of the undisturbed run."""
    live = [j for j in range(jobs.n) if schedule.start_s[j] < time_s < schedule.end_s[j]]
    if not live:
        return None
    cut = replace(jobs, walltime_s=jobs.walltime_s.copy())
    j = live[turn % len(live)]
    cut.walltime_s[j] = time_s - schedule.start_s[j]
    return cut


def undisturbed(coupling: str) -> tuple[list[float], Schedule]:
    times = event_times(lambda listen: hybrid(coupling, machine(), rigid(), listen))
    return times, hybrid(coupling, machine(), rigid(), None).centre.outcome()[1]


@pytest.mark.parametrize("coupling", COUPLINGS)
def test_hybrid_jobs_stand_a_failure_at_every_event(coupling):
    times, _ = undisturbed(coupling)
    assert len(times) > 20
    n_hit = 0
    for k, time_s in enumerate(around(times)):
        failures = ((k % N_NODES, time_s, time_s + REPAIR_S),)
        made = hybrid(coupling, machine(failures, requeue=k % 8 < 6), rigid(), None)
        check_hybrid(made)
        losses = made.centre.systems[0].losses
        assert losses is not None
        n_hit += bool(made.centre.open.lost or losses.lost or losses.cut_s)
    assert n_hit > len(times) // 2


@pytest.mark.parametrize("coupling", COUPLINGS)
def test_hybrid_jobs_stand_a_walltime_end_at_every_event(coupling):
    times, plain = undisturbed(coupling)
    n_hit = 0
    for k, time_s in enumerate(around(times)):
        made = hybrid(coupling, machine(), rigid(), at(time_s, kill(k)))
        check_hybrid(made)
        n_hit += bool(made.centre.open.killed)
        cut = shortened(rigid(), plain, time_s, k)
        if cut is not None:
            check_hybrid(hybrid(coupling, machine(), cut, None))
    assert n_hit > len(times) // 2


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
@pytest.mark.parametrize("coupling", COUPLINGS)
def test_every_node_fails_at_every_event(coupling, policy):
    """All nodes, three policies, with and without requeue; the rules on output tables hold too."""
    times, _ = undisturbed(coupling)
    for node in range(N_NODES):
        for k, time_s in enumerate(around(times)):
            partitions = machine(((node, time_s, time_s + REPAIR_S), (k % N_NODES, 20.0, 31.0)), k % 2 < 1)
            made = hybrid(coupling, partitions, rigid(), None, policy)
            check_hybrid(made)
            if k % 9 == 0:
                jobs, schedule = made.centre.outcome()
                result = Result(Scenario(policy=policy), jobs, schedule, partitions)
                assert check_run(result.jobs, result.summary, partitions) == []


def application_times() -> list[float]:
    return event_times(lambda listen: applications(machine(), rigid(), listen))


def test_applications_stand_a_failure_and_a_walltime_end_at_every_event():
    times = application_times()
    n_lost = n_killed = 0
    for k, time_s in enumerate(around(times)):
        made = applications(machine(((k % N_NODES, time_s, time_s + REPAIR_S),), k % 8 < 6), rigid(), None)
        check_applications(made)
        n_lost += bool(made.centre.open.lost)
        made = applications(machine(), rigid(), at(time_s, kill(k)))
        check_applications(made)
        n_killed += bool(made.centre.open.killed)
    assert n_lost > 5 and n_killed > 5


@pytest.mark.parametrize("grows", [True, False], ids=["grow", "shrink"])
def test_applications_stand_a_resize_at_every_event(grows):
    """The pilot in reserve is asked for, or the other one is given back."""
    changed = 0
    for time_s in around(application_times()):
        made = opened_applications(machine(), rigid())
        pilots = made._groups[0].pilots
        act = (lambda _centre, pilots=pilots: pilots.submit(1)) if grows else (lambda _centre, p=pilots: p.end(0))
        at(time_s, act)(made.centre)
        made.simulate()
        check_applications(made)
        changed += made.pilots[1].state != "NEW" if grows else made.pilots[0].ended_s < 20.0
    assert changed > 10
