"""QPUs with their cards open: times, prices, limits and fidelities of a workload."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from qhpcsim.core.errors import QhpcsimError
from qhpcsim.core.qpu_records import QpuDemand, QpuJobTable
from qhpcsim.core.records import Categories
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_simulation import simulate_qpu
from qhpcsim.facility.qpu_validate import check_jobs
from qhpcsim.models.fidelity import DeviceErrors, Slope, success_probability
from qhpcsim.models.qpu import open_qpu, qpu_cards
from qhpcsim.models.qpu_credits import hqc
from qhpcsim.models.qpu_fleet import Fleet, request_of
from qhpcsim.qpu_scenario import AbstractQpuParams, Prices, QpuDevice, QpuService

EAGLE, HERON, LAW = QpuDevice(card="ibm_eagle_r3"), QpuDevice(card="ibm_heron_r3"), QpuDevice()


def demand(n: int = 2000, seed: int = 4, **columns: object) -> QpuDemand:
    """Jobs of every size that the cards were made for."""
    rng = np.random.default_rng(seed)
    c = np.where(rng.random(n) < 0.5, 1.0, rng.integers(2, 100, n))
    depth = rng.integers(5, 2000, n)
    return QpuDemand(
        submit_s=np.sort(rng.random(n) * 1e5),
        n_circuits=c,
        shots=rng.choice([1000.0, 4000.0, 8192.0], n),
        depth_total=c * depth,
        n_2q_total=c * (depth // 2),
        n_qubits_total=c * rng.integers(2, 20, n),
        **columns,  # type: ignore[arg-type]
    )


def fleet(seed: int = 1, **qpus: QpuDevice) -> Fleet:
    return Fleet.open(QpuService(qpus), Rng(seed))


def same(a: QpuJobTable, b: QpuJobTable) -> bool:
    """Whether two tables hold the same bytes."""
    pairs = [(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(QpuJobTable)]
    return all((x is None) == (y is None) and (x is None or x.tobytes() == y.tobytes()) for x, y in pairs)


@pytest.mark.parametrize("name", [*qpu_cards()])
def test_the_fast_medians_are_those_of_the_prediction(name):
    model = open_qpu(name, **({"time_layer": "50ms"} if name == "quantinuum_h2" else {}))
    request = request_of(demand(300))
    assert model.medians_s(request) == pytest.approx(model.predict(request).median_s, rel=1e-6)


def test_times_come_from_each_card():
    jobs = demand()
    table = fleet(a=EAGLE, b=HERON).jobs(jobs)
    request = request_of(jobs)
    for k, name in enumerate(("ibm_eagle_r3", "ibm_heron_r3")):
        told = open_qpu(name).predict(request)
        assert table.predicted_s[:, k] == pytest.approx(told.median_s, rel=1e-6)
        below = (table.drawn_s[:, k] < told.median_s).mean()
        inside = ((told.p5_s <= table.drawn_s[:, k]) & (table.drawn_s[:, k] <= told.p95_s)).mean()
        assert below == pytest.approx(0.5, abs=0.05)
        assert inside == pytest.approx(0.9, abs=0.03)
    assert abs(np.corrcoef(np.log(table.drawn_s / table.predicted_s).T)[0, 1]) < 0.1
    assert table.circuits.tolist() == jobs.n_circuits.tolist()
    assert table.shots.tolist() == (jobs.shots * jobs.n_circuits).tolist()


def test_one_qpu_more_changes_nothing_for_the_others():
    jobs = demand(200)
    alone, both = fleet(a=EAGLE).jobs(jobs), fleet(z=HERON, a=EAGLE).jobs(jobs)
    assert alone.drawn_s[:, 0].tobytes() == both.drawn_s[:, 1].tobytes()
    assert not np.array_equal(fleet(b=EAGLE).jobs(jobs).drawn_s, alone.drawn_s)


def test_the_same_seed_gives_the_same_bytes():
    opened = fleet(a=EAGLE, b=LAW)
    first = opened.jobs(demand(300))
    assert same(first, opened.jobs(demand(300)))
    assert same(first, fleet(a=EAGLE, b=LAW).jobs(demand(300)))
    assert not same(first, fleet(2, a=EAGLE, b=LAW).jobs(demand(300)))


def test_an_abstract_qpu_follows_its_law():
    device = QpuDevice(service=AbstractQpuParams("hyperexponential", 10.0, 3.0))
    table = fleet(q=device).jobs(demand(20_000))
    p = 0.5 * (1 + np.sqrt(8 / 10))
    fast, slow = stats.expon(scale=10 / (2 * p)), stats.expon(scale=10 / (2 * (1 - p)))
    found = stats.kstest(table.drawn_s[:, 0], lambda t: p * fast.cdf(t) + (1 - p) * slow.cdf(t))
    assert found.pvalue > 1e-3
    assert fast.cdf(table.predicted_s[0, 0]) * p + slow.cdf(table.predicted_s[0, 0]) * (1 - p) == pytest.approx(0.5)
    assert table.fidelity is None


def test_a_given_time_replaces_both():
    service_s = np.full(50, np.nan)
    service_s[:3] = 0.0, 7.0, 1e6
    table = fleet(a=EAGLE, b=LAW).jobs(demand(50, service_s=service_s))
    assert table.drawn_s[:3].tolist() == table.predicted_s[:3].tolist() == [[0, 0], [7, 7], [1e6, 1e6]]
    assert (table.drawn_s[3:] != table.predicted_s[3:]).all()


def test_what_a_qpu_cannot_run_takes_for_ever_and_says_why():
    jobs = demand(6, service_s=np.full(6, 5.0))
    jobs.n_qubits_total[:] = jobs.n_circuits * [3, 12, 13, 200, 3, 3]
    jobs.shots[:] = [1000, 1000, 1000, 1000, 10_000, 1000]
    opened = fleet(law=LAW, aqt=QpuDevice(card="aqt_ibex"), aria=QpuDevice(card="ionq_aria"))
    table = opened.jobs(jobs)
    expected = np.array([[0, 0, 0], [0, 0, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [0, 0, 0]], dtype=bool)
    assert np.isinf(table.drawn_s).tolist() == np.isinf(table.predicted_s).tolist() == expected.tolist()
    told = opened.refusals(jobs)
    assert [(r.job, r.qpu) for r in told] == [(j, opened.names[k]) for j, k in np.argwhere(expected)]
    assert "qpu_workload: job 2: 13 qubits are too many for aqt, which takes at most 12" in [r.message for r in told]
    check_jobs(table, opened.service)


def test_a_job_that_names_its_qpu_must_fit_it():
    asked = Categories(np.array([-1, 0, 1], dtype=np.int32), ("law", "aqt"))
    jobs = demand(3, qpu=asked, job_id=np.array(["x", "y", "z"], dtype=object))
    jobs.n_qubits_total[:] = jobs.n_circuits * 20
    opened = fleet(aqt=QpuDevice(card="aqt_ibex"), law=LAW)
    with pytest.raises(QhpcsimError, match="job z: 20 qubits are too many for aqt\n  allowed: at most 12"):
        opened.jobs(jobs)
    jobs.origin, jobs.line = "jobs.csv", np.array([2, 3, 4], dtype=np.int32)
    with pytest.raises(QhpcsimError, match=r"jobs\.csv:4: 20 qubits"):
        opened.jobs(jobs)
    jobs.n_qubits_total[2] = jobs.n_circuits[2] * 12
    assert opened.jobs(jobs).qpu.tolist() == [-1, 1, 0]
    jobs.qpu = Categories(asked.code, ("lav", "aqt"))
    with pytest.raises(QhpcsimError, match=r"jobs.csv:3: there is no QPU 'lav'[\s\S]*did you mean: law"):
        opened.jobs(jobs)


def test_fidelity_and_credits_of_each_job():
    jobs = demand(100, min_fidelity=np.full(100, 0.3))
    table = fleet(a=EAGLE, b=LAW).jobs(jobs)
    told = Slope.from_card().fidelity(success_probability(request_of(jobs), DeviceErrors.of(open_qpu("ibm_eagle_r3"))))
    assert table.fidelity[:, 0].tobytes() == told.tobytes()
    assert np.isnan(table.fidelity[:, 1]).all()
    assert table.min_fidelity is jobs.min_fidelity
    c, n_2q = jobs.n_circuits, jobs.n_2q_total / jobs.n_circuits
    each = hqc(2 * n_2q, n_2q, jobs.n_qubits_total / c, jobs.shots)
    assert table.hqc == pytest.approx(c * each)
    assert table.hqc[0] == pytest.approx(
        5 * c[0] + jobs.shots[0] * (12 * jobs.n_2q_total[0] + 5 * jobs.n_qubits_total[0]) / 5000
    )


def test_prices_come_from_the_card_unless_given():
    mine = Prices(per_task=1.0)
    service = fleet(a=HERON, b=dataclasses.replace(HERON, prices=mine), c=LAW).service
    assert service.qpus["a"].prices == Prices(per_second=1.6, currency="USD")
    assert service.qpus["b"].prices == mine
    assert service.qpus["c"].prices is None


@pytest.mark.parametrize(
    ("device", "said"),
    [
        (QpuDevice(card="ibm_heron_r9"), r"qpu.qpus.q: no QPU card 'ibm_heron_r9'[\s\S]*did you mean: ibm_heron_r3"),
        (QpuDevice(card="quantinuum_h2"), "qpu.qpus.q: .*time_layer is not known"),
        (dataclasses.replace(EAGLE, settings={"rep_dela": "1us"}), r"qpu.qpus.q: [\s\S]*did you mean: rep_delay"),
        (dataclasses.replace(EAGLE, settings={"rep_delay": "-1us"}), "qpu.qpus.q: .*rep_delay"),
        (dataclasses.replace(EAGLE, settings={"price_per_s": "1"}), "qpu.qpus.q: settings: price_per_s is a price"),
        (dataclasses.replace(EAGLE, service=AbstractQpuParams("constant")), "qpu.qpus.q: service: the times of"),
        (QpuDevice(settings={"cv": "2"}), "qpu.qpus.q: settings: cv belongs to the service law"),
        (QpuDevice(service=AbstractQpuParams("lognormal", cv=-1.0)), "qpu.qpus.q: qpu.cv"),
        (QpuDevice(drift=True), "qpu.qpus.q: .*error_2q"),
    ],
)
def test_a_device_that_cannot_be_opened_is_named(device, said):
    with pytest.raises(QhpcsimError, match=said):
        fleet(q=device)


def test_settings_change_the_card():
    slow = dataclasses.replace(EAGLE, settings={"rep_delay": "10ms", "n_qubits": "5"})
    jobs = demand(50)
    told = fleet(a=EAGLE, b=slow).jobs(jobs)
    assert (told.predicted_s[:, 1] > told.predicted_s[:, 0]).all()
    assert np.isinf(told.predicted_s[:, 1]).tolist() == (jobs.n_qubits_total > 5 * jobs.n_circuits).tolist()


def test_extrapolation_is_reported():
    jobs, opened = demand(100), fleet(a=QpuDevice(card="ibm_2023"), b=LAW)
    assert opened.outside(jobs) == []
    jobs.shots[7] = 100.0
    ((name, part),) = opened.outside(jobs)
    assert (name, str(part)) == ("a", "1 of 100 jobs outside the fitted shots 1000 … 20000")


def test_impossible_jobs_are_refused():
    jobs = demand(3)
    jobs.shots[1] = 2.0**60
    with pytest.raises(QhpcsimError, match=r"job 1: .* shots"):
        fleet(q=LAW).jobs(jobs)
    jobs.shots[1] = np.nan
    with pytest.raises(QhpcsimError, match="shots is nan"):
        fleet(q=LAW).jobs(jobs)


def test_no_jobs_are_a_workload_too():
    table = fleet(a=EAGLE, b=LAW).jobs(QpuDemand(*np.zeros((6, 0))))
    assert table.n == 0
    assert table.drawn_s.shape == (0, 2)


def test_the_service_runs_what_the_fleet_makes():
    opened = fleet(a=EAGLE, b=HERON)
    table = opened.jobs(demand(200))
    schedule = simulate_qpu(table, opened.service)
    assert (schedule.state == 0).all()
    assert schedule.used_s == pytest.approx(table.drawn_s[np.arange(200), schedule.qpu])
