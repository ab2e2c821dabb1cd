"""Shots for a standard error: by hand, and against errors that others measured."""

from __future__ import annotations

import ast
import csv
import math

import pytest

from qhpcsim.circuits.cut_candidate import CutCandidate
from qhpcsim.circuits.named import named_circuit
from tests.circuits.cut_library import planned
from tests.reference import reference


def test_uncut_circuit_by_hand() -> None:
    """One term: variance 1 a shot. Two groups of terms: (2 + 1)² with the shots shared out, 2·(4 + 1) without."""
    one = planned(named_circuit("ghz:4"), "2*ZZZZ", max_cuts=0, target_error=0.1).candidates[0].shots
    assert (one.n_guaranteed, one.n_estimate, one.n_equal) == (400, 400, 400)
    two = planned(named_circuit("ghz:4"), "2*ZZZZ + XXXX", max_cuts=0, target_error=0.1).candidates[0].shots
    assert (two.n_guaranteed, two.n_estimate, two.n_equal) == (900, 900, 1000)


def test_one_cut_by_hand() -> None:
    """A cut CX: Σc² is 3/2 on each side, values of mean square 1/2: V = 2·(3/2)·(1/2)·(1/2) = 3/4."""
    cut = planned(named_circuit("ghz:4"), "ZZZZ", partitions=(tuple("aabb"),), target_error=0.1)
    shots = next(each for each in cut.candidates if each.n_cuts).shots
    assert shots.error_one_shot == pytest.approx((math.sqrt(0.75),))
    assert shots.n_equal == 10 * 75
    assert shots.n_guaranteed == 2 * 9 * 100
    roots = 2 * (4 * math.sqrt(0.25 * 0.25) + math.sqrt(0.5 * 0.25))
    assert shots.n_estimate == pytest.approx(roots**2 * 100, abs=10)


def test_every_observable_reaches_its_error() -> None:
    """The second observable is three times as large, so it decides; the first gets no fewer shots than alone."""
    both = planned(named_circuit("ghz:4"), "ZZZZ", "3*XXXX", max_cuts=0, target_error=0.1).candidates[0].shots
    assert both.n_estimate == 100 + 900
    assert both.error_one_shot == (1.0, 3.0)


def test_more_error_needs_fewer_shots() -> None:
    wide = planned(named_circuit("ghz:6"), "Z" * 6, target_error=0.02).candidates[1].shots
    fine = planned(named_circuit("ghz:6"), "Z" * 6, target_error=0.01).candidates[1].shots
    assert fine.n_estimate == pytest.approx(4 * wide.n_estimate, rel=0.01)
    assert fine.n_guaranteed == 4 * wide.n_guaranteed


def test_estimate_against_measured_errors() -> None:
    """Ising chains, 1 to 3 cuts, 2 to 4 parts: the estimate is 1 to 2 times the error measured by Monte Carlo."""
    with reference("timings/accuracy.csv").open(encoding="utf-8") as stream:
        rows = [
            row
            for row in csv.DictReader(stream)
            if (row["family"], row["variant"], row["num_samples"]) == ("tfim", "dedup", "inf")
            and row["shots_per_circ"] == "16384"
        ]
    assert len(rows) == 5
    for row in rows:
        measured = float(row["rmse"]) * math.sqrt(16384)
        ratio = _candidate(row).shots.error_one_shot[0] / measured
        assert 1.0 < ratio < 2.0, row


def _candidate(row: dict[str, str]) -> CutCandidate:
    """Return the cut of a measured row: equal pieces of a line of qubits."""
    n_qubits, n_parts = int(row["n"]), int(row["P"])
    params = {{"h": "field"}.get(key, key): value for key, value in ast.literal_eval(row["kw"]).items()}
    text = ",".join(f"{key}={value}" for key, value in params.items())
    labels = tuple(qubit * n_parts // n_qubits for qubit in range(n_qubits))
    circuit = named_circuit(f"tfim:{n_qubits}:{text},native=true")
    found = planned(circuit, row["obs"], partitions=(labels,), widths=(1,))
    return next(each for each in found.candidates if each.name == "partition 0")
