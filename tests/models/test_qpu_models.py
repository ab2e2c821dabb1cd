"""Models of service time: units, order, and draws that agree with the predicted quantiles."""

import numpy as np
import pytest

from qhpcsim.core.errors import CardError, ConfigError, UnknownNameError
from qhpcsim.core.registry import entries
from qhpcsim.core.rng import Rng
from qhpcsim.models.qpu import open_qpu, qpu_cards
from qhpcsim.models.requests import Request

NEEDS = {"quantinuum_h2": {"time_layer": "50ms"}}
NO_OVERHEAD = {
    "load": 0, "load_several": 0, "load_per_circuit": 0, "load_wide": 0, "execution_floor": 0,
    "time_shot_extra": 0, "time_factor_sigma": 0,
}  # fmt: skip


def opened(name: str, **settings):
    return open_qpu(name, **NEEDS.get(name, {}), **settings)


def test_a_million_shots_of_250_us_last_250_s_at_any_start():
    model = opened("ibm_2023", **NO_OVERHEAD)
    request = Request.of(shots=10**6)
    duration = model.predict(request).median_s[0]
    assert duration == pytest.approx(250.0, rel=1e-12)
    assert model.draw(request, Rng(1).stream("qpu"))[0] == duration
    for start in (0.0, 1e6, 1e9):
        assert (start + duration) - start == pytest.approx(250.0, abs=1e-6)


def test_pulses_of_100_ns_do_not_vanish():
    model = opened("ibm_2023", **NO_OVERHEAD, rep_delay=0, time_layer="100ns")
    one = model.predict(Request.of(shots=1, depth_total=1)).median_s[0]
    many = model.predict(Request.of(shots=1000, depth_total=1)).median_s[0]
    assert one == pytest.approx(1e-7, rel=1e-12)
    assert many == pytest.approx(1e-4, rel=1e-12)


def test_overhead_is_added_not_multiplied():
    model = opened("ibm_2023")
    short, long = (model.predict(Request.of(shots=s, n_qubits_total=5)) for s in (1000, 20_000_00))
    assert (short.p95_s / short.median_s)[0] > 1.5
    assert (long.p95_s / long.median_s)[0] < 1.1


def test_a_scheduled_duration_replaces_the_depth():
    model = opened("ibm_heron_r2", **NO_OVERHEAD)
    base = {"shots": 1000, "n_circuits": 10, "n_qubits_total": 50}
    by_depth = model.predict(Request.of(**base, depth_total=10_000)).median_s
    by_time = model.predict(Request.of(**base, duration_total_s=10_000 * model.numbers["time_layer"])).median_s
    assert by_time == pytest.approx(by_depth)


def test_no_shot_is_faster_than_the_published_rate():
    model = opened("ibm_nighthawk_r1", **NO_OVERHEAD, rep_delay=0)
    assert model.predict(Request.of(shots=1000)).median_s[0] == pytest.approx(1000 / 250)


def test_pasqal_takes_four_seconds_a_shot():
    model = opened("pasqal_fresnel", load=0, load_per_circuit=0, time_factor_sigma=0)
    assert model.predict(Request.of(shots=256)).median_s[0] == pytest.approx(1024)


def test_aqt_runs_at_its_published_rate():
    model = opened("aqt_ibex", load=0, load_per_circuit=0, time_factor_sigma=0)
    per_shot = model.predict(Request.of(shots=1, n_2q_total=300)).median_s[0]
    assert 1 / per_shot == pytest.approx(5.5, rel=0.05)


def test_zones_hold_a_limited_number_of_gates():
    model = opened("quantinuum_h2", load=0, load_per_circuit=0, time_factor_sigma=0)
    deep, broad = (model.predict(Request.of(shots=10, depth_total=4, n_2q_total=n)).median_s[0] for n in (4, 40))
    assert deep == pytest.approx(10 * 4 * 0.05)
    assert broad == pytest.approx(10 * 10 * 0.05)


def test_the_layer_time_of_h2_is_the_users():
    with pytest.raises(CardError, match="time_layer is not known"):
        open_qpu("quantinuum_h2")


