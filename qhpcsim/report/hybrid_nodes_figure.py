"""Hybrid figure 3: nodes of hybrid jobs over time, computing or idle, and what the other jobs had."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.wording import duration, number
from qhpcsim.report.data import RunData
from qhpcsim.report.hybrid_view import HELD_COLOUR, PHASES, Held, HybridView
from qhpcsim.report.hybrid_work import mean_held
from qhpcsim.report.load_figure import whole_numbers
from qhpcsim.report.series import interval_edges
from qhpcsim.report.style import PALETTE, Picture, Sheet, draw, legend_above
from qhpcsim.report.text import count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Nodes that hybrid jobs held"
_MAX_BINS = 400
_COLOURS = (PHASES[0].colour, HELD_COLOUR, "#DADDE2")
_LABELS = ("classical phase", "held, but idle", "other jobs")


class Nodes(NamedTuple):
    """Mean numbers of nodes in intervals."""

    edges_s: FloatArray
    used: FloatArray
    idle: FloatArray
    others: FloatArray
    width_s: float
    """0: there is an edge at every change, so the numbers are exact."""


def hybrid_nodes_figure(run: RunData, view: HybridView) -> Picture:
    """Return the nodes of hybrid jobs over time, stacked: computing, idle, and those of all other jobs."""
    if not len(view.nodes.start_s):
        return Picture(TITLE, "", notice="No hybrid job was given nodes, so there is nothing to draw here.")
    shared = any(part.shared for part in run.partitions)
    found = nodes_over_time(view, others=not shared)
    n_nodes = sum(part.nodes for k, part in enumerate(run.partitions) if k not in view.tokens)
    uris = draw(lambda sheet: _figure(view, found, n_nodes, sheet))
    return Picture(TITLE, _caption(found, shared), _alt(found, n_nodes), *uris)


def nodes_over_time(view: HybridView, others: bool) -> Nodes:
    """Return the nodes that hybrid jobs computed on and held idle, and, if asked for, those of other jobs."""
    data = view.data
    cpu = view.phase == 0
    job = data.phase_job[cpu]
    used = Held(data.phase_start_s[cpu], data.phase_end_s[cpu], data.nodes[job].astype(np.float64))
    span_s = (view.axis.first_s, view.axis.last_s)
    kinds = [used, view.nodes, *([view.rigid] if others else [])]
    changes_s = np.concatenate([times for held in kinds for times in held[:2]])
    edges_s, width_s = interval_edges(np.clip(changes_s, *span_s), span_s, _MAX_BINS)
    busy, held = mean_held(used, edges_s), mean_held(view.nodes, edges_s)
    rest = mean_held(view.rigid, edges_s) if others else np.zeros(len(busy))
    return Nodes(edges_s, busy, np.clip(held - busy, 0.0, None), rest, width_s)


def _figure(view: HybridView, found: Nodes, n_nodes: int, sheet: Sheet) -> Figure:
    from matplotlib.patches import Patch

    layers = [(k, amount) for k, amount in enumerate(found[1:4]) if amount.any()]
    labels = [_LABELS[k] for k, _ in layers] + [f"machine: {count(n_nodes, 'node')}"]
    figure = sheet.new_figure(2.6 + sheet.head_in(labels))
    axes = figure.subplots()
    sheet.margins(figure, top_in=sheet.head_in(labels), bottom_in=view.axis.bottom_in(sheet))
    x = view.axis.at(found.edges_s)
    tops = np.cumsum([amount for _, amount in layers], axis=0)
    for (k, _), top in reversed(list(zip(layers, tops, strict=True))):
        axes.stairs(top, x, fill=True, color=_COLOURS[k], linewidth=0, zorder=2)
    size = axes.axhline(n_nodes, color=PALETTE[3], linestyle=(0, (5, 3)), linewidth=1.2, zorder=3)
    whole_numbers(axes)
    axes.set_ylim(0, max(n_nodes, float(tops[-1].max())) * 1.05)
    axes.set_ylabel("nodes")
    view.axis.dress(axes, sheet)
    legend_above(axes, [*(Patch(color=_COLOURS[k]) for k, _ in layers), size], labels, sheet)
    return figure


def _caption(found: Nodes, shared: bool) -> str:
    text = "Idle: allocated to a hybrid job that is in no classical phase."
    if found.width_s:
        text += f" Means of intervals of {duration(found.width_s)}."
    if shared:
        text += " Other jobs are not shown, since some share nodes."
    return text


def _alt(found: Nodes, n_nodes: int) -> str:
    within = np.diff(found.edges_s)
    used, idle, others = (float((each * within).sum() / within.sum()) for each in found[1:4])
    return (
        f"Stacked areas over time, of {count(n_nodes, 'node')}: on average hybrid jobs compute on {number(used)}, "
        f"hold {number(idle)} idle, and other jobs have {number(others)}."
    )
