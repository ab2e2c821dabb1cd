"""Cut plans and runs as JSON: plain numbers in SI units, null where there is none."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qhpcsim.cutting import CutAnswer, CutRun, Ranked


def text(found: dict[str, Any]) -> str:
    """Return a mapping as JSON; infinite numbers and NaN become null."""
    return json.dumps(_finite(found), indent=2, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def of_plan(answer: CutAnswer) -> dict[str, Any]:
    """Return a plan: what was asked, the candidates by predicted time, what was left out, notes."""
    circuit = answer.found.circuit
    return {
        **_asked(answer),
        "n_qubits": circuit.n_declared,
        "n_active": circuit.n_qubits,
        "chosen": answer.chosen.name,
        "candidates": [of_candidate(each) for each in answer.ranked],
        "refused": [
            {
                "name": each.name,
                "reason": each.reason,
                "n_cuts": each.n_cuts,
                "widths": each.widths,
                "overhead": math.exp(each.log_overhead) if each.log_overhead < _LARGEST_LOG else None,
            }
            for each in answer.found.refused
        ],
        "notes": answer.notes,
        "planning_s": answer.planning_s,
    }


_LARGEST_LOG = 700.0
"""Of a number that a float holds."""


def _asked(answer: CutAnswer) -> dict[str, Any]:
    return {
        "circuit": answer.request.where,
        "observables": [_words(each.terms) for each in answer.request.observables],
        "target_stderr": answer.request.limits.target_error,
        "workers": answer.workers,
        "device": answer.device,
        "machine": answer.machine,
        "strategy": answer.strategy,
    }


def _words(terms: tuple[tuple[str, float], ...]) -> str:
    return " + ".join(letters if value == 1.0 else f"{value!r}*{letters}" for letters, value in terms)


def of_candidate(each: Ranked) -> dict[str, Any]:
    """Return a candidate and what is predicted of it."""
    candidate, cost = each.candidate, each.cost
    return {
        "name": each.name,
        "predicted_s": cost.total_s,
        "p5_s": cost.p5_s,
        "p95_s": cost.p95_s,
        "phases": cost.phases,
        "feasible": not cost.feasible,
        "why_not": cost.feasible,
        "overhead": candidate.overhead,
        "n_cuts": candidate.n_cuts,
        "n_gate_cuts": candidate.n_gate_cuts,
        "n_wire_cuts": candidate.n_wire_cuts,
        "widths": candidate.widths,
        "qubits": candidate.qubits,
        "n_shots": each.n_shots,
        "n_experiments": candidate.n_experiments,
        "n_distinct": candidate.n_distinct,
        "n_runs": candidate.n_runs,
        "memory_bytes": cost.memory_bytes,
        "stderr": cost.stderr,
        "money": cost.money,
        "qpu_s": cost.qpu_s,
    }


def of_run(answer: CutAnswer, found: CutRun) -> dict[str, Any]:
    """Return a run: value and standard error of the first observable, of all, and predicted beside measured."""
    cost = found.ranked.cost
    return {
        "value": float(found.values[0]),
        "stderr": float(found.stderr[0]),
        "chosen": found.name,
        "predicted_s": cost.total_s,
        "p5_s": cost.p5_s,
        "p95_s": cost.p95_s,
        "measured_s": found.measured_s,
        "n_repeats": found.n_repeats,
        "phases": {
            name: {"predicted_s": cost.phases[name], "measured_s": seconds} for name, seconds in found.phases.items()
        },
        "mode": found.outcome.mode,
        "values": found.values.tolist(),
        "stderrs": found.stderr.tolist(),
        "n_shots": found.outcome.shots_total,
        "n_runs": len(found.outcome.experiments),
        "n_experiments": found.outcome.n_experiments,
        "n_resumed": found.outcome.n_resumed,
        "cpu_s": found.outcome.cpu_s,
        **_asked(answer),
    }
