"""Hybrid figure 2: where a job's time went, phase by phase, and the nodes that it held meanwhile."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.wording import duration, number
from qhpcsim.metrics.hybrid_data import KINDS
from qhpcsim.report.hybrid_tables import mean_times
from qhpcsim.report.hybrid_view import HELD_COLOUR, OTHER, PHASES, HybridView, by_phases
from qhpcsim.report.style import INK, ONE_LINE_IN, Picture, Sheet, draw, legend_above
from qhpcsim.report.text import count, percent, plain
from qhpcsim.report.time_axis import UNITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Where a hybrid job's time went"
_MOST_JOBS = 16
"""More jobs than this are shown by quarters."""
_BAR_IN, _LETTER_IN, _MOST_LETTERS = 0.25, 0.085, 18
_SMALL_LETTER_IN = 0.068
_USED, _IDLE = PHASES[0].colour, HELD_COLOUR
_QUARTERS = ("fastest quarter", "second quarter", "third quarter", "slowest quarter")
BASELINE = "baseline"
_HOUR_S = 3600.0
_TITLE_IN, _BETWEEN_IN, _TIME_FRAC = 0.32, 0.3, 0.6
"""Room for a title, between panels beside one another, and the share of the first of those."""


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One bar: mean times and node hours of some jobs."""

    label: str
    spent_s: FloatArray
    """(6,) seconds in each of ``PHASES``, then in none."""
    used_node_h: float
    held_node_h: float

    @property
    def total_s(self) -> float:
        """From submission to end."""
        return float(self.spent_s.sum())


def hybrid_spent_figure(view: HybridView) -> Picture:
    """Return bars of mean times by phase, and of node hours held: all jobs, baseline, then single jobs or quarters."""
    rows = spent_rows(view)
    if not rows:
        return Picture(TITLE, "", notice="No hybrid job came to an end, so there is nothing to add up.")
    uris = draw(lambda sheet: _figure(rows, sheet))
    return Picture(TITLE, _caption(view, rows), _alt(rows), *uris)


def spent_rows(view: HybridView) -> list[Row]:
    """Return the bars, the uppermost first; none if no job ended."""
    data = view.data
    done = np.flatnonzero(data.completed)
    stopped = np.flatnonzero(np.isfinite(data.ended_s) & ~data.completed)
    first = f"{len(done):,} done" if len(done) < data.n else f"all {count(data.n, 'job')}"
    rows = [_row(view, first if data.n > 1 else plain(data.name[0], _MOST_LETTERS), done)] if done.size else []
    rows += _baseline_row(view) if rows else []
    rows += [_row(view, f"{len(stopped):,} stopped", stopped)] if stopped.size else []
    if 1 < len(done) <= _MOST_JOBS:
        rows += [_row(view, plain(data.name[k], _MOST_LETTERS), np.array([k])) for k in done.tolist()]
    elif len(done) > _MOST_JOBS:
        order = done[np.argsort(data.time_to_solution_s[done], kind="stable")]
        rows += [_row(view, label, part) for label, part in zip(_QUARTERS, np.array_split(order, 4), strict=True)]
    return rows


def _row(view: HybridView, label: str, members: np.ndarray) -> Row:
    data = view.data
    return Row(
        label,
        view.spent_s[members].mean(axis=0),
        float(data.used_node_s[members].mean()) / _HOUR_S,
        float(data.held_node_s[members].mean()) / _HOUR_S,
    )


def _baseline_row(view: HybridView) -> list[Row]:
    """Return the baseline's bar, where all of its jobs were completed: its summary has means of all jobs only."""
    other = view.baseline
    if not other or other["n_completed"] != other["n_jobs"]:
        return []
    means = mean_times(other)
    spent_s = by_phases(np.array([means.get(kind, 0.0) for kind in KINDS]))
    per_job_h = other["n_jobs"] * _HOUR_S
    return [
        Row(
            BASELINE,
            np.append(spent_s, means.get("rest", 0.0)),
            other["used_node_s"] / per_job_h,
            other["held_node_s"] / per_job_h,
        )
    ]


def _figure(rows: Sequence[Row], sheet: Sheet) -> Figure:
    from matplotlib.patches import Patch

    looks = [*PHASES, OTHER]
    seen = [k for k in range(len(looks)) if any(row.spent_s[k] > 0 for row in rows)]
    labels, under = [looks[k].label for k in seen], ["classical phase", "held, but idle"]
    figure, panels, sheets = _panels(rows, labels, under, sheet)
    _draw_times(panels[0], rows, seen)
    _draw_nodes(panels[1], rows)
    _name_rows(panels[0], rows, named=True)
    _name_rows(panels[1], rows, named=not sheet.beside)
    legend_above(panels[0], [Patch(color=looks[k].colour) for k in seen], labels, sheets[0])
    legend_above(panels[1], [Patch(color=_USED), Patch(color=_IDLE)], under, sheets[1])
    return figure


