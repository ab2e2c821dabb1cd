"""What QPU jobs ask for: the card against the real jobs that it was fitted to, and given values."""

import importlib
import sys
from dataclasses import replace

import numpy as np
import pytest

from qhpcsim.core.data import data_dir
from qhpcsim.core.errors import ConfigError
from qhpcsim.core.rng import Rng
from qhpcsim.workloads.qpu_shapes import COLUMNS, Shape, ShapeLaw, draw_shapes
from tests.reference import reference

JOBS = "qpu/ibm_job_times_train.csv"


@pytest.fixture(scope="module")
def fit():
    folder = str(data_dir("calibration") / "workload")
    sys.path.insert(0, folder)
    try:
        yield importlib.import_module("fit_qpu_jobs")
    finally:
        sys.path.remove(folder)


@pytest.fixture(scope="module")
def table():
    return np.genfromtxt(reference(JOBS), delimiter=",", names=True)


def test_the_card_draws_jobs_like_the_real_ones(fit, table):
    drawn, real = ShapeLaw.from_card().draw(40_000, Rng(7), "t"), fit.per_circuit(table)
    *distance, ratio = fit.distances(drawn, real)
    assert max(distance) < 0.05
    assert ratio == pytest.approx(1.0, abs=0.04)
    assert (drawn[:, 0] > 1).mean() == pytest.approx((real[:, 0] > 1).mean(), abs=0.01)
    for kind in (False, True):
        ours, theirs = (fit.rank_correlation(q[(q[:, 0] > 1) == kind]) for q in (drawn, real))
        assert np.abs(ours - theirs).max() < 0.05


def test_the_correlations_matter(fit, table):
    law, real = ShapeLaw.from_card(), fit.per_circuit(table)
    loose = replace(law, strata=tuple(replace(s, correlation=np.eye(5)) for s in law.strata))
    assert abs(fit.distances(loose.draw(40_000, Rng(7), "t"), real)[-1] - 1) > 0.05


@pytest.mark.slow
def test_jobs_that_the_fit_did_not_see(fit, table):
    tied, loose, others = fit.held_out(table, seed=5)
    assert (tied[:4] < others[:4] + 0.03).all()
    assert tied[4] == pytest.approx(1.0, abs=0.05)
    assert tied[0] < loose[0]


def test_no_row_of_the_real_jobs_is_on_the_card(fit, table):
    """Quantiles and shares only: no joint row can be read off the card."""
    text = (data_dir("calibration") / "workload" / "qpu_jobs.yaml").read_text()
    rows = [",".join(f"{v:g}" for v in row) for row in table[list(fit.FEATURES)].tolist()]
    assert not any(row in text.replace(" ", "") for row in rows)


def test_more_jobs_begin_with_the_same():
    few, many = (ShapeLaw.from_card().draw(n, Rng(1), "t") for n in (10, 1000))
    assert few.tobytes() == many[:10].tobytes()
    assert not np.array_equal(few, ShapeLaw.from_card().draw(10, Rng(2), "t"))


def test_given_values_replace_drawn_ones():
    shape = Shape(n_circuits=3, shots=500, width=2, depth=10, n_2q=4)
    found = draw_shapes(shape, 5, Rng(1), "t", "shape")
    assert {name: set(column.tolist()) for name, column in found.items()} == {
        "n_circuits": {3.0},
        "shots": {500.0},
        "depth_total": {30.0},
        "n_2q_total": {12.0},
        "n_qubits_total": {6.0},
    }
    free, one = (draw_shapes(s, 2000, Rng(1), "t", "s") for s in (Shape(), Shape(n_circuits=1)))
    assert set(one["n_circuits"].tolist()) == {1.0}
    assert one["depth_total"].max() > 3000 > (free["depth_total"] / free["n_circuits"])[free["n_circuits"] > 1].max()
    lone = draw_shapes(Shape(width=1), 100, Rng(1), "t", "s")
    assert lone["n_2q_total"].tolist() == [0.0] * 100
    narrow = draw_shapes(Shape(max_width=4), 1000, Rng(1), "t", "s")
    assert (narrow["n_qubits_total"] <= 4 * narrow["n_circuits"]).all()


@pytest.mark.parametrize("name", ["n_circuits", "shots", "width", "max_width"])
def test_nothing_of_something_is_refused(name):
    with pytest.raises(ConfigError, match=rf"shape\.{name}: 0\n  allowed: at least 1"):
        draw_shapes(Shape(**{name: 0}), 5, Rng(1), "t", "shape")


def test_columns_are_those_of_the_fit(fit):
    assert set(fit.UNITS) == set(COLUMNS)
