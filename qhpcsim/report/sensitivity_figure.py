"""The figure of a sensitivity study: how much each unknown matters, with its interval, the first on top."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qhpcsim.core.records import FloatArray
from qhpcsim.report.style import INK, PALETTE, WIDE, looks
from qhpcsim.report.text import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW_IN, _AROUND_IN = 0.34, 1.15
"""Height of an unknown, and of what is above and below the rows."""
_MOST_LETTERS = 44
_LETTER_IN = 0.072


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of all unknowns; arrays of shape (k,), low ≤ value ≤ high but for chance."""

    name: str
    """In the legend; empty: the panel has one measure and needs none."""
    value: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars on one axis."""

    label: str
    """What the axis measures, with its unit."""
    measures: tuple[Measure, ...]


def sensitivity_png(unknowns: Sequence[str], panels: Sequence[Panel], title: str) -> bytes:
    """Return the figure as PNG; the same numbers give the same bytes on one version of matplotlib.

    Args:
        unknowns: Names, the one that matters most first.
        panels: Side by side; their measures in the order of ``unknowns``.
        title: Over all panels.
    """
    from matplotlib.figure import Figure

    names = [plain(name, _MOST_LETTERS) for name in unknowns]
    left_in = 0.3 + _LETTER_IN * max(map(len, names))
    height_in = _ROW_IN * len(names) + _AROUND_IN
    with looks():
        figure = Figure(figsize=(left_in + WIDE.width_in * 0.4 * len(panels) + 0.3, height_in))
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        figure.subplots_adjust(
            left=left_in / figure.get_figwidth(), right=0.98, top=1.0 - 0.55 / height_in, bottom=0.5 / height_in
        )
        for axis, panel in zip(axes, panels, strict=True):
            _draw(axis, panel)
        axes[0].set_yticks(range(len(names)), names)
        axes[0].set_ylim(len(names) - 0.4, -0.6)
        figure.suptitle(plain(title, 120), x=0.01, ha="left", fontsize=10)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw(axes: Axes, panel: Panel) -> None:
    n = len(panel.measures)
    thick = 0.66 / n
    for k, measure in enumerate(panel.measures):
        rows = [row + (k - 0.5 * (n - 1)) * thick for row in range(len(measure.value))]
        axes.barh(rows, measure.value, height=0.9 * thick, color=PALETTE[k], label=measure.name, zorder=2)
        axes.hlines(rows, measure.low, measure.high, color=INK, linewidth=1.2, zorder=3)
    axes.axvline(0.0, color=INK, linewidth=0.8)
    axes.set_xlabel(panel.label)
    axes.grid(axis="y", visible=False)
    axes.spines[["top", "right"]].set_visible(False)
    if n > 1:
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=n, borderaxespad=0.2)
