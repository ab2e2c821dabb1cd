"""The page: one HTML file with everything inside, which opens without a network."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qhpcsim.core.wording import duration
from qhpcsim.report.activity import Activity
from qhpcsim.report.activity_nodes_figure import activity_nodes_figure
from qhpcsim.report.activity_solution_figure import activity_solution_figure
from qhpcsim.report.activity_spent_figure import activity_spent_figure
from qhpcsim.report.activity_time_figure import activity_time_figure
from qhpcsim.report.data import RunData
from qhpcsim.report.gantt import gantt
from qhpcsim.report.hybrid_tables import job_table, layer_table
from qhpcsim.report.hybrid_view import HybridView
from qhpcsim.report.load_figure import load_figure
from qhpcsim.report.notes import notes
from qhpcsim.report.qpu_quality_figure import qpu_quality_figure
from qhpcsim.report.qpu_queue_figure import qpu_queue_figure
from qhpcsim.report.qpu_tables import mode_table, qpu_table
from qhpcsim.report.qpu_time_figure import qpu_time_figure
from qhpcsim.report.qpu_view import QpuView
from qhpcsim.report.qpu_wait_figure import qpu_wait_figure
from qhpcsim.report.sources import (
    CARD,
    HYBRID_JOBS,
    JOBS,
    PHASES,
    QPU_INTERVALS,
    QPU_JOBS,
    QPU_QUALITY,
    SUMMARY,
    TASKS,
    WORKFLOWS,
    Outcome,
    from_folder,
    from_result,
)
from qhpcsim.report.style import Picture
from qhpcsim.report.summary_table import summary_groups
from qhpcsim.report.tables import (
    cleaned_table,
    counted_table,
    facility_table,
    formulas,
    provenance_table,
    settings_table,
    size_table,
)
from qhpcsim.report.text import count, plain, unbroken
from qhpcsim.report.utilisation_figure import utilisation_figure
from qhpcsim.report.wait_figure import wait_figure
from qhpcsim.report.workflow_tables import (
    application_table,
    class_table,
    layers_table,
    motif_table,
    partition_table,
    use_table,
)
from qhpcsim.report.workflow_view import WorkflowView

if TYPE_CHECKING:
    from jinja2 import Template

_HERE = Path(__file__).parent
_TEXT_LIMIT = 600
"""Longest question or answer shown, in characters."""


def write_report(run: Outcome | str | Path, path: str | Path) -> Path:
    """Write the report of a run as one self-contained HTML file and return its path.

    Args:
        run: A result in memory, or the folder that ``Result.write`` made.
        path: The file to write; replaced if it exists.

    Raises:
        RunFolderError: if the folder lacks a table.
    """
    data = from_folder(Path(run)) if isinstance(run, (str, Path)) else from_result(run)
    target = Path(path)
    target.write_text(render(data), encoding="utf-8", newline="\n")
    return target


def render(run: RunData) -> str:
    """Return the page as HTML; the same run always gives the same text."""
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return _template().render(
        run=run,
        title=plain(run.name, 80),
        question=plain(run.question, _TEXT_LIMIT),
        answer=unbroken(plain(run.answer, _TEXT_LIMIT)),
        message=unbroken(plain(run.summary.get("message") or "", _TEXT_LIMIT)),
        lead=_lead(run),
        policy=plain(run.policy if run.has_batch and run.policy else "this run", 40),
        baseline=plain(run.baseline_name, 40) if run.baseline_summary else "",
        groups=summary_groups(run),
        facility=facility_table(run),
        sizes=size_table(run),
        cleaned=cleaned_table(run),
        counted=counted_table(run),
        figures=[gantt(run), load_figure(run), wait_figure(run), utilisation_figure(run)] if run.has_batch else [],
        qpu=None if run.qpu is None else _qpu_section(run.qpu),
        hybrid=None if run.hybrid is None else _hybrid_section(run, run.hybrid),
        workflows=None if run.workflows is None else _workflow_section(run, run.workflows),
        files=_files(run),
        has_batch=run.has_batch,
        notes=notes(run),
        command=_command(run),
        provenance=provenance_table(run),
        settings=settings_table(run),
        formulas=formulas(),
        style=style,
        style_hash=f"sha256-{digest}",
    )


def _qpu_section(qpus: QpuView) -> dict[str, Any]:
    """Return the tables and figures of the QPU side."""
    return {
        "qpus": qpu_table(qpus),
        "modes": mode_table(qpus),
        "figures": [qpu_time_figure(qpus), qpu_queue_figure(qpus), qpu_wait_figure(qpus), qpu_quality_figure(qpus)],
        "notes": [unbroken(plain(note, _TEXT_LIMIT)) for note in qpus.summary.get("notes") or ()],
    }


def _hybrid_section(run: RunData, view: HybridView) -> dict[str, Any]:
    """Return the tables and figures of hybrid jobs."""
    title, jobs = job_table(view)
    return {
        "figures": _activity_figures(run, view.activity),
        "layers": layer_table(view),
        "jobs_title": title,
        "jobs": jobs,
    }


def _workflow_section(run: RunData, view: WorkflowView) -> dict[str, Any]:
    """Return the tables and figures of applications."""
    title, applications = application_table(view)
    return {
        "motifs": motif_table(view),
        "use": use_table(view),
        "partitions": partition_table(view),
        "figures": _activity_figures(run, view.activity),
        "layers": layers_table(view),
        "classes": class_table(view),
        "applications_title": title,
        "applications": applications,
    }


def _activity_figures(run: RunData, jobs: Activity) -> list[Picture]:
    return [
        activity_time_figure(jobs),
        activity_spent_figure(jobs),
        activity_nodes_figure(jobs, run.partitions),
        activity_solution_figure(jobs),
    ]


def _lead(run: RunData) -> str:
    """Return one line that says what was simulated."""
    parts = [] if run.hybrid is None else _hybrid_lead(run.hybrid)
    parts += [] if run.workflows is None else _workflow_lead(run.workflows)
    parts += _batch_lead(run) if run.has_batch else []
    parts += [] if run.qpu is None else _qpu_lead(run.qpu, run.has_batch)
    return " · ".join(part for part in parts if part)


def _hybrid_lead(view: HybridView) -> list[str]:
    coupling = plain(view.summary.get("coupling") or "", 40)
    return [count(view.data.n, "hybrid job"), f"coupling {coupling}" if coupling else ""]


def _workflow_lead(view: WorkflowView) -> list[str]:
    applications = count(view.columns.n, "application")
    return [f"{applications} of {count(len(view.motif_rows), 'motif')}", count(len(view.columns.owner), "task")]


def _batch_lead(run: RunData) -> list[str]:
    first, last = run.jobs.span_s()
    return [
        count(run.jobs.n, "batch job" if run.has_parts else "job"),
        f"{count(run.n_nodes, 'node')} in {count(len(run.partitions), 'partition')}",
        f"{duration(last - first)} simulated",
        f"policy {plain(run.policy, 40)}" if run.policy else "",
    ]


def _qpu_lead(qpus: QpuView, beside_batch: bool) -> list[str]:
    n_own = int(qpus.own.sum())
    n_others = qpus.data.n - n_own
    return [
        count(n_own, "QPU job") + (f" among {n_others:,} of other users" if n_others else ""),
        count(len(qpus.names), "QPU"),
        "" if beside_batch else f"{duration(qpus.data.horizon_s)} simulated",
    ]


def _files(run: RunData) -> list[str]:
    """Return the tables behind the page."""
    tables = [JOBS] if run.has_batch else []
    tables += [] if run.hybrid is None else [HYBRID_JOBS, PHASES]
    tables += [] if run.workflows is None else [WORKFLOWS, TASKS]
    return [*tables, *([] if run.qpu is None else [QPU_JOBS, QPU_INTERVALS, QPU_QUALITY]), SUMMARY, CARD]


def _command(run: RunData) -> str:
    """Return the command line that makes this run again."""
    given = run.card.get("command")
    if given:
        return plain(given, _TEXT_LIMIT)
    return f"qhpcsim run scenario.yaml --seed {plain(run.card.get('seed', run.summary.get('seed', 0)), 30)}"


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    house = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return house.get_template("page.html.j2")