@pytest.mark.parametrize("name", [n for n in qpu_cards() if n != "abstract"])
def test_more_work_never_takes_less_time(name):
    model = opened(name)
    for column, low, high in (
        ("shots", 100, 4000),
        ("n_circuits", 1, 1),
        ("depth_total", 10, 2000),
        ("n_2q_total", 5, 900),
    ):
        values = np.linspace(low, high, 40).round()
        request = Request.of(**{"n_qubits_total": 10, "depth_total": 50, "n_2q_total": 20, column: values})
        times = model.predict(request)
        for part in (times.median_s, times.p5_s, times.p95_s):
            assert (np.diff(part) >= -1e-9 * part[1:]).all(), column
    circuits = np.arange(2, 40)
    request = Request.of(circuits, 1000, 50 * circuits, 20 * circuits, 10 * circuits)
    assert (np.diff(model.predict(request).median_s) > 0).all()


@pytest.mark.parametrize("name", list(qpu_cards()))
@pytest.mark.parametrize("circuits", [1, 20])
def test_draws_have_the_predicted_quantiles(name, circuits):
    model = opened(name)
    n = 20_000
    request = Request.of(np.full(n, circuits), 2000, 60 * circuits, 30 * circuits, 6 * circuits)
    drawn = model.draw(request, Rng(7).stream(name))
    told = model.predict(Request.of(circuits, 2000, 60 * circuits, 30 * circuits, 6 * circuits))
    assert (drawn > 0).all()
    for level, value in ((0.05, told.p5_s), (0.5, told.median_s), (0.95, told.p95_s)):
        assert np.mean(drawn <= value[0]) == pytest.approx(level, abs=0.012)


def test_the_same_stream_gives_the_same_draws():
    model, request = opened("ibm_2023"), Request.of(np.arange(1, 50), 1000, 100, 20, 200)
    first, second = (model.draw(request, Rng(3).stream("a")) for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize(
    ("law", "cv"), [("constant", 0.0), ("exponential", 1.0), ("lognormal", 0.7), ("hyperexponential", 3.0)]
)
def test_abstract_laws_have_their_mean_and_cv(law, cv):
    model = open_qpu("abstract", law=law, mean_s=40.0, cv=cv)
    drawn = model.draw(Request.of(np.ones(200_000)), Rng(5).stream(law))
    assert drawn.mean() == pytest.approx(40.0, rel=0.03)
    assert drawn.std() / drawn.mean() == pytest.approx(cv, rel=0.05, abs=1e-9)


def test_the_empirical_law_repeats_what_was_measured():
    model = open_qpu("abstract", law="empirical", values_s=(3.0, 1.0, 2.0))
    drawn = model.draw(Request.of(np.ones(6000)), Rng(5).stream("e"))
    assert np.unique(drawn).tolist() == [1.0, 2.0, 3.0]
    assert drawn.mean() == pytest.approx(2.0, rel=0.03)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"law": "pareto"}, UnknownNameError),
        ({"law": "lognormal", "cv": -1}, ConfigError),
        ({"law": "hyperexponential", "cv": 0.5}, ConfigError),
        ({"mean_s": 0}, ConfigError),
        ({"law": "empirical"}, ConfigError),
    ],
)
def test_impossible_laws_are_refused(settings, error):
    with pytest.raises(error):
        open_qpu("abstract", **settings)


@pytest.mark.parametrize(
    "columns", [{"shots": 0}, {"shots": 2.5}, {"n_circuits": np.nan}, {"depth_total": -1}, {"n_qubits_total": np.inf}]
)
def test_impossible_requests_are_refused(columns):
    with pytest.raises(ConfigError, match=next(iter(columns))):
        Request.of(**columns)


def test_jobs_that_do_not_fit_are_refused_and_extrapolation_is_told():
    model = opened("ibm_heron_r2")
    with pytest.raises(ConfigError, match="200 qubits are too many for ibm_heron_r2"):
        model.refuse(Request.of(n_qubits_total=[5, 200]))
    with pytest.raises(ConfigError, match="executions"):
        model.refuse(Request.of(100, 1_000_000))
    told = opened("ibm_2023").outside(Request.of([1, 1], [1000, 50_000], 10, 5, 5))
    assert [str(part) for part in told] == ["1 of 2 jobs outside the fitted shots 1000 … 20000"]


def test_every_modality_is_registered():
    assert {"superconducting", "trapped_ion", "trapped_ion_zones", "neutral_atom", "abstract"} <= set(
        entries("qpu_model")
    )
