"""The cases planned again: what running each option comes to, for models and for schedules on several workers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from candidates import kept, request
from circuits import Case, cases
from rich.progress import track
from rows import MeasuredCase

from qhpcsim.circuits.cut_work import CutWork, cut_work
from qhpcsim.circuits.cuts import plan

SHAPE = ("name", "n_gate_cuts", "n_wire_cuts", "n_experiments", "n_distinct", "n_runs")


@dataclass(frozen=True)
class PlannedOption:
    """An option as the plan has it."""

    work: CutWork
    n_qubits: int
    """Active qubits of the uncut circuit."""
    widths: tuple[int, ...]
    shape: dict[str, str]
    """Columns that must agree with the measured rows."""


def planned(case: Case) -> list[PlannedOption]:
    """Return the options of a case."""
    found = plan(request(case))
    return [
        PlannedOption(_light(cut_work(each)), found.circuit.n_qubits, each.widths, _shape(each))
        for each in kept(found.candidates)
    ]


def _light(work: CutWork) -> CutWork:
    """Return work without its circuits, which only a QPU's model needs: it goes through a pipe."""
    return replace(work, runs=tuple(replace(each, circuit=None) for each in work.runs))  # type: ignore[arg-type]


def _shape(candidate: Any) -> dict[str, str]:
    return {name: str(getattr(candidate, name)) for name in SHAPE} | {"shots": str(candidate.shots.n_estimate)}


def all_planned(measured: Sequence[MeasuredCase], processes: int = 2) -> dict[tuple[int, int], PlannedOption]:
    """Return the options of the measured cases by (case, option), and give each measured option its work.

    Raises:
        ValueError: if a plan is not the one that was measured.
    """
    number = {case.number: case for case in cases()}
    wanted = [number[case.number] for case in measured]
    found: dict[tuple[int, int], PlannedOption] = {}
    with ProcessPoolExecutor(processes) as pool:
        plans = pool.map(planned, wanted, chunksize=4)
        for case, options in track(zip(measured, plans, strict=True), "planning", total=len(measured)):
            if len(options) != len(case.options):
                raise ValueError(f"case {case.number}: {len(options)} options, {len(case.options)} measured")
            for option, each in zip(case.options, options, strict=True):
                wrong = {
                    key: (text, option.about[key]) for key, text in each.shape.items() if option.about[key] != text
                }
                if wrong:
                    raise ValueError(f"case {case.number}, {option.about['name']}: planned and measured {wrong}")
                option.work = np.sort(np.concatenate([run.work for run in each.work.runs] or [np.zeros(0)]))[
                    ::-1
                ].tolist()
                found[case.number, option.number] = each
    return found
