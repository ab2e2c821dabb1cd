"""Fit a card to rows that others measured on one core of an AMD EPYC, and judge our own estimate of the fusion on them.

    python calibration/cpu/fit_published.py [--write]

Reads timings/sv_A1.csv (expectation values) below QHPCSIM_REFERENCE_DATA (default ../shared/data), whose rows state
what Aer fused. Prices that they cannot tell, such as shots and resets, are taken from the card of ``PRIOR_CARD``, each
with the weight of one row. Rows measured while the two cores had more than ``LOAD_MAX`` processes to run are left out
(so are sv_A2.csv and sv_A3.csv, all of them).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from pathlib import Path

import numpy as np

from qhpcsim.circuits.cost import CircuitCost
from qhpcsim.circuits.gates import Gate
from qhpcsim.execution.calibrate import Calibration
from qhpcsim.execution.calibration_card import card_text
from qhpcsim.execution.calibration_rows import Row
from qhpcsim.execution.host import Host
from qhpcsim.models.cpu_statevector import CpuStateVector
from qhpcsim.models.statevector_features import NAMES, Machine, counts
from qhpcsim.models.statevector_fit import PRIOR, Timings, fit

HERE = Path(__file__).parent
DATA = Path(os.environ.get("QHPCSIM_REFERENCE_DATA", HERE.parents[1] / "../shared/data")) / "timings"
PRIOR_CARD = "amd_epyc_genoa_core"
FILE = "sv_A1.csv"
LOAD_MAX = 2.0
HOST = Host("an AMD EPYC, as published", 2, 2**20, 2**25, 24 * 2**30)
"""Cores as published; caches and memory are assumed."""
KERNELS = {
    "unitary": "matrix", "h": "matrix", "ry": "matrix", "rx": "matrix", "u": "matrix", "sx": "matrix",
    "diagonal": "diagonal", "rz": "diagonal", "rzz": "diagonal", "cx": "permutation", "x": "permutation",
    "swap": "permutation", "t": "phase", "s": "phase", "p": "phase", "cp": "phase", "cz": "phase",
}  # fmt: skip
WIDTHS = {"cx": 2, "swap": 2, "cp": 2, "cz": 2, "rzz": 2, "unitary": 2}
ANGLES = {"ry", "rz", "rx", "u", "rzz", "p"}


def cost_of(row: dict[str, str]) -> CircuitCost:
    """Return the cost features of a published row, with the operations that Aer really ran."""
    given = json.loads(row["counts"])
    n, shots, fused = int(row["n"]), int(row["shots"]), row["fusion_applied"] == "1"
    ran = {tuple(key.split(":")): times for key, times in json.loads(row["fused"]).items()} if fused else {}
    names = ran or {(name, str(WIDTHS.get(name, 1))): times for name, times in given.items()}
    operations = [
        Gate(name, KERNELS[name], tuple(range(int(width))))
        for (name, width), times in names.items()
        for _ in range(times)
    ]
    gates = [Gate(name, KERNELS[name], (0,)) for name, times in given.items() for _ in range(times)]
    n_parametric = sum(times for name, times in given.items() if name in ANGLES)
    n_controlled = given.get("cp", 0)
    return CircuitCost(
        n_qubits=n, n_active=n, n_plain=len(gates) - n_parametric - n_controlled, n_parametric=n_parametric,
        n_controlled=n_controlled, n_other=n + 1 if shots else 1, gates=tuple(gates), operations=tuple(operations),
        n_measured=n if shots else 0, outcome_bits=1 if row["family"] == "ghz" else n, n_z_terms=0 if shots else 1,
        n_x_terms=0, shots=shots or 1024, sampleable=True, precision=row["precision"],
    )  # fmt: skip


def chosen(row: dict[str, str]) -> bool:
    """Return whether a row is of one thread, in double precision, with the default fusion, on cores that were free."""
    usual = (row["threads"], row["precision"], row["fusion"]) == ("1", "double", "1")
    return usual and float(row["load"]) <= LOAD_MAX


def read() -> tuple[list[dict[str, str]], list[CircuitCost]]:
    """Return the published rows and their features."""
    rows = [row for row in csv.DictReader((DATA / FILE).read_text().splitlines()) if chosen(row)]
    return rows, [cost_of(row) for row in rows]


def calibration() -> Calibration:
    """Return the fit to the published rows and the prior prices."""
    rows, costs = read()
    machine = Machine(1, HOST.l2_bytes, HOST.l3_bytes)
    prior = CpuStateVector.open(PRIOR_CARD).prices
    known = np.flatnonzero(prior > 0)
    terms = np.vstack([[counts(cost, machine) for cost in costs], np.eye(len(NAMES))[known]])
    seconds = np.array([*(float(row["wall_min"]) for row in rows), *prior[known]])
    groups = [row["family"] for row in rows] + [PRIOR] * len(known)
    sizes = np.array([*(float(cost.n_active) for cost in costs), *np.zeros(len(known))])
    kept = [_row(row, cost) for row, cost in zip(rows, costs, strict=True)]
    return Calibration(kept, fit(Timings(terms, seconds, groups, sizes)), machine, HOST)


def _row(row: dict[str, str], cost: CircuitCost) -> Row:
    best_s, name = float(row["wall_min"]), f"{row['family']} {row['kw']}"
    return Row(
        name, row["family"], cost.shots, "", cost.n_active, 1, int(row["reps"]), best_s, best_s, float(row["wall_med"]),
        best_s,
    )  # fmt: skip


def main() -> None:
    """Print the held-out errors, and write the card if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    found = calibration()
    print(f"{len(found.rows)} rows")
    for name in sorted(set(found.fit.families.groups)):
        print(f"  {name:8} {found.fit.families.mape(name):6.1%} {found.fit.families.coverage(name):5.0%}")
    print(f"families left out {found.fit.families.mape():.1%}, in the interval {found.fit.families.coverage():.0%}")
    assert found.fit.sizes is not None
    print(f"small to large {found.fit.sizes.mape():.1%}, in the interval {found.fit.sizes.coverage():.0%}")
    if write:
        source = f"published timings ({FILE}); prices that they do not tell: card {PRIOR_CARD}"
        text = card_text(found, "calibration/cpu/fit_published.py", source)
        (HERE / "amd_epyc_core.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
