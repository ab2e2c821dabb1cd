"""``hybrid.csv`` and ``phases.csv`` as arrays, read independently of the code that wrote them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qhpcsim.core.errors import RunFolderError
from qhpcsim.metrics.checks.cells import codes, floats, need
from qhpcsim.metrics.checks.tables import Floats, Integers
from qhpcsim.metrics.hybrid_data import KINDS, HybridData, Parts, parts_of

if TYPE_CHECKING:
    import pandas as pd

STATES = ("COMPLETED", "WALLTIME", "FAILED", "QUEUED", "RUNNING")
_TIMES = ("submitted_s", "started_s", "ended_s", "held_node_s")
_SUMS = tuple(f"{kind}_s" for kind in KINDS)


@dataclass(frozen=True, slots=True)
class HybridTables:
    """The tables of a run with hybrid jobs."""

    data: HybridData
    stated_s: Floats
    """(n, 6) time in each kind of phase, as ``hybrid.csv`` has it."""
    stated_calls: Integers
    """(n,) QPU calls, as ``hybrid.csv`` has them."""
    parts: Parts
    """Rows of ``jobs.csv`` that are theirs."""
    part_nodes: Floats
    """(k,) nodes of each part."""
    part_submit_s: Floats
    part_start_s: Floats
    """(k,) NaN: never."""
    part_end_s: Floats


def read_hybrid(hybrid: pd.DataFrame, phases: pd.DataFrame) -> HybridData:
    """Return the rows of ``hybrid.csv`` and ``phases.csv`` as arrays.

    Raises:
        RunFolderError: if a column is missing, a cell holds a word that has no meaning there, or a job is there twice.
    """
    need(hybrid, "hybrid.csv", ("job_id", "nodes", *_TIMES, "state", "n_calls", *_SUMS))
    need(phases, "phases.csv", ("job_id", "kind", "start_s", "end_s"))
    names = hybrid["job_id"].fillna("").astype(str).tolist()
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise RunFolderError(f"job {twice!r} is there twice", where="hybrid.csv", hint="run the scenario again")
    times = {column: floats(hybrid, column) for column in _TIMES}
    return HybridData(
        name=names,
        nodes=_whole(hybrid, "nodes"),
        state=np.array(STATES, dtype=object)[_known(hybrid, "hybrid.csv", "state", STATES)],
        phase_job=_known(phases, "phases.csv", "job_id", names),
        phase_kind=_known(phases, "phases.csv", "kind", KINDS),
        phase_start_s=floats(phases, "start_s"),
        phase_end_s=floats(phases, "end_s"),
        **times,
    )


def read_tables(hybrid: pd.DataFrame, phases: pd.DataFrame, jobs: pd.DataFrame) -> HybridTables:
    """Return the tables of a run folder that speak of hybrid jobs.

    Args:
        hybrid: The rows of ``hybrid.csv``.
        phases: The rows of ``phases.csv``.
        jobs: The rows of ``jobs.csv``.

    Raises:
        RunFolderError: if a column is missing, or a cell holds a word that has no meaning there.
    """
    data = read_hybrid(hybrid, phases)
    parts = parts_of(jobs["job_id"], data.name)
    return HybridTables(
        data,
        stated_s=np.column_stack([floats(hybrid, column) for column in _SUMS]),
        stated_calls=_whole(hybrid, "n_calls"),
        parts=parts,
        part_nodes=floats(jobs, "requested_number_of_resources")[parts.row],
        part_submit_s=floats(jobs, "submission_time")[parts.row],
        part_start_s=floats(jobs, "starting_time")[parts.row],
        part_end_s=floats(jobs, "finish_time")[parts.row],
    )


def _whole(table: pd.DataFrame, column: str) -> Integers:
    values = floats(table, column)
    wrong = np.flatnonzero(~(values >= 0) | (values != np.floor(values)))
    if wrong.size:
        text = f"{column} is {table[column].iloc[int(wrong[0])]}"
        raise RunFolderError(text, where=f"hybrid.csv:{int(wrong[0]) + 2}", allowed="a whole number ≥ 0")
    return values.astype(np.int64)


def _known(table: pd.DataFrame, file: str, column: str, words: tuple[str, ...] | list[str]) -> Integers:
    """Return each word's place in ``words``; every cell must have one."""
    found: Integers = codes(table, file, column, words).astype(np.int64)
    empty = np.flatnonzero(found < 0)
    if empty.size:
        raise RunFolderError(f"{column} is empty", where=f"{file}:{int(empty[0]) + 2}", hint="run the scenario again")
    return found
