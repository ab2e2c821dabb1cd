"""What a sweep adds to bare ``simulate`` calls, and what a second worker brings; asserts no time.

1,000 runs of 2,000 jobs take about five minutes; ``QHPCSIM_BENCH_RUNS=200`` makes them fewer.
"""

import os
import resource
import subprocess
import sys
import time

import pytest

import qhpcsim
from qhpcsim.studies.simulating import Workers
from qhpcsim.studies.sweep import sweep
from tests.benchmarks.test_commands import show

pytestmark = pytest.mark.bench

N_RUNS = int(os.environ.get("QHPCSIM_BENCH_RUNS", "1000"))
COUPLINGS = ("hold", "malleable")
JOBS = ["workload.n_jobs=200", "workload.rigid.n_jobs=1800"]
"""2,000 jobs in ``coupling_study``: a tenth of them hybrid with 12 loops each, on 32 nodes and one QPU."""
BARE = """
import os, sys, time
import qhpcsim
scenarios = [qhpcsim.load("coupling_study", [*{jobs}, f"coupling={{name}}"]) for name in {couplings}]
for scenario in scenarios:
    qhpcsim.simulate(scenario).summary
print("ready", flush=True)
sys.stdin.readline() or sys.exit("nobody waits")
began_s, began_cpu_s = time.perf_counter(), time.process_time()
for scenario in scenarios:
    for seed in range({first}, {first} + {n_seeds}):
        qhpcsim.simulate(scenario, seed=seed).summary
print(time.perf_counter() - began_s, time.process_time() - began_cpu_s)
"""


def bare(n_seeds: int, n_processes: int = 1) -> tuple[float, float]:
    """Return wall and processor time of calls without a sweep, split over processes that are warm when they begin."""
    each = n_seeds // n_processes
    starts = [BARE.format(jobs=JOBS, couplings=COUPLINGS, first=1 + k * each, n_seeds=each) for k in range(n_processes)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", start], **pipes) for start in starts]  # type: ignore[call-overload]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    began_s = time.perf_counter()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    told = [process.communicate()[0].split() for process in processes]
    return time.perf_counter() - began_s, sum(float(cpu_s) for _, cpu_s in told)


def used_s() -> float:
    """Return the processor time of this process and of its children that ended."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def test_overhead_and_speed_up(tmp_path, capsys):
    """Serial calls without a sweep, the same in two processes side by side, and the sweep with 2 and with 1 worker.

    The start of the workers, the ledger and the table of results are part of the sweep.
    """
    n_seeds = N_RUNS // len(COUPLINGS)
    words = [*JOBS, f"coupling={','.join(COUPLINGS)}"]
    qhpcsim.simulate(qhpcsim.load("coupling_study", JOBS))
    n_some = max(2, n_seeds // 2)  # of the calls side by side, which tell what two cores are worth here
    bare_s, bare_cpu_s = (used / (len(COUPLINGS) * n_seeds) for used in bare(n_seeds))
    table = [("what", "runs", "wall s", "CPU s", "ms CPU a run", "CPU over bare", "times the serial rate")]

    def add(name: str, n_runs: int, wall_s: float, cpu_s: float) -> None:
        row = (f"{n_runs:,}", f"{wall_s:.1f}", f"{cpu_s:.1f}", f"{1e3 * cpu_s / n_runs:.1f}")
        table.append((name, *row, f"{cpu_s / n_runs / bare_cpu_s:.3f}", f"{bare_s * n_runs / wall_s:.2f}"))

    add("bare calls", N_RUNS, bare_s * N_RUNS, bare_cpu_s * N_RUNS)
    add("bare calls, 2 processes", len(COUPLINGS) * (n_some // 2 * 2), *bare(n_some, 2))
    for workers in (2, 1) if N_RUNS <= 200 else (2,):
        began_s, began_cpu_s = time.perf_counter(), used_s()
        found = sweep("coupling_study", words, n_seeds, tmp_path / f"{workers}", Workers(workers=workers))
        wall_s, cpu_s = time.perf_counter() - began_s, used_s() - began_cpu_s
        assert found.complete and len(found.rows) == N_RUNS
        add(f"sweep, {workers} worker{'s' if workers > 1 else ''}", N_RUNS, wall_s, cpu_s)
    show(capsys, f"{N_RUNS:,} runs of 2,000 jobs (coupling_study), serial bare calls against a sweep", table)
