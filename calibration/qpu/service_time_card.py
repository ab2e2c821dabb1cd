"""The text of the card that a fit of the service time makes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

SOURCE = (
    "real IBM jobs of 2023 released with N. Giortamis et al., Qonductor (SC'25), "
    "https://github.com/manosgior/Qonductor-SC25 (d85452e), data/regression_dataset.npz"
)


def service_entries(numbers: Mapping[str, Any], sd: Mapping[str, float]) -> list[str]:
    """Return the YAML lines of the fitted entries."""
    fitted = [
        ("load", numbers["load"], "s", sd["load"], "part of the overhead that does not overlap with the execution"),
        ("execution_floor", numbers["execution_floor"], "s", sd["execution_floor"], "the QPU is held at least so long"),
        ("load_several", numbers["load_several"], "s", sd["load_several"], "more for a job of several circuits"),
        ("load_per_circuit", 1e3 * numbers["load_per_circuit"], "ms", 1e3 * sd["load_per_circuit"], ""),
        ("load_wide", numbers["load_wide"], "s", sd["load_wide"],
         "one circuit: a qubit above load_wide_from[0], up to [1]; a mark of other machines, not of width as such"),
    ]  # fmt: skip
    lines = [entry(*row) for row in fitted]
    lines.append(entry("load_wide_from", list(numbers["load_wide_from"]), "qubits", None, "", "assumption"))
    lines.append(entry("time_factor_sigma", numbers["time_factor_sigma"], "1", None, "on the execution; robust"))
    lines.append(entry("overhead_levels", list(numbers["overhead_levels"]), "1", None, "", "definition"))
    for name in ("overhead_share_one", "overhead_share_several"):
        note = "quantiles of the overhead over its typical value, widened so that 90 % of the jobs are covered"
        lines.append(entry(name, [float(f"{v:.3g}") for v in numbers[name]], "1", None, note))
    return lines


def entry(name: str, value: Any, unit: str, sd: float | None, note: str = "", method: str = "") -> str:
    """Return one entry in YAML."""
    many = isinstance(value, Sequence)
    shown = "[" + ", ".join(f"{float(v):g}" for v in value) + "]" if many else f"{value:.4g}"
    rest = f', note: "{note}"' if note else ""
    rest += f", method: {method}" if method else ""
    quoted = '"1"' if unit == "1" else unit
    return f"  {name}: {{value: {shown}, unit: {quoted}, uncertainty: {'null' if sd is None else f'{sd:.2g}'}{rest}}}"


def quality_entries(report: Any) -> list[str]:
    """Return the YAML lines of the held-out error and coverage."""
    strata = report.strata()
    error = [report.errors(jobs).mean() / 100 for jobs in strata.values()]
    sd = max(report.errors(jobs).std() / 100 for jobs in strata.values())
    inside = [report.coverage(strata[name]).mean() / 100 for name in ("one circuit", "several circuits")]
    return [
        entry("fit_error", [round(e, 3) for e in error], "1", sd, "held out: all, one circuit, several"),
        entry("fit_coverage", [round(i, 3) for i in inside], "1", None, "held out: one circuit, several; 0.9 is meant"),
    ]


def text(numbers: Mapping[str, Any], sd: Mapping[str, float], report: Any) -> str:
    """Return the whole card."""
    r = report.request
    lines = [
        "# Written by calibration/qpu/fit_service_time.py; do not edit by hand.",
        "card: IBM processors of 2023 behind the cloud service, service time fitted to real jobs",
        "model: superconducting",
        "topology: heavy_hex",
        "native_gates: [rz, sx, x, id, cx]",
        f"method: fit to {len(report.time_s)} jobs, least absolute error of the logarithm",
        f'source: "{SOURCE}"',
        "licence: MIT",
        "script: calibration/qpu/fit_service_time.py",
        f"date: {dt.date.today()}",
        "note: the jobs do not name their machine; most are of 2 to 7 qubits on Falcon processors",
        "entries:",
        '  n_qubits: {value: 127, unit: qubits, uncertainty: 0, method: published, note: "largest Eagle"}',
        "  rep_delay: {value: 250, unit: us, uncertainty: 50, method: published, licence: Apache-2.0,",
        '    source: "qiskit-ibm-runtime 0.51.0, default_rep_delay of the fake backends"}',
        entry(
            "time_shot_extra", 1e6 * numbers["time_shot_extra"], "us", 1e6 * sd["shot"], "reset, readout and the rest"
        ),
        entry("time_layer", 1e9 * numbers["time_layer"], "ns", 1e9 * sd["time_layer"], "mean duration of a layer"),
        *service_entries(numbers, sd),
        entry("range_n_circuits", [r.n_circuits.min(), r.n_circuits.max()], "circuits", None, "", "definition"),
        entry("range_shots", [1000, r.shots.max()], "shots", None, "", "definition"),
        entry("range_depth", [1, 5000], "layers", None, "", "definition"),
        entry("range_width", [2, 27], "qubits", None, "", "definition"),
        *quality_entries(report),
    ]
    return "\n".join(lines) + "\n"
