"""Checks a run folder against the rules that every run must hold, from its files alone."""

from __future__ import annotations

import dataclasses
import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qhpcsim.core.errors import RunFolderError
from qhpcsim.core.records import FloatArray
from qhpcsim.metrics.checks.absences import check_absences
from qhpcsim.metrics.checks.hybrid import check_hybrid
from qhpcsim.metrics.checks.hybrid_held import starts_together
from qhpcsim.metrics.checks.hybrid_tables import HybridTables
from qhpcsim.metrics.checks.hybrid_tables import read_tables as read_hybrid_tables
from qhpcsim.metrics.checks.qpu import check_qpu
from qhpcsim.metrics.checks.qpu_tables import read_tables
from qhpcsim.metrics.checks.tables import Findings, Floats, Tables, Violation
from qhpcsim.metrics.checks.workflow import Middle, check_workflows
from qhpcsim.metrics.checks.workflow_held import QpuJobs
from qhpcsim.metrics.checks.workflow_tables import WorkflowTables
from qhpcsim.metrics.checks.workflow_tables import read_tables as read_workflow_tables
from qhpcsim.metrics.invariants import check_run
from qhpcsim.metrics.qpu_data import QpuData
from qhpcsim.results.run_folder import EVENTS, NODE_OUTAGES, RunFolder, read_table
from qhpcsim.scenario import Policy, Scheduler


def check_folder(run: RunFolder) -> list[Violation]:
    """Return every rule that a written run breaks; an empty list is what a healthy run gives.

    Raises:
        RunFolderError: if a file is damaged.
    """
    scenario = run.scenario
    hybrid = _hybrid_tables(run)
    ordered = (hybrid is None or not starts_together(hybrid)) and not run.changes
    killed = all(change.overrun != "extend" for change in run.changes)
    found = check_run(
        run.jobs,
        run.summary,
        run.partitions,
        Policy(**_known(Policy, scenario.get("policy"))) if ordered else None,
        scheduler=Scheduler(**_known(Scheduler, scenario.get("scheduler"))),
        overrun=str((scenario.get("workload") or {}).get("overrun", "kill")) if killed else "extend",
        event_s=event_times(run.path / EVENTS),
    )
    if run.changes and (run.path / NODE_OUTAGES).is_file():
        outages = read_table(run.path / NODE_OUTAGES, ("partition",))
        found += check_absences(Tables(run.jobs, run.summary, run.partitions), outages)
    return found


def check_qpus(run: RunFolder) -> Findings:
    """Return every rule that the QPU tables of a written run break, and what the tables leave undecided.

    Args:
        run: A run with QPUs.

    Raises:
        RunFolderError: if a table is damaged.
    """
    discipline = ((run.scenario.get("qpu") or {}).get("discipline") or {}).get("preemptive", False)
    return check_qpu(_qpu_tables(run), run.summary["qpu"], preemptive=bool(discipline))


def check_hybrid_jobs(run: RunFolder) -> Findings:
    """Return every rule that the hybrid tables of a written run break, and what the tables leave undecided.

    Args:
        run: A run with hybrid jobs.

    Raises:
        RunFolderError: if a table is damaged.
    """
    tables = _hybrid_tables(run)
    assert tables is not None
    qpu = None if run.qpu is None else _qpu_tables(run)
    return check_hybrid(tables, run.summary["hybrid"], qpu, 0 if qpu is None else len(qpu.qpu_names))


def check_applications(run: RunFolder) -> Findings:
    """Return every rule that the tables of applications and tasks break, and what the tables leave undecided.

    Args:
        run: A run with applications.

    Raises:
        RunFolderError: if a table is damaged.
    """
    assert run.workflows is not None and run.tasks is not None
    figures, machine = run.summary["workflows"], list(run.partitions.values())
    try:
        zero_s = float(figures.get("zero_s", 0.0))
        tables = read_workflow_tables(run.workflows, run.tasks, run.jobs, machine, zero_s)
        more = None if run.qpu is None else _qpu_jobs(run)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(run, error) from error
    qpu = None if run.qpu is None else _qpu_tables(run)
    return check_workflows(tables, _middle(run, tables), figures, list(run.partitions), qpu, more)


def _qpu_jobs(run: RunFolder) -> QpuJobs:
    assert run.qpu is not None
    predicted_s = run.qpu["predicted_s"].to_numpy(dtype=np.float64, na_value=np.nan)
    return QpuJobs([str(user) for user in run.qpu["user"].fillna("").tolist()], predicted_s)


def _middle(run: RunFolder, tables: WorkflowTables) -> Middle:
    """Return what the scenario says of the layer between applications and nodes."""
    layer = run.scenario.get("middleware") or {}
    share = (run.scenario.get("workload") or {}).get("share") or {}
    shapes = [shape for kind in share.values() for shape in (kind.get("pilots") or {}).values()]
    settings = [(key, text) for kind in share.values() for key, text in (kind.get("settings") or {}).items()]
    cores = [word for key, text in settings if key.split(".")[-1] == "cores" for word in str(text).split("|")]
    return Middle(
        slots=_slots(tables, share, run),
        retries=int(layer.get("retries", 0)),
        waits=bool(layer.get("waits", False)),
        has_reserve=any(shape.get("reserve") for shape in shapes),
        resized=(layer.get("scaling") or {}).get("name") == "elastic",
        has_pools=any(kind.get("pool") for kind in share.values()),
        whole_cores=all(float(word).is_integer() for word in cores),
        can_break=any(partition.can_break for partition in run.partitions.values()),
    )


def _slots(tables: WorkflowTables, share: Mapping[str, Any], run: RunFolder) -> Floats:
    """Return the slots for cores on each node of each pilot, by its kind of application and number; NaN: unknown."""
    asked = {
        kind: [int(s.get("slots_per_node", 0)) for s in (each.get("pilots") or {}).values() for _ in range(s["count"])]
        for kind, each in share.items()
    }
    cores = [part.cores_per_node for part in run.partitions.values()]
    found = np.full(len(tables.pilots.name), np.nan)
    for k, name in enumerate(tables.pilots.name):
        application, _, number = name.rpartition("/")
        slots = asked.get(application.rpartition("-")[0], [])
        if number.isdigit() and int(number) < len(slots) and tables.pilots.partition[k] >= 0:
            found[k] = slots[int(number)] or cores[int(tables.pilots.partition[k])]
    return found


def _hybrid_tables(run: RunFolder) -> HybridTables | None:
    if run.hybrid is None or run.phases is None:
        return None
    try:
        return read_hybrid_tables(run.hybrid, run.phases, run.jobs)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(run, error) from error


def _qpu_tables(run: RunFolder) -> QpuData:
    assert run.qpu is not None and run.qpu_intervals is not None
    try:
        return read_tables(run.qpu, run.qpu_intervals, run.summary["qpu"])
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(run, error) from error


def _damaged(run: RunFolder, error: Exception) -> RunFolderError:
    return RunFolderError(f"not the tables of a run: {error!r}", where=str(run.path), hint="run it again")


def event_times(path: Path) -> FloatArray:
    """Return the times of an event log, in its order.

    Raises:
        RunFolderError: if it is no such log.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            next(file, "")
            return np.array([float(line.split(",", 1)[0]) for line in file])
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise RunFolderError(f"not an event log: {error}", where=str(path), hint="run it again") from error


def _known(kind: type, values: object) -> dict[str, Any]:
    """Return those of the values that the dataclass has a field for."""
    names = {field.name for field in dataclasses.fields(kind)}
    return {key: value for key, value in values.items() if key in names} if isinstance(values, Mapping) else {}
