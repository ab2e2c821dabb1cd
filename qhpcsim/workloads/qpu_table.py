"""QPU jobs from a CSV file: ``qpu_workload=table qpu_workload.path=FILE``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.csv_table import CsvTable, read_csv
from qhpcsim.core.errors import ConfigError, WorkloadError, nearest, shorten
from qhpcsim.core.qpu_columns import LOWEST, SPELLINGS, request_column
from qhpcsim.core.qpu_records import QpuDemand
from qhpcsim.core.records import Categories, FloatArray, IntArray
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng
from qhpcsim.qpu_scenario import QpuWorkload
from qhpcsim.workloads.clean import MAX_TIME_S
from qhpcsim.workloads.columns import categories, id_array
from qhpcsim.workloads.qpu_table_access import MOST, access, closing, numbers, optional_numbers, whole_numbers

REQUIRED = ("submit_s", *LOWEST)
OPTIONAL = (
    "job_id",
    "user",
    "group",
    "mode",
    "session",
    "closes_session",
    "qpu",
    "priority",
    "depends_on",
    "think_s",
    "min_fidelity",
    "service_s",
)
_SPELLED = tuple(name for names in SPELLINGS.values() for name in names)
_LONGEST_WORD = 200
_INTEGER = re.compile(r"\d{1,15}", re.ASCII)


@dataclass(frozen=True)
class TableWorkload(QpuWorkload):
    """Jobs read from a CSV file."""

    source: str = "table"
    path: str = ""
    """The file; times in it are seconds on the simulation's own axis."""


@register(
    "qpu_generator",
    "table",
    summary="jobs read from a CSV file: qpu_workload.path=FILE",
    params=TableWorkload,
)
def generate(params: TableWorkload, rng: Rng) -> QpuDemand:
    """Return the jobs of a file; see ``read_demand``."""
    if not params.path:
        raise ConfigError("no file", where="qpu_workload.path", hint="qpu_workload.path=FILE.csv")
    return read_demand(params.path)


def read_demand(path: str | Path) -> QpuDemand:
    """Return the jobs of a CSV file with a header.

    Columns: submit_s, n_circuits, shots, depth_total, n_2q_total (or n_2q_gates_total), n_qubits_total, and any of
    ``OPTIONAL``. An empty cell of an optional column says nothing about that job. ``depends_on`` holds the job_id of an
    earlier job. Jobs are sorted by submission time; equal times keep the order of the file. Without the column job_id
    they are called 0, 1, … in that order.

    Raises:
        QhpcsimError: for the first mistake found; names file and line.
    """
    table = read_csv(path)
    _check_header(table)
    table = _in_submit_order(table)
    asked = {name: request_column(table, name) for name in LOWEST}
    job_id = _job_ids(table)
    before = _predecessors(table, job_id)
    user, group, qpu = (_words(table, name) for name in ("user", "group", "qpu"))
    mode, session = access(table, user, qpu)
    return QpuDemand(
        submit_s=numbers(table, "submit_s", 0.0, MAX_TIME_S, None),
        n_circuits=asked["n_circuits"],
        shots=asked["shots"],
        depth_total=asked["depth_total"],
        n_2q_total=asked["n_2q_total"],
        n_qubits_total=asked["n_qubits_total"],
        service_s=optional_numbers(table, "service_s", 0.0, MAX_TIME_S),
        job_id=job_id,
        user=user,
        group=group,
        mode=mode,
        session=session,
        closes_session=closing(table, session),
        qpu=qpu,
        priority=whole_numbers(table, "priority", -MOST, 0) if "priority" in table.header else None,
        depends_on=before,
        think_s=_think_s(table, before),
        min_fidelity=optional_numbers(table, "min_fidelity", 0.0, 1.0),
        origin=table.where,
        line=np.array(table.lines, dtype=np.int32),
    )


def _check_header(table: CsvTable) -> None:
    for name in table.header:
        if name not in (*_SPELLED, "submit_s", *OPTIONAL):
            raise WorkloadError(
                f"column {shorten(name, 60)!r} is unknown",
                where=table.top,
                allowed=", ".join((*REQUIRED, *OPTIONAL)),
                suggestion=nearest(name, (*REQUIRED, *OPTIONAL)),
                hint="rename or remove the column",
            )
    for name in REQUIRED:
        spelled = table.need(SPELLINGS.get(name, (name,)), ", ".join((*REQUIRED, *OPTIONAL)))
        if name == "n_2q_total" and sum(each in table.header for each in SPELLINGS[name]) > 1:
            raise WorkloadError(f"{spelled} is there under two names", where=table.top, hint="remove one")


def _in_submit_order(table: CsvTable) -> CsvTable:
    """Return the rows by submission time; equal times keep the order of the file."""
    order = np.argsort(numbers(table, "submit_s", 0.0, MAX_TIME_S, None), kind="stable").tolist()
    return replace(table, rows=[table.rows[k] for k in order], lines=[table.lines[k] for k in order])


def _words(table: CsvTable, name: str) -> Categories | None:
    """Return a column of words; None if there is none, or nothing in it."""
    if name not in table.header:
        return None
    words = table.words(name)
    for row, word in enumerate(words):
        if len(word) > _LONGEST_WORD or not word.isprintable():
            raise WorkloadError(
                f"{shorten(word, 60)!r}",
                where=table.place(row, name),
                allowed=f"at most {_LONGEST_WORD} printable characters",
            )
    return categories(words)


def _job_ids(table: CsvTable) -> NDArray[np.generic]:
    """Return the ids of the jobs; without a column, their numbers."""
    if "job_id" not in table.header:
        return np.arange(len(table.rows))
    ids = [_id(word) for word in table.words("job_id")]
    seen: dict[int | str, int] = {}
    for row, each in enumerate(ids):
        if each == "" or each in seen:
            text = f"{each!r} is that of line {table.lines[seen[each]]} too" if each in seen else "empty"
            raise WorkloadError(text, where=table.place(row, "job_id"), allowed="ids that differ")
        seen[each] = row
    return id_array(ids)


def _id(word: str) -> int | str:
    return int(word) if _INTEGER.fullmatch(word) else word


def _predecessors(table: CsvTable, job_id: NDArray[np.generic]) -> IntArray | None:
    """Return the index of the job that each one waits for, -1 for none."""
    if "depends_on" not in table.header:
        return None
    if "job_id" not in table.header:
        raise WorkloadError("depends_on needs the column job_id", where=table.top, hint="add job_id")
    index = {str(each): k for k, each in enumerate(job_id.tolist())}
    before = np.full(len(table.rows), -1, dtype=np.int32)
    for row, word in enumerate(table.words("depends_on")):
        if not word:
            continue
        found = index.get(str(_id(word)))
        if found is None or found >= row:
            why = "and no job has that id" if found is None else "which is not submitted before"
            raise WorkloadError(
                f"{shorten(word, 60)!r}, {why}",
                where=table.place(row, "depends_on"),
                allowed="job_id of an earlier job; at equal times, of one on a line above",
            )
        before[row] = found
    return before


def _think_s(table: CsvTable, before: IntArray | None) -> FloatArray | None:
    """Return the think times; one without a job to wait for is a mistake."""
    if "think_s" not in table.header:
        return None
    think_s = numbers(table, "think_s", 0.0, MAX_TIME_S, 0.0)
    idle = (think_s > 0) & (True if before is None else before < 0)
    if idle.any():
        raise WorkloadError(
            "a think time, but no job to wait for",
            where=table.place(int(np.argmax(idle)), "think_s"),
            hint="say depends_on, or move submit_s",
        )
    return think_s
