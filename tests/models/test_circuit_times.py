"""Times of circuits from device models, against the models themselves."""

import numpy as np
import pytest

from qhpcsim.circuits.cost import circuit_cost
from qhpcsim.circuits.named import named_circuit
from qhpcsim.circuits.observable import Observable
from qhpcsim.core.circuit_times import CircuitRun, Simulator
from qhpcsim.core.errors import CardError, CircuitError, ConfigError
from qhpcsim.core.rng import Rng
from qhpcsim.models.circuit_times import ModelTimes
from qhpcsim.models.gpu_cluster import distributed
from qhpcsim.models.gpu_statevector import GpuStateVector
from qhpcsim.models.qpu_fleet import Fleet
from qhpcsim.qpu_scenario import AbstractQpuParams, QpuDevice, QpuService

A100 = Simulator("gpu", "a100_80")


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def fleet(*cards: str, **more) -> Fleet:
    return Fleet.open(QpuService(qpus={card: QpuDevice(card=card, **more) for card in cards}), Rng(0))


def test_a_gpu_says_what_its_model_says():
    run = CircuitRun("efficient_su2:20:reps=2", 0, "Z" + 19 * "I")
    wanted = Observable.parse(run.observable)
    told = GpuStateVector.open("a100_80").predict(circuit_cost(named_circuit(run.circuit), observable=wanted))
    answer = ModelTimes(Rng(0)).simulated(run, 3, A100, generator())
    assert answer.predicted_s == pytest.approx([told.median_s] * 3)
    assert answer.predicted_s[0] * np.exp(1.6448536 * answer.sigma) == pytest.approx(told.p95_s)


def test_copies_and_length_multiply():
    times = ModelTimes(Rng(0))
    one, many = (CircuitRun("ghz:10", 100, n_circuits=n, stretch=s) for n, s in ((1, 1.0), (6, 3.0)))
    first, second = (times.simulated(run, 1, A100, generator()) for run in (one, many))
    assert second.predicted_s[0] == pytest.approx(18 * first.predicted_s[0])
    assert second.drawn_s[0] == pytest.approx(18 * first.drawn_s[0])


def test_the_model_errs_once_for_each_circuit_and_device():
    ratios = []
    for seed in range(200):
        answer = ModelTimes(Rng(seed)).simulated(CircuitRun("ghz:10", 100), 4, A100, generator())
        assert np.ptp(answer.drawn_s) == 0.0
        ratios.append(np.log(answer.drawn_s[0] / answer.predicted_s[0]))
    assert np.std(ratios) == pytest.approx(answer.sigma, rel=0.15) and abs(np.mean(ratios)) < 0.2 * answer.sigma
    times = ModelTimes(Rng(0))
    others = [times.simulated(CircuitRun(f"ghz:{n}", 9), 1, A100, generator()) for n in (9, 10)]
    assert len({float(each.drawn_s[0] / each.predicted_s[0]) for each in others}) == 2


def test_several_gpus_with_their_start():
    run = CircuitRun("efficient_su2:30:reps=1", 0, "Z" * 30)
    device = A100.several(16, "perlmutter_lightning_mini_app")
    cost = circuit_cost(named_circuit(run.circuit), observable=Observable.parse(run.observable))
    told = distributed("a100_80", "perlmutter_lightning_mini_app", 16, start_up=True).predict(cost)
    assert ModelTimes(Rng(0)).simulated(run, 1, device, generator()).predicted_s[0] == pytest.approx(told.median_s)


def test_a_qpu_says_what_its_model_says():
    qpus = fleet("iqm_garnet", "ionq_aria")
    run = CircuitRun("ghz:6", 1000, n_circuits=3)
    answer = ModelTimes(Rng(0), qpus).qpu(run, 4000, generator())
    assert answer.drawn_s.shape == answer.predicted_s.shape == (4000, 2)
    assert np.median(answer.drawn_s, axis=0) == pytest.approx(answer.predicted_s[0], rel=0.03)
    longer = ModelTimes(Rng(0), qpus).qpu(CircuitRun("ghz:6", 1000, n_circuits=3, stretch=5.0), 1, generator())
    assert (longer.predicted_s[0] > answer.predicted_s[0]).all()
    more_s = (longer.predicted_s[0, 1] - answer.predicted_s[0, 1]) / (4 * 3 * 1000)
    assert 5 * 600e-6 < more_s < 5 * 600e-6 + 30 * 135e-6  # of a shot: five gates of two ions, some of one


def test_a_qpu_that_is_too_small_cannot_run_it():
    answer = ModelTimes(Rng(0), fleet("iqm_garnet", "iqm_emerald")).qpu(CircuitRun("ghz:30", 100), 2, generator())
    assert np.isinf(answer.drawn_s[:, 0]).all() and np.isfinite(answer.drawn_s[:, 1]).all()
    with pytest.raises(ConfigError, match=r"no QPU can run ghz:60 .*60 qubits"):
        ModelTimes(Rng(0), fleet("iqm_garnet", "iqm_emerald")).qpu(CircuitRun("ghz:60", 100), 2, generator())


def test_an_abstract_qpu_follows_its_law():
    law = AbstractQpuParams("constant", 7.0)
    answer = ModelTimes(Rng(0), fleet("abstract", service=law)).qpu(CircuitRun("ghz:60", 100), 2, generator())
    assert answer.drawn_s.tolist() == [[7.0], [7.0]] and answer.predicted_s.tolist() == [[7.0], [7.0]]


def test_what_is_missing_is_said():
    times = ModelTimes(Rng(0))
    run = CircuitRun("ghz:4", 10)
    with pytest.raises(ConfigError, match="facility has none"):
        times.qpu(run, 1, generator())
    with pytest.raises(CardError, match="a100"):
        times.simulated(run, 1, Simulator("gpu", "a100"), generator())
    with pytest.raises(CardError):
        times.simulated(run, 1, Simulator("cpu", "nowhere"), generator())
    with pytest.raises(ConfigError, match="'tpu'"):
        times.simulated(run, 1, Simulator("tpu", "x"), generator())
    with pytest.raises(CircuitError, match="GB"):
        times.simulated(CircuitRun("ghz:45", 10), 1, A100, generator())
