"""The published runs of cutting on one to four QPUs: what strategies choose there, and what the runs say of it.

30 qubits in two layers, one task for each part, 1 to 4 simulated QPUs of 16 cores (quantum mini-apps, branch
cc-dreamer). Totals come from the pool with a pilot for each QPU; the times of the parts were fitted on 1 and 4 QPUs.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import NamedTuple

from qhpcsim.core.data import data_dir
from qhpcsim.core.errors import QhpcsimError
from qhpcsim.middleware.cut_strategies import Foreseen
from qhpcsim.policies.cutting.named import strategy_named
from qhpcsim.policies.cutting.strategy import CutOption, CutView
from qhpcsim.workloads.motifs.circuit_cutting import CircuitCuttingParams, cuts_of

QUBITS, LAYERS, SAMPLES = 30, 2, 1000
BEST = 6
"""Qubits of a part in the fastest published run on every number of QPUs."""
MEMORY_BYTES = 64.0 * 2**30
STRATEGIES = ("fixed_width", "min_overhead", "qdreamer_v02", "qdreamer_v04", "qdreamer_refit", "modelled")


class Run(NamedTuple):
    """A published total beside the simulated one."""

    width: int
    n_qpus: int
    told_s: float
    measured_s: float
    fitted: bool


def scripts() -> ModuleType:
    """Return the project's checks of published pilot runs."""
    folder = str(data_dir("calibration") / "middleware")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module("seed_checks")
    finally:
        sys.path.remove(folder)


def runs() -> list[Run]:
    """Return all published totals.

    Raises:
        FileNotFoundError: if the published data are not here.
    """
    found = []
    for each in scripts().cutting_checks():
        words = each.what.split()  # cutting to W qubits on N QPUs: s
        found.append(Run(int(words[2]), int(words[5]), each.told, each.measured, each.fitted))
    return found


def view(found: Iterable[Run], n_qpus: int) -> CutView:
    """Return what a strategy is told: the published widths, with their simulated totals on so many QPUs."""
    options = []
    for run in found:
        if run.n_qpus == n_qpus:
            how = CircuitCuttingParams(base_qubits=QUBITS, reps=LAYERS, subcircuit_size=run.width, num_samples=SAMPLES)
            cuts = cuts_of(how)
            options.append(CutOption(
                f"parts of {run.width}", cuts.widths, cuts.gate_cuts, cuts.gate_cuts, 0, 9.0**cuts.gate_cuts,
                cuts.n_experiments, cuts.n_experiments, cuts.n_experiments, Foreseen(run.told_s),
            ))  # fmt: skip
    return CutView(QUBITS, n_qpus, MEMORY_BYTES, tuple(options))


def choices(found: list[Run]) -> dict[str, dict[int, int]]:
    """Return the width that each strategy chooses, by strategy and number of QPUs."""
    of: dict[str, dict[int, int]] = {}
    for name in STRATEGIES:
        strategy = strategy_named(name)
        for n_qpus in sorted({run.n_qpus for run in found}):
            seen = view(found, n_qpus)
            of.setdefault(name, {})[n_qpus] = seen.options[strategy.choose(seen)].widest
    return of


def published() -> dict[str, float]:
    """Return the headline numbers; empty, after a line that says so, where the data are not here."""
    try:
        found = runs()
    except (FileNotFoundError, QhpcsimError) as error:
        print(f"not run: the published runs of cutting on QPUs ({error})")
        return {}
    measured = {(run.width, run.n_qpus): run.measured_s for run in found}
    errors = [abs(run.told_s / run.measured_s - 1.0) for run in found if not run.fitted]
    answers = {
        "published, modelled: numbers of QPUs with the best width chosen": float(
            sum(width == BEST for width in choices(found)["modelled"].values())
        ),
        "published, totals not fitted: largest error, %": 100 * max(errors),
        "published, totals not fitted: mean error, %": 100 * sum(errors) / len(errors),
    }
    for name, by_qpus in choices(found).items():
        lost = [measured[width, n] / measured[BEST, n] - 1.0 for n, width in by_qpus.items()]
        answers[f"published, {name}: mean regret, %"] = 100 * sum(lost) / len(lost)
    return {name: float(f"{value:.4g}") for name, value in answers.items()}
