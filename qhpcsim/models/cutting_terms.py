"""The terms of a cut's time: what is counted in each phase, to be multiplied by what a machine charges for it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qhpcsim.circuits.cut_work import CutWork
from qhpcsim.core.records import FloatArray

PHASES = ("partition", "transpile", "generate", "deduplicate", "execute", "reconstruct")


class Term(NamedTuple):
    """One term: the phase that it belongs to, the unit of its price, and what is counted."""

    name: str
    phase: str
    unit: str
    about: str


TERMS = (
    Term("partition", "partition", "us", "circuit"),
    Term("partition_part", "partition", "us", "part"),
    Term("partition_gate", "partition", "us", "gate of the circuit"),
    Term("transpile_part", "transpile", "us", "part"),
    Term("transpile_gate", "transpile", "us", "gate of the circuit"),
    Term("transpile_side", "transpile", "us", "side of a cut"),
    Term("generate", "generate", "us", "circuit"),
    Term("generate_sample", "generate", "us", "term of the sum over the maps of the cuts"),
    Term("generate_run", "generate", "us", "circuit to run, written out"),
    Term("generate_gate", "generate", "us", "instruction of a circuit to run, written out"),
    Term("merge_part", "deduplicate", "us", "part"),
    Term("merge_end", "deduplicate", "us", "qubit measured at the end, in each part and group of terms"),
    Term("merge_sample", "deduplicate", "us", "term of the sum, in each part"),
    Term("merge_row", "deduplicate", "us", "sub-experiment looked at"),
    Term("merge_gate", "deduplicate", "us", "instruction of these"),
    Term("execute", "execute", "us", "circuit"),
    Term("run", "execute", "us", "circuit run: reading it, sorting its counts"),
    Term("run_gate", "execute", "us", "instruction of a circuit run, read"),
    Term("run_outcome", "execute", "us", "different outcome of a circuit run, sorted"),
    Term("run_shot", "execute", "us", "shot of a circuit run, beside what the CPU card says"),
    Term("scale_call", "execute", "1", "the CPU card's time for a call and for handing gates over"),
    Term("scale_state", "execute", "1", "the CPU card's time for work on the state vector"),
    Term("scale_shot", "execute", "1", "the CPU card's time for shots, sampled or simulated"),
    Term("sum", "reconstruct", "us", "circuit"),
    Term("sum_run", "reconstruct", "us", "circuit run"),
    Term("sum_outcome", "reconstruct", "us", "different outcome of a circuit run"),
    Term("sum_set", "reconstruct", "us", "set of up to three parts, for each Pauli string"),
    Term("sum_cell", "reconstruct", "us", "product in the sums of estimate and standard error"),
)
NAMES = tuple(term.name for term in TERMS)
SCALES = np.array([{"us": 1e-6, "1": 1.0}[term.unit] for term in TERMS])
"""Seconds in the unit of each term's price."""
IN_PHASE = {phase: np.array([term.phase == phase for term in TERMS]) for phase in PHASES}
"""Which terms belong to each phase."""
RUN_TERMS = ("run", "run_gate", "run_outcome", "run_shot", "scale_call", "scale_state", "scale_shot")
"""Terms of one circuit that is run, in the order of ``runs``'s columns."""
SCALED = np.array([name.startswith("scale_") for name in RUN_TERMS])
"""Which of them are seconds of the CPU card."""


def counts(work: CutWork, runs: FloatArray) -> FloatArray:
    """Return how often each term occurs, in the order of ``TERMS``.

    Args:
        work: What is done.
        runs: Of each circuit that is run the counts of ``RUN_TERMS``; shape (R, len(RUN_TERMS)).
    """
    whole = runs.sum(axis=0)
    found = dict(zip(RUN_TERMS, whole.tolist(), strict=True)) | {
        "partition": 1.0,
        "partition_part": work.n_parts,
        "partition_gate": work.n_gates,
        "transpile_part": work.n_parts,
        "transpile_gate": work.n_gates,
        "transpile_side": work.n_sides,
        "generate": 1.0,
        "generate_sample": work.n_samples,
        "generate_run": work.n_runs,
        "generate_gate": work.n_run_gates,
        "merge_part": work.n_parts,
        "merge_end": work.n_ends,
        "merge_sample": work.n_samples * work.n_parts,
        "merge_row": work.n_rows,
        "merge_gate": work.n_row_gates,
        "execute": 1.0,
        "sum": 1.0,
        "sum_run": work.n_runs,
        "sum_outcome": whole[RUN_TERMS.index("run_outcome")],
        "sum_set": work.n_sets,
        "sum_cell": work.n_cells,
    }
    return np.array([found[name] for name in NAMES], dtype=np.float64)
