"""Steps a second of the environments: a random agent that keeps to the mask."""

from __future__ import annotations

import numpy as np
import pytest

from qhpcsim.rl import BatchQueueEnv, QpuQueueEnv

pytestmark = pytest.mark.bench
N_STEPS = 300


def stepper(env):
    draw, state = np.random.default_rng(0), [env.reset(seed=1)[1]]

    def run():
        for _ in range(N_STEPS):
            _, _, over, _, info = env.step(draw.choice(np.flatnonzero(state[0]["action_mask"])))
            state[0] = env.reset()[1] if over else info

    return run


@pytest.mark.parametrize("n_slots", [32, 256])
def test_batch_queue(benchmark, n_slots):
    benchmark(stepper(BatchQueueEnv("small_centre", ["workload.n_jobs=500"], n_slots=n_slots)))
    benchmark.extra_info["steps_per_s"] = N_STEPS / benchmark.stats.stats.min


@pytest.mark.parametrize("decision", ["qpu", "job"])
def test_qpu_queue(benchmark, decision):
    overrides = ["qpu=ibm_fleet", "qpu_workload.duration_s=1d"]
    benchmark(stepper(QpuQueueEnv("qpu_service", overrides, decision=decision)))
    benchmark.extra_info["steps_per_s"] = N_STEPS / benchmark.stats.stats.min
