"""The numbers behind the pictures, against plain loops."""

import numpy as np
import pytest

from qhpcsim.report.columns import node_ranges
from qhpcsim.report.ecdf import ecdf
from qhpcsim.report.held import Bars, in_use
from qhpcsim.report.occupancy import occupancy, row_edges
from qhpcsim.report.series import bin_edges, bin_width_s, envelope, steps
from qhpcsim.report.sizes import size_groups
from qhpcsim.report.time_axis import time_axis

NO = np.float64("nan")


def test_node_ranges():
    job, lo, hi = node_ranges(["0-3 7", None, "12", float("nan"), "", "5 9-10"])
    assert job.tolist() == [0, 0, 2, 5, 5]
    assert lo.tolist() == [0, 7, 12, 5, 9]
    assert hi.tolist() == [3, 7, 12, 5, 10]
    assert [len(a) for a in node_ranges([None, ""])] == [0, 0, 0]


def test_steps_count_open_intervals():
    found = steps(np.array([0.0, 1.0, 1.0]), np.array([2.0, NO, 1.0]), None, (0.0, 4.0))
    assert found.time_s.tolist() == [0.0, 1.0, 2.0, 4.0]
    assert found.value.tolist() == [1.0, 2.0, 1.0, 1.0]
    assert found.integral(np.array([4.0])) == pytest.approx([5.0])


def test_envelope_against_sampling():
    rng = np.random.default_rng(0)
    up = rng.random(500) * 100
    series = steps(up, up + rng.random(500) * 5, None, (0.0, 100.0))
    found = envelope(series, 20)
    for k in range(20):
        at = np.linspace(found.edges_s[k], found.edges_s[k + 1], 20_001)[:-1]
        value = series.value[np.searchsorted(series.time_s, at, side="right") - 1]
        assert found.least[k] == value.min()
        assert found.greatest[k] == value.max()
        assert found.mean[k] == pytest.approx(value.mean(), abs=0.02)


def test_occupancy_against_sampling():
    rng = np.random.default_rng(1)
    start = rng.random(40) * 90
    lo = rng.integers(0, 25, 40)
    bars = Bars(start, start + rng.random(40) * 10, lo, lo + rng.integers(0, 5, 40), np.zeros(40, int))
    rows, times = row_edges(30, 10), np.linspace(0, 100, 13)
    found = occupancy(bars, rows, times)
    for r, c in np.ndindex(found.shape):
        nodes = np.arange(rows[r], rows[r + 1])
        inside = (bars.lo[:, None] <= nodes) & (nodes <= bars.hi[:, None])
        held = np.clip(np.minimum(bars.end_s, times[c + 1]) - np.maximum(bars.start_s, times[c]), 0, None)
        expected = (inside.sum(axis=1) * held).sum() / len(nodes) / (times[c + 1] - times[c])
        assert found[r, c] == pytest.approx(expected, abs=1e-9)


def test_shared_nodes_are_in_use_once():
    bars = Bars(
        np.array([0.0, 2.0, 4.0, 9.0, 1.0]),
        np.array([3.0, 5.0, 5.0, 10.0, 2.0]),
        np.array([0, 0, 1, 0, 7]),
        np.array([1, 0, 1, 0, 9]),
        np.array([0, 0, 0, 0, 1]),
    )
    found = in_use(bars, [True, False])
    seen = sorted(zip(found.lo.tolist(), found.hi.tolist(), found.start_s, found.end_s, strict=True))
    assert seen == [(0, 0, 0, 5), (0, 0, 9, 10), (1, 1, 0, 3), (1, 1, 4, 5), (7, 9, 1, 2)]
    assert in_use(bars, [False, False]) is bars


def test_ecdf_starts_at_the_share_that_did_not_wait():
    x, y = ecdf(np.array([0.0, 0.0, 10.0, 20.0]))
    assert x.tolist() == [0.0, 10.0, 20.0]
    assert y.tolist() == [50.0, 75.0, 100.0]
    x, y = ecdf(np.random.default_rng(0).random(10_000))
    assert len(x) <= 301
    assert (x[0], y[0], y[-1]) == (0.0, 0.0, 100.0)


@pytest.mark.parametrize(("span", "width"), [(300, 1), (86_400, 600), (86_400 * 7, 3600), (86_400 * 365, 86_400)])
def test_bins_are_familiar(span, width):
    assert bin_width_s(span) == width
    edges = bin_edges(7.0, 7.0 + span, width)
    assert np.all(np.diff(edges) > 0)
    assert (edges[0], edges[-1]) == (7.0, 7.0 + span)


def test_a_far_zero_moves_to_the_first_submission():
    assert time_axis(1.5e9, 1.5e9 + 86_400).zero_s == 1.5e9
    assert "first submission" in time_axis(1.5e9, 1.5e9 + 86_400).label
    assert time_axis(600.0, 86_400.0).zero_s == 0.0


def test_size_groups_cover_all_jobs():
    groups = size_groups(np.array([1, 2, 4, 5, 100, 1000, 5000, 80_000, 300]))
    assert len(groups.labels) == 6
    assert groups.labels[0] == "1 node"
    assert groups.labels[-1].endswith("or more")
    assert groups.of(np.array([1_000_000])).tolist() == [5]
