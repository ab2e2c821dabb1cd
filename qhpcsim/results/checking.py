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
from qhpcsim.metrics.checks.qpu import QpuFindings, check_qpu
from qhpcsim.metrics.checks.qpu_tables import read_tables
from qhpcsim.metrics.checks.tables import Violation
from qhpcsim.metrics.invariants import check_run
from qhpcsim.results.run_folder import EVENTS, RunFolder
from qhpcsim.scenario import Policy, Scheduler


def check_folder(run: RunFolder) -> list[Violation]:
    """Return every rule that a written run breaks; an empty list is what a healthy run gives.

    Raises:
        RunFolderError: if a file is damaged.
    """
    scenario = run.scenario
    return check_run(
        run.jobs,
        run.summary,
        run.partitions,
        Policy(**_known(Policy, scenario.get("policy"))),
        scheduler=Scheduler(**_known(Scheduler, scenario.get("scheduler"))),
        overrun=str((scenario.get("workload") or {}).get("overrun", "kill")),
        event_s=event_times(run.path / EVENTS),
    )


def check_qpus(run: RunFolder) -> QpuFindings:
    """Return every rule that the QPU tables of a written run break, and what the tables leave undecided.

    Args:
        run: A run with QPUs.

    Raises:
        RunFolderError: if a table is damaged.
    """
    assert run.qpu is not None and run.qpu_intervals is not None
    try:
        data = read_tables(run.qpu, run.qpu_intervals, run.summary["qpu"])
    except (KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"not the tables of a run: {error!r}", where=str(run.path), hint="run it again") from error
    discipline = ((run.scenario.get("qpu") or {}).get("discipline") or {}).get("preemptive", False)
    return check_qpu(data, run.summary["qpu"], preemptive=bool(discipline))


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
