"""The CPU model: hand-counted times, intervals, what it refuses, and what it says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qhpcsim.circuits.cost import circuit_cost
from qhpcsim.circuits.simulator import for_simulator
from qhpcsim.core.errors import CardError, CircuitError, ConfigError
from qhpcsim.models.cpu_statevector import CpuStateVector
from qhpcsim.models.statevector_cards import device_rows, open_statevector
from qhpcsim.models.statevector_features import NAMES, TERMS, Machine, counts
from tests.models.cpu_cards import PRICES, TRUE, cost_of, model


def test_time_counted_by_hand() -> None:
    """H, then 11 CX on 12 qubits: 2^12 amplitudes, sampled 100 times; nothing is fused."""
    amplitudes, shots = 4096, 100
    us = PRICES["start"] + 12 * PRICES["plain"] + 13 * PRICES["other"] + 12 * PRICES["operation"]
    us += shots * (PRICES["sample"] + 12 * PRICES["sample_bit"]) + PRICES["outcome"] * 2 * (1 - math.exp(-50))
    ns = amplitudes * (PRICES["init"] + PRICES["matrix_1"] + 11 * PRICES["permutation_2"] + PRICES["index"])
    ns += shots * (512 * PRICES["scan_index"] + 2 * PRICES["scan"])
    found = model().predict(cost_of("ghz:12", shots))
    assert found.median_s == pytest.approx(us * 1e-6 + ns * 1e-9, rel=1e-12)
    assert found.memory_bytes == 16 * amplitudes


def test_parts_add_up_and_the_interval_holds_the_median() -> None:
    cost = cost_of("efficient_su2:18")
    found = model().predict(cost)
    outcomes_s = counts(cost, Machine())[NAMES.index("outcome")] * PRICES["outcome"] * 1e-6
    assert sum(found.parts.values()) == pytest.approx(found.median_s)
    assert found.p5_s == pytest.approx((found.median_s - outcomes_s) * math.exp(-0.1))
    assert found.p95_s == pytest.approx(found.median_s * math.exp(0.2))


def test_uncertain_prices_widen_the_interval() -> None:
    draws = TRUE * np.exp(np.random.default_rng(0).normal(0, 0.5, (200, 1)))
    found = model(draws).predict(cost_of("qft:16"))
    assert math.log(found.p95_s / found.median_s) == pytest.approx(1.645 * 0.5, rel=0.15)


def test_simulated_shots_cost_a_simulation_each() -> None:
    few, many = (model().predict(cost_of("dynamic:10", shots)).median_s for shots in (100, 1100))
    once = model().predict(cost_of("dynamic:10", 1)).median_s
    assert (many - few) / 1000 == pytest.approx((few - once) / 99, rel=1e-9)


def test_sampled_shots_are_cheap() -> None:
    few, many = (model().predict(cost_of("brickwork:16", shots)).median_s for shots in (1, 1000))
    assert many - few < 0.01


def test_threads_share_one_state_or_the_shots() -> None:
    """Above 14 qubits four threads share a state 3 times as fast; simulated shots run side by side in full."""
    two = Machine(threads=4, speedup=3.0)
    one_state = cost_of("brickwork:18", threads=4)
    ratio = counts(one_state, Machine())[NAMES.index("matrix_3")] / counts(one_state, two)[NAMES.index("matrix_3")]
    assert ratio == pytest.approx(3.0)
    shots = cost_of("dynamic:16", 400, threads=4)
    assert counts(shots, two)[NAMES.index("shot")] == 100
    assert model(machine=two).predict(shots).memory_bytes == 4 * 16 * 2**16


def test_expectation_values_read_the_state_once_a_term() -> None:
    one, three = (
        model().predict(cost_of("ghz:16", observable=text)).median_s
        for text in ("Z" * 16, f"{'Z' * 16} + I{'Z' * 15} + {'X' * 16}")
    )
    assert three - one == pytest.approx(2**16 * (PRICES["expval_z"] + PRICES["expval_x"]) * 1e-9, rel=1e-6)


def test_states_that_do_not_fit_are_refused() -> None:
    with pytest.raises(CircuitError, match="at most 29 qubits"):
        model().predict(cost_of("ghz:30"))


def test_other_sizes_are_called_extrapolated() -> None:
    assert model().notes(cost_of("ghz:24")) == []
    assert "25 active qubits, measured were 2 to 24" in model().notes(cost_of("ghz:25"))[0]


def test_what_dominates_is_said() -> None:
    assert "five-qubit" in model().dominant(cost_of("probe:20:kernel=matrix,width=5,count=20"))
    assert "handed" in model().dominant(cost_of("efficient_su2:4:reps=100"))


def test_wider_gates_cost_what_they_touch() -> None:
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(8)
    circuit.unitary(np.eye(64)[::-1], range(6))
    circuit.measure_all()
    number = counts(circuit_cost(for_simulator(circuit)), Machine())
    assert number[NAMES.index("matrix_5")] == 2 * 256


def test_every_term_is_named_once_and_explained() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert all(term.about and term.unit in ("us", "ns") for term in TERMS)


def test_cards_of_devices_are_opened_by_name() -> None:
    assert open_statevector("h100_sxm").predict(cost_of("qft:28")).median_s > 0.05
    four = open_statevector("a100_80", 4).predict(cost_of("qft:30"))
    assert any("exchange" in part for part in four.parts)
    with pytest.raises(CardError, match="did you mean: h100_sxm"):
        open_statevector("h100_smx")
    names = [name for name, _, _ in device_rows()]
    assert {"h100_sxm", "a100_40", "b200"} <= set(names)


@pytest.mark.parametrize(
    "name", [name for name, _, _ in device_rows() if isinstance(open_statevector(name), CpuStateVector)]
)
def test_shipped_cpu_cards_predict_and_are_one_device(name: str) -> None:
    found = open_statevector(name).predict(cost_of("efficient_su2:20"))
    assert 0.05 < found.median_s < 5.0
    assert found.p5_s < found.median_s < found.p95_s
    with pytest.raises(ConfigError, match="is a CPU"):
        open_statevector(name, 4)
