"""The replay kernel alone, compiled: jobs per CPU second, and how far from a plain bound; asserts no time."""

import csv
import gzip
import statistics
import time

import numpy as np
import pytest

from qhpcsim.core.records import JobTable
from qhpcsim.facility.kernel import KernelReplay
from qhpcsim.scenario import Policy
from qhpcsim.simulation import simulate_table
from tests.benchmarks.easy_bound import easy_bound
from tests.benchmarks.logs import NODES, synthetic
from tests.benchmarks.test_commands import show
from tests.reference import reference

pytestmark = pytest.mark.bench

EASY = {"backfill": "easy"}
REPLANNED = {"backfill": "conservative"}
KEPT = {"backfill": "conservative", "reservations": "kept"}
HEADER = ("log", "rule", "jobs", "longest queue", "CPU s", "wall s", "jobs/s (CPU)", "B/job")


def clocked(action):
    """Return (CPU s, wall s) of one call."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    action()
    return time.process_time() - cpu_s, time.perf_counter() - wall_s


def columns(table: JobTable):
    """Return submission, time on the nodes, estimate and nodes of each job; killed at the requested time."""
    return table.submit_s, np.minimum(table.runtime_s, table.walltime_s), table.walltime_s, table.nodes


def measured(name, jobs, n_nodes, options, repeats=3):
    """Return a table row of medians, and the last replay."""
    KernelReplay(*(column[:100] for column in jobs), None, n_nodes, **options).advance()
    times, replay = [], None
    for _ in range(repeats):
        replay = KernelReplay(*jobs, None, n_nodes, **options)
        times.append(clocked(replay.advance))
    cpu_s, wall_s = (statistics.median(column) for column in zip(*times, strict=True))
    n = len(jobs[0])
    rule = options.get("reservations", "replanned") if options["backfill"] == "conservative" else "easy"
    rate, per_job = f"{n / cpu_s:,.0f}", f"{replay.n_bytes / n:.0f}"
    queue = f"{longest_queue(jobs[0], replay.start_s):,}"
    return (name, rule, f"{n:,}", queue, f"{cpu_s:.3f}", f"{wall_s:.3f}", rate, per_job), replay, cpu_s


def longest_queue(submit_s, start_s):
    """Return the largest number of jobs that waited at the same time."""
    waiting = np.arange(1, len(submit_s) + 1) - np.searchsorted(np.sort(start_s), submit_s, side="left")
    return int(waiting.max())


def scaled(name, scale):
    """Return a real log with submission times divided by ``scale``, and its size."""
    if name == "SDSC-SP2":
        with gzip.open(reference("conformance/SDSC-SP2.csv.gz"), "rt") as lines:
            rows = [
                [float(row[key]) for key in ("submit", "run", "req_time", "procs")] for row in csv.DictReader(lines)
            ]
        n_nodes = 128
    else:
        file, n_nodes = {"KTH-SP2": ("KTH-SP2-1996-2.1-cln", 100), "RICC": ("RICC-2010-2", 8192)}[name]
        with gzip.open(reference(f"traces/{file}.swf.gz"), "rt") as lines:
            fields = [line.split() for line in lines if line.strip() and not line.startswith(";")]
        rows = [[float(f[1]), float(f[3]), float(f[8]), float(f[7] if float(f[7]) > 0 else f[4])] for f in fields]
        rows = [[s, run, est if est > 0 else run, n] for s, run, est, n in rows if 0 < n <= n_nodes and run >= 0]
    submit, run, est, nodes = np.array(sorted(rows, key=lambda row: row[0])).T
    est = np.maximum(est, 1.0)
    return ((submit - submit[0]) / scale, np.minimum(run, est), est, nodes.astype(np.int32)), n_nodes


@pytest.mark.parametrize("n", [100_000, 1_000_000])
def test_easy_against_a_plain_bound(n, capsys):
    jobs = columns(synthetic(n))
    row, replay, ours_s = measured(f"load 0.85 ({NODES} nodes)", jobs, NODES, EASY)
    easy_bound(*(column[:100] for column in jobs), NODES)
    assert np.array_equal(easy_bound(*jobs, NODES), replay.start_s)
    bound_s = statistics.median(clocked(lambda: easy_bound(*jobs, NODES))[0] for _ in range(3))
    ratio = f"{ours_s / bound_s:.2f} x the plain bound ({n / bound_s:,.0f} jobs/s)"
    show(capsys, f"kernel, EASY: {ratio}", [HEADER, row])


def test_deep_queues(capsys):
    shallow, _, shallow_s = measured("load 0.85", columns(synthetic(100_000)), NODES, EASY)
    deep, _, deep_s = measured("load 1.17", columns(synthetic(100_000, load=1.17)), NODES, EASY)
    show(capsys, f"kernel, deep queue: {shallow_s / deep_s:.2f} x the shallow rate", [HEADER, shallow, deep])


def test_ricc(capsys):
    jobs, n_nodes = scaled("RICC", 1.0)
    show(capsys, "kernel, RICC", [HEADER, measured("RICC", jobs, n_nodes, EASY)[0]])


def test_conservative(capsys):
    rows = [HEADER]
    logs = {"load 0.85": (columns(synthetic(100_000)), NODES)}
    logs |= {f"{name} x 1.3": scaled(name, 1.3) for name in ("KTH-SP2", "SDSC-SP2")}
    for options in (REPLANNED, KEPT):
        rows += [measured(name, jobs, n_nodes, options)[0] for name, (jobs, n_nodes) in logs.items()]
    show(capsys, "kernel, conservative", rows)


def test_general_path(capsys):
    """The path that steps through SimPy, for the same log and rule as the kernel's first row."""
    table = synthetic(100_000)
    policy = Policy(backfill="easy")
    times = [clocked(lambda: simulate_table(table, NODES, policy, engine="general")) for _ in range(3)]
    cpu_s, wall_s = (statistics.median(column) for column in zip(*times, strict=True))
    row = (f"{table.n:,}", f"{cpu_s:.2f}", f"{wall_s:.2f}", f"{table.n / cpu_s:,.0f}")
    title = "general SimPy path, EASY, load 0.85, node ids included"
    show(capsys, title, [("jobs", "CPU s", "wall s", "jobs/s (CPU)"), row])
