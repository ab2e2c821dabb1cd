"""From a result in memory, or from a run folder, to what a report is made of; both give the same report."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from qhpcsim.core.errors import RunFolderError
from qhpcsim.core.records import JobTable, Schedule
from qhpcsim.core.task_records import TaskTable
from qhpcsim.metrics.hybrid_data import HybridData
from qhpcsim.metrics.qpu_data import QpuData
from qhpcsim.metrics.workflows import ApplicationRow
from qhpcsim.report.columns import COLUMNS, JobColumns, job_columns, scheduled_columns
from qhpcsim.report.data import RunData, partition_views
from qhpcsim.report.hybrid_view import hybrid_view
from qhpcsim.report.qpu_view import QpuView, Quality, quality_of
from qhpcsim.report.workflow_columns import (
    APPLICATION_WORDS,
    TASK_COLUMNS,
    TASK_WORDS,
    WorkflowColumns,
    workflow_columns,
    written_columns,
)
from qhpcsim.report.workflow_view import workflow_view
from qhpcsim.scenario import Partition, Scenario

if TYPE_CHECKING:
    import pandas as pd

QPU_JOBS, QPU_INTERVALS, QPU_QUALITY = "qpu.csv", "qpu_intervals.csv", "qpu_quality.csv"
HYBRID_JOBS, PHASES = "hybrid.csv", "phases.csv"
WORKFLOWS, TASKS = "workflows.csv", "tasks.csv"
JOBS, SUMMARY, CARD, SCENARIO = "jobs.csv", "summary.json", "card.json", "scenario.yaml"
BASELINE_JOBS = "baseline_jobs.csv"
"""Read if it is there: the baseline's schedule, for the dashed lines."""


class QpuSource(Protocol):
    """What a report reads of the QPU side of a result (``results.QpuOutcome`` has it)."""

    quality: Sequence[Sequence[Sequence[float]]]

    @property
    def data(self) -> QpuData:
        """The tables as arrays."""


class HybridSource(Protocol):
    """What a report reads of the hybrid jobs of a result (``results.HybridOutcome`` has it)."""

    @property
    def data(self) -> HybridData:
        """The tables as arrays."""


class WorkflowSource(Protocol):
    """What a report reads of the applications of a result (``results.WorkflowOutcome`` has it)."""

    applications: Sequence[ApplicationRow]
    tasks: TaskTable


class Outcome(Protocol):
    """What a report reads of a result in memory (``results.Result`` has it)."""

    scenario: Scenario
    table: JobTable
    schedule: Schedule
    partitions: dict[str, Partition]
    card: dict[str, Any]

    qpu: QpuSource | None
    hybrid: HybridSource | None
    workflows: WorkflowSource | None

    @property
    def baseline(self) -> Outcome | None:
        """The same workload under another policy."""

    @property
    def summary(self) -> dict[str, Any]:
        """Every figure of the run, as in ``summary.json``."""

    @property
    def answer(self) -> str:
        """One sentence that answers the scenario's question."""


def from_result(result: Outcome) -> RunData:
    """Return the report's data of a result in memory."""
    baseline = result.baseline
    settings = dataclasses.asdict(result.scenario)
    settings["facility"]["partitions"] = {k: dataclasses.asdict(p) for k, p in result.partitions.items()}
    if not result.scenario.changes:
        del settings["changes"]
    other = None if baseline is None else scheduled_columns(baseline.table, baseline.schedule)
    return assemble(
        scheduled_columns(result.table, result.schedule),
        dict(result.summary),
        settings,
        answer=str(result.answer or ""),
        card=result.card,
        baseline_summary={} if baseline is None else dict(baseline.summary),
        baseline_jobs=other,
        qpu=None if result.qpu is None else _qpu_view(result.qpu, result.summary["qpu"], settings),
        hybrid=None if result.hybrid is None else result.hybrid.data,
        workflows=None
        if result.workflows is None
        else workflow_columns(result.workflows.applications, result.workflows.tasks),
    )


