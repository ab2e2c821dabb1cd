"""Gradients: steps counted by hand, limits, and published runs that nothing was fitted to."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from qiskit import QuantumCircuit

from qhpcsim.circuits.cost import circuit_cost
from qhpcsim.circuits.gates import Gate
from qhpcsim.core.cards import card
from qhpcsim.core.data import data_dir
from qhpcsim.core.errors import CircuitError
from qhpcsim.models.gpu_cluster import DistributedStateVector, GpuCluster, distributed
from qhpcsim.models.gpu_groups import every_qubit_exchanges
from qhpcsim.models.gpu_statevector import GpuStateVector
from qhpcsim.models.gradients import ONE_ANGLE, AdjointJacobian, one_angle, parameter_shift
from qhpcsim.models.statevector import StateVectorPrediction
from tests.reference import REFERENCE_DATA, reference

SIMPLE = GpuStateVector("gpu", 2e-6, 1e-6, 1024, 1e12, 4e12, 1e6, 80e9, 1e10, 400e9, 0.01, 1, 0.1)
LINKS = GpuCluster("links", 4, 1e11, 1e10, 1e-3, "every_qubit", 2.0, 1, 0.02, 30.0, 5.0, 0.2)
N = 26
PASS_S = math.hypot(2e-6, 32 * 2**N / 1e12)
HALF_S = math.hypot(2e-6, 16 * 2**N / 1e12)
"""A gate with one control touches half of the amplitudes."""


def cost(n: int = N, n_turns: int = 3, n_cx: int = 2):
    circuit = QuantumCircuit(n)
    for k in range(n_turns):
        circuit.ry(0.1, k % n)
    for k in range(n_cx):
        circuit.cx(k % n, (k + 1) % n)
    circuit.measure_all()
    return circuit_cost(circuit)


def whole(found):
    """All qubits active, whatever the light cone says."""
    return replace(found, n_active=N)


def test_steps_on_one_device_by_hand() -> None:
    """Two observables one by one: each copies before 5 gates, undoes 5 on ket and bra, and turns 3 generators."""
    turns, controls = 3, 2
    told = AdjointJacobian(SIMPLE).predict(whole(cost()), 2)
    sweep_s = turns * PASS_S + controls * HALF_S
    assert told.parts["copies"] == pytest.approx(2 * 5 * PASS_S)
    assert told.parts["inner products"] == pytest.approx(2 * 3 * PASS_S)
    assert told.parts["gates (device)"] == pytest.approx(sweep_s + 2 * (2 * sweep_s + 3 * PASS_S))
    assert told.parts["fixed"] == 0.01
    assert told.memory_bytes == 4 * 16 * 2**N
    assert sum(told.parts.values()) == pytest.approx(told.median_s)


def test_bras_together_save_kets_and_cost_memory() -> None:
    """Five observables: one ket walks back, not five; inner products stay as many."""
    apart, together = (AdjointJacobian(SIMPLE, alone).predict(whole(cost()), 5) for alone in (True, False))
    sweep_s = 3 * PASS_S + 2 * HALF_S
    saved_s = 4 * (sweep_s + 5 * PASS_S + 3 * PASS_S)
    assert apart.median_s - together.median_s == pytest.approx(saved_s)
    assert (apart.memory_bytes, together.memory_bytes) == (4 * 16 * 2**N, 8 * 16 * 2**N)
    one = [AdjointJacobian(SIMPLE, alone).predict(whole(cost()), 1).median_s for alone in (True, False)]
    assert one[0] == pytest.approx(one[1])


def test_exchanges_on_several_devices_by_hand() -> None:
    """Turns on the qubits that number devices: 2 inside a node, 1 between; each swap goes there and back."""
    circuit = QuantumCircuit(N)
    for qubit in range(N):
        circuit.rz(0.1, qubit)
    circuit.measure_all()
    many = DistributedStateVector(SIMPLE, LINKS, 8)
    told = AdjointJacobian(many).predict(circuit_cost(circuit), 3)
    once = 1e-3 + 16 * 2**N / 8 / 2 / 1e10
    n_walks = 1 + 3 * (2 + 1)
    assert told.parts["exchanges between nodes"] == pytest.approx(n_walks * 2 * once)
    assert told.parts["exchanges inside nodes"] == pytest.approx(n_walks * 2 * 2 * (1e-3 + 16 * 2**N / 16 / 1e11))
    assert told.parts["fixed"] == 0.02
    started = AdjointJacobian(replace(many, start_up=True)).predict(circuit_cost(circuit), 3)
    assert started.median_s - told.median_s == pytest.approx(35.0)


def test_every_qubit_is_fetched() -> None:
    gates = [Gate("cx", "permutation", (9, 0)), Gate("cp", "phase", (8, 9), diagonal=True), Gate("id", "idle", (9,))]
    assert every_qubit_exchanges(gates, 10, 1, 1) == (1.0, 2.0)


def test_rotations_of_three_angles_are_taken_apart() -> None:
    found = one_angle([Gate("u", "matrix", (1,)), Gate("cx", "permutation", (0, 1)), Gate("barrier", "idle", (0,))])
    assert [gate.name for gate in found] == ["rz", "ry", "rz", "cx"]
    assert sum(gate.name in ONE_ANGLE for gate in found) == 3


def test_a_gradient_costs_a_small_multiple_of_a_run() -> None:
    """Griewank's bound for a scalar: a few times the function, whatever the number of angles."""
    ratios = []
    for n_turns in (26, 260, 2600):
        one = cost(n_turns=n_turns, n_cx=n_turns)
        ratios.append(AdjointJacobian(SIMPLE).predict(one, 1).median_s / SIMPLE.predict(one).median_s)
    assert all(3 < ratio < 9 for ratio in ratios)
    assert ratios[2] == pytest.approx(ratios[1], rel=0.1)


