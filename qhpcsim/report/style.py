"""Looks of the figures: seaborn's whitegrid and colour-blind palette, taken from matplotlib's own copy of them.

Importing seaborn costs more than drawing the whole report (it pulls in scipy.stats); matplotlib ships its style.
"""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qhpcsim.report.text import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN = 9.0
"""Width of every figure; the page scales it."""

PALETTE = ("#0173B2", "#DE8F05", "#029E73", "#D55E00", "#CC78BC", "#CA9161", "#56B4E9", "#949494")
"""seaborn 0.13 "colorblind", its pale pink and yellow left out."""
SIZE_COLOURS = ("#56B4E9", "#0173B2", "#029E73", "#DE8F05", "#D55E00", "#A0559C")
"""One per size group, cool to warm, from the same palette (its purple darkened)."""
INK = "#262626"
MUTED = "#6b7280"

_RC: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Segoe UI", "Arial", "sans-serif"],
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.edgecolor": "#c9cdd3",
    "axes.linewidth": 0.8,
    "grid.color": "#e3e6ea",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.4,
    "figure.dpi": 72.0,
    "savefig.dpi": 180.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "qhpcsim",
    "text.parse_math": False,
    "text.usetex": False,
    "axes.unicode_minus": True,
    "agg.path.chunksize": 0,
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished figure: what the page shows, or the words it shows instead."""

    title: str
    caption: str
    alt: str = ""
    uri: str = ""
    """``data:`` URI of an SVG; empty: there is nothing to draw."""
    notice: str = ""
    """Why there is nothing to draw."""


@contextmanager
def looks() -> Iterator[None]:
    """Draw inside this: matplotlib's settings are ours here and the caller's again afterwards."""
    import matplotlib
    import matplotlib.style

    sheet: dict[Any, Any] = dict(matplotlib.style.library["seaborn-v0_8-whitegrid"])
    with matplotlib.rc_context():
        matplotlib.rcParams.update(_defaults())
        matplotlib.rcParams.update({**sheet, **_RC})
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            yield


def _defaults() -> dict[Any, Any]:
    """Return matplotlib's own defaults, whatever the user's settings file says; the backend stays as it is."""
    import matplotlib

    return {key: value for key, value in matplotlib.rcParamsDefault.items() if not key.startswith("backend")}


def new_figure(height_in: float) -> Figure:
    """Return an empty figure of the report's width, without any pyplot state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_IN, height_in))


def svg_uri(figure: Figure) -> str:
    """Return the figure as a ``data:`` URI; the same figure always gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def legend_above(axes: Axes, handles: Sequence[Any], labels: list[str], columns: int = 5) -> None:
    """Put a legend over the top right corner of ``axes``, outside, where it covers no data."""
    shown = [" " + label if label.startswith("_") else label for label in (plain(t, 32) for t in labels)]
    axes.legend(
        handles,
        shown,
        loc="lower right",
        bbox_to_anchor=(1.005, 1.0),
        ncols=min(columns, len(shown)),
        borderaxespad=0.2,
        columnspacing=1.2,
        handlelength=1.6,
        handletextpad=0.5,
    )
