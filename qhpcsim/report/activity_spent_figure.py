"""Figure of where the time of hybrid jobs or applications went, and of the nodes that they held meanwhile."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.wording import duration, number
from qhpcsim.report.activity import OTHER, Activity, Bar
from qhpcsim.report.palette import HELD_IDLE, ON_GPU
from qhpcsim.report.style import INK, ONE_LINE_IN, Picture, Sheet, draw, legend_above
from qhpcsim.report.text import count, percent, plain
from qhpcsim.report.time_axis import UNITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_JOBS = 16
"""More jobs than this are shown by quarters."""
_BAR_IN, _LETTER_IN = 0.25, 0.074
_WIDE_LETTERS, _NARROW_LETTERS, _MOST_LETTERS = 24, 17, 40
"""Letters of the name of a row."""
_SMALL_LETTER_IN = 0.068
_NODE_COLOURS = (ON_GPU, HELD_IDLE)
_QUARTERS = ("fastest quarter", "second quarter", "third quarter", "slowest quarter")
_HOUR_S = 3600.0
_TITLE_IN, _BETWEEN_IN, _TIME_FRAC = 0.32, 0.3, 0.6
"""Room for a title, between panels beside one another, and the share of the first of those."""
_SPARE_IN = 0.2
_LEAST = 0.001
"""Parts of a bar that are shorter than this share of the longest bar are not drawn."""


def activity_spent_figure(jobs: Activity) -> Picture:
    """Return bars of mean times by phase, and of node hours held: all jobs, baseline, then kinds, jobs or quarters."""
    title = f"Where the time of {jobs.noun}s went"
    rows = spent_rows(jobs)
    if not rows:
        return Picture(title, "", notice=f"No {jobs.noun} came to an end, so there is nothing to add up.")
    uris = draw(lambda sheet: _figure(jobs, rows, sheet))
    return Picture(title, _caption(jobs, rows), _alt(jobs, rows), *uris)


def spent_rows(jobs: Activity) -> list[Bar]:
    """Return the bars, the uppermost first; none if no job ended."""
    done = np.flatnonzero(jobs.done)
    stopped = np.flatnonzero(np.isfinite(jobs.ended_s) & ~jobs.done)
    first = f"{len(done):,} done" if len(done) < jobs.n else f"all {jobs.n:,}"
    rows = [_bar(jobs, first if jobs.n > 1 else plain(jobs.name[0], _MOST_LETTERS), done)] if done.size else []
    rows += [jobs.baseline_bar] if rows and jobs.baseline_bar is not None else []
    rows += [_bar(jobs, f"{len(stopped):,} stopped", stopped)] if stopped.size else []
    return rows + (_by_motif(jobs, done) if jobs.motif else _by_job(jobs, done))


def _by_motif(jobs: Activity, done: np.ndarray) -> list[Bar]:
    """Return a bar for each kind of job."""
    kinds = np.array(jobs.motif, dtype=object)[done]
    members = [(motif, done[kinds == motif]) for motif in jobs.motifs]
    return [_bar(jobs, f"{len(some):,} {plain(motif, _MOST_LETTERS)}", some) for motif, some in members if some.size]


def _by_job(jobs: Activity, done: np.ndarray) -> list[Bar]:
    """Return a bar for each job, or where there are many for each quarter of them."""
    if len(done) > _MOST_JOBS:
        order = done[np.argsort(jobs.took_s[done], kind="stable")]
        return [_bar(jobs, label, part) for label, part in zip(_QUARTERS, np.array_split(order, 4), strict=True)]
    return [_bar(jobs, plain(jobs.name[k], _MOST_LETTERS), np.array([k])) for k in done.tolist()] if jobs.n > 1 else []


def _bar(jobs: Activity, label: str, members: np.ndarray) -> Bar:
    return Bar(
        label,
        jobs.spent_s[members].mean(axis=0),
        float(jobs.used_node_s[members].mean()) / _HOUR_S,
        float(jobs.held_node_s[members].mean()) / _HOUR_S,
    )


def _figure(jobs: Activity, rows: Sequence[Bar], sheet: Sheet) -> Figure:
    from matplotlib.patches import Patch

    looks = [*jobs.looks, OTHER]
    seen = _seen(rows)
    labels, under = [looks[k].label for k in seen], [jobs.use, "held, but idle"]
    figure, panels, sheets = _panels(rows, labels, under, sheet)
    _draw_times(panels[0], rows, [looks[k].colour for k in seen], seen)
    _draw_nodes(panels[1], rows)
    letters = _WIDE_LETTERS if sheet.beside else _NARROW_LETTERS
    _name_rows(panels[0], rows, letters)
    _name_rows(panels[1], rows, 0 if sheet.beside else letters)
    legend_above(panels[0], [Patch(color=looks[k].colour) for k in seen], labels, sheets[0])
    legend_above(panels[1], [Patch(color=colour) for colour in _NODE_COLOURS], under, sheets[1])
    return figure


def _seen(rows: Sequence[Bar]) -> list[int]:
    """Return the phases that are long enough to be seen in some bar."""
    longest_s = max(row.total_s for row in rows)
    return [k for k in range(len(rows[0].spent_s)) if any(row.spent_s[k] > _LEAST * longest_s for row in rows)]


def _panels(
    rows: Sequence[Bar], labels: list[str], under: list[str], sheet: Sheet
) -> tuple[Figure, list[Axes], list[Sheet]]:
    """Return a figure with two axes beside one another, or under one another on a narrow sheet, and their sheets."""
    letters = _WIDE_LETTERS if sheet.beside else _NARROW_LETTERS
    left_in = max(sheet.left_in, 0.25 + _LETTER_IN * min(letters, max(len(row.label) for row in rows)))
    bars_in = _BAR_IN * len(rows) + 0.1
    across_in = sheet.width_in - left_in - 0.135
    if not sheet.beside:
        sheets = [dataclasses.replace(sheet, width_in=across_in + _SPARE_IN)] * 2
        heads_in = [_TITLE_IN + sheets[0].legend_in(each) for each in (labels, under)]
        figure = sheet.new_figure(sum(heads_in) + 2 * (bars_in + ONE_LINE_IN))
        first = (left_in, bars_in + 2 * ONE_LINE_IN + heads_in[1], across_in, bars_in)
        second = (left_in, ONE_LINE_IN, across_in, bars_in)
    else:
        wide_in = _TIME_FRAC * (across_in - _BETWEEN_IN)
        thin_in = across_in - _BETWEEN_IN - wide_in
        sheets = [dataclasses.replace(sheet, width_in=w + _SPARE_IN, beside=False) for w in (wide_in, thin_in)]
        heads_in = [_TITLE_IN + max(sheets[0].legend_in(labels), sheets[1].legend_in(under))]
        figure = sheet.new_figure(heads_in[0] + bars_in + ONE_LINE_IN)
        first = (left_in, ONE_LINE_IN, wide_in, bars_in)
        second = (left_in + wide_in + _BETWEEN_IN, ONE_LINE_IN, thin_in, bars_in)
    return figure, [_axes(figure, first), _axes(figure, second)], sheets


def _axes(figure: Figure, place_in: tuple[float, float, float, float]) -> Axes:
    width_in, height_in = figure.get_size_inches()
    left, bottom, across, up = place_in
    return figure.add_axes((left / width_in, bottom / height_in, across / width_in, up / height_in))


def _draw_times(axes: Axes, rows: Sequence[Bar], colours: Sequence[str], seen: Sequence[int]) -> None:
    longest_s = max(row.total_s for row in rows)
    unit_s, unit = next((size, name) for limit, size, name in UNITS if longest_s <= limit)
    spent = np.array([row.spent_s for row in rows]) / unit_s
    _stack(axes, spent[:, seen], colours)
    _label(axes, spent.sum(axis=1), [duration(row.total_s) for row in rows])
    axes.set_title("From submission to end", pad=5)
    axes.set_xlabel(f"mean time ({unit})")


def _draw_nodes(axes: Axes, rows: Sequence[Bar]) -> None:
    hours = np.array([[row.used_node_h, max(0.0, row.held_node_h - row.used_node_h)] for row in rows])
    _stack(axes, hours, _NODE_COLOURS)
    _label(axes, hours.sum(axis=1), [_idle(row) for row in rows])
    axes.set_title("Nodes held meanwhile", pad=5)
    axes.set_xlabel("mean node hours")


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


def _idle(row: Bar) -> str:
    share = f" · {percent(1.0 - row.used_node_h / row.held_node_h)} idle" if row.held_node_h > 0 else ""
    return f"{number(row.held_node_h)} h{share}"


def _name_rows(axes: Axes, rows: Sequence[Bar], letters: int) -> None:
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [plain(row.label, letters) if letters else "" for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _caption(jobs: Activity, rows: Sequence[Bar]) -> str:
    n_done = int(jobs.done.sum())
    text = f"Means of the {jobs.noun}s of each row." if jobs.n > 1 else f"The only {jobs.noun}."
    if n_done > _MOST_JOBS and not jobs.motif:
        text += " Quarters of the completed ones, by time from submission to end."
    held_h, used_h = float(jobs.held_node_s.sum()) / _HOUR_S, float(jobs.used_node_s.sum()) / _HOUR_S
    text += f" In all, {jobs.noun}s held nodes for {number(held_h)} node hours"
    text += f", {number(max(0.0, held_h - used_h))} of them idle." if held_h > 0 else "."
    if jobs.baseline_mean_s is not None and jobs.baseline_bar is None:
        text += " The baseline has no bar: its phases are not known, or not all of it was completed."
    if len(jobs.looks) in _seen(rows):
        text += f" In no phase: results on their way back{', and what was cut short' if jobs.motif else ''}."
    never = int((~np.isfinite(jobs.ended_s)).sum())
    return text + (f" {count(never, jobs.noun)} that never ended left out." if never else "")


def _alt(jobs: Activity, rows: Sequence[Bar]) -> str:
    names = [look.label for look in (*jobs.looks, OTHER)]
    first = rows[0]
    parts = [f"{name} {duration(s)}" for name, s in zip(names, first.spent_s.tolist(), strict=True) if s > 0]
    return f"Stacked bars of {count(len(rows), 'row')}; {first.label}: {', '.join(parts)}; {_idle(first)}."
