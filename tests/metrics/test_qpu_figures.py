"""Every figure of a run's QPUs, worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from qhpcsim.metrics.qpu import summarise_qpu
from qhpcsim.metrics.qpu_data import QpuIntervals
from qhpcsim.metrics.qpu_spans import clipped, length_s, united, without
from tests.metrics.qpu_runs import empty_run, hand_run


def numbers(tree):
    """Yield every leaf of nested figures."""
    for value in tree.values():
        yield from numbers(value) if isinstance(value, dict) else [value]


def test_the_workloads_own_jobs() -> None:
    # p0, p1, p2, p4, p5, p6, p8; waits 0, 8, 0, 140, 20; turnarounds 11, 19, 11, 151, 30
    figures = summarise_qpu(hand_run())
    counts = {key: figures[key] for key in ("n_jobs", "n_completed", "n_failed", "n_rejected", "n_unfinished")}
    assert counts == {"n_jobs": 7, "n_completed": 5, "n_failed": 1, "n_rejected": 1, "n_unfinished": 0}
    assert figures["n_background"] == 3
    assert figures["mean_wait_s"] == pytest.approx(168 / 5)
    assert figures["median_wait_s"] == 8
    assert figures["p95_wait_s"] == pytest.approx(20 + 0.8 * 120)
    assert figures["max_wait_s"] == 140
    assert figures["mean_turnaround_s"] == pytest.approx(222 / 5)
    assert figures["p95_turnaround_s"] == pytest.approx(30 + 0.8 * 121)
    assert figures["mean_service_s"] == 10
    assert figures["mean_fidelity"] == pytest.approx((0.9 + 0.8 + 0.7 + 0.6) / 4)
    assert (figures["qpu_s"], figures["billed_s"]) == (50, 10 + 19 + 70 + 10 + 10)
    assert figures["shots"] == 100 + 200 + 300 + 400 + 700, "rejected and failed jobs made no shots"
    assert isinstance(figures["shots"], int)
    assert figures["cost"] == {"USD": pytest.approx(5 + 9.5 + 35 + 5), "EUR": 1}
    assert figures["energy_j"] == 4000


def test_jobs_of_other_users_stand_apart() -> None:
    # p3 waits 95 and runs 40 of its 50 s; p7 never starts; p9 waits 90 and still runs
    other = summarise_qpu(hand_run())["background"]
    assert (other["n_jobs"], other["n_completed"], other["n_unfinished"]) == (3, 1, 2)
    assert (other["mean_wait_s"], other["max_wait_s"]) == (92.5, 95)
    assert (other["mean_turnaround_s"], other["mean_service_s"]) == (146, 40)
    assert (other["qpu_s"], other["billed_s"]) == (90, 90)
    assert (other["shots"], other["mean_fidelity"]) == (None, None)
    assert other["cost"] == {"USD": 20, "EUR": 3}


def test_waits_by_mode() -> None:
    modes = summarise_qpu(hand_run())["by_mode"]
    assert {name: row["n"] for name, row in modes.items()} == {"job": 2, "batch": 1, "session": 3, "dedicated": 1}
    assert modes["session"]["mean_wait_s"] == 4
    assert modes["session"]["median_wait_s"] == 4
    assert modes["session"]["p95_wait_s"] == pytest.approx(7.6)
    assert modes["job"]["mean_wait_s"] == 0
    assert modes["batch"]["p95_wait_s"] == 20
    assert modes["dedicated"]["median_wait_s"] == 140


def test_how_each_qpu_spent_the_run() -> None:
    a, b = summarise_qpu(hand_run())["by_qpu"].values()
    assert a["n_jobs"] == 7
    assert a["utilisation_frac"] == pytest.approx((4 * 10 + 40) / 200)
    assert (a["calibration_frac"], a["outage_frac"], a["closed_frac"], a["reserved_frac"]) == (0.05, 0.05, 0, 0.1)
    assert a["held_idle_frac"] == pytest.approx((9 + 60) / 200), "between the jobs of session 7, and after the last"
    assert a["mean_queue_length"] == pytest.approx((8 + 95 + 140 + 10) / 200)
    assert a["mean_wait_s"] == pytest.approx((0 + 8 + 0 + 95 + 140) / 5)
    assert (a["cost"], a["currency"]) == (pytest.approx(74.5), "USD")
    assert (b["n_jobs"], b["utilisation_frac"], b["closed_frac"], b["warm_up_frac"]) == (2, 0.3, 0.5, 0.1)
    assert (b["held_idle_frac"], b["mean_queue_length"], b["mean_wait_s"]) == (0, pytest.approx(0.55), 55)


def test_a_hold_is_not_idle_while_the_qpu_is_closed_nor_after_the_run() -> None:
    run = hand_run()
    run.intervals = QpuIntervals.of(
        [(0, "session", 11, 100, 7), (0, "outage", 50, 60, -1), (0, "session", 195, 260, 9), (0, "warm_up", 55, 65, -1)]
    )
    figures = summarise_qpu(run)["by_qpu"]["a"]
    assert figures["held_idle_frac"] == pytest.approx((9 + 60 - 15 + 5) / 200)
    assert figures["outage_frac"] == pytest.approx(0.05)


def test_intervals_that_overlap_count_once() -> None:
    run = hand_run()
    rows = [(0, "outage", 10, 30, -1), (0, "outage", 20, 40, -1), (0, "outage", 190, 300, -1), (1, "outage", 0, 9, -1)]
    run.intervals = QpuIntervals.of(rows)
    assert summarise_qpu(run)["by_qpu"]["a"]["outage_frac"] == pytest.approx((30 + 10) / 200)


def test_nothing_to_say_is_none_and_never_nan() -> None:
    figures = summarise_qpu(empty_run())
    assert (figures["n_jobs"], figures["qpu_s"], figures["mean_wait_s"], figures["shots"]) == (0, 0, None, None)
    assert figures["by_qpu"]["a"]["utilisation_frac"] is None
    for run in (empty_run(), hand_run()):
        figures = summarise_qpu(run)
        json.dumps(figures, allow_nan=False)
        assert all(math.isfinite(value) for value in numbers(figures) if isinstance(value, float | int))


def test_jobs_that_all_failed_have_no_waits() -> None:
    run = hand_run()
    only = run.state == 1
    run.background = ~only
    figures = summarise_qpu(run)
    assert (figures["n_jobs"], figures["n_failed"], figures["mean_wait_s"], figures["energy_j"]) == (1, 1, None, None)


def test_qpus_without_prices_have_no_costs() -> None:
    run = hand_run()
    run.currency = ("", "EUR")
    figures = summarise_qpu(run)
    assert figures["cost"] == {"EUR": 1}
    assert figures["by_qpu"]["a"]["cost"] is None


def test_spans() -> None:
    spans = np.array([[5.0, 7.0], [0.0, 3.0], [2.0, 4.0], [9.0, 9.0], [7.0, 8.0]])
    assert united(spans).tolist() == [[0, 4], [5, 8]]
    assert length_s(clipped(spans, 6.0)) == 5
    assert without(spans, np.array([[1.0, 2.0], [3.5, 6.0]])).tolist() == [[0, 1], [2, 3.5], [6, 8]]
    assert without(spans, np.empty((0, 2))).tolist() == united(spans).tolist()
    assert without(np.empty((0, 2)), spans).shape == (0, 2)


@pytest.mark.parametrize("seed", range(5))
def test_spans_against_a_count_of_seconds(seed: int) -> None:
    draw = np.random.default_rng(seed)
    keep, holes = (np.sort(draw.integers(0, 60, (8, 2)), axis=1).astype(float) for _ in range(2))
    seconds = np.arange(60)

    def inside(spans):
        return ((spans[:, :1] <= seconds) & (seconds < spans[:, 1:])).any(axis=0)

    assert length_s(keep) == inside(keep).sum()
    assert length_s(without(keep, holes)) == (inside(keep) & ~inside(holes)).sum()
