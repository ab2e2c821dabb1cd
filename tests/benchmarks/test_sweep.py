"""What a sweep adds to bare ``simulate`` calls, and what a second worker brings; asserts no time."""

import time

import pytest

import qhpcsim
from qhpcsim.studies.simulating import Workers
from qhpcsim.studies.sweep import sweep
from tests.benchmarks.test_commands import show

pytestmark = pytest.mark.bench

SIZE = ["workload.n_jobs=40", "workload.loops=50"]
COUPLINGS = ("hold", "malleable")
N_SEEDS = 100


def test_overhead_and_speed_up(tmp_path, capsys):
    """200 runs of 40 hybrid jobs with 50 calls each; the start of the workers is part of the sweep."""
    scenarios = [qhpcsim.load("hybrid_loop", [*SIZE, f"coupling={name}"]) for name in COUPLINGS]
    qhpcsim.simulate(scenarios[0])
    began_s = time.perf_counter()
    for scenario in scenarios:
        for seed in range(N_SEEDS):
            _ = qhpcsim.simulate(scenario, seed=seed).summary
    bare_s = time.perf_counter() - began_s
    table = [("engine", "workers", "wall s", "over bare", "times faster")]
    for engine, workers in (("serial", 1), ("processes", 1), ("processes", 2)):
        began_s = time.perf_counter()
        words = [*SIZE, f"coupling={','.join(COUPLINGS)}"]
        sweep("hybrid_loop", words, N_SEEDS, tmp_path / f"{engine}{workers}", Workers(engine, workers))
        wall_s = time.perf_counter() - began_s
        table.append((engine, str(workers), f"{wall_s:.2f}", f"{wall_s / bare_s:.3f}", f"{bare_s / wall_s:.2f}"))
    show(capsys, f"sweep of {2 * N_SEEDS} runs, bare calls {bare_s:.2f} s", table)
