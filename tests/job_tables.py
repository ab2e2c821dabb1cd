"""Small job tables for tests that compare schedules."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qhpcsim.core.records import JobTable
from qhpcsim.scenario import Policy

FCFS = Policy()
EASY = Policy(name="easy", backfill="easy")
CONSERVATIVE = Policy(name="conservative", backfill="conservative")
POLICIES = (FCFS, EASY, CONSERVATIVE)


def table(
    submit: Sequence[float] | np.ndarray,
    nodes: Sequence[int] | np.ndarray,
    run: Sequence[float] | np.ndarray,
    asked: Sequence[float] | np.ndarray | None = None,
) -> JobTable:
    """Return a job table with ids 1 … n; requests equal the run times unless given."""
    runtime = np.array(run, dtype=np.float64)
    return JobTable(
        job_id=np.arange(1, len(runtime) + 1),
        submit_s=np.array(submit, dtype=np.float64),
        runtime_s=runtime,
        walltime_s=runtime.copy() if asked is None else np.array(asked, dtype=np.float64),
        nodes=np.array(nodes, dtype=np.int32),
    )


def random_table(seed: int, n: int, machine: int, load: float = 0.9, widest: int | None = None) -> JobTable:
    """Return n jobs with real-valued times (no ties), mixed sizes, and requests of 1 to 3 times the run time."""
    generator = np.random.default_rng(seed)
    widest = widest or machine
    nodes = np.minimum(np.floor(widest ** generator.random(n)), widest).astype(np.int32)
    run = generator.lognormal(3.0, 1.2, n)
    gap = float(nodes @ run) / n / machine / load
    submit = np.cumsum(generator.exponential(gap, n))
    return table(submit, nodes, run, run * generator.uniform(1.0, 3.0, n))


def dyadic_table(seed: int, n: int, machine: int) -> JobTable:
    """Return a random table whose times are multiples of 2^-10 s below 2^17 s: sums and shifts are exact."""
    made = random_table(seed, n, machine)
    grain = 2.0**-10
    made.submit_s = np.ceil(made.submit_s / grain) * grain
    made.runtime_s = np.ceil(made.runtime_s / grain) * grain
    made.walltime_s = np.maximum(np.ceil(made.walltime_s / grain) * grain, made.runtime_s)
    return made