def _grow(settings: Any) -> None:
    """Count the nodes that joined on the way to their partitions, as in a result in memory."""
    for change in settings.get("changes") or () if isinstance(settings, dict) else ():
        facility = settings["facility"]
        named = facility.get("partitions") or {}
        holder = named.get(change["partition"]) or next(iter(named.values()), facility)
        holder["nodes"] += change["add_nodes"]


def _qpu_view(source: QpuSource, summary: Mapping[str, Any], settings: Mapping[str, Any]) -> QpuView:
    return QpuView(source.data, [quality_of(rows) for rows in source.quality], summary, _cards(settings, summary))


def _cards(settings: Mapping[str, Any], summary: Mapping[str, Any]) -> list[str]:
    """Return the card of each QPU, in the service's order."""
    devices = (settings.get("qpu") or {}).get("qpus") or {}
    return [str((devices.get(name) or {}).get("card") or "") for name in summary["by_qpu"]]


def from_folder(folder: Path) -> RunData:
    """Return the report's data of a run folder.

    Raises:
        RunFolderError: if a table is missing or unreadable.
    """
    import yaml

    summary = _json(folder, SUMMARY)
    try:
        settings = yaml.safe_load(_text(folder, SCENARIO)) or {}
    except yaml.YAMLError as error:
        raise RunFolderError("not readable as YAML", where=str(folder / SCENARIO)) from error
    _grow(settings)
    baseline = summary.get("baseline")
    jobs = _jobs(folder, JOBS)
    other = _jobs(folder, BASELINE_JOBS) if (folder / BASELINE_JOBS).exists() else None
    return assemble(
        jobs,
        summary,
        settings if isinstance(settings, dict) else {},
        answer=str(summary.get("answer") or ""),
        card=_json(folder, CARD),
        baseline_summary=baseline if isinstance(baseline, dict) else {},
        baseline_jobs=other,
        qpu=_qpu_in(folder, summary, settings) if isinstance(summary.get("qpu"), dict) else None,
        hybrid=_hybrid_in(folder) if isinstance(summary.get("hybrid"), dict) else None,
        workflows=_workflows_in(folder) if isinstance(summary.get("workflows"), dict) else None,
    )


def _qpu_in(folder: Path, summary: Mapping[str, Any], settings: Mapping[str, Any]) -> QpuView:
    """Return the QPU side of a run folder."""
    from qhpcsim.metrics.checks.qpu_tables import read_tables

    figures = summary["qpu"]
    jobs = _table(folder, QPU_JOBS, ("user", "origin", "qpu", "mode", "state"))
    data = read_tables(jobs, _table(folder, QPU_INTERVALS, ("qpu", "kind")), figures)
    errors = _table(folder, QPU_QUALITY, ("qpu",))
    try:
        columns = errors[list(Quality._fields)].to_numpy(dtype="float64")
    except (KeyError, ValueError) as error:
        raise RunFolderError(f"{QPU_QUALITY} is not a table of errors: {error}", where=str(folder)) from error
    quality = [quality_of(columns[(errors["qpu"] == name).to_numpy(dtype=bool)]) for name in data.qpu_names]
    return QpuView(data, quality, figures, _cards(settings, figures))


def _hybrid_in(folder: Path) -> HybridData:
    """Return the hybrid jobs of a run folder."""
    from qhpcsim.metrics.checks.hybrid_tables import read_hybrid

    words = ("job_id", "user", "state", "kind")
    try:
        return read_hybrid(_table(folder, HYBRID_JOBS, words), _table(folder, PHASES, words))
    except (TypeError, ValueError) as error:
        raise RunFolderError(f"{HYBRID_JOBS} or {PHASES} is damaged: {error}", where=str(folder)) from error


def _workflows_in(folder: Path) -> WorkflowColumns:
    """Return the applications of a run folder and their tasks."""
    applications = _table(folder, WORKFLOWS, APPLICATION_WORDS)
    tasks = _table(folder, TASKS, TASK_WORDS, TASK_COLUMNS)
    try:
        return written_columns(applications, tasks)
    except (KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"{WORKFLOWS} or {TASKS} is damaged: {error}", where=str(folder)) from error


