"""Every formula against a figure worked out by hand."""

import math

import numpy as np
import pytest

from qhpcsim.core.records import JobState, Schedule
from qhpcsim.core.registry import entries
from qhpcsim.metrics.fairness import jain_index
from qhpcsim.metrics.run_data import RunData
from qhpcsim.metrics.size_class import class_name, size_classes
from qhpcsim.metrics.summary import summarise
from qhpcsim.scenario import Partition, Scenario
from tests.metrics.runs import HAND_EASY, HAND_JOBS, make_result, make_schedule, make_table, users


def test_hand_example_fcfs():
    figures = make_result().summary
    # waits 0 9 8 12 11 30; turnarounds 10 14 16 32 13 31; areas 30 15 8 20 4 4
    assert figures["mean_wait_s"] == pytest.approx(70 / 6)
    assert figures["max_wait_s"] == 30
    assert figures["mean_turnaround_s"] == pytest.approx(116 / 6)
    assert figures["makespan_s"] == 36
    assert figures["busy_node_s"] == 81
    assert figures["utilisation_frac"] == pytest.approx(81 / 144)
    assert figures["mean_slowdown"] == pytest.approx((1 + 14 / 5 + 2 + 1.6 + 6.5 + 31) / 6)
    assert figures["mean_bounded_slowdown"] == pytest.approx((1 + 1.4 + 1.6 + 1.6 + 1.3 + 3.1) / 6)
    assert figures["mean_pp_bounded_slowdown"] == pytest.approx((1 + 1 + 1.6 + 1.6 + 1 + 1) / 6)
    awrt = (30 * 10 + 15 * 14 + 8 * 16 + 20 * 32 + 4 * 13 + 4 * 31) / 81
    assert figures["awrt_s"] == pytest.approx(awrt)
    assert figures["throughput_jobs_per_h"] == pytest.approx(6 / 36 * 3600)
    assert figures["mean_queue_length"] == pytest.approx(70 / 36)
    assert figures["max_queue_length"] == 5
    assert figures["n_jobs"] == figures["n_completed"] == 6


def test_hand_example_easy():
    figures = make_result(starts=HAND_EASY).summary
    assert figures["mean_wait_s"] == pytest.approx((0 + 9 + 0 + 7 + 11 + 25) / 6)
    assert figures["makespan_s"] == 31


def test_steady_window_is_the_middle_of_the_submissions():
    figures = make_result().summary
    # submissions 0 … 5: the window is [0.5, 4.5], with job 1 on three of four nodes
    assert (figures["steady_start_s"], figures["steady_end_s"]) == (0.5, 4.5)
    assert figures["steady_utilisation_frac"] == pytest.approx(0.75)


def test_energy_of_a_machine_that_draws_the_same_idle_and_busy():
    figures = make_result([(0, 32, 16088.51)], [0], nodes=32, power=(95.0, 95.0)).summary
    assert figures["energy_j"] == pytest.approx(48_909_070.4, rel=1e-12)


def test_energy_by_hand():
    result = make_result(power=(100.0, 300.0))
    assert result.summary["energy_j"] == 100 * 4 * 36 + 200 * 81
    assert result.jobs["consumed_energy"].tolist() == [300.0 * area for area in (30, 15, 8, 20, 4, 4)]


def test_energy_of_shared_nodes_goes_by_cores():
    table = make_table([(0, 2, 10), (0, 1, 10)], cores_per_node=np.array([2, 4], dtype=np.int32))
    offset, lo, hi = np.array([0, 1, 2]), np.array([0, 0], np.int32), np.array([1, 0], np.int32)
    schedule = Schedule(
        np.zeros(2), np.full(2, 10.0), np.zeros(2, np.int8), np.zeros(2, np.int32),
        np.array([0, 1, -1, -2], np.int32), offset, lo, hi,
    )  # fmt: skip
    partitions = {"shared": Partition(nodes=2, cores_per_node=8, idle_w=80.0, busy_w=240.0, sharing="cores")}
    figures = summarise(table, schedule, partitions, Scenario())
    # job 1 holds 2/8 of two nodes, job 2 4/8 of one: one node's worth
    assert figures["energy_j"] == pytest.approx(80 * 2 * 10 + 160 * 1.0 * 10)
    assert figures["utilisation_frac"] == pytest.approx(0.5)


