"""Errors from calibration to calibration, and the fidelity that jobs can expect of them."""

import dataclasses
import math
from itertools import islice

import numpy as np
import pytest

from qhpcsim.core.cards import card
from qhpcsim.core.errors import FacilityError
from qhpcsim.core.qpu_records import QpuDemand
from qhpcsim.core.rng import Rng
from qhpcsim.models import qpu_quality
from qhpcsim.models.fidelity import DeviceErrors, Slope, success_probability
from qhpcsim.models.qpu import open_qpu
from qhpcsim.models.qpu_fleet import Fleet, request_of
from qhpcsim.models.qpu_quality import calibration_times, n_couplers
from qhpcsim.qpu_scenario import DAY_S, HOUR_S, CalibrationWindow, QpuDevice, QpuService
from tests.models.test_qpu_fleet import demand

DRIFTS = QpuDevice(card="ibm_eagle_r3", drift=True)
STILL = QpuDevice(card="ibm_eagle_r3")
WEEK_S = 7 * DAY_S


def quality(jobs: QpuDemand | None = None, seed: int = 1, **qpus: QpuDevice) -> qpu_quality.Quality:
    return Fleet.open(QpuService(qpus), Rng(seed)).quality(demand(600) if jobs is None else jobs)


def path(rows: list, name: str) -> np.ndarray:
    """Logarithms of one quantity over the calibrations, about the card's value."""
    base = getattr(DeviceErrors.of(open_qpu("ibm_eagle_r3")), name)
    return np.log(np.array([getattr(row, name) for row in rows]) / base)


@pytest.mark.parametrize("days", [1.0, 7.0, 1 / 24])
def test_long_timelines_have_the_statistics_of_the_card(days):
    n = 15_000
    device = dataclasses.replace(DRIFTS, windows=(CalibrationWindow(days * DAY_S, 0.0, 0.0),))
    rows = quality(q=device).timeline(0, (n - 0.5) * days * DAY_S)
    assert len(rows) == n
    told = card("fidelity/drift")
    for name, prefix in (("error_2q", "error_2q"), ("error_readout", "error_readout"), ("t1_s", "t1"), ("t2_s", "t2")):
        x, phi = path(rows, name), told.value(f"{prefix}_phi") ** days
        # Standard errors of an AR(1) series: its spread holds n(1 − φ²)/(1 + φ²) independent values.
        n_free = n * (1 - phi**2) / (1 + phi**2)
        assert x.std() == pytest.approx(told.value(f"{prefix}_deviation"), rel=4 / math.sqrt(2 * n_free))
        assert abs(x.mean()) < 4 * x.std() * math.sqrt((1 + phi) / (1 - phi) / n)
        assert np.corrcoef(x[1:], x[:-1])[0, 1] == pytest.approx(phi, abs=4 * math.sqrt((1 - phi**2) / n))
    death, recovery = told.value("coupler_death"), told.value("coupler_recovery")
    dead = np.array([row.n_dead_couplers for row in rows])
    assert dead.mean() == pytest.approx(144 * death / (death + recovery), rel=0.05 if days >= 1 else 0.15)
    if days == 1.0:
        assert np.corrcoef(dead[1:], dead[:-1])[0, 1] == pytest.approx(1 - death - recovery, abs=0.04)


def test_a_calibration_changes_the_fidelity_at_its_end():
    window = CalibrationWindow(DAY_S, 2 * HOUR_S, HOUR_S)
    jobs = demand(600)
    found = quality(jobs, q=dataclasses.replace(DRIFTS, windows=(window,)))
    rows = found.timeline(0, 2 * DAY_S)
    assert [row.time_s for row in rows] == [0.0, 3 * HOUR_S, 27 * HOUR_S]
    before, after = found.at(5, 0, math.nextafter(27 * HOUR_S, 0)), found.at(5, 0, 27 * HOUR_S)
    assert before == found.at(5, 0, 3 * HOUR_S) != after == found.at(5, 0, 50 * HOUR_S)
    card_errors = DeviceErrors.of(open_qpu("ibm_eagle_r3"))
    # Single-qubit errors drift too but are not in the rows: a job without gates shows readout and idling alone.
    quiet = QpuDemand(*(np.array([v]) for v in (0.0, 1.0, 1000.0, 300.0, 0.0, 9.0)))
    seen = quality(quiet, q=dataclasses.replace(DRIFTS, windows=(window,)))
    for row in rows:
        errors = dataclasses.replace(card_errors, error_readout=row.error_readout, t1_s=row.t1_s, t2_s=row.t2_s)
        told = Slope.from_card().fidelity(success_probability(request_of(quiet), errors))[0]
        assert seen.at(0, 0, row.time_s) == pytest.approx(told, rel=1e-12)


