"""QPUs as resources of a partition: schedules worked out by hand, and what is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from qhpcsim.core.errors import ConfigError, FacilityError, QhpcsimError, WorkloadError
from qhpcsim.core.qpu_records import QpuJobState, QpuJobTable, QpuMode
from qhpcsim.core.records import Categories, JobTable
from qhpcsim.facility.qpu_gres import GresJobs, as_batch_jobs, qpu_schedule
from qhpcsim.facility.qpu_gres_checks import check_gres
from qhpcsim.facility.replay import replay
from qhpcsim.qpu_scenario import (
    CalibrationWindow,
    FairShareDiscipline,
    OpenHours,
    Outages,
    QpuDevice,
    QpuService,
    Reservation,
    Sessions,
)
from qhpcsim.scenario import NodeGroup, Partition, Policy
from tests.job_tables import table

EASY, FCFS = Policy(name="easy", backfill="easy"), Policy()
TWO = QpuService({"a": QpuDevice(), "b": QpuDevice()}, access="gres", partition="qpu")
MACHINE = {"cpu": Partition(nodes=4), "qpu": Partition(nodes=2)}
NO_JOBS = JobTable(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0, np.int32))


def batch_jobs(rows: list[tuple[float, int, float, float]]) -> JobTable:
    """Jobs from (submit, nodes, run time, walltime)."""
    return table(*map(list, zip(*rows, strict=True)))


def qpu_table(rows: list[tuple[float, float]], qpu: list[int] | None = None, **columns: object) -> QpuJobTable:
    """Jobs from (submit, time on the QPU)."""
    submit_s, drawn_s = np.array(rows, dtype=float).T
    named = None if qpu is None else np.array(qpu, np.int32)
    return dataclasses.replace(QpuJobTable(submit_s, drawn_s, qpu=named), **columns)


def run(batch: JobTable, jobs: QpuJobTable, policy: Policy, limit_s: list[float], overrun: str = "kill"):
    gres = as_batch_jobs(batch, jobs, np.array(limit_s, dtype=float), TWO, MACHINE)
    schedule = replay(gres.table, gres.partitions, policy, overrun=overrun)
    return gres, schedule, qpu_schedule(gres, schedule, TWO)


def batch_starts(gres: GresJobs, start_s: np.ndarray) -> list[float]:
    rest = np.setdiff1d(np.arange(gres.table.n), gres.row)
    return start_s[rest].tolist()


# (submit, nodes, run time, walltime) on 4 CPU nodes: job 1 runs to 10 on 3 nodes; job 2 wants all 4, so its shadow
# time is 10; job 3 (1 node, 9 s from t = 2) would end at 11 > 10 and no node is spare; job 4 (1 node, 6 s from t = 3)
# ends at 9 and is backfilled; job 3 starts when job 2 ends, at 20.
BATCH = [(0, 3, 10, 10), (1, 4, 10, 10), (2, 1, 9, 9), (3, 1, 6, 6)]
# On 2 QPUs, first come, first served: 0 and 1 start at once, 2 when job 1 ends (4), 3 when job 0 ends (7).
QPU = [(0, 7), (1, 3), (2, 5), (2, 1)]


def test_batch_and_qpu_jobs_side_by_side_as_worked_out_by_hand():
    gres, schedule, qpus = run(batch_jobs(BATCH), qpu_table(QPU), EASY, [8, 4, 6, 2])
    assert batch_starts(gres, schedule.start_s) == [0, 10, 20, 3]
    assert qpus.started_s.tolist() == [0, 1, 4, 7]
    assert qpus.ended_s.tolist() == [7, 4, 9, 8]
    assert qpus.qpu.tolist() == [0, 1, 1, 0]
    assert qpus.queued_s.tolist() == [0, 1, 2, 2]
    assert qpus.used_s.tolist() == qpus.billed_s.tolist() == [7, 3, 5, 1]
    assert set(qpus.state.tolist()) == {QpuJobState.COMPLETED}
    assert qpus.end_s == 29


def test_the_batch_policy_orders_qpu_jobs():
    _, _, qpus = run(NO_JOBS, qpu_table(QPU), Policy(name="sjf", order="sjf"), [8, 4, 6, 2])
    assert qpus.started_s.tolist() == [0, 1, 5, 4]


def test_a_job_that_names_its_qpu_waits_for_that_one():
    # Job 1 wants QPU a, which job 0 has until 7. First come, first served keeps job 2 behind it although b is free;
    # EASY lets job 2 have b at once.
    jobs = qpu_table([(0, 7), (1, 3), (2, 5)], qpu=[0, 0, -1])
    starts = {policy.name: run(NO_JOBS, jobs, policy, [8, 4, 6])[2] for policy in (FCFS, EASY)}
    assert starts["fcfs"].started_s.tolist() == [0, 7, 7]
    assert starts["easy"].started_s.tolist() == [0, 7, 2]
    assert starts["easy"].qpu.tolist() == [0, 0, 1]


def test_unlike_qpus_take_the_jobs_that_name_them_at_their_own_speed():
    service = dataclasses.replace(TWO, qpus={"a": QpuDevice(), "b": QpuDevice(card="ibm_2023")})
    drawn_s = np.array([[4.0, 9.0], [4.0, 9.0]])
    jobs = QpuJobTable(np.zeros(2), drawn_s, qpu=np.array([1, 0], np.int32))
    gres = as_batch_jobs(NO_JOBS, jobs, 2 * drawn_s, service, MACHINE)
    qpus = qpu_schedule(gres, replay(gres.table, gres.partitions, EASY), service)
    assert qpus.ended_s.tolist() == [9, 4]
    with pytest.raises(WorkloadError, match="QPU job 1 names no QPU, and 'a' and 'b' differ"):
        as_batch_jobs(NO_JOBS, dataclasses.replace(jobs, qpu=np.array([1, -1], np.int32)), drawn_s, service, MACHINE)


def test_a_job_over_its_walltime_is_killed_unless_it_may_run_on():
    jobs = qpu_table([(0, 7), (0, 3)])
    _, _, killed = run(NO_JOBS, jobs, EASY, [5, 4])
    assert killed.ended_s.tolist() == [5, 3]
    assert killed.state.tolist() == [QpuJobState.FAILED, QpuJobState.COMPLETED]
    _, _, patient = run(NO_JOBS, jobs, EASY, [5, 4], overrun="extend")
    assert patient.ended_s.tolist() == [7, 3]
    assert patient.state.tolist() == [QpuJobState.COMPLETED] * 2


def test_a_job_waits_for_the_result_that_it_needs():
    jobs = qpu_table([(0, 7), (1, 3)], depends_on=np.array([-1, 0], np.int32), think_s=np.array([0.0, 2.5]))
    gres, schedule, qpus = run(batch_jobs(BATCH), jobs, EASY, [8, 4])
    assert qpus.submitted_s.tolist() == [0, 9.5]
    assert qpus.started_s.tolist() == [0, 9.5]
    assert batch_starts(gres, schedule.start_s) == [0, 10, 20, 3]


def test_a_job_that_no_qpu_can_run_is_rejected_and_frees_those_behind_it():
    jobs = qpu_table(
        [(0, np.inf), (1, 3), (1, 4)],
        depends_on=np.array([-1, 0, -1], np.int32),
        fidelity=np.array([0.9, 0.9, 0.4]),
        min_fidelity=np.array([np.nan, 0.5, 0.5]),
    )
    gres, schedule, qpus = run(NO_JOBS, jobs, EASY, [np.inf, 4, 5])
    assert gres.table.n == 1
    assert qpus.state.tolist() == [QpuJobState.REJECTED, QpuJobState.COMPLETED, QpuJobState.REJECTED]
    assert qpus.qpu.tolist() == [-1, 0, -1]
    np.testing.assert_equal(qpus.started_s, [np.nan, 1, np.nan])
    assert schedule.start_s.tolist() == [1]


def test_nothing_to_run():
    _, _, qpus = run(NO_JOBS, qpu_table([(0, np.inf)]), EASY, [1])
    assert qpus.state.tolist() == [QpuJobState.REJECTED]
    assert qpus.end_s == 0


def test_ids_and_columns_of_both_kinds():
    batch = batch_jobs(BATCH)
    batch.user = Categories(np.array([0, 1, 0, 1], np.int32), ("ann", "bob"))
    jobs = qpu_table(QPU, user=Categories(np.array([0, 1, 0, 0], np.int32), ("cy", "ann")))
    gres = as_batch_jobs(batch, jobs, np.full(4, 9.0), TWO, MACHINE)
    assert gres.jobs.job_id.tolist() == ["qpu-0", "qpu-1", "qpu-2", "qpu-3"]
    assert gres.table.job_id[gres.row].tolist() == gres.jobs.job_id.tolist()
    user = gres.table.user
    assert [user.names[k] for k in user.code[gres.row]] == ["cy", "ann", "cy", "cy"]
    where = gres.table.partition
    assert {where.names[k] for k in where.code[gres.row]} == {"qpu"}
    assert gres.table.submit_s.tolist() == sorted(gres.table.submit_s.tolist())
    alone = as_batch_jobs(NO_JOBS, jobs, np.full(4, 9.0), TWO, MACHINE)
    assert alone.jobs.job_id.tolist() == [0, 1, 2, 3]


def test_batch_jobs_never_get_the_node_of_a_qpu():
    first = {"qpu": Partition(nodes=2), "cpu": Partition(nodes=4)}
    batch = batch_jobs([(0, 1, 10, 10), (0, 5, 1, 1)])
    gres = as_batch_jobs(batch, qpu_table(QPU), np.full(4, 9.0), TWO, first)
    schedule = replay(gres.table, gres.partitions, EASY)
    rest = np.setdiff1d(np.arange(gres.table.n), gres.row)
    assert schedule.partition[rest].tolist() == [1, -1]
    assert qpu_schedule(gres, schedule, TWO).qpu.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("service", "where"),
    [
        (dataclasses.replace(TWO, discipline=FairShareDiscipline()), "qpu.discipline"),
        (dataclasses.replace(TWO, latency_s=1.0), "qpu.latency_s"),
        (dataclasses.replace(TWO, queue_limit=3), "qpu.queue_limit"),
        (dataclasses.replace(TWO, sessions=Sessions(max_ttl_s=1.0)), "qpu.sessions"),
    ],
)
def test_what_needs_a_queue_of_its_own_is_refused(service, where):
    with pytest.raises(ConfigError) as caught:
        check_gres(service, MACHINE)
    assert caught.value.where == where
    assert caught.value.hint == "qpu.access=queue"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("windows", (CalibrationWindow(),)),
        ("outages", Outages(mtbf_s=10.0)),
        ("open_hours", OpenHours()),
        ("reservations", (Reservation("ann", 0.0, 1.0),)),
        ("background", "ibm_perth"),
    ],
)
def test_devices_with_a_calendar_of_their_own_are_refused(field, value):
    service = dataclasses.replace(TWO, qpus={**TWO.qpus, "b": dataclasses.replace(QpuDevice(), **{field: value})})
    with pytest.raises(ConfigError) as caught:
        check_gres(service, MACHINE)
    assert caught.value.where == f"qpu.qpus.b.{field}"


@pytest.mark.parametrize(
    ("partition", "machine", "where", "words"),
    [
        ("", MACHINE, "qpu.partition", "does not say"),
        ("qpus", MACHINE, "qpu.partition", "did you mean: qpu"),
        ("qpu", {"qpu": Partition(nodes=3)}, "facility.partitions.qpu.nodes", "3 nodes for 2 QPUs"),
        ("qpu", {"qpu": Partition(nodes=2, sharing="cores")}, "facility.partitions.qpu.sharing", "not shared"),
        (
            "qpu",
            {"qpu": Partition(nodes=2, groups={"x": NodeGroup(nodes=2)})},
            "facility.partitions.qpu.groups",
            "cannot be grouped",
        ),
    ],
)
def test_partitions_that_do_not_fit_are_refused(partition, machine, where, words):
    with pytest.raises(ConfigError, match=words) as caught:
        check_gres(dataclasses.replace(TWO, partition=partition), machine)
    assert caught.value.where == where


def test_the_machine_of_named_jobs_is_accepted_again():
    gres = as_batch_jobs(NO_JOBS, qpu_table([(0, 7)], qpu=[1]), np.ones(1), TWO, MACHINE)
    check_gres(TWO, gres.partitions)


@pytest.mark.parametrize(
    ("batch", "jobs", "machine", "error", "words"),
    [
        (
            NO_JOBS,
            qpu_table([(0, 1)], mode=np.array([QpuMode.SESSION], np.int32), session=np.zeros(1, np.int32)),
            MACHINE,
            WorkloadError,
            "QPU job 0 is of mode session",
        ),
        (NO_JOBS, qpu_table([(0, 1)], priority=np.array([2], np.int32)), MACHINE, WorkloadError, "has a priority"),
        (batch_jobs(BATCH), qpu_table([(0, 1)]), {"qpu": MACHINE["qpu"]}, FacilityError, "no partition besides 'qpu'"),
        (
            dataclasses.replace(batch_jobs(BATCH), partition=Categories(np.array([-1, 0, -1, -1], np.int32), ("qpu",))),
            qpu_table([(0, 1)]),
            MACHINE,
            WorkloadError,
            "asks for partition 'qpu'",
        ),
        (
            NO_JOBS,
            qpu_table([(0, 1), (1, 1)], job_id=np.array(["x", "x"], dtype=object)),
            MACHINE,
            WorkloadError,
            "id 'x' stands for two jobs",
        ),
    ],
)
def test_jobs_that_do_not_fit_are_refused(batch, jobs, machine, error, words):
    with pytest.raises(error, match=words) as caught:
        as_batch_jobs(batch, jobs, np.ones(jobs.n), TWO, machine)
    assert isinstance(caught.value, QhpcsimError)
