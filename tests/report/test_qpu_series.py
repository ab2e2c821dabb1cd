"""The numbers behind the QPU figures, against hand-worked runs, plain loops and the summary's own figures."""

import numpy as np
import pytest

from qhpcsim.metrics.qpu import summarise_qpu
from qhpcsim.report.ecdf import ecdf
from qhpcsim.report.qpu_quality_figure import band
from qhpcsim.report.qpu_queue_figure import queue_steps, waited
from qhpcsim.report.qpu_time import USES, edges, shares, uses
from tests.metrics.qpu_runs import hand_run
from tests.report.qpu_made import busy_service as service
from tests.report.qpu_made import outcome, stream, week


@pytest.fixture(scope="module")
def busy():
    return week().data


def test_shares_of_the_run_worked_by_hand():
    data = hand_run()
    found = shares(uses(data, 0), np.array([0.0, 50.0, 100.0, 150.0, 200.0]))
    seconds = {use: (50.0 * share).tolist() for use, share in found.items()}
    assert seconds["own"] == [30.0, 0.0, 0.0, 10.0]  # 1–21 and 30–40; 160–170
    assert seconds["others"] == [0.0, 0.0, 40.0, 0.0]  # 100–150 less the outage
    assert seconds["outage"] == [0.0, 0.0, 10.0, 0.0]
    assert seconds["held"] == [19.0, 50.0, 0.0, 10.0]  # session 21–30, 40–100; reservation 170–180
    assert seconds["calibration"] == [0.0, 0.0, 0.0, 10.0]
    assert seconds["closed"] == [0.0] * 4


def test_shares_against_sampling(busy):
    """Every sampled instant goes to the first claim: closed, down, calibrating, then jobs, then holds."""
    edges_s = np.linspace(0.0, busy.horizon_s, 30)
    at = np.random.default_rng(0).random(40_000) * busy.horizon_s
    where = np.searchsorted(edges_s, at, side="right") - 1
    for qpu in (0, 1):
        spans = uses(busy, qpu)
        left = np.ones(len(at), bool)
        found = shares(spans, edges_s)
        for use in ("closed", "outage", "calibration", "own", "others", "held"):
            inside = np.zeros(len(at), bool)
            for start_s, end_s in spans[use]:
                inside |= (start_s <= at) & (at < end_s)
            share = np.bincount(where[inside & left], minlength=29) / np.bincount(where, minlength=29)
            assert found[use] == pytest.approx(share, abs=0.06)
            left &= ~inside


def test_shares_agree_with_the_summary(busy):
    by_qpu = summarise_qpu(busy)["by_qpu"]
    for qpu, name in enumerate(busy.qpu_names):
        found = shares(uses(busy, qpu), np.array([0.0, busy.horizon_s]))
        assert found["own"][0] == pytest.approx(by_qpu[name]["utilisation_frac"], rel=1e-9)
        assert sum(found[use.key][0] for use in USES) <= 1.0 + 1e-12
        for use, key in (("closed", "closed_frac"), ("outage", "outage_frac")):
            assert found[use][0] == pytest.approx(by_qpu[name][key], rel=1e-9)


def test_few_changes_are_drawn_exactly_and_many_in_familiar_intervals(busy):
    data = hand_run()
    exact, width_s = edges([uses(data, 0)], data.horizon_s, 400)
    assert width_s == 0.0
    assert {1.0, 11.0, 110.0, 180.0, 200.0} <= set(exact.tolist())
    binned, width_s = edges([uses(busy, 0), uses(busy, 1)], busy.horizon_s, 400)
    assert width_s == 3600.0
    assert (binned[0], binned[-1]) == (0.0, busy.horizon_s)


def test_queue_has_the_length_that_the_summary_states(busy):
    for data in (busy, hand_run()):
        by_qpu = summarise_qpu(data)["by_qpu"]
        for qpu, name in enumerate(data.qpu_names):
            series = queue_steps(data, waited(data) & (data.qpu == qpu))
            mean = series.integral(np.array([data.horizon_s]))[0] / data.horizon_s
            assert mean == pytest.approx(by_qpu[name]["mean_queue_length"], rel=1e-9)
            assert series.value.min() >= 0


def test_queue_against_counting(busy):
    members = waited(busy) & (busy.qpu == 0)
    series = queue_steps(busy, members)
    for at in np.random.default_rng(1).random(200) * busy.horizon_s:
        here = busy.queued_s[members] <= at
        gone = busy.started_s[members] <= at
        assert series.value[np.searchsorted(series.time_s, at, side="right") - 1] == (here & ~gone).sum()


def test_other_users_count_in_the_queue_of_all():
    data = outcome(stream(40, 43_200.0, 1), service(43_200.0, 1, background="ibm_sherbrooke")).data
    both, own = (queue_steps(data, waited(data) & members) for members in (data.qpu == 0, ~data.background))
    assert both.value.max() > own.value.max()


def test_band_is_percentiles_of_each_interval():
    rng = np.random.default_rng(2)
    at, values, edges_s = rng.random(500) * 9.0, rng.random(500), np.arange(11.0)
    found = band(at, values, edges_s)
    for k in range(9):
        inside = values[(at >= k) & (at < k + 1)]
        assert (found.low[k], found.middle[k], found.high[k]) == pytest.approx(np.percentile(inside, (10, 50, 90)))
    assert np.isnan(found.middle[9])


def test_a_curve_without_waits_is_one_point():
    x, y = ecdf(np.zeros(4))
    assert (x.tolist(), y.tolist()) == ([0.0], [100.0])
