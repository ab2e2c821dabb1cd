"""Fit the cards of the backends to published runs: ``python calibration/middleware/fit_backends.py [--write]``.

Ray: no-op tasks on 256 slots in three series. Warm runs of 1,024 and 4,096 tasks of the third are fitted, the others
are left for the check; of the three cold runs the first two are fitted. Dask: in a trace of 1,024 tasks the first start
on each slot and the first 400 gaps are fitted, and the start-ups of five pilots. What a program waits for by its own
constants is read in its source code. Data: QHPCSIM_REFERENCE_DATA (default ../shared/data).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from card_text import MINI_APPS, PILOT, entry, text
from fit_applications import fragments_fit
from seed_rows import dask_starts, fragment_chunks, fragment_runs, no_op_runs, ray_starts, task_trace
from seed_runs import no_op_s

from qhpcsim.middleware.backends import Backend
from qhpcsim.middleware.client import ClientCosts
from qhpcsim.middleware.pilots import PilotCosts
from qhpcsim.middleware.pool_costs import PoolCosts

HERE = Path(__file__).parent
SCRIPT = "calibration/middleware/fit_backends.py"
SIZES = (1024, 2048, 4096, 8192)
FITTED = (1024, 4096)
ALL_BLOCKS, WARM_BLOCK, COLD_BLOCKS = (1, 2, 3), 3, (1, 2)
"""Series; warm runs of which the fit sees FITTED; cold runs that it sees."""
N_REFILLS = 400
OWN_WORKER = "Ray ends a worker after a task with a GPU; PennyLane's imports included; fit in fit_applications.py"
LIGHTNING = "https://github.com/PennyLaneAI/lightning-on-hpc (dd03791), fragments on demand on 64 GPUs"
DASK_SLOTS = 40
"""Tasks at once in the trace: 40 start within a tenth of a second, the 41st when one of them has ended."""
READ, SOURCE_CODE = "read in the source code", f"{PILOT} (cf4259e)"


def warm_mean_s(blocks: tuple[int, ...]) -> dict[int, float]:
    """Return the mean seconds of warm runs of some series by number of tasks."""
    runs = [(n, seconds) for block, n, seconds, cold in no_op_runs() if block in blocks and not cold]
    return {size: float(np.mean([s for n, s in runs if n == size])) for size in SIZES if size in dict(runs)}


def line(sizes: tuple[int, ...], seconds: dict[int, float]) -> tuple[float, float]:
    """Return a, b of T = a·n + b·n(n+1)/2 of least relative error, neither negative."""
    from scipy.optimize import nnls

    n = np.array(sizes, dtype=float)
    y = np.array([seconds[size] for size in sizes])
    found, _ = nnls(np.column_stack([n, n * (n + 1) / 2]) / y[:, None], np.ones_like(y))
    return float(found[0]), float(found[1])


def ray(submit_s: float, per_task_s: float, cold_s: float) -> Backend:
    """Return the backend with these numbers; the scheduler's share of the linear term is not known, see the card."""
    return Backend(
        "ray",
        PilotCosts(),
        PoolCosts(dispatch_s=submit_s, cold_s=cold_s),
        ClientCosts(submit_s=submit_s, collect_per_task_s=per_task_s),
    )


def cold_s(submit_s: float, per_task_s: float, blocks: tuple[int, ...]) -> float:
    """Return the start of a worker with which a cold run of 1,024 tasks takes as long as in these series."""
    target_s = float(np.mean([s for block, _, s, cold in no_op_runs() if cold and block in blocks]))
    found = target_s
    for _ in range(20):
        found = max(0.0, found + target_s - no_op_s([1024], ray(submit_s, per_task_s, found))[0])
    return found


