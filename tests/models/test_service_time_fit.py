"""The service-time model against real jobs, on folds that the fit did not see."""

import importlib
import sys

import numpy as np
import pytest

from qhpcsim.core.data import data_dir
from qhpcsim.models.qpu import open_qpu
from tests.reference import reference

JOBS = "qpu/ibm_job_times_train.csv"
LIMITS = {"all": 12.0, "one circuit": 20.0, "several circuits": 6.0}


@pytest.fixture(scope="module")
def scripts():
    folder = str(data_dir("calibration") / "qpu")
    sys.path.insert(0, folder)
    try:
        yield importlib.import_module("fit_service_time"), importlib.import_module("service_time_baselines")
    finally:
        sys.path.remove(folder)


def judged(report):
    for name, jobs in report.strata().items():
        assert report.errors(jobs).mean() <= LIMITS[name], name
        assert 87 <= report.coverage(jobs).mean() <= 93, name


def test_one_cross_validation_meets_the_limits(scripts):
    fit, baselines = scripts
    request, time_s, group = fit.read(reference(JOBS))
    report = baselines.Report(request, time_s, group, [fit.held_out(request, time_s, group, seed=11)])
    judged(report)
    ours = report.errors(report.strata()["all"]).mean()
    for name, formula in baselines.BASELINES.items():
        assert ours < 0.6 * report.error(formula(request), np.ones(len(time_s), bool)), name


@pytest.mark.slow
def test_ten_cross_validations_meet_the_limits(scripts):
    fit, baselines = scripts
    request, time_s, group = fit.read(reference(JOBS))
    runs = [fit.held_out(request, time_s, group, seed) for seed in range(100, 110)]
    judged(baselines.Report(request, time_s, group, runs))


def test_folds_do_not_share_features(scripts):
    fit, _ = scripts
    request, _, group = fit.read(reference(JOBS))
    features = np.stack([request.n_circuits, request.shots, request.depth_total, request.n_2q_total], axis=1)
    first = {g: tuple(features[np.argmax(group == g)]) for g in group[:50]}
    assert all(tuple(features[i]) == first[group[i]] for i in range(50))


def test_the_shipped_card_is_what_the_script_fits(scripts):
    """In sample: it only shows that the card holds the script's numbers."""
    fit, baselines = scripts
    request, time_s, group = fit.read(reference(JOBS))
    shipped = open_qpu("ibm_2023").predict(request)
    again = fit.model(fit.fit(request, time_s)).predict(request)
    assert shipped.median_s == pytest.approx(again.median_s, rel=0.01)
    judged(baselines.Report(request, time_s, group, [shipped]))
