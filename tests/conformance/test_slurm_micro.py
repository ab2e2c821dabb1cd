"""A real Slurm run against ours: see docs/slurm_mode.md for the distributions side by side."""

import dataclasses

import numpy as np
import pytest

from qhpcsim.facility.replay import replay
from tests.conformance.slurm_micro import CYCLES, PARTITION, POLICY, real_run


@pytest.fixture(scope="module")
def real():
    return real_run()


@pytest.fixture(scope="module")
def schedule(real):
    return replay(real.table, {"normal": PARTITION}, POLICY, CYCLES)


def test_mean_wait_and_makespan(real, schedule):
    submit_s = real.table.submit_s
    assert (real.start_s - submit_s).mean() == pytest.approx(12301, abs=1)
    assert (schedule.start_s - submit_s).mean() == pytest.approx((real.start_s - submit_s).mean(), rel=0.05)
    assert schedule.end_s.max() - submit_s[0] == pytest.approx(real.end_s.max() - submit_s[0], rel=0.03)


def test_wait_distribution(real, schedule):
    at = [25, 50, 75, 90, 95]
    ours = np.percentile(schedule.start_s - real.table.submit_s, at)
    assert ours == pytest.approx(np.percentile(real.start_s - real.table.submit_s, at), rel=0.08)


def test_jobs_got_nodes_that_have_what_they_asked_for(real, schedule):
    table = real.table
    for job in range(table.n):
        spans = range(schedule.offset[job], schedule.offset[job + 1])
        nodes = {node for k in spans for node in range(schedule.lo[k], schedule.hi[k] + 1)}
        assert len(nodes) == table.nodes[job]
        if table.gpus_per_node[job]:
            assert nodes == {9}
        if table.memory_per_node_bytes[job] > 2.0**36:
            assert nodes == {8}


@pytest.mark.slow
@pytest.mark.parametrize("shift_s", [60, 120, 180, 240])
def test_agreement_does_not_hang_on_the_phase_of_the_cycles(real, shift_s):
    table = dataclasses.replace(real.table, submit_s=real.table.submit_s + shift_s)
    ours = replay(table, {"normal": PARTITION}, POLICY, CYCLES)
    mean_s = (real.start_s - real.table.submit_s).mean()
    assert (ours.start_s - table.submit_s).mean() == pytest.approx(mean_s, rel=0.05)
