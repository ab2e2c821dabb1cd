"""Figure of nodes over time: those that hybrid jobs or applications use or hold idle, and what other jobs had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.wording import duration, number
from qhpcsim.report.activity import Activity
from qhpcsim.report.activity_series import MAX_BINS, mean_held
from qhpcsim.report.data import PartitionView
from qhpcsim.report.load_figure import whole_numbers
from qhpcsim.report.palette import HELD_IDLE, ON_GPU
from qhpcsim.report.series import interval_edges
from qhpcsim.report.style import PALETTE, Picture, Sheet, draw, legend_above
from qhpcsim.report.text import count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = (ON_GPU, HELD_IDLE, "#E4E6EA")


class Nodes(NamedTuple):
    """Mean numbers of nodes in intervals."""

    edges_s: FloatArray
    used: FloatArray
    idle: FloatArray
    others: FloatArray
    width_s: float
    """0: there is an edge at every change, so the numbers are exact."""


def activity_nodes_figure(jobs: Activity, partitions: Sequence[PartitionView]) -> Picture:
    """Return the nodes of jobs over time, stacked: in use, idle, and those of all other jobs."""
    title = f"Nodes that {jobs.noun}s held"
    if not len(jobs.nodes.start_s):
        return Picture(title, "", notice=f"No {jobs.noun} was given nodes, so there is nothing to draw here.")
    shared = any(part.shared for part in partitions)
    found = nodes_over_time(jobs, others=not shared)
    n_nodes = sum(part.nodes for k, part in enumerate(partitions) if k not in jobs.tokens)
    uris = draw(lambda sheet: _figure(jobs, found, n_nodes, sheet))
    return Picture(title, _caption(jobs, found, shared), _alt(jobs, found, n_nodes), *uris)


def nodes_over_time(jobs: Activity, others: bool) -> Nodes:
    """Return the nodes that jobs used and held idle, and, if asked for, those of other jobs."""
    span_s = (jobs.axis.first_s, jobs.axis.last_s)
    kinds = [jobs.used, jobs.nodes, *([jobs.rigid] if others else [])]
    changes_s = np.concatenate([times for held in kinds for times in held[:2]])
    edges_s, width_s = interval_edges(np.clip(changes_s, *span_s), span_s, MAX_BINS)
    used, held = mean_held(jobs.used, edges_s), mean_held(jobs.nodes, edges_s)
    rest = mean_held(jobs.rigid, edges_s) if others else np.zeros(len(used))
    return Nodes(edges_s, used, np.clip(held - used, 0.0, None), rest, width_s)


def _figure(jobs: Activity, found: Nodes, n_nodes: int, sheet: Sheet) -> Figure:
    from matplotlib.patches import Patch

    layers = [(k, amount) for k, amount in enumerate(found[1:4]) if amount.any()]
    words = (jobs.use, "held, but idle", "other jobs")
    labels = [words[k] for k, _ in layers] + [f"machine: {count(n_nodes, 'node')}"]
    figure = sheet.new_figure(2.6 + sheet.head_in(labels))
    axes = figure.subplots()
    sheet.margins(figure, top_in=sheet.head_in(labels), bottom_in=jobs.axis.bottom_in(sheet))
    x = jobs.axis.at(found.edges_s)
    tops = np.cumsum([amount for _, amount in layers], axis=0)
    for (k, _), top in reversed(list(zip(layers, tops, strict=True))):
        axes.stairs(top, x, fill=True, color=_COLOURS[k], linewidth=0, zorder=2)
    size = axes.axhline(n_nodes, color=PALETTE[3], linestyle=(0, (5, 3)), linewidth=1.2, zorder=3)
    whole_numbers(axes)
    axes.set_ylim(0, max(n_nodes, float(tops[-1].max())) * 1.05)
    axes.set_ylabel("nodes")
    jobs.axis.dress(axes, sheet)
    legend_above(axes, [*(Patch(color=_COLOURS[k]) for k, _ in layers), size], labels, sheet.for_legend(labels))
    return figure


def _caption(jobs: Activity, found: Nodes, shared: bool) -> str:
    text = f"Idle: held by {jobs.noun}s, with no {jobs.use}."
    if found.width_s:
        text += f" Means of intervals of {duration(found.width_s)}."
    if shared:
        text += " Other jobs are not shown, since some share nodes."
    return text


def _alt(jobs: Activity, found: Nodes, n_nodes: int) -> str:
    within = np.diff(found.edges_s)
    used, idle, others = (float((each * within).sum() / within.sum()) for each in found[1:4])
    return (
        f"Stacked areas over time, of {count(n_nodes, 'node')}: on average {jobs.noun}s use {number(used)}, "
        f"hold {number(idle)} idle, and other jobs have {number(others)}."
    )