def test_partitions_add_up():
    table = make_table([(0, 1, 10), (0, 2, 20), (5, 1, 5)])
    schedule = make_schedule(table, [0, 0, 5], 4)
    schedule.partition[:] = [0, 1, 0]
    partitions = {"cpu": Partition(nodes=1, idle_w=1, busy_w=2), "gpu": Partition(nodes=3, idle_w=10, busy_w=50)}
    figures = summarise(table, schedule, partitions, Scenario())
    parts = figures["by_partition"].values()
    assert sum(part["n_jobs"] for part in parts) == 3
    assert sum(part["busy_node_s"] for part in parts) == figures["busy_node_s"] == 55
    assert sum(part["energy_j"] for part in parts) == figures["energy_j"] == 20 + 15 + 600 + 1600


def test_killed_work_is_not_useful():
    figures = make_result([(0, 4, 10), (0, 4, 30)], [0, 10], limits=[10, 20]).summary
    assert figures["n_killed"] == 1
    assert figures["makespan_s"] == 30
    assert figures["useful_utilisation_frac"] == pytest.approx(1 / 3)


def test_fairness():
    assert jain_index(np.array([1.0, 1.0, 1.0])) == pytest.approx(1)
    assert jain_index(np.array([1.0, 0.0, 0.0, 0.0])) == pytest.approx(0.25)
    figures = make_result(user=users([0, 0, 1, 1, 2, -1])).summary
    means = np.array([1.2, 1.6, 1.3])
    assert figures["jain_fairness"] == pytest.approx(means.sum() ** 2 / (3 * (means**2).sum()))
    assert figures["counted"]["jain_fairness"]["n_excluded"] == 1


def test_size_classes():
    assert size_classes(np.array([1, 2, 4, 5, 16, 17, 64, 65, 256, 257, 1024])).tolist() == [
        0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5,
    ]  # fmt: skip
    assert [class_name(k) for k in range(5)] == ["1", "2-4", "5-16", "17-64", "65-256"]
    assert make_result().summary["by_size_class"]["1"]["mean_wait_s"] == 10


def test_rejected_jobs_are_counted_beside_the_means():
    figures = make_result([*HAND_JOBS, (6, 9, 1)], [0, 10, 10, 15, 15, 35, math.nan]).summary
    assert figures["mean_wait_s"] == pytest.approx(70 / 6)
    assert figures["n_rejected"] == 1
    assert figures["counted"]["wait"] == {"n_counted": 6, "n_excluded": 1, "excluded": "never started"}


def test_nothing_finished_says_so_and_shows_no_number():
    result = make_result([(0, 9, 1), (1, 9, 1)], [math.nan, math.nan])
    assert result.answer == "No job finished: 2 rejected."
    assert all(result.summary[key] is None for key in entries("metric") if key.endswith("_s"))


def test_an_empty_workload_has_a_summary():
    table = make_table([(0, 1, 1)])
    for name in ("job_id", "submit_s", "runtime_s", "walltime_s", "nodes"):
        setattr(table, name, getattr(table, name)[:0])
    schedule = make_schedule(table, [], 4)
    figures = summarise(table, schedule, {"batch": Partition(nodes=4)}, Scenario())
    assert figures["message"] == "No job finished: the workload has no jobs."
    assert figures["mean_wait_s"] is None


def test_a_running_job_counts_until_the_window_ends():
    table = make_table([(0, 2, 10), (2, 1, 8)])
    schedule = make_schedule(table, [0, 2], 4)
    schedule.end_s[0] = math.nan
    schedule.state[0] = JobState.RUNNING
    figures = summarise(table, schedule, {"batch": Partition(nodes=4)}, Scenario())
    assert figures["busy_node_s"] == 2 * 10 + 8
    assert figures["n_running"] == 1 and figures["counted"]["turnaround"]["n_excluded"] == 1


def test_run_times_are_freed_of_the_rounding_of_ends():
    table = make_table([(0, 1, 0.1), (0, 1, 250e-6)])
    schedule = make_schedule(table, [0.2, 1e7], 4)
    run = RunData(table, schedule, {"batch": Partition(nodes=4)})
    assert run.run_s.tolist() == [0.1, 250e-6]


def test_every_metric_states_unit_and_formula():
    for key, entry in entries("metric").items():
        assert entry.summary.startswith("["), key
        assert entry.target.__doc__, key
