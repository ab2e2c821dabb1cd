"""``semantics=batsched`` against schedules that Batsim with batsched published: starts, host sets, energy."""

import csv
import gzip
import heapq
import json
from pathlib import Path

import numpy as np
import pytest

from qhpcsim.core.records import JobTable
from qhpcsim.core.registry import lookup
from qhpcsim.policies.batch.state import QueueState
from qhpcsim.scenario import Policy
from tests.reference import reference

FOLDER = "conformance/batsim_medium_late"
HOSTS = 32
BUSY_W = 95.0
"""A host's power at its fastest state, computing or idle, in the platform file."""


def read_workload(path: Path) -> JobTable:
    """Return the jobs of a Batsim workload of delays, in submission order."""
    with gzip.open(path, "rt") as stream:
        data = json.load(stream)
    jobs = sorted(data["jobs"], key=lambda job: job["subtime"])
    return JobTable(
        job_id=np.array([job["id"] for job in jobs]),
        submit_s=np.array([job["subtime"] for job in jobs], dtype=float),
        runtime_s=np.array([data["profiles"][job["profile"]]["delay"] for job in jobs], dtype=float),
        walltime_s=np.array([job["walltime"] for job in jobs], dtype=float),
        nodes=np.array([job["res"] for job in jobs], dtype=np.int32),
    )


def read_expected(path: Path, hosts: str = "allocated_resources") -> dict[int, tuple[float, tuple[int, ...]]]:
    """Return job id -> (start, host ids) of a Batsim jobs file."""
    with gzip.open(path, "rt", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {int(row[next(iter(row))]): (float(row["starting_time"]), host_set(row[hosts])) for row in rows}


def host_set(text: str) -> tuple[int, ...]:
    """Return the ids of an interval set such as ``0-3 8``."""
    ids: list[int] = []
    for part in text.split():
        low, _, high = part.partition("-")
        ids.extend(range(int(low), int(high or low) + 1))
    return tuple(ids)


def replay(table: JobTable, rule_name: str, hosts: int) -> QueueState:
    """Run the rule over the jobs: all events of an instant, then one decision."""
    state = QueueState(table, hosts, table.walltime_s)
    rule = lookup("backfill", rule_name).target(state, Policy(semantics="batsched"))
    ends: list[tuple[float, int]] = []
    next_job = 0
    while next_job < table.n or ends:
        arrival_s = state.submit_s[next_job] if next_job < table.n else np.inf
        state.now_s = min(arrival_s, ends[0][0] if ends else np.inf)
        ended, arrived = [], []
        while ends and ends[0][0] == state.now_s:
            ended.append(heapq.heappop(ends)[1])
            state.end(ended[-1])
        while next_job < table.n and state.submit_s[next_job] == state.now_s:
            arrived.append(next_job)
            next_job += 1
        state.queue += arrived
        for job in rule.select(ended, arrived):
            state.start(job)
            state.queue.remove(job)
            heapq.heappush(ends, (state.now_s + min(table.runtime_s[job], table.walltime_s[job]), job))
    return state


@pytest.mark.parametrize("algorithm", ["easy", "conservative"])
def test_every_start_and_every_host_set(algorithm: str) -> None:
    table = read_workload(reference(f"{FOLDER}/medium_late.json.gz"))
    expected = read_expected(reference(f"{FOLDER}/{algorithm}/out_jobs.csv.gz"))
    state = replay(table, f"batsched_{algorithm}", HOSTS)
    assert len(expected) == table.n == 801
    starts = [state.start_s[j] for j in range(table.n)]
    assert starts == pytest.approx([expected[int(i)][0] for i in table.job_id], abs=1.5e-6)
    assert [state.placement[j] for j in range(table.n)] == [expected[int(i)][1] for i in table.job_id]


def test_total_energy_of_hosts_that_are_never_switched_off() -> None:
    table = read_workload(reference(f"{FOLDER}/medium_late.json.gz"))
    state = replay(table, "batsched_easy", HOSTS)
    makespan_s = max(state.start_s[j] + table.runtime_s[j] for j in range(table.n))
    assert makespan_s == pytest.approx(16088.51, abs=1e-6)
    assert BUSY_W * HOSTS * makespan_s == pytest.approx(48_909_070.4, abs=0.05)


def test_nobody_waits_on_a_larger_platform() -> None:
    table = read_workload(reference(f"{FOLDER}/batpaper.json.gz"))
    expected = read_expected(
        reference(f"{FOLDER}/easy_mediumWL_smallPF.csv.gz"), hosts="allocated_processors"
    )
    state = replay(table, "batsched_easy", 4 * HOSTS)
    assert len(expected) == table.n == 800
    assert state.start_s == state.submit_s
    assert [expected[10 * int(i)][0] for i in table.job_id] == pytest.approx(state.start_s, abs=1.5e-6)
