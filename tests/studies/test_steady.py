"""Figures of the steady state: the batch means that a run leaves, and what is made of them over the seeds."""

import dataclasses

import numpy as np
import pytest

from qhpcsim.config import load
from qhpcsim.core.errors import StudyError
from qhpcsim.simulation import simulate
from qhpcsim.studies.compare import compare
from qhpcsim.studies.points import grid_of
from qhpcsim.studies.simulating import Workers, simulated
from qhpcsim.studies.steady import MOST_BATCHES, Series, with_steady_figures
from qhpcsim.studies.sweep import RESULTS, sweep
from qhpcsim.studies.warm_up import BATCH

SERIAL = Workers("serial")
QUEUE = ["workload=poisson", "facility.nodes=4", "workload.load=0.7", "policy=fcfs"]


def waits(scenario):
    result = simulate(scenario)
    return result.schedule.start_s - result.table.submit_s


@pytest.mark.parametrize("n_jobs", [120, 333, 3001])
def test_means_are_those_of_the_waits_behind_the_cut(tmp_path, n_jobs):
    found = sweep("replay", [*QUEUE, f"workload.n_jobs={n_jobs}"], 6, tmp_path, SERIAL, steady=True)
    size = BATCH
    while n_jobs // size > MOST_BATCHES:
        size *= 2
    for run, figures in found.rows:
        n_cut = figures["steady.n_cut_wait_s"]
        assert n_cut % size == 0 and n_cut <= n_jobs // 2
        assert figures["steady.mean_wait_s"] == pytest.approx(waits(run.scenario)[n_cut:].mean(), rel=1e-9)
        assert figures["steady.refused_wait_s"] == 0
    assert "steady_series" not in (tmp_path / RESULTS).read_text()
    assert not any(name.startswith("steady_series") for name in found.figures)


def test_batches_of_batches():
    values = np.random.default_rng(1).exponential(size=643)
    series = Series(643, float(values.mean()), 5, values[:640].reshape(-1, 5).mean(axis=1))
    assert series.coarse(20) == pytest.approx(values[:640].reshape(-1, 20).mean(axis=1))
    assert series.mean_after(0, 20) == values.mean()
    assert series.mean_after(7, 20) == pytest.approx(values[140:].mean(), rel=1e-12)


def test_a_short_run_leaves_its_point_without_a_steady_state(tmp_path):
    words = [*QUEUE, "workload.n_jobs=49,400"]
    found = sweep("replay", words, 3, tmp_path, SERIAL, steady=True)
    assert found.series("steady.refused_wait_s", 0) == {0: 1.0, 1: 1.0, 2: 1.0}
    assert found.series("steady.mean_wait_s", 0) == {}
    assert len(found.series("steady.mean_wait_s", 1)) == 3
    with pytest.raises(StudyError, match=r"no steady state; workload\.n_jobs=49: wait_s has a trend .* too short"):
        compare("replay", words, 3, steady=True, out=tmp_path, workers=SERIAL)


def test_rows_of_a_point_do_not_touch_those_of_another():
    grid = grid_of("replay", [*QUEUE, "workload.n_jobs=300,600"], 3)
    rows = [(run, simulated(run.scenario, True)) for run in grid.runs()]
    both = with_steady_figures(rows)
    assert [dict(row) for _, row in both[:3]] == [dict(row) for _, row in with_steady_figures(rows[:3])]
    assert [run for run, _ in both] == [run for run, _ in rows]


def test_calls_count_until_the_first_hybrid_job_leaves():
    scenario = load("hybrid_loop", ["workload.n_jobs=4", "facility.nodes=4", "workload.loops=60"])
    for seed in range(3):
        scenario = dataclasses.replace(scenario, seed=seed)
        result, figures = simulate(scenario), simulated(scenario, True)
        first_s = min(run.ended_s for run in result.hybrid.runs)
        counted = result.qpu.data.submitted_s < first_s
        assert figures["steady_series.qpu_wait_s.n"] == counted.sum() < 240
        wait_s = (result.qpu.data.started_s - result.qpu.data.submitted_s)[counted]
        assert figures["steady_series.qpu_wait_s.mean"] == pytest.approx(wait_s.mean(), rel=1e-12)


def test_jobs_that_wait_for_nodes_keep_the_loop_full():
    """Eight jobs on four nodes: the loop drains when the last one has come and another one leaves."""
    scenario = load("hybrid_loop", ["workload.n_jobs=8", "facility.nodes=4", "workload.loops=20"])
    result, figures = simulate(scenario), simulated(scenario, True)
    last_s = max(run.started_s for run in result.hybrid.runs)
    drains_s = min(run.ended_s for run in result.hybrid.runs if run.ended_s >= last_s)
    assert figures["steady_series.qpu_wait_s.n"] == (result.qpu.data.submitted_s < drains_s).sum() > 80
