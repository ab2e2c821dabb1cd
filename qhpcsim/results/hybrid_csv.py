"""``hybrid.csv``: one row a hybrid job; ``phases.csv``: one row each stretch of a hybrid job's time.

Rules: times are seconds on the simulation's own axis, numbers the shortest decimals that read back exactly; cells
without a value are empty. In ``hybrid.csv`` the columns ``*_s`` behind ``n_calls`` are sums over the job's phases, and
``held_node_s`` counts everything that it had allocated but QPUs and tokens; of pilots that jobs share, a share in
proportion to what its phases used. In ``phases.csv`` the kinds are ``queue`` (waits for nodes), ``cpu``, ``qpu_wait``,
``qpu``, ``launch`` and ``resize``; the last row of a job that was stopped is what it was at, cut short. ``n_calls``
counts the calls that were answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from qhpcsim.core.hybrid_records import HybridJob, HybridRun
from qhpcsim.metrics.hybrid import held_node_s, n_answered
from qhpcsim.metrics.hybrid_data import KINDS
from qhpcsim.results.csv_text import cell
from qhpcsim.results.hybrid_outcome import HybridOutcome
from qhpcsim.results.qpu_csv import real

COLUMNS = (
    "job_id",
    "user",
    "nodes",
    "submitted_s",
    "started_s",
    "ended_s",
    "state",
    "n_calls",
    *(f"{kind}_s" for kind in KINDS),
    "held_node_s",
)
PHASE_COLUMNS = ("job_id", "kind", "start_s", "end_s")
TEXT_COLUMNS = ("job_id", "user", "state", "kind")


def write_hybrid_csv(path: Path, outcome: HybridOutcome) -> None:
    """Write ``hybrid.csv``."""
    _write(path, COLUMNS, (_row(job, run) for job, run in zip(outcome.jobs, outcome.runs, strict=True)))


def write_phases_csv(path: Path, outcome: HybridOutcome) -> None:
    """Write ``phases.csv``, job by job, in order of start."""
    _write(
        path,
        PHASE_COLUMNS,
        (
            (cell(job.name), kind, real(start_s), real(end_s))
            for job, run in zip(outcome.jobs, outcome.runs, strict=True)
            for kind, start_s, end_s in run.phases
        ),
    )


def _row(job: HybridJob, run: HybridRun) -> Sequence[str]:
    spent_s = dict.fromkeys(KINDS, 0.0)
    for kind, start_s, end_s in run.phases:
        spent_s[kind] += end_s - start_s
    return (
        cell(job.name),
        cell(job.user),
        str(job.nodes),
        real(job.submit_s),
        real(run.started_s),
        real(run.ended_s),
        run.state,
        str(n_answered(run)),
        *(real(spent_s[kind]) for kind in KINDS),
        real(held_node_s(run)),
    )


def _write(path: Path, columns: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(columns) + "\n")
        file.writelines(",".join(row) + "\n" for row in rows)
