"""QPU figure 1: what each QPU did, as shares of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.wording import duration
from qhpcsim.report.lanes import lane_bins, lane_figure
from qhpcsim.report.qpu_time import USES, Use, edges, shares, uses
from qhpcsim.report.qpu_view import QpuView
from qhpcsim.report.style import Picture, Sheet, draw, legend_above
from qhpcsim.report.text import percent, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "What the QPUs did"
_MAX_BINS = 400
Shares = Mapping[str, FloatArray]


def qpu_time_figure(qpus: QpuView) -> Picture:
    """Return the share of time that each QPU gave to jobs, calibration, outages and so on."""
    horizon_s = qpus.data.horizon_s
    if horizon_s <= 0:
        return Picture(TITLE, "", notice="The run has no length, so no QPU did anything.")
    spans = [uses(qpus.data, qpu) for qpu in qpus.lanes]
    edges_s, width_s = edges(spans, horizon_s, lane_bins(qpus, _MAX_BINS))
    lanes = [shares(lane, edges_s) for lane in spans]
    seen = [use for use in USES if any(lane[use.key].any() for lane in lanes)]
    uris = draw(lambda sheet: _figure(qpus, edges_s, lanes, seen, sheet))
    return Picture(TITLE, _caption(qpus, width_s), _alt(qpus, edges_s, lanes, seen), *uris)


def _figure(qpus: QpuView, edges_s: FloatArray, lanes: Sequence[Shares], seen: Sequence[Use], sheet: Sheet) -> Figure:
    from matplotlib.patches import Patch

    labels = [_label(qpus, use) for use in seen]
    notes = [_busy(qpus, qpu) for qpu in qpus.lanes]
    figure, axes = lane_figure(qpus, 1.5 if len(lanes) == 1 else 0.85, labels, notes, sheet)
    for row, lane in zip(axes, lanes, strict=True):
        draw_shares(row, qpus.axis.at(edges_s), lane, seen)
    if seen:
        legend_above(axes[0], [Patch(**fill(use)) for use in seen], labels, sheet)
    return figure


def draw_shares(axes: Axes, x: FloatArray, lane: Shares, seen: Sequence[Use]) -> None:
    """Stack the uses, the topmost first and down to zero, so that no gap shows between them.

    Args:
        axes: Where to.
        x: (k + 1,) edges of the intervals, on the axis.
        lane: (k,) share of each interval in each use.
        seen: The uses to draw, the lowest first.
    """
    tops = np.cumsum([lane[use.key] * 100.0 for use in seen], axis=0)
    for use, top in reversed(list(zip(seen, tops, strict=True))):
        if lane[use.key].any():
            bottom = top - lane[use.key] * 100.0 if use.hatch else 0.0
            axes.stairs(top, x, baseline=bottom, fill=True, zorder=2, **fill(use))
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 50, 100])
    axes.set_ylabel("time (%)")
    axes.grid(visible=False)


def fill(use: Use) -> dict[str, Any]:
    """Return the looks of a use, for patches."""
    edge = "white" if use.hatch else use.colour
    return {"facecolor": use.colour, "edgecolor": edge, "hatch": use.hatch, "linewidth": 0}


def _label(qpus: QpuView, use: Use) -> str:
    return "jobs of users" if use.key == "own" and qpus.has_others else use.label


def _busy(qpus: QpuView, qpu: int) -> str:
    share = (qpus.summary["by_qpu"][qpus.names[qpu]] or {}).get("utilisation_frac")
    return "" if share is None else f"jobs {percent(share)}"


def _caption(qpus: QpuView, width_s: float) -> str:
    text = "White: idle. "
    if width_s:
        text += f"Shares of intervals of {duration(width_s)}; each instant counts once. "
    text += "Held: a session or a reservation keeps the QPU and has no job on it."
    return text + qpus.left_out


def _alt(qpus: QpuView, edges_s: FloatArray, lanes: Sequence[Shares], seen: Sequence[Use]) -> str:
    parts = []
    for qpu, lane in zip(qpus.lanes, lanes, strict=True):
        whole = ", ".join(f"{_label(qpus, use)} {percent(_mean(lane[use.key], edges_s))}" for use in seen)
        parts.append(f"{plain(qpus.names[qpu], 24)}: {whole or 'idle throughout'}")
    return "Stacked shares of time of each QPU; over the whole run " + "; ".join(parts) + "."


def _mean(share: FloatArray, edges_s: FloatArray) -> float:
    within = np.diff(edges_s)
    return float((share * within).sum() / within.sum())
