"""Relations between runs that hold whatever the right schedule is: scale, shift, rename, enlarge, repeat."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from qhpcsim.core.records import JobState, JobTable
from qhpcsim.scenario import Policy
from qhpcsim.simulation import simulate_table
from qhpcsim.workloads.batsim import read_batsim, write_batsim
from qhpcsim.workloads.clean import in_submit_order, rebase, take
from qhpcsim.workloads.swf import read_swf
from qhpcsim.workloads.swf_writer import write_swf
from qhpcsim.workloads.table import read_table, write_table
from tests.job_tables import FCFS, POLICIES, dyadic_table, random_table

MACHINE = 16
SEEDS = range(6)
N_JOBS = 150

every_policy = pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.backfill)
every_seed = pytest.mark.parametrize("seed", SEEDS)


def starts(jobs: JobTable, policy: Policy, nodes: int = MACHINE) -> np.ndarray:
    return simulate_table(jobs, nodes, policy).start_s


def changed(jobs: JobTable, **columns: object) -> JobTable:
    return dataclasses.replace(copy.deepcopy(jobs), **columns)  # type: ignore[arg-type]


@every_policy
@every_seed
@pytest.mark.parametrize("power", [-9, 6])
def test_r01_a_clock_of_another_unit_scales_every_time(seed: int, policy: Policy, power: int) -> None:
    jobs, k = random_table(seed, N_JOBS, MACHINE), 2.0**power
    scaled = changed(jobs, submit_s=jobs.submit_s * k, runtime_s=jobs.runtime_s * k, walltime_s=jobs.walltime_s * k)
    np.testing.assert_array_equal(starts(scaled, policy), starts(jobs, policy) * k)


@every_policy
@every_seed
def test_r02_wider_jobs_on_a_larger_machine_start_the_same(seed: int, policy: Policy) -> None:
    jobs = random_table(seed, N_JOBS, MACHINE)
    wider = changed(jobs, nodes=(jobs.nodes * 3).astype(np.int32))
    np.testing.assert_array_equal(starts(wider, policy, 3 * MACHINE), starts(jobs, policy))


@every_policy
@every_seed
def test_r03_a_later_zero_shifts_every_start(seed: int, policy: Policy) -> None:
    jobs, shift = dyadic_table(seed, N_JOBS, MACHINE), 2.0**20
    later = changed(jobs, submit_s=jobs.submit_s + shift)
    np.testing.assert_array_equal(starts(later, policy), starts(jobs, policy) + shift)


def test_r03_microseconds_survive_unix_times() -> None:
    n, task_s = 200, 250e-6
    clock, zero_s = rebase(1.7e9 + np.arange(n) * 2.0**-10)
    jobs = random_table(0, n, MACHINE)
    jobs = changed(jobs, submit_s=clock, runtime_s=np.full(n, task_s), walltime_s=np.full(n, 1.0), zero_s=zero_s)
    schedule = simulate_table(jobs, MACHINE, FCFS)
    np.testing.assert_allclose(schedule.end_s - schedule.start_s, task_s, rtol=1e-9)


@every_policy
@every_seed
def test_r04_names_and_file_order_do_not_matter(seed: int, policy: Policy) -> None:
    jobs = random_table(seed, N_JOBS, MACHINE)
    plain = starts(jobs, policy)
    mixed = np.random.default_rng(seed).permutation(N_JOBS)
    renamed = changed(jobs, job_id=np.array([f"job {k}" for k in mixed], dtype=object))
    np.testing.assert_array_equal(starts(renamed, policy), plain)
    shuffled = in_submit_order(take(copy.deepcopy(jobs), mixed))
    np.testing.assert_array_equal(shuffled.job_id, jobs.job_id)
    np.testing.assert_allclose(starts(shuffled, policy) + shuffled.zero_s, plain, rtol=1e-12)


@every_policy
@every_seed
def test_r06_a_job_after_the_end_changes_nothing(seed: int, policy: Policy) -> None:
    jobs = random_table(seed, N_JOBS, MACHINE)
    schedule = simulate_table(jobs, MACHINE, policy)
    longer = with_last_job(jobs, float(schedule.end_s.max()) + 1.0, nodes=MACHINE, run=50.0)
    np.testing.assert_array_equal(starts(longer, policy)[:-1], schedule.start_s)


@every_seed
def test_r07_a_last_job_delays_nobody_under_fcfs(seed: int) -> None:
    jobs = random_table(seed, N_JOBS, MACHINE)
    longer = with_last_job(jobs, float(jobs.submit_s[-1]), nodes=1, run=1e6)
    np.testing.assert_array_equal(starts(longer, FCFS)[:-1], starts(jobs, FCFS))


def with_last_job(jobs: JobTable, submit_s: float, nodes: int, run: float) -> JobTable:
    return changed(
        jobs,
        job_id=np.append(jobs.job_id, N_JOBS + 1),
        submit_s=np.append(jobs.submit_s, submit_s),
        nodes=np.append(jobs.nodes, nodes).astype(np.int32),
        runtime_s=np.append(jobs.runtime_s, run),
        walltime_s=np.append(jobs.walltime_s, run),
    )


@every_policy
@every_seed
def test_r10_on_a_machine_for_everyone_nobody_waits(seed: int, policy: Policy) -> None:
    jobs = random_table(seed, N_JOBS, MACHINE)
    np.testing.assert_array_equal(starts(jobs, policy, int(jobs.nodes.sum())), jobs.submit_s)


@every_policy
def test_r11_one_job_runs_at_once(policy: Policy) -> None:
    jobs = take(random_table(1, N_JOBS, MACHINE), np.array([7]))
    schedule = simulate_table(jobs, MACHINE, policy)
    assert schedule.start_s[0] == jobs.submit_s[0]
    assert schedule.end_s[0] == jobs.submit_s[0] + jobs.runtime_s[0]
    assert schedule.state[0] == JobState.COMPLETED_SUCCESSFULLY


@every_policy
def test_r14_runs_in_one_process_do_not_know_of_each_other(policy: Policy) -> None:
    one, other = random_table(1, N_JOBS, MACHINE), random_table(2, N_JOBS, 64)
    before = starts(one, policy)
    starts(other, policy, 64)
    np.testing.assert_array_equal(starts(one, policy), before)


@every_policy
def test_a_run_leaves_its_workload_alone(policy: Policy) -> None:
    jobs = random_table(1, N_JOBS, MACHINE)
    kept = copy.deepcopy(jobs)
    starts(jobs, policy)
    for column in ("job_id", "submit_s", "runtime_s", "walltime_s", "nodes"):
        np.testing.assert_array_equal(getattr(jobs, column), getattr(kept, column))


@pytest.mark.parametrize(
    ("write", "read", "name"),
    [(write_table, read_table, "w.csv"), (write_swf, read_swf, "w.swf"), (write_batsim, read_batsim, "w.json")],
)
@every_seed
def test_r15_what_was_written_reads_back(write, read, name: str, seed: int, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    jobs = random_table(seed, N_JOBS, MACHINE)
    write(jobs, tmp_path / name)
    back = read(tmp_path / name)
    np.testing.assert_array_equal(back.submit_s + back.zero_s, jobs.submit_s)
    for column in ("runtime_s", "walltime_s", "nodes"):
        np.testing.assert_array_equal(getattr(back, column), getattr(jobs, column), err_msg=column)
    again = tmp_path / f"again-{name}"
    write(back, again)
    assert again.read_bytes() == (tmp_path / name).read_bytes()


@pytest.mark.parametrize("seed", range(30))
def test_r17_strict_fcfs_is_monotone(seed: int) -> None:
    """More nodes, or shorter run times, never start any job later (by induction over the queue)."""
    jobs = random_table(300 + seed, N_JOBS, MACHINE)
    base = starts(jobs, FCFS)
    assert (starts(jobs, FCFS, MACHINE + 1 + seed % 3) <= base).all()
    shorter = np.random.default_rng(seed).uniform(0.2, 1.0, N_JOBS) * jobs.runtime_s
    assert (starts(changed(jobs, runtime_s=shorter), FCFS) <= base).all()