def test_answers_do_not_depend_on_the_questions_before():
    jobs = demand(600)
    rng = np.random.default_rng(2)
    ask = rng.integers(0, 600, 500), rng.integers(0, 2, 500), rng.random(500) * 90 * DAY_S
    devices = {"a": DRIFTS, "b": dataclasses.replace(DRIFTS, windows=(CalibrationWindow(WEEK_S),))}
    forward, backward = quality(jobs, **devices), quality(jobs, **devices)
    at_once = forward.of(*ask)
    one_by_one = [backward.at(*row) for row in reversed(list(zip(*(column.tolist() for column in ask), strict=True)))]
    assert at_once.tolist() == one_by_one[::-1]
    assert forward.timeline(1, 1e7) == backward.timeline(1, 1e7)
    alone = quality(jobs, b=devices["b"])
    assert alone.timeline(0, 1e7) == forward.timeline(1, 1e7)
    assert quality(jobs, seed=2, **devices).timeline(1, 1e7) != forward.timeline(1, 1e7)


def test_forgetting_old_answers_changes_none(monkeypatch):
    jobs = demand(600)
    rng = np.random.default_rng(3)
    ask = rng.integers(0, 600, 300), np.zeros(300, dtype=int), rng.random(300) * 30 * DAY_S
    kept = quality(jobs, a=DRIFTS).of(*ask)
    monkeypatch.setattr(qpu_quality, "_MAX_BLOCKS", 2)
    assert quality(jobs, a=DRIFTS).of(*ask).tobytes() == kept.tobytes()


def test_without_drift_the_card_holds_for_ever():
    jobs = demand(600)
    opened = Fleet.open(QpuService({"q": STILL}), Rng(1))
    table, found = opened.jobs(jobs), opened.quality(jobs)
    every = np.arange(600)
    for time_s in (0.0, 1e9):
        told = found.of(every, np.zeros(600, dtype=int), np.full(600, time_s))
        assert told.tolist() == pytest.approx(table.fidelity[:, 0].tolist(), rel=1e-13)
    errors = DeviceErrors.of(open_qpu("ibm_eagle_r3"))
    assert found.timeline(0, 1e9) == [(0.0, errors.error_2q, errors.error_readout, errors.t1_s, errors.t2_s, 0)]


def test_what_nobody_knows_is_nan():
    found = quality(a=QpuDevice(), b=DRIFTS)
    ask = [(0, 0, 5.0), (600, 1, 5.0), (-1, 1, 5.0), (0, -1, 5.0), (0, 1, math.nan), (0, 1, math.inf)]
    assert all(math.isnan(found.at(*row)) for row in ask)
    assert 0 <= found.at(0, 1, 5.0) <= 1
    assert found.timeline(0, 1e9) == []


def test_the_longest_windows_calibrate():
    hourly, daily = CalibrationWindow(HOUR_S, 0.0, 60.0), CalibrationWindow(DAY_S, -HOUR_S, HOUR_S)
    twice = CalibrationWindow(DAY_S, 6 * HOUR_S, HOUR_S, mode="interleave")
    cases = {
        (): [DAY_S, 2 * DAY_S, 3 * DAY_S],
        (hourly,): [60.0, HOUR_S + 60, 2 * HOUR_S + 60],
        (hourly, daily): [DAY_S, 2 * DAY_S, 3 * DAY_S],
        (daily, twice): [7 * HOUR_S, DAY_S, 31 * HOUR_S],
        (twice, twice): [7 * HOUR_S, 31 * HOUR_S, 55 * HOUR_S],
    }
    for windows, times_s in cases.items():
        assert [*islice(calibration_times(QpuDevice(windows=windows)), 3)] == times_s


@pytest.mark.parametrize(("name", "couplers"), [("ibm_eagle_r3", 144), ("ibm_heron_r2", 176), ("ionq_aria", 0)])
def test_couplers_of_real_lattices(name, couplers):
    assert n_couplers(open_qpu(name)) == couplers


def test_more_calibrations_than_anyone_means_are_refused(monkeypatch):
    monkeypatch.setattr(qpu_quality, "MAX_CALIBRATIONS", 100)
    with pytest.raises(FacilityError, match="more than 100 calibrations"):
        quality(q=DRIFTS).at(0, 0, 1e9)


def test_certain_errors_spare_what_is_not_done():
    errors = DeviceErrors(1.0, 1.0, 0.0, math.inf, math.inf)
    idle, busy = (QpuDemand(*(np.array([v]) for v in (0.0, 1.0, 1.0, 9.0, g, 4.0))) for g in (0.0, 1.0))
    assert success_probability(request_of(idle), errors).tolist() == [1.0]
    assert success_probability(request_of(busy), errors).tolist() == [0.0]
