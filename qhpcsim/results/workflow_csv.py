"""``workflows.csv``: one row an application, in order of submission; its tasks are in ``tasks.csv``.

Rules: times are seconds on the simulation's own axis, numbers the shortest decimals that read back exactly; cells
without a value are empty. ``state`` is QUEUED, RUNNING, COMPLETED, INCOMPLETE (over, but some tasks were lost) or
STRANDED (its tasks wait for pilots that have all ended).
"""

from __future__ import annotations

from pathlib import Path

from qhpcsim.results.csv_text import cell
from qhpcsim.results.qpu_csv import real
from qhpcsim.results.workflow_outcome import WorkflowOutcome

COLUMNS = (
    "workflow",
    "motif",
    "user",
    "submitted_s",
    "started_s",
    "ended_s",
    "state",
    "n_tasks",
    "n_failed",
)
TEXT_COLUMNS = ("workflow", "motif", "user", "state")


def write_workflows_csv(path: Path, outcome: WorkflowOutcome) -> None:
    """Write ``workflows.csv``."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(COLUMNS) + "\n")
        for row in outcome.applications:
            times = (real(row.submitted_s), real(row.started_s), real(row.ended_s))
            words = (cell(row.name), cell(row.motif), cell(row.user))
            file.write(",".join((*words, *times, row.state, str(row.n_tasks), str(row.n_failed))) + "\n")