def ray_card() -> str:
    """Return the card of Ray."""
    submit_s, per_task_s = line(FITTED, warm_mean_s((WARM_BLOCK,)))
    worker_s = cold_s(submit_s, per_task_s, COLD_BLOCKS)
    others = [cold_s(submit_s, per_task_s, (block,)) for block in (1, 2, 3)]
    nodes, start_s = ray_starts()
    about = np.column_stack([np.ones_like(start_s), np.log2(nodes)])
    (start, doubling), *_ = np.linalg.lstsq(about, start_s, rcond=None)
    spread = float(np.std(start_s - about @ [start, doubling]))
    print(f"ray: {submit_s:.4g} s + {per_task_s:.4g} s a result out, worker {worker_s:.3g} s, {others}")
    typed, split = f"{MINI_APPS}, qma_dist_mem", "no more: the runs do not tell the scheduler from the client"
    return text(
        "Ray under Pilot-Quantum",
        "fit to no-op tasks; see fit.md for the rows",
        f"{PILOT}, examples/benchmarks/result_benchmark.csv (cf564502b8), Perlmutter, 4 nodes of 64 slots",
        "MIT; facts only",
        SCRIPT,
        [
            entry("start", start, "s", spread, method="least squares, figures typed by hand", source=typed),
            entry("start_per_doubling", doubling, "s", None, "of the nodes", source=typed),
            *polls(),
            entry("dispatch", submit_s, "s", None, split),
            entry("cold", worker_s, "s", float(np.std(others, ddof=1)), "sd between three series"),
            entry(
                "gpu_cold", fragments_fit(fragment_chunks(), fragment_runs())[2], "s", None, OWN_WORKER, "", LIGHTNING
            ),
            entry("submit", submit_s, "s", None, "linear term: sending and collecting a task"),
            entry("collect_per_task", per_task_s, "s", None, "ray.wait is handed every result still out"),
        ],
    )


def polls() -> list[str]:
    """Return what the pilot manager waits for by itself."""
    found = (("poll", 6.0, "wait"), ("cancel", 2.0, "cancel"))
    return [
        entry(name, seconds, "s", 0, f"pilot_manager_base.py, {where}", READ, SOURCE_CODE)
        for name, seconds, where in found
    ]


def refill_gaps_s() -> np.ndarray:
    """Return the gaps of the trace between a slot's tasks: k-th start after the first 40 less k-th end."""
    trace = task_trace()
    start_s, end_s = np.sort(trace.started_s), np.sort(trace.ended_s)
    return start_s[DASK_SLOTS:] - end_s[: len(start_s) - DASK_SLOTS]


def dask_card() -> str:
    """Return the card of Dask."""
    trace, gaps_s, start_s = task_trace(), refill_gaps_s()[:N_REFILLS], dask_starts()
    first_s = (trace.started_s - trace.submitted_s)[np.argsort(trace.started_s)[:DASK_SLOTS]]
    send_s = np.diff(trace.submitted_s)
    print(f"dask: gap {gaps_s.mean():.3g} s, first {first_s.mean():.3g} s, send {send_s.mean():.3g} s")
    pilots, threads = f"{PILOT} (4fd3b0b), results_processes.csv", "threads of few processes that all compute"
    return text(
        "Dask under Pilot-Quantum",
        "means of a trace; see fit.md for the rows",
        f"{PILOT}, examples/circuit_execution (d9a04e0b7e), 1,024 tasks on one machine, 40 at once",
        "MIT; facts only",
        SCRIPT,
        [
            entry("start", start_s.mean(), "s", start_s.std(ddof=1), "one node; five runs", source=pilots),
            *polls(),
            entry("cold", first_s.mean(), "s", first_s.std(ddof=1), "first task of each slot"),
            entry("turnaround", gaps_s.mean(), "s", gaps_s.std(ddof=1), f"first {N_REFILLS} refills; {threads}"),
            entry("submit", send_s.mean(), "s", None, "with the pilot named"),
            entry("submit_unpinned", 1, "s", 0, "sleep after each task without a pilot", READ, SOURCE_CODE),
            entry("look", 10, "s", 0, "dask_v2/cluster.py, wait_tasks", READ, SOURCE_CODE),
        ],
    )


def main() -> None:
    """Print the numbers; write the cards if asked to."""
    for name, card in (("ray", ray_card()), ("dask", dask_card())):
        if "--write" in sys.argv:
            (HERE / f"{name}.yaml").write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()
