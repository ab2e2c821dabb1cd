"""Batsim's JSON workload: ``nb_res``, ``jobs`` and the ``profiles`` that say how long they run."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qhpcsim.core.errors import WorkloadError, nearest, shorten
from qhpcsim.core.records import JobTable
from qhpcsim.core.registry import register
from qhpcsim.workloads.batsim_profiles import Durations
from qhpcsim.workloads.clean import MAX_TIME_S, in_submit_order
from qhpcsim.workloads.columns import id_array
from qhpcsim.workloads.extras import COUNTS, EXTRAS, NUMBERS, set_columns, text_columns
from qhpcsim.workloads.files import place, stem, write_bytes
from qhpcsim.workloads.json_text import MAX_JSON_BYTES, read_json

_MAX_NODES = 2**31 - 1
NO_LIMIT = -1
"""Batsim's walltime of a job without a limit."""


def read_batsim(path: str | Path, *, max_bytes: int = MAX_JSON_BYTES) -> JobTable:
    """Return the jobs of a Batsim workload, plain or .gz, in (submission, place in the file) order.

    Delay profiles and sequences of them give the run times. A walltime of -1, or none, means no limit. Our own
    columns are read from the ``extra_data`` of a job, a JSON object in a string.

    Raises:
        WorkloadError: naming file and key path, such as ``jobs[3].subtime``.
    """
    whole = read_json(path, max_bytes)
    if not isinstance(whole, dict) or not isinstance(whole.get("jobs"), list):
        raise WorkloadError("has no list jobs", where=place(path), allowed="a Batsim workload: nb_res, jobs, profiles")
    if not isinstance(whole.get("profiles"), dict):
        raise WorkloadError("has no object profiles", where=place(path), allowed="nb_res, jobs, profiles")
    if not whole["jobs"]:
        raise WorkloadError("holds no jobs", where=place(path))
    jobs = _Jobs(path, whole["jobs"])
    durations = Durations(whole["profiles"], path)
    table = JobTable(
        job_id=jobs.ids(),
        submit_s=np.array([jobs.number(k, "subtime", 0.0) for k in jobs.range], np.float64),
        runtime_s=np.array([durations.of(job.get("profile"), jobs.at(k, "profile")) for k, job in jobs], np.float64),
        walltime_s=np.array([jobs.walltime(k) for k in jobs.range], np.float64),
        nodes=np.array([jobs.count(k, "res", 1) for k in jobs.range], np.int32),
        workload_name=stem(path),
        machine_nodes=_machine(whole.get("nb_res"), path),
    )
    set_columns(table, jobs.extras(), jobs.error)
    return in_submit_order(table)


def write_batsim(table: JobTable, path: str | Path) -> tuple[str, ...]:
    """Write jobs as a Batsim workload of delay profiles, submission times on the input file's axis.

    Returns:
        Columns of the table that the format cannot hold.
    """
    extras = text_columns(table)
    numeric = {*COUNTS, *NUMBERS}
    names = [f"delay_{text}" for text in map(repr, table.runtime_s.tolist())]
    submit_s, nodes = (table.submit_s + table.zero_s).tolist(), table.nodes.tolist()
    limits = [NO_LIMIT if math.isinf(limit) else limit for limit in table.walltime_s.tolist()]
    jobs: list[dict[str, Any]] = []
    for k, job_id in enumerate(table.job_id.tolist()):
        job = {"id": job_id, "subtime": submit_s[k], "res": nodes[k], "walltime": limits[k]}
        job["profile"] = names[k]
        own = {key: json.loads(column[k]) if key in numeric else column[k] for key, column in extras.items()}
        own = {key: value for key, value in own.items() if value != ""}
        if own:
            job["extra_data"] = json.dumps(own)
        jobs.append(job)
    profiles = {
        name: {"type": "delay", "delay": each} for name, each in zip(names, table.runtime_s.tolist(), strict=True)
    }
    machine = int(table.nodes.max()) if table.machine_nodes is None else table.machine_nodes
    encode = json.JSONEncoder(allow_nan=False).encode
    lines = ",\n".join(map(encode, jobs))
    text = f'{{"nb_res": {machine}, "jobs": [\n{lines}\n],\n"profiles": {encode(profiles)}}}'
    write_bytes(path, text.encode() + b"\n")
    return tuple(name for name in ("status", "unix_start_s") if getattr(table, name) is not None)


