"""The numbers behind the pictures of hybrid jobs, against plain loops."""

import numpy as np
import pytest

from qhpcsim.metrics.hybrid_data import KINDS, parts_of
from qhpcsim.report.activity import OTHER
from qhpcsim.report.activity_nodes_figure import nodes_over_time
from qhpcsim.report.activity_qpu_lanes import qpu_lanes
from qhpcsim.report.activity_series import jobs_in_phase, time_shares
from qhpcsim.report.activity_spent_figure import spent_rows
from qhpcsim.report.activity_time_figure import _pixels
from qhpcsim.report.hybrid_view import _PLACE, LOOKS
from qhpcsim.report.sources import from_result
from tests.report.hybrid_made import TWO_QPUS, loops, study

PLACE = _PLACE


@pytest.fixture(scope="module")
def result():
    return study("coupling=split", "coupling.launch_s=30s", qpus=TWO_QPUS)


@pytest.fixture(scope="module")
def view(result):
    return from_result(result).hybrid.activity


def test_every_kind_of_phase_has_its_place():
    assert sorted(PLACE) == sorted(KINDS)
    assert len({phase.colour for phase in (*LOOKS, OTHER)}) == len(LOOKS) + 1


def test_shares_of_intervals_against_overlaps(result, view):
    edges_s = np.linspace(view.axis.first_s, view.axis.last_s, 24)
    expected = np.zeros((view.n, len(LOOKS), 23))
    for job, run in enumerate(result.hybrid.runs):
        for kind, start_s, end_s in run.phases:
            inside_s = np.minimum(edges_s[1:], end_s) - np.maximum(edges_s[:-1], start_s)
            expected[job, PLACE[kind]] += np.clip(inside_s, 0.0, None) / np.diff(edges_s)
    assert time_shares(view, edges_s) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("made", ["few", "many"])
def test_numbers_of_jobs_integrate_to_the_time_spent(made, view):
    chosen = view if made == "few" else from_result(loops("workload.n_jobs=50", "workload.loops=40")).hybrid.activity
    edges_s, counts, width_s = jobs_in_phase(chosen)
    assert (width_s > 0) == (made == "many")
    found_s = (counts * np.diff(edges_s)).sum(axis=1)
    assert found_s == pytest.approx(chosen.spent_s[:, : len(LOOKS)].sum(axis=0), rel=1e-9, abs=1e-6)


def test_spent_time_is_all_of_the_time(result, view):
    for job, run in zip(result.hybrid.jobs, result.hybrid.runs, strict=True):
        mine = view.spent_s[result.hybrid.jobs.index(job)]
        assert mine.sum() == pytest.approx(run.ended_s - job.submit_s, rel=1e-12)
        assert mine[-1] == pytest.approx(20.0 * job.n_calls, rel=1e-9), "a result takes 20 s to come back"


def test_nodes_integrate_to_what_was_held(view):
    found = nodes_over_time(view, others=True)
    within = np.diff(found.edges_s)
    assert (found.used * within).sum() == pytest.approx(view.used_node_s.sum(), rel=1e-9)
    held = ((found.used + found.idle) * within).sum()
    assert held == pytest.approx(view.held_node_s.sum(), rel=1e-9)
    inside_s = np.minimum(view.rigid.end_s, view.axis.last_s) - np.maximum(view.rigid.start_s, view.axis.first_s)
    expected = (np.clip(inside_s, 0.0, None) * view.rigid.weight).sum()
    assert (found.others * within).sum() == pytest.approx(expected, rel=1e-9)


def test_bars_are_means_of_their_jobs():
    run = study("workload.n_jobs=20", "baseline=fcfs")
    view = from_result(run).hybrid.activity
    rows = {row.label: row for row in spent_rows(view)}
    words = ("fastest", "second", "third", "slowest")
    assert list(rows) == ["all 20", "baseline", *[f"{word} quarter" for word in words]]
    for label, figures in (("all 20", run.hybrid.summary), ("baseline", run.baseline.hybrid.summary)):
        row = rows[label]
        assert row.total_s == pytest.approx(figures["mean_time_to_solution_s"], rel=1e-9)
        assert row.held_node_h * 20 * 3600 == pytest.approx(figures["held_node_s"], rel=1e-9)
        assert row.used_node_h * 20 * 3600 == pytest.approx(figures["used_node_s"], rel=1e-9)
    quarters = [rows[label].total_s for label in list(rows)[2:]]
    assert quarters == sorted(quarters)
    assert np.mean(quarters) == pytest.approx(rows["all 20"].total_s, rel=1e-9)


def test_lanes_of_qpus_hold_the_calls(result, view):
    qpu = result.qpu.data
    lanes = qpu_lanes(view)
    assert [lane.title.split(" ")[0] for lane in lanes] == ["a", "b"]
    for k, lane in enumerate(lanes):
        on_s = (lane.shares["own"] * np.diff(lane.edges_s)).sum()
        assert on_s == pytest.approx(qpu.used_s[(qpu.qpu == k) & qpu.started].sum(), rel=1e-6)


def test_a_lane_of_qpus_that_jobs_hold():
    view = from_result(study("coupling=exclusive")).hybrid.activity
    (lane,) = qpu_lanes(view)
    within = np.diff(lane.edges_s)
    calls_s = view.spent_s[:, PLACE["qpu"]].sum()
    assert (lane.shares["own"] * within).sum() == pytest.approx(calls_s, rel=1e-9)
    held_s = (view.own_qpus.end_s - view.own_qpus.start_s).sum()
    assert ((lane.shares["own"] + lane.shares["held"]) * within).sum() == pytest.approx(held_s, rel=1e-9)


def test_pixels_are_stacked_upwards():
    shares = np.zeros((1, len(LOOKS), 3))
    shares[0, 0, 0] = 1.0
    shares[0, :2, 1] = 0.5
    column = _pixels(shares, LOOKS)
    blue, green = (tuple(bytes.fromhex(LOOKS[k].colour[1:])) for k in (0, 1))
    filled = [[tuple(pixel[:3]) for pixel in column[:, x] if pixel[3]] for x in range(3)]
    assert filled == [[blue] * 8, [green] * 4 + [blue] * 4, []]


def test_parts_of_hybrid_jobs():
    parts = parts_of(["1", "a.nodes", "b.x.qpu", "c.nodes", "a.phase0", 7, "a"], ["a", "b.x"])
    assert (parts.row.tolist(), parts.job.tolist()) == ([1, 2, 4], [0, 1, 0])
    assert parts.are_nodes.tolist() == [True, False, True]
    assert parts.are_qpus.tolist() == [False, True, False]
