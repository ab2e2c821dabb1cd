"""The ledger at 100,000 rows: what a row costs at the end against the beginning, and what opening and results cost."""

import os
import resource
import time

import pytest

from qhpcsim.config.sweeps import Axis
from qhpcsim.scenario import Scenario
from qhpcsim.studies.figures import Figures
from qhpcsim.studies.ledger import DONE, Entry, Ledger
from qhpcsim.studies.points import Grid, Point, Run, grid_of
from qhpcsim.studies.sweep import Sweep, write_results
from tests.benchmarks.test_commands import show

pytestmark = pytest.mark.bench

N_ROWS = int(os.environ.get("QHPCSIM_BENCH_ROWS", "100000"))
N_FIGURES = 193
"""As many as a run of ``coupling_study`` has."""
NAMES = tuple(f"side.figure_{k}_s" for k in range(N_FIGURES))
PART = 2000
"""Rows that are timed together."""


def entry(k: int) -> Entry:
    values = [(k * 7919 + j) / 977.0 if j % 5 else k + j for j in range(N_FIGURES)]
    return Entry(f"{k * 2654435761 % 2**128:032x}", DONE, Figures(NAMES, values), "", 0.16, "host:1")


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_points(tmp_path, capsys):
    """Points of a long sweep, each built and checked before the first run."""
    n_points = N_ROWS // 10
    table = [("scenario", "points", "ms CPU a point", "peak MB more")]
    for name, axis in (("coupling_study", "workload.n_jobs"), ("hybrid_centre", "workload.lublin.n_jobs")):
        grid_of(name, [f"{axis}=1,2"])
        before_mb, began_s = peak_mb(), time.process_time()
        n = len(grid_of(name, [f"{axis}=range(1,{1 + n_points})"]).points)
        used_s = time.process_time() - began_s
        table.append((name, f"{n:,}", f"{1e3 * used_s / n:.2f}", f"{peak_mb() - before_mb:.0f}"))
    show(capsys, "points of a sweep", table)


def test_rows(tmp_path, capsys):
    study = {"scenario": "bench"}
    table = [("what", "value")]
    parts = []
    with Ledger(tmp_path, study) as ledger:
        for low in range(0, N_ROWS, PART):
            entries = [entry(k) for k in range(low, low + PART)]
            began_s = time.process_time()
            for each in entries:
                ledger.record(each)
            parts.append((time.process_time() - began_s) / PART)
        peaks = [peak_mb()]
    first, last = (sorted(each)[len(each) // 2] for each in (parts[1:6], parts[-5:]))
    table += [("µs a row, at the beginning", f"{1e6 * first:.0f}"), (f"at {N_ROWS:,} rows", f"{1e6 * last:.0f}")]
    table.append(("ratio", f"{last / first:.2f}"))
    table.append(("file, MB", f"{(tmp_path / 'ledger.sqlite').stat().st_size / 1e6:.0f}"))
    began_s = time.process_time()
    with Ledger(tmp_path, study) as ledger:
        table.append(("opening with all rows checked, s", f"{time.process_time() - began_s:.2f}"))
        assert len(ledger.entries()) == N_ROWS
        scenario = Scenario()
        grid = Grid((Axis("x", ("1",)),), (Point({"x": "1"}, scenario),), tuple(range(N_ROWS)))
        rows = [(Run(0, k, scenario), each.figures) for k, each in enumerate(ledger.entries().values())]
        began_s = time.process_time()
        write_results(Sweep(grid, tmp_path, rows), tmp_path / "results.csv")
        table.append(("writing results.csv, s", f"{time.process_time() - began_s:.2f}"))
    table.append(("peak memory, MB", f"{max(*peaks, peak_mb()):.0f}"))
    show(capsys, f"ledger of {N_ROWS:,} runs with {N_FIGURES} figures", table)
