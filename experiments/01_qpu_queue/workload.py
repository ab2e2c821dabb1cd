"""The jobs of the study: loops and single jobs, the same ones for every share of sessions."""

from __future__ import annotations

import numpy as np
import pandas as pd

N_USERS, LOOP = 20, 20
"""Half of the users send single jobs, half of them loops of 20: each job waits for the result of the one before."""
SHAPE = {"n_circuits": 10, "shots": 4000, "depth_total": 600, "n_2q_total": 300, "n_qubits_total": 70}
"""What every job asks for."""


def jobs_of(
    until_s: float, n_loops: float, think_s: float, share: float, seed: int, closes: bool = True
) -> pd.DataFrame:
    """Return the workload under the columns of ``qpu_workload=table``.

    Args:
        until_s: Jobs and loops arrive until then, at random.
        n_loops: Loops on average; there are ``LOOP`` times as many single jobs.
        think_s: Mean time between a result and the next job of a loop.
        share: Share of the users who open a session for each of their loops: from 0 to a half.
        seed: Of everything random; share and ``closes`` change how the jobs come to the QPU, never which there are.
        closes: Users close their sessions with the last job.
    """
    draw = np.random.default_rng(seed)
    n, n_single = draw.poisson(n_loops), draw.poisson(n_loops * LOOP)
    loop, step = np.repeat(np.arange(n), LOOP), np.tile(np.arange(LOOP), n)
    user = loop % (N_USERS // 2)
    inside = user < round(share * N_USERS)
    # Below the interactive TTL of 60 s: no session is interrupted, none fails, the work stays the same.
    thinks_s = think_s * draw.uniform(0.5, 1.5, len(loop))
    loops = {
        "job_id": [f"loop{a}.{b}" for a, b in zip(loop, step, strict=True)],
        "submit_s": draw.uniform(0.0, until_s, n)[loop],
        "user": [f"looper{u}" for u in user],
        "mode": np.where(inside, "session", "job"),
        "session": np.where(inside, loop.astype(str), ""),
        "closes_session": np.where(inside & (step == LOOP - 1) & closes, "1", ""),
        "depends_on": [f"loop{a}.{b - 1}" if b else "" for a, b in zip(loop, step, strict=True)],
        "think_s": np.where(step > 0, thinks_s.astype(str), ""),
    }
    single = {
        "job_id": [f"single{a}" for a in range(n_single)],
        "submit_s": draw.uniform(0.0, until_s, n_single),
        "user": [f"single{u}" for u in draw.integers(0, N_USERS // 2, n_single)],
    }
    return pd.concat([pd.DataFrame(loops), pd.DataFrame(single)], ignore_index=True).assign(**SHAPE)
