"""A result is a set of tables: jobs, events, summary, and the card that says how they were made."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qhpcsim.core.records import JobTable, Schedule
from qhpcsim.facility.changed_sizes import ungrown
from qhpcsim.metrics.summary import summarise
from qhpcsim.results import (
    hybrid_csv,
    hybrid_wording,
    outages_csv,
    qpu_csv,
    qpu_wording,
    run_folder,
    wording,
    workflow_csv,
    workflow_wording,
)
from qhpcsim.results.hybrid_outcome import HybridOutcome
from qhpcsim.results.qpu_outcome import QpuOutcome
from qhpcsim.results.run_folder import RunFolder
from qhpcsim.results.tasks_csv import write_tasks_csv
from qhpcsim.results.workflow_outcome import WorkflowOutcome
from qhpcsim.scenario import NodeFailures, Partition, Scenario

if TYPE_CHECKING:
    import pandas as pd

HYBRID_HEADLINE = ("loop_throughput_per_s", "qpu_response_s", "qpu_utilisation", "held_idle_frac")
"""Figures of hybrid jobs that stand at the top of the summary too."""


@dataclass
class Result:
    """What one simulation found out."""

    scenario: Scenario
    table: JobTable
    schedule: Schedule
    partitions: dict[str, Partition]
    """Sizes resolved; node ids count up through them in their order."""
    card: dict[str, Any] = field(default_factory=dict)
    """Versions, seed, input hashes, wall time: all that may differ between two machines."""
    baseline: Result | None = None
    """The same workload under the scenario's baseline policy."""
    qpu: QpuOutcome | None = None
    """The QPU side; None: the scenario has no QPUs."""
    hybrid: HybridOutcome | None = None
    """Hybrid jobs; None: the workload has none."""
    workflows: WorkflowOutcome | None = None
    """Applications; None: the workload has none."""

    @cached_property
    def jobs(self) -> pd.DataFrame:
        """The jobs under the columns of ``jobs.csv``; empty cells are NaN."""
        from qhpcsim.results.jobs_frame import jobs_frame

        return jobs_frame(self.table, self.schedule, self.partitions)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Every figure of the run, as in ``summary.json``."""
        figures = summarise(self.table, self.schedule, self.partitions, self.scenario)
        sides = None if self.baseline is None else (self.baseline.scenario.policy, self.baseline.summary)
        figures["answer"] = wording.answer(self.scenario.policy, figures, sides)
        if self.qpu is not None:
            qpu_wording.speak_of_qpus(figures, self.qpu.summary, has_batch_jobs=self.table.n > 0)
        if self.hybrid is not None:
            figures |= {key: self.hybrid.summary[key] for key in HYBRID_HEADLINE}
            figures["hybrid"] = self.hybrid.summary
            twin = None if self.baseline is None else self.baseline.hybrid
            figures["answer"] = hybrid_wording.answer(self.hybrid.summary, None if twin is None else twin.summary)
        if self.workflows is not None:
            calls = None if self.qpu is None else self.qpu.data
            figures["workflows"] = self.workflows.figures(self.table, self.schedule, self.partitions, calls)
            figures["answer"] = workflow_wording.answer(self.scenario.policy, figures, sides)
        if self.baseline is not None:
            figures["baseline"] = self.baseline.summary
        return figures

    @property
    def answer(self) -> str:
        """One sentence that answers the scenario's question."""
        return str(self.summary["answer"])

    def write(self, folder: str | Path) -> Path:
        """Write the run folder and return its path; ``card.json`` comes last and marks it complete.

        All files but ``card.json`` hold the same bytes whenever the same scenario and seed are run.

        Raises:
            RunFolderError: if the folder holds files that are not a run's.
        """
        from qhpcsim.results.events import write_events
        from qhpcsim.results.job_columns import job_columns
        from qhpcsim.results.jobs_csv import write_jobs_csv

        path = Path(folder)
        run_folder.prepare(path)
        (path / run_folder.SCENARIO).write_text(self.scenario_text(), encoding="utf-8")
        columns = job_columns(self.table, self.schedule, self.partitions)
        write_jobs_csv(path / run_folder.JOBS, columns, self.schedule)
        if self.baseline is not None:
            other = self.baseline.schedule
            baseline = job_columns(self.baseline.table, other, self.baseline.partitions)
            write_jobs_csv(path / run_folder.BASELINE_JOBS, baseline, other)
        write_events(path / run_folder.EVENTS, self.table, self.schedule, self.partitions)
        if self.schedule.down is not None:
            outages_csv.write_node_outages(
                path / run_folder.NODE_OUTAGES, self.table, self.schedule.down, self.partitions
            )
        if self.schedule.lost is not None:
            outages_csv.write_lost_runs(path / run_folder.LOST_RUNS, self.table, self.schedule.lost)
        if self.qpu is not None:
            qpu_csv.write_qpu_csv(path / run_folder.QPU_JOBS, self.qpu)
            qpu_csv.write_intervals(path / run_folder.QPU_INTERVALS, self.qpu)
            qpu_csv.write_quality(path / run_folder.QPU_QUALITY, self.qpu)
        if self.hybrid is not None:
            hybrid_csv.write_hybrid_csv(path / run_folder.HYBRID_JOBS, self.hybrid)
            hybrid_csv.write_phases_csv(path / run_folder.PHASES, self.hybrid)
        if self.workflows is not None:
            workflow_csv.write_workflows_csv(path / run_folder.WORKFLOWS, self.workflows)
            write_tasks_csv(path / run_folder.TASKS, self.workflows.tasks)
        run_folder.write_json(path / run_folder.SUMMARY, self.summary)
        run_folder.write_json(path / run_folder.CARD, self.card)
        return path

    @staticmethod
    def read(folder: str | Path) -> RunFolder:
        """Return a written run.

        Raises:
            RunFolderError: if the folder is missing, incomplete or damaged.
        """
        return RunFolder.read(folder)

    def scenario_text(self) -> str:
        """Return the resolved scenario as YAML: the machine's size is stated, whoever gave it."""
        import yaml

        values = dataclasses.asdict(self.scenario)
        if not self.scenario.changes:
            del values["changes"]
        partitions = ungrown(self.partitions, self.scenario.changes)
        if not self.scenario.facility.partitions and len(partitions) < 2:
            values["facility"]["nodes"] = sum(p.nodes for p in partitions.values()) or None
        else:  # a coupling may have added a partition of QPUs to a facility of one
            values["facility"]["nodes"] = None
            values["facility"]["partitions"] = {k: dataclasses.asdict(p) for k, p in partitions.items()}
            # each partition states its own by now, and an added one has none
            values["facility"] |= {"failures": dataclasses.asdict(NodeFailures()), "outages": [], "requeue": True}
        return str(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