def test_parameter_shift_is_two_runs_an_angle() -> None:
    one = StateVectorPrediction.lognormal({"gates": 2.0, "fixed": 1.0}, 0.3, 64.0)
    told = parameter_shift(one, 7)
    assert told.median_s == pytest.approx(42.0) and told.parts == {"gates": 28.0, "fixed": 14.0}
    assert told.p95_s / told.median_s == pytest.approx(one.p95_s / one.median_s)
    assert told.memory_bytes == 64.0


def test_what_has_no_gradient_is_refused() -> None:
    gradient = AdjointJacobian(SIMPLE)
    with pytest.raises(CircuitError, match="no gate has an angle"):
        gradient.predict(cost(n_turns=0), 1)
    with pytest.raises(CircuitError, match="0 observables"):
        gradient.predict(cost(), 0)
    circuit = QuantumCircuit(3, 3)
    circuit.ry(0.3, 0)
    circuit.measure(0, 0)
    circuit.ry(0.3, 0)
    circuit.measure(0, 0)
    with pytest.raises(CircuitError, match="the state is random"):
        gradient.predict(circuit_cost(circuit), 1)
    with pytest.raises(CircuitError, match="a gradient holds 4 states"):
        gradient.predict(replace(cost(), n_active=31), 1)


def test_the_shipped_card_widens_the_interval() -> None:
    many = distributed("a100_80", "perlmutter_lightning_every_qubit", 16)
    bare, told = AdjointJacobian(many).predict(cost(33), 2), AdjointJacobian.of(many).predict(cost(33), 2)
    assert told.median_s == bare.median_s
    assert math.log(told.p95_s / told.median_s) > 1.3 * math.log(bare.p95_s / bare.median_s)


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch):
    reference("timings/published_timings.csv")
    monkeypatch.setenv("QHPCSIM_REFERENCE_DATA", str(REFERENCE_DATA))
    monkeypatch.syspath_prepend(str(data_dir("calibration") / "gpu"))
    import fit_gradients

    yield fit_gradients
    for name in ("fit_gradients", "fit_clusters", "fit_gpu_cards", "cluster_cards", "benchmark_circuits"):
        sys.modules.pop(name, None)


def test_published_gradients_from_forward_runs_alone(fits) -> None:
    """Nothing is fitted to a gradient. On four nodes or more 4 and 11 % are reached; one node is predicted too fast."""
    gradients = fits.gradients()
    for study, most, worst in zip(fits.forward_studies(), (0.05, 0.12), (0.07, 0.15), strict=True):
        runs = gradients[study.name]
        wrong = np.abs(fits.errors(study, runs))
        several = np.array([run.n_devices > 8 for run in runs])
        assert len(runs) == 7 and several.sum() == 5
        assert wrong[several].mean() < most and wrong[several].max() < worst
    assert wrong.mean() < 0.13


def test_the_interval_holds_what_it_should(fits) -> None:
    """Thirteen of fourteen gradients; the one on a single node of the older software is outside."""
    held = []
    for study in fits.forward_studies():
        cluster = GpuCluster.open(f"perlmutter_{study.name}")
        for run in fits.gradients()[study.name]:
            model = DistributedStateVector(GpuStateVector.open(study.device), cluster, run.n_devices, study.start_up)
            told = AdjointJacobian.of(model).predict(run.cost, run.cost.n_active)
            held.append(told.p5_s <= run.time_s <= told.p95_s)
    assert len(held) == 14 and sum(held) == 13 and not held[0]


def test_pilots_start_by_their_nodes(fits) -> None:
    nodes, start_s = fits.pilot_starts()
    shipped = card("pilots/perlmutter_mpi")
    told = shipped.value("start") + shipped.value("start_per_doubling") * np.log2(nodes)
    assert len(nodes) == 16
    assert np.abs(told / start_s - 1).mean() < 0.08
    assert max(np.abs(part).max() for part in fits.start_errors().values()) < 0.25
