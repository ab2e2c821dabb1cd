"""``semantics=batsched`` against schedules that Batsim with batsched published: starts, host sets, energy."""

import pytest

from qhpcsim.core.records import Schedule
from qhpcsim.metrics.energy import energies_j
from qhpcsim.metrics.machine import makespan_s
from qhpcsim.metrics.run_data import RunData
from qhpcsim.scenario import Partition, Policy
from qhpcsim.simulation import simulate_table
from qhpcsim.workloads.reading import read_workload
from tests.conformance.known_schedules import rows_of
from tests.reference import reference

FOLDER = "conformance/batsim_medium_late"
HOSTS = 32
HOST_W = 95.0
"""A host's power at its first state, idle and computing, in the platform file."""


def policy(algorithm: str) -> Policy:
    return Policy(name=algorithm, backfill=algorithm, semantics="batsched")


def host_set(text: str) -> list[int]:
    """Return the ids of an interval set such as ``0-3 8``."""
    ends = [part.split("-") for part in text.split()]
    return [host for part in ends for host in range(int(part[0]), int(part[-1]) + 1)]


def hosts_of(schedule: Schedule, job: int) -> list[int]:
    ranges = range(schedule.offset[job], schedule.offset[job + 1])
    return [host for k in ranges for host in range(schedule.lo[k], schedule.hi[k] + 1)]


@pytest.mark.parametrize("algorithm", ["easy", "conservative"])
def test_every_start_and_every_host_set(algorithm):
    table = read_workload(reference(f"{FOLDER}/medium_late.json.gz"))
    expected = {int(row["job_id"]): row for row in rows_of(f"{FOLDER}/{algorithm}/out_jobs.csv.gz")}
    schedule = simulate_table(table, HOSTS, policy(algorithm))
    rows = [expected[int(job_id)] for job_id in table.job_id]
    assert len(expected) == table.n == 801
    assert schedule.start_s == pytest.approx([float(row["starting_time"]) for row in rows], abs=1.5e-6)
    assert [hosts_of(schedule, job) for job in range(table.n)] == [host_set(row["allocated_resources"]) for row in rows]


@pytest.mark.parametrize("algorithm", ["easy", "conservative"])
def test_total_energy_of_hosts_that_are_never_switched_off(algorithm):
    table = read_workload(reference(f"{FOLDER}/medium_late.json.gz"))
    (totals,) = rows_of(f"{FOLDER}/{algorithm}/out_schedule.csv.gz")
    schedule = simulate_table(table, HOSTS, policy(algorithm))
    machine = {"batch": Partition(nodes=HOSTS, idle_w=HOST_W, busy_w=HOST_W)}
    run = RunData(table, schedule, machine)
    assert makespan_s(run) == pytest.approx(float(totals["makespan"]), abs=1e-6)
    assert energies_j(run) == pytest.approx([float(totals["consumed_joules"])], abs=0.05)


def test_nobody_waits_on_a_larger_platform():
    table = read_workload(reference(f"{FOLDER}/batpaper.json.gz"))
    expected = rows_of(f"{FOLDER}/easy_mediumWL_smallPF.csv.gz")
    schedule = simulate_table(table, 4 * HOSTS, policy("easy"))
    assert len(expected) == table.n == 800
    assert schedule.start_s.tolist() == table.submit_s.tolist()
    assert all(float(row["waiting_time"]) == 0 for row in expected)
