"""Fidelity from calibrated errors, its slope, and drift."""

import importlib
import sys

import numpy as np
import pytest

from qhpcsim.core.cards import card
from qhpcsim.core.data import data_dir
from qhpcsim.core.errors import CardError
from qhpcsim.core.rng import Rng
from qhpcsim.models.drift import QUANTITIES, Drift
from qhpcsim.models.fidelity import DeviceErrors, Slope, success_probability
from qhpcsim.models.qpu import open_qpu
from qhpcsim.models.requests import Request
from tests.reference import reference

ERRORS = DeviceErrors(1e-3, 1e-2, 2e-2, 100e-6, 50e-6, 100e-9, 100e-9, 2.0)


def test_success_is_the_product_of_its_parts():
    request = Request.of(2, 1000, 40, 30, 10)
    idle = 5 * 20 * 100e-9 - 2 * 15 * 100e-9
    expected = 0.99**15 * 0.999**30 * 0.98**5 * np.exp(-idle * 0.5 * (1e4 + 2e4))
    assert success_probability(request, ERRORS)[0] == pytest.approx(expected)


def test_two_qubit_errors_readout_and_idling_all_count():
    base = success_probability(Request.of(1, 1, 10, 5, 5), ERRORS)
    for worse in (Request.of(1, 1, 10, 9, 5), Request.of(1, 1, 10, 5, 6), Request.of(1, 1, 500, 5, 5)):
        assert success_probability(worse, ERRORS)[0] < base[0]


def test_better_devices_do_better():
    request = Request.of(1, 1000, 40, 60, 20)
    found = [success_probability(request, DeviceErrors.of(open_qpu(f"ibm_{n}")))[0] for n in ("eagle_r3", "heron_r3")]
    assert 0 < found[0] < found[1] < 1


def test_a_device_without_errors_is_refused():
    with pytest.raises(CardError, match="error_2q"):
        DeviceErrors.of(open_qpu("pasqal_fresnel"))


def test_the_slope_keeps_fidelity_between_0_and_1():
    found = Slope.from_card().fidelity(np.array([0.0, 0.5, 1.0, 1.3]))
    assert found[0] == 0
    assert (np.diff(found) >= 0).all()
    assert found[-1] <= 1


def test_held_out_fidelity_error_is_below_that_of_the_published_estimate():
    pairs = np.genfromtxt(reference("qpu/qonductor_fidelity_estimates.csv"), delimiter=",", names=True)
    folder = str(data_dir("calibration") / "fidelity")
    sys.path.insert(0, folder)
    try:
        fit = importlib.import_module("fit_fidelity")
    finally:
        sys.path.remove(folder)
    held = np.mean([fit.held_out_error(pairs["model"], pairs["real"], seed).mean() for seed in range(5)])
    plain = np.abs(pairs["model"] - pairs["real"]).mean()
    assert plain == pytest.approx(0.115, abs=5e-4)
    assert held < plain
    assert held == pytest.approx(card("fidelity/slope").value("held_out_error"), abs=0.004)


def test_drift_is_stationary_and_remembers():
    rng = Rng(2).stream("drift")
    drift = Drift.from_card(rng, n_couplers=200)
    path, dead = [], []
    for _ in range(4000):
        drift.step(rng)
        path.append(drift.state)
        dead.append(drift.dead.mean())
    states = np.array(path)
    assert states.std(axis=0) == pytest.approx(drift.deviation, rel=0.2)
    lag = [np.corrcoef(states[1:, k], states[:-1, k])[0, 1] for k in range(len(QUANTITIES))]
    assert lag == pytest.approx(drift.phi, abs=0.06)
    assert np.mean(dead) == pytest.approx(drift.death / (drift.death + drift.recovery), rel=0.1)


def test_drift_scales_errors_but_not_beyond_one():
    worse = ERRORS.scaled(error_2q=1.5, t1_s=0.5, error_readout=100.0)
    assert worse.error_2q == pytest.approx(0.015)
    assert worse.t1_s == pytest.approx(50e-6)
    assert worse.error_readout == 1.0
    assert success_probability(Request.of(), worse)[0] == 0.0