def _panels(
    rows: Sequence[Row], labels: list[str], under: list[str], sheet: Sheet
) -> tuple[Figure, list[Axes], list[Sheet]]:
    """Return a figure with two axes beside one another, or under one another on a narrow sheet, and their sheets."""
    left_in = max(sheet.left_in, 0.2 + _LETTER_IN * max(len(row.label) for row in rows))
    bars_in = _BAR_IN * len(rows) + 0.1
    if not sheet.beside:
        heads_in = [_TITLE_IN + sheet.legend_in(each) for each in (labels, under)]
        figure = sheet.new_figure(sum(heads_in) + 2 * (bars_in + ONE_LINE_IN))
        width_in, height_in = figure.get_size_inches()
        across_in = width_in - left_in - 0.135
        second = (left_in, ONE_LINE_IN, across_in, bars_in)
        first = (left_in, height_in - heads_in[0] - bars_in, across_in, bars_in)
        return figure, [_axes(figure, first), _axes(figure, second)], [sheet, sheet]
    across_in = sheet.width_in - left_in - 0.135 - _BETWEEN_IN
    wide_in = _TIME_FRAC * across_in
    sheets = [dataclasses.replace(sheet, width_in=w, beside=False) for w in (wide_in, across_in - wide_in)]
    head_in = _TITLE_IN + max(sheets[0].legend_in(labels), sheets[1].legend_in(under))
    figure = sheet.new_figure(head_in + bars_in + ONE_LINE_IN)
    first = (left_in, ONE_LINE_IN, wide_in, bars_in)
    second = (left_in + wide_in + _BETWEEN_IN, ONE_LINE_IN, across_in - wide_in, bars_in)
    panels = [_axes(figure, first), _axes(figure, second)]
    return figure, panels, sheets


def _axes(figure: Figure, place_in: tuple[float, float, float, float]) -> Axes:
    width_in, height_in = figure.get_size_inches()
    left, bottom, across, up = place_in
    return figure.add_axes((left / width_in, bottom / height_in, across / width_in, up / height_in))


def _draw_times(axes: Axes, rows: Sequence[Row], seen: Sequence[int]) -> None:
    longest_s = max(row.total_s for row in rows)
    unit_s, unit = next((size, name) for limit, size, name in UNITS if longest_s <= limit)
    spent = np.array([row.spent_s for row in rows]) / unit_s
    colours = [phase.colour for phase in (*PHASES, OTHER)]
    _stack(axes, spent[:, seen], [colours[k] for k in seen])
    _label(axes, spent.sum(axis=1), [duration(row.total_s) for row in rows])
    axes.set_title("From submission to end", pad=5)
    axes.set_xlabel(f"mean time of a job ({unit})")


def _draw_nodes(axes: Axes, rows: Sequence[Row]) -> None:
    hours = np.array([[row.used_node_h, max(0.0, row.held_node_h - row.used_node_h)] for row in rows])
    _stack(axes, hours, [_USED, _IDLE])
    _label(axes, hours.sum(axis=1), [_idle(row) for row in rows])
    axes.set_title("Nodes held meanwhile", pad=5)
    axes.set_xlabel("node hours of a job")


def _stack(axes: Axes, amounts: FloatArray, colours: Sequence[str]) -> None:
    before = np.cumsum(amounts, axis=1) - amounts
    for k, colour in enumerate(colours):
        axes.barh(np.arange(len(amounts)), amounts[:, k], left=before[:, k], height=0.72, color=colour, linewidth=0)


def _label(axes: Axes, totals: FloatArray, texts: Sequence[str]) -> None:
    """Write a text behind each bar; the axis leaves room for it."""
    widest_in = 0.12 + _SMALL_LETTER_IN * max(map(len, texts))
    across_in = axes.bbox.width / axes.figure.dpi
    axes.set_xlim(0, (float(totals.max()) or 1.0) / (1.0 - min(widest_in / across_in, 0.7)))
    for row, (total, text) in enumerate(zip(totals.tolist(), texts, strict=True)):
        axes.annotate(text, (total, row), (4, 0), textcoords="offset points", va="center", fontsize=8.5, color=INK)


def _idle(row: Row) -> str:
    share = f" · {percent(1.0 - row.used_node_h / row.held_node_h)} idle" if row.held_node_h > 0 else ""
    return f"{number(row.held_node_h)} h{share}"


def _name_rows(axes: Axes, rows: Sequence[Row], named: bool) -> None:
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [row.label if named else "" for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _caption(view: HybridView, rows: Sequence[Row]) -> str:
    data = view.data
    text = "Means of the jobs in each row." if data.n > 1 else "The only hybrid job."
    if int(data.completed.sum()) > _MOST_JOBS:
        text += " Quarters of the completed jobs, by time from submission to end."
    held_h, used_h = float(data.held_node_s.sum()) / _HOUR_S, float(data.used_node_s.sum()) / _HOUR_S
    text += f" In all, hybrid jobs held nodes for {number(held_h)} node hours"
    text += f", {number(max(0.0, held_h - used_h))} of them idle." if held_h > 0 else "."
    if view.baseline and not any(row.label == BASELINE for row in rows):
        text += " Under the baseline policy not all jobs were completed, so that it has no bar."
    if any(row.spent_s[-1] > 0 for row in rows):
        text += " In no phase: results on their way back, and what a job was at when it was stopped."
    never = int((~np.isfinite(data.ended_s)).sum())
    return text + (f" {count(never, 'job')} that never ended left out." if never else "")


def _alt(rows: Sequence[Row]) -> str:
    names = [phase.label for phase in (*PHASES, OTHER)]
    first = rows[0]
    parts = [f"{name} {duration(s)}" for name, s in zip(names, first.spent_s.tolist(), strict=True) if s > 0]
    return f"Stacked bars of {count(len(rows), 'row')}; {first.label}: {', '.join(parts)}; {_idle(first)}."
