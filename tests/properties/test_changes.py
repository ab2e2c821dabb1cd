"""Forks of one past: an empty change is no change, nobody foresees one, and one at the beginning is a configuration."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhpcsim.core.records import Categories, JobTable, Schedule
from qhpcsim.facility.changed_sizes import grown
from qhpcsim.facility.replay import replay
from qhpcsim.metrics.invariants import check_run
from qhpcsim.policies.batch.multifactor import MultifactorPolicy, SlurmPolicy
from qhpcsim.results.jobs_frame import jobs_frame
from qhpcsim.scenario import Change, Facility, Partition, Policy, Scenario, Scheduler, TraceWorkload
from qhpcsim.simulation import simulate
from qhpcsim.workloads.clean import take
from qhpcsim.workloads.swf_writer import write_swf
from tests.job_tables import CONSERVATIVE, EASY, FCFS, dyadic_table, random_table, table

MACHINE = 16
N_JOBS = 80
COUNTED = {
    "fcfs": FCFS,
    "easy": EASY,
    "easy_sjf": replace(EASY, candidates="sjf", depth=5),
    "replanned": CONSERVATIVE,
    "kept": replace(CONSERVATIVE, reservations="kept"),
    "wfp3": replace(EASY, order="wfp3"),
    "sjf": replace(FCFS, order="sjf"),
    "multifactor": MultifactorPolicy(calc_period_s=20.0, decay_half_life_s=500.0),
}
ALL = {**COUNTED, "slurm": SlurmPolicy(calc_period_s=20.0)}
CYCLES = Scheduler(interval_s=30.0, bf_interval_s=15.0)
every_counted = pytest.mark.parametrize("policy", COUNTED.values(), ids=COUNTED)
every_policy = pytest.mark.parametrize("policy", ALL.values(), ids=ALL)
seeds = st.integers(0, 10_000)
moments = st.floats(0.0, 1.0)
CHANGES = {
    "more": Change(add_nodes=5),
    "fewer": Change(remove_nodes=6),
    "away": Change(remove_nodes=6, until_s=300.0),
    "extend": Change(overrun="extend"),
}


def jobs_of(seed: int, widest: int = MACHINE - 6) -> JobTable:
    """Return jobs of three users, a fifth of which reach their requested time, on a busy machine."""
    jobs = random_table(seed, N_JOBS, MACHINE, load=1.3, widest=widest)
    generator = np.random.default_rng(seed)
    killed = generator.random(N_JOBS) < 0.2
    jobs.walltime_s = np.where(killed, jobs.runtime_s * 0.7, jobs.walltime_s)
    jobs.user = Categories(generator.integers(0, 3, N_JOBS).astype(np.int32), ("a", "b", "c"))
    return jobs


def run(
    jobs: JobTable, policy: Policy, *changes: Change, nodes: int = MACHINE, scheduler: Scheduler | None = None
) -> Schedule:
    return replay(
        copy.deepcopy(jobs), {"batch": Partition(nodes=nodes)}, policy, scheduler, engine="general", changes=changes
    )


def change(kind: str, at_s: float) -> Change:
    values = CHANGES[kind]
    return replace(values, at_s=at_s, until_s=None if values.until_s is None else at_s + values.until_s)


def moment(jobs: JobTable, part: float) -> float:
    return float(np.quantile(jobs.submit_s, part))


def same(a: Schedule, b: Schedule) -> bool:
    columns = ("start_s", "end_s", "state", "offset", "lo", "hi", "order", "partition")
    return all(np.array_equal(getattr(a, name), getattr(b, name), equal_nan=True) for name in columns)


@every_policy
@pytest.mark.parametrize("scheduler", [None, CYCLES], ids=["events", "cycles"])
def test_an_empty_change_leaves_every_byte(tmp_path: Path, policy: Policy, scheduler: Scheduler | None) -> None:
    write_swf(jobs_of(1), tmp_path / "jobs.swf")
    plain = Scenario(
        facility=Facility(nodes=MACHINE),
        workload=TraceWorkload(path=str(tmp_path / "jobs.swf")),
        policy=policy,
        scheduler=scheduler or Scheduler(),
        engine="general",
    )
    at_s = 0.5 * float(jobs_of(1).submit_s[-1])
    empty = [Change(at_s=at_s), Change(at_s=at_s, policy={"depth": str(policy.depth)})]
    first, second = simulate(plain), simulate(replace(plain, changes=tuple(empty)))
    assert same(first.schedule, second.schedule)
    for result, name in ((first, "a"), (second, "b")):
        result.write(tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "b").iterdir())
    for name in names:
        if name not in ("card.json", "scenario.yaml"):
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@every_counted
@pytest.mark.parametrize("kind", CHANGES)
@settings(max_examples=4, deadline=None)
@given(seed=seeds, part=moments)
def test_nobody_foresees_a_change_and_nodes_are_kept_count_of(
    policy: Policy, kind: str, seed: int, part: float
) -> None:
    jobs = jobs_of(seed)
    made = change(kind, moment(jobs, part))
    plain, fork = run(jobs, policy), run(jobs, policy, made)
    begun = plain.start_s < made.at_s
    assert np.array_equal(begun, fork.start_s < made.at_s)
    assert np.array_equal(plain.start_s[begun], fork.start_s[begun])
    ended = plain.end_s < made.at_s
    assert np.array_equal(plain.end_s[ended], fork.end_s[ended])
    machine = grown({"batch": Partition(nodes=MACHINE)}, [made])
    overrun = "extend" if made.overrun else "kill"
    assert check_run(jobs_frame(jobs, fork, machine), {}, machine, overrun=overrun) == []
    assert not np.isnan(fork.start_s).any()
    if fork.down is not None:
        assert not _on_absent_nodes(fork)


def _on_absent_nodes(schedule: Schedule) -> list[tuple[int, int]]:
    """Return (job, node) of jobs that hold a node while it is away."""
    assert schedule.down is not None
    job = np.repeat(np.arange(len(schedule.start_s)), np.diff(schedule.offset))
    found = []
    for node, from_s, to_s in zip(schedule.down.node, schedule.down.start_s, schedule.down.end_s, strict=True):
        there = (schedule.lo <= node) & (node <= schedule.hi)
        during = (schedule.start_s[job] < to_s) & (schedule.end_s[job] > from_s + 1e-9 * abs(from_s))
        found += [(int(k), int(node)) for k in job[there & during & (schedule.end_s[job] > schedule.start_s[job])]]
    return found


@every_counted
@settings(max_examples=6, deadline=None)
@given(seed=seeds)
def test_nodes_added_at_the_beginning_are_a_larger_machine(policy: Policy, seed: int) -> None:
    jobs = jobs_of(seed, widest=MACHINE + 5)
    assert same(run(jobs, policy, Change(at_s=0.0, add_nodes=5)), run(jobs, policy, nodes=MACHINE + 5))


@every_counted
@settings(max_examples=6, deadline=None)
@given(seed=seeds)
def test_nodes_drained_at_the_beginning_are_a_smaller_machine(policy: Policy, seed: int) -> None:
    jobs = jobs_of(seed, widest=MACHINE)
    assert same(run(jobs, policy, Change(at_s=0.0, remove_nodes=6)), run(jobs, policy, nodes=MACHINE - 6))


@pytest.mark.parametrize("old", ["fcfs", "easy", "kept", "wfp3", "multifactor"])
@pytest.mark.parametrize("new", ["fcfs", "easy", "replanned", "kept", "wfp3", "sjf", "multifactor"])
@settings(max_examples=2, deadline=None)
@given(seed=seeds)
def test_a_policy_set_at_the_beginning_is_that_policy(old: str, new: str, seed: int) -> None:
    jobs = jobs_of(seed)
    assert same(run(jobs, COUNTED[old], Change(at_s=0.0, policy=_settings(COUNTED[new]))), run(jobs, COUNTED[new]))


def _settings(policy: Policy) -> dict[str, str]:
    fixed = ("name", "semantics", "estimates")
    values = {k: v for k, v in vars(policy).items() if k not in fixed and isinstance(v, str | int | float | bool)}
    return {"name": policy.name, **{key: str(value) for key, value in values.items()}}


@every_counted
@settings(max_examples=4, deadline=None)
@given(seed=seeds, part=moments)
def test_the_rule_in_force_made_anew_goes_on_as_before(policy: Policy, seed: int, part: float) -> None:
    """Without a state that a new rule cannot have (kept reservations, priorities between two ticks) nothing changes."""
    jobs = jobs_of(seed)
    at_s = moment(jobs, part)
    there_and_back = (
        Change(at_s=at_s, policy={"depth": str(policy.depth + 3)}),
        Change(at_s=at_s, policy={"depth": str(policy.depth)}),
    )
    if policy.reservations != "kept":
        assert same(run(jobs, policy, *there_and_back), run(jobs, policy))


@every_policy
@settings(max_examples=5, deadline=None)
@given(seed=seeds)
def test_a_change_after_the_last_end_changes_no_job(policy: Policy, seed: int) -> None:
    jobs = jobs_of(seed)
    plain = run(jobs, policy)
    late_s = float(np.nanmax(plain.end_s)) + 1.0
    late = [Change(at_s=late_s, overrun="extend")]
    if policy.backfill != "slurm":
        late += [Change(at_s=late_s, add_nodes=3), Change(at_s=late_s, remove_nodes=2)]
        late += [Change(at_s=late_s, policy={"name": "fcfs"})]
    assert same(run(jobs, policy, *late), plain)


@settings(max_examples=10, deadline=None)
@given(seed=seeds, part=moments)
def test_slurm_s_parameters_change_without_another_past(seed: int, part: float) -> None:
    jobs = jobs_of(seed)
    at_s = moment(jobs, part)
    made = Change(at_s=at_s, policy={"weight_age": "0", "weight_fairshare": "0", "weight_job_size": "100000"})
    for scheduler in (None, CYCLES):
        plain, fork = run(jobs, ALL["slurm"], scheduler=scheduler), run(jobs, ALL["slurm"], made, scheduler=scheduler)
        begun = plain.start_s < at_s
        assert np.array_equal(plain.start_s[begun], fork.start_s[begun])
        assert not (fork.start_s[~begun] < at_s).any()


@pytest.mark.parametrize("old", ["fcfs", "easy", "replanned", "kept"])
@pytest.mark.parametrize("new", ["fcfs", "easy", "easy_sjf", "replanned", "sjf"])
@settings(max_examples=4, deadline=None)
@given(seed=seeds, part=moments)
def test_a_fork_goes_on_as_a_simulation_that_begins_at_the_moment(old: str, new: str, seed: int, part: float) -> None:
    """Run anew from the moment: what is left of the running jobs comes first, then the queue, then the others.

    Times are multiples of 2^-10 s, so that shifting them is exact.
    """
    jobs = dyadic_table(seed, N_JOBS, MACHINE)
    at_s = float(np.floor(moment(jobs, part) * 1024) / 1024)
    policy = Change(at_s=at_s, policy=_settings(COUNTED[new]))
    fork = run(jobs, COUNTED[old], Change(at_s=at_s, add_nodes=5), policy)
    running = (fork.start_s < at_s) & (fork.end_s >= at_s)
    left = running | (fork.start_s >= at_s)
    begin_s = at_s - 1.0
    gone_s = np.where(running, begin_s - fork.start_s, 0.0)
    again = table(
        np.where(running, 0.0, np.maximum(jobs.submit_s - begin_s, 1.0))[left],
        jobs.nodes[left],
        (jobs.runtime_s - gone_s)[left],
        (jobs.walltime_s - gone_s)[left],
    )
    order = np.lexsort((np.flatnonzero(left), again.submit_s))
    expected = run(take(again, order), COUNTED[new], nodes=MACHINE + 5)
    assert np.array_equal(np.where(running, begin_s, fork.start_s)[left][order] - begin_s, expected.start_s)