@register(
    "format",
    "batsim",
    summary="Batsim's JSON workload, with delay profiles",
    source="https://batsim.readthedocs.io/en/latest/input-workload.html",
)
class BatsimFormat:
    """How the registry reads and writes a Batsim workload."""

    suffixes = (".json",)
    read = staticmethod(read_batsim)
    write = staticmethod(write_batsim)

    @staticmethod
    def looks_like(line: str) -> bool:
        """Return whether a file's first line begins a JSON object."""
        return line.startswith("{")


class _Jobs:
    """The ``jobs`` list with checks that name the key path."""

    def __init__(self, path: str | Path, jobs: list[Any]) -> None:
        self.path, self.jobs, self.range = path, jobs, range(len(jobs))
        for k, job in enumerate(jobs):
            if not isinstance(job, dict):
                raise WorkloadError(f"is {shorten(job, 60)}", where=f"{place(path)}: jobs[{k}]", allowed="an object")

    def __iter__(self) -> Any:
        return enumerate(self.jobs)

    def at(self, k: int, key: str) -> str:
        return f"{place(self.path)}: jobs[{k}].{key}"

    def error(self, k: int, key: str, text: str, allowed: str = "") -> WorkloadError:
        return WorkloadError(f"is {text}", where=self.at(k, key), allowed=allowed, hint="mend the file")

    def number(self, k: int, key: str, least: float) -> float:
        value = self._given(k, key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= MAX_TIME_S:
            raise self.error(k, key, shorten(repr(value), 60), f"a number from {least:g} to {MAX_TIME_S:g}")
        return float(value)

    def count(self, k: int, key: str, least: int) -> int:
        value = self._given(k, key)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MAX_NODES:
            raise self.error(k, key, shorten(repr(value), 60), f"an integer from {least} to {_MAX_NODES}")
        return value

    def walltime(self, k: int) -> float:
        value = self.jobs[k].get("walltime", NO_LIMIT)
        if value == NO_LIMIT and not isinstance(value, bool):
            return math.inf
        limit = self.number(k, "walltime", 0.0)
        if limit == 0:
            raise self.error(k, "walltime", "0", "seconds > 0, or -1 for no limit")
        return limit

    def ids(self) -> Any:
        ids: list[int | str] = []
        seen: set[str] = set()
        for k in self.range:
            value = self._given(k, "id")
            if isinstance(value, bool) or not isinstance(value, (int, str)) or value == "":
                raise self.error(k, "id", shorten(repr(value), 60), "an integer or a text")
            if str(value) in seen:
                raise self.error(k, "id", f"{shorten(repr(value), 60)}, which an earlier job has already")
            seen.add(str(value))
            ids.append(value)
        return id_array(ids)

    def extras(self) -> dict[str, Sequence[Any]]:
        found = [_own_columns(job) for job in self.jobs]
        names = [name for name in EXTRAS if any(name in own for own in found)]
        return {name: [self._extra(k, name, own.get(name)) for k, own in enumerate(found)] for name in names}

    def _extra(self, k: int, name: str, value: Any) -> Any:
        if value is None:
            return None
        wanted: Any = (int,) if name in COUNTS else (int, float) if name in NUMBERS else (str, int)
        if isinstance(value, bool) or not isinstance(value, wanted):
            raise self.error(k, f"extra_data.{name}", shorten(repr(value), 60))
        if not isinstance(value, str) and not 0 <= value <= (_MAX_NODES if name in COUNTS else MAX_TIME_S * 1e3):
            raise self.error(k, f"extra_data.{name}", shorten(repr(value), 60), "a number ≥ 0")
        return value if name in COUNTS or name in NUMBERS else str(value)

    def _given(self, k: int, key: str) -> Any:
        if key not in self.jobs[k]:
            near = nearest(key, self.jobs[k])
            raise WorkloadError("is missing", where=self.at(k, key), suggestion=near, hint="add it")
        return self.jobs[k][key]


def _own_columns(job: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that we stored with a job; data of other tools are left alone."""
    text = job.get("extra_data")
    if not isinstance(text, str) or not text.startswith("{"):
        return {}
    try:
        own = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return own if isinstance(own, dict) else {}


def _machine(value: Any, path: str | Path) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_NODES:
        where = f"{place(path)}: nb_res"
        raise WorkloadError(f"is {shorten(repr(value), 60)}", where=where, allowed=f"an integer from 1 to {_MAX_NODES}")
    return value
