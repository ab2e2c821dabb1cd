"""Our own estimate of the fusion and the fit, on rows that others measured."""

from __future__ import annotations

import csv
import json
import runpy
from collections import Counter

import pytest

from qhpcsim.circuits.cost import circuit_cost
from qhpcsim.circuits.named import named_circuit
from qhpcsim.circuits.simulator import for_simulator
from qhpcsim.core.data import data_dir
from tests.reference import reference

OURS = {
    "effsu2": "efficient_su2:{n}:reps={reps}",
    "ghz": "ghz:{n}",
    "qft": "qft:{n}",
    "tfim": "tfim:{n}:native=true,steps={steps}",
}
"""Published family -> ours, where both write the gates in the same order."""


def rows(family: str) -> list[dict[str, str]]:
    text = reference("timings/sv_A1.csv").read_text()
    return [row for row in csv.DictReader(text.splitlines()) if row["family"] == family and int(row["n"]) > 14]


@pytest.mark.parametrize("family", OURS)
def test_estimated_fusion_is_what_they_saw(family: str) -> None:
    checked = 0
    for row in rows(family):
        name = OURS[family].format(n=row["n"], **json.loads(row["kw"]))
        circuit = for_simulator(named_circuit(name))
        ours = {key: n for key, n in circuit.count_ops().items() if key not in ("measure", "barrier")}
        assert ours == json.loads(row["counts"]), name
        found: Counter[str] = Counter()
        for operation in circuit_cost(circuit, shots=1).operations:
            kind = "unitary" if operation.name == "unitary" else operation.name
            found[f"{kind}:{len(operation.qubits)}"] += 1
        assert found == Counter(json.loads(row["fused"])), name
        checked += 1
    assert checked >= 8


def test_fit_of_published_rows_is_good_where_it_has_not_looked() -> None:
    reference("timings/sv_A1.csv")
    found = runpy.run_path(str(data_dir("calibration") / "cpu" / "fit_published.py"))["calibration"]()
    assert found.fit.families.mape() <= 0.12
    assert 0.85 <= found.fit.families.coverage() <= 0.95
    assert found.fit.sizes.mape() <= 0.12