def assemble(
    jobs: JobColumns,
    summary: Mapping[str, Any],
    settings: Mapping[str, Any],
    answer: str = "",
    card: Mapping[str, Any] | None = None,
    baseline_summary: Mapping[str, Any] | None = None,
    baseline_jobs: JobColumns | None = None,
    qpu: QpuView | None = None,
    hybrid: HybridData | None = None,
    workflows: WorkflowColumns | None = None,
) -> RunData:
    """Return the report's data from a run's tables.

    Args:
        jobs: From ``job_columns`` or ``scheduled_columns``.
        summary: As in ``summary.json``.
        settings: The resolved scenario as plain values, nested.
        answer: One sentence that answers the scenario's question.
        card: As in ``card.json``.
        baseline_summary: The summary of the policy to compare with; empty: none.
        baseline_jobs: Its jobs.
        qpu: The QPU side; None: the scenario has no QPUs.
        hybrid: Hybrid jobs; None: the workload has none.
        workflows: Applications; None: the workload has none.
    """
    other = baseline_summary or {}
    if hybrid is not None and qpu is not None and not qpu.data.n:
        qpu = None
    partitions = partition_views(settings.get("facility") or {}, jobs, summary.get("n_nodes"), _only_partition(summary))
    firsts = np.array([part.first for part in partitions], dtype=np.int64)
    return RunData(
        name=str(settings.get("name") or summary.get("scenario") or "run"),
        question=str(settings.get("question") or ""),
        answer=answer,
        policy=str(summary.get("policy") or (settings.get("policy") or {}).get("name") or ""),
        jobs=jobs,
        partitions=partitions,
        summary=summary,
        baseline_name=str(other.get("policy") or settings.get("baseline") or "baseline"),
        baseline_summary=other,
        baseline_jobs=baseline_jobs,
        card=card or {},
        cleaned=summary.get("cleaned") or {},
        settings=settings,
        qpu=qpu,
        hybrid=None if hybrid is None else hybrid_view(hybrid, summary, jobs, firsts, qpu, other),
        workflows=None if workflows is None else workflow_view(workflows, summary, jobs, partitions, qpu, other),
    )


def _only_partition(summary: Mapping[str, Any]) -> str:
    names = list(summary.get("by_partition") or {})
    return str(names[0]) if len(names) == 1 else "all nodes"


def _text(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunFolderError(
            f"{name} is missing or unreadable", where=str(folder), hint="qhpcsim run SCENARIO --out DIR"
        ) from error


def _json(folder: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads(_text(folder, name))
    except ValueError as error:
        raise RunFolderError("not readable as JSON", where=str(folder / name)) from error
    if not isinstance(found, dict):
        raise RunFolderError("not a JSON object", where=str(folder / name))
    return found


_AS_WRITTEN: dict[str, Any] = {"keep_default_na": False, "na_values": [""], "encoding": "utf-8"}
"""How tables are read: a job called "NA" stays one."""

_EXACTLY: dict[str, Any] = {"float_precision": "round_trip"}
"""Read numbers exactly; later versions of pandas do so without being told, and warn if they are."""


def _jobs(folder: Path, name: str) -> JobColumns:
    try:
        return job_columns(_table(folder, name, ("job_id", "final_state", "allocated_resources"), COLUMNS))
    except ValueError as error:
        raise RunFolderError(f"{name} is not a jobs table: {error}", where=str(folder)) from error


def _table(folder: Path, name: str, words: Sequence[str], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return a table of a run folder, numbers exactly as written, empty cells NaN.

    Args:
        folder: The run folder.
        name: File in it.
        words: Columns of text.
        columns: Columns to read; None: all.
    """
    import pandas as pd

    try:
        exact = _EXACTLY if tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1) else {}
        chosen = None if columns is None else list(columns)
        table: pd.DataFrame = pd.read_csv(
            folder / name, usecols=chosen, dtype=dict.fromkeys(words, str), **_AS_WRITTEN, **exact
        )
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise RunFolderError(f"{name} is missing or not a table: {error}", where=str(folder)) from error
    return table
