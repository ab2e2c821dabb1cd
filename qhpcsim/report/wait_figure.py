"""Figure 3: what share of the jobs had started after how long a wait, by size class."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.report.columns import JobColumns
from qhpcsim.report.data import RunData
from qhpcsim.report.ecdf import Curve, ecdf_figure
from qhpcsim.report.style import SIZE_COLOURS, Picture, draw
from qhpcsim.report.text import count, percent, plain

TITLE = "How long jobs waited"


def wait_figure(run: RunData) -> Picture:
    """Return the empirical distribution of waits by size class, the baseline's dashed."""
    wait_s = run.jobs.wait_s
    started = ~np.isnan(wait_s)
    if not started.any():
        return Picture(TITLE, "", notice="No job started, so there are no waits to show.")
    curves = _curves(run, run.jobs, dashed=False)
    other: list[Curve] = [] if run.baseline_jobs is None else _curves(run, run.baseline_jobs, dashed=True)
    dashed = f"dashed: {plain(run.baseline_name, 20)}" if other else ""
    uris = draw(lambda sheet: ecdf_figure(curves + other, dashed, "wait from submission to start", sheet))
    zero = share_without_wait(wait_s[started])
    n_lines = len(curves) + bool(dashed)
    alt = f"Cumulative distribution of waits in {count(n_lines, 'line')}; {percent(zero)} of the jobs did not wait."
    return Picture(TITLE, _caption(run, zero), alt, *uris)


def share_without_wait(wait_s: FloatArray) -> float:
    """Return the share of waits that are zero."""
    return float(np.mean(wait_s <= 0))


def _curves(run: RunData, jobs: JobColumns, dashed: bool) -> list[Curve]:
    """Return one curve for each size group with jobs that started; dashed ones match by colour, not by name."""
    of_job = run.groups.of(jobs.nodes) if dashed else run.groups.of_job
    found = []
    for k, label in enumerate(run.groups.labels):
        wait_s = jobs.wait_s[jobs.started & (of_job == k)]
        if len(wait_s):
            name = "" if dashed else f"{label} ({count(len(wait_s), 'job')})"
            found.append(Curve(name, wait_s, SIZE_COLOURS[k], dashed))
    return found


def _caption(run: RunData, zero: float) -> str:
    never = int((~run.jobs.started).sum())
    text = (
        "Read it as: this share of the jobs waited at most so long. "
        f"{percent(zero)} of the started jobs did not wait (grey strip: short waits, linear)."
    )
    if never:
        text += f" {count(never, 'job')} that never started left out."
    return text
