"""Figure 4: the share of each partition that jobs held, in familiar intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.wording import duration
from qhpcsim.report.data import RunData
from qhpcsim.report.load_figure import running_steps
from qhpcsim.report.series import bin_edges, bin_width_s
from qhpcsim.report.style import PALETTE, Picture, Sheet, draw, legend_above
from qhpcsim.report.text import count, percent, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Utilisation over time"
_MAX_LINES = 4
_STYLES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)))


def utilisation_figure(run: RunData) -> Picture:
    """Return the allocated share of every partition, binned by hours, days or weeks."""
    axis = run.axis
    if len(run.jobs.range_job) == 0 or axis.last_s <= axis.first_s:
        return Picture(TITLE, "", notice="No job held any node for any time, so every node was idle throughout.")
    width = bin_width_s(axis.last_s - axis.first_s)
    edges = bin_edges(axis.first_s, axis.last_s, width)
    shares = utilisation(run, edges)
    drawn = _busiest(run, shares, edges)
    uris = draw(lambda sheet: _figure(run, edges, shares, drawn, sheet))
    return Picture(TITLE, _caption(run, width, len(drawn)), _alt(run, shares, edges), *uris)


def _figure(run: RunData, edges_s: FloatArray, shares: FloatArray, drawn: list[int], sheet: Sheet) -> Figure:
    labels = [plain(run.partitions[k].name, 24) for k in drawn] if len(drawn) > 1 else []
    legend_in = sheet.legend_in(labels)
    figure = sheet.new_figure(2.7 + legend_in)
    axes = figure.subplots()
    sheet.margins(figure, top_in=0.3 + legend_in, bottom_in=run.axis.bottom_in(sheet))
    handles = [_draw(axes, run.axis.at(edges_s), shares[k], i, len(drawn)) for i, k in enumerate(drawn)]
    _dress(axes)
    run.axis.dress(axes, sheet)
    if labels:
        legend_above(axes, handles, labels, sheet)
    return figure


def utilisation(run: RunData, edges_s: FloatArray) -> FloatArray:
    """Return the (partitions, bins) share of node-seconds in use."""
    span = (float(edges_s[0]), float(edges_s[-1]))
    rows = [
        np.diff(running_steps(run.in_use.of(k), span).integral(edges_s)) / (np.diff(edges_s) * part.nodes)
        for k, part in enumerate(run.partitions)
    ]
    return np.stack(rows)


def _busiest(run: RunData, shares: FloatArray, edges_s: FloatArray) -> list[int]:
    """Return the partitions to draw, in their order: those that gave the most node-hours."""
    held = (shares * np.diff(edges_s)).sum(axis=1) * np.array([p.nodes for p in run.partitions])
    return sorted(int(k) for k in np.argsort(-held, kind="stable")[:_MAX_LINES])


def _draw(axes: Axes, x: FloatArray, share: FloatArray, index: int, n_lines: int) -> object:
    y = np.append(share, share[-1]) * 100.0
    colour = PALETTE[index]
    if n_lines == 1:
        axes.fill_between(x, y, step="post", color=colour, alpha=0.15, linewidth=0)
    (line,) = axes.step(x, y, where="post", color=colour, linestyle=_STYLES[index])
    return line


def _dress(axes: Axes) -> None:
    axes.set_ylim(0, 104)
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.set_ylabel("nodes in use (%)")
    axes.spines[["top", "right"]].set_visible(False)


def _caption(run: RunData, width_s: float, n_drawn: int) -> str:
    text = f"Share of node-seconds in use, in intervals of {duration(width_s)}."
    if any(p.shared for p in run.partitions):
        text += " Where jobs share nodes, a node with at least one job is in use; the tables count its cores."
    if n_drawn < len(run.partitions):
        text += f" The {n_drawn} partitions that gave most node-hours, of {len(run.partitions)}."
    return text


def _alt(run: RunData, shares: FloatArray, edges_s: FloatArray) -> str:
    mean = (shares * np.diff(edges_s)).sum(axis=1) / (edges_s[-1] - edges_s[0])
    parts = ", ".join(f"{plain(p.name, 24)} {percent(float(m))}" for p, m in zip(run.partitions, mean, strict=True))
    return f"Utilisation over time of {count(len(run.partitions), 'partition')}; over the whole run: {parts}."
