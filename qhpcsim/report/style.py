"""Looks of the figures: seaborn's whitegrid and colour-blind palette, taken from matplotlib's own copy of them.

Importing seaborn costs more than drawing the whole report (it pulls in scipy.stats); matplotlib ships its style.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from qhpcsim.report.text import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LETTER_IN, _LINE_IN, _KEY_IN = 0.078, 0.175, 0.42
"""Width of a letter of a legend, height of its lines, width of a key with the gap beside it."""

PALETTE = ("#0173B2", "#DE8F05", "#029E73", "#D55E00", "#CC78BC", "#CA9161", "#56B4E9", "#949494")
"""seaborn 0.13 "colorblind", its pale pink and yellow left out."""
SIZE_COLOURS = ("#56B4E9", "#0173B2", "#029E73", "#DE8F05", "#D55E00", "#A0559C")
"""One per size group, cool to warm, from the same palette (its purple darkened)."""
INK = "#262626"
MUTED = "#6b7280"

_BETWEEN_TAGS = re.compile(r">\s+<")
_PATH = re.compile(r' d="[^"]*"')
_DECIMALS = re.compile(r"(?<=\.\d\d)\d+")
_AROUND_COMMANDS = re.compile(r"\s*([MLQCz])\s*")

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
class Sheet:
    """What a figure is drawn on: letters have one size, so a narrow window gets a narrow figure, not a small one."""

    width_in: float
    left_in: float
    """Room for the labels of the y axis."""
    n_ticks: int
    """Most labels along the time axis."""
    beside: bool
    """Whether a legend has room beside titles and axes; else it goes above them."""

    def legend_columns(self, labels: Sequence[str]) -> int:
        """Return how many columns a legend over the axes has."""
        if self.beside:
            return min(len(labels), 6)
        widest_in = _KEY_IN + _LETTER_IN * max(map(len, labels), default=0)
        return max(1, min(len(labels), int((self.width_in - 0.2) / widest_in)))

    def legend_in(self, labels: Sequence[str]) -> float:
        """Return the height that a legend over the axes takes away, nothing where it stands beside the title."""
        if self.beside or not labels:
            return 0.0
        return _LINE_IN * -(-len(labels) // self.legend_columns(labels)) + 0.05

    def for_legend(self, labels: Sequence[str]) -> Sheet:
        """Return the sheet for a legend over axes without a title: as it is, or with no room beside, if it is long."""
        wide_in = sum(_KEY_IN + _LETTER_IN * len(label) for label in labels)
        return self if wide_in < self.width_in - self.left_in else replace(self, beside=False)

    def head_in(self, labels: Sequence[str]) -> float:
        """Return the room above axes that have a legend and no title."""
        sheet = self.for_legend(labels)
        return 0.3 if sheet.beside else 0.1 + sheet.legend_in(labels)

    def new_figure(self, height_in: float) -> Figure:
        """Return an empty figure, without any pyplot state."""
        from matplotlib.figure import Figure

        return Figure(figsize=(self.width_in, height_in))

    def margins(self, figure: Figure, top_in: float, **more: Any) -> None:
        """Put the axes of a figure between margins.

        Args:
            figure: The figure.
            top_in: Room above the axes.
            **more: ``bottom_in``, ``right_in``, and what ``subplots_adjust`` takes.
        """
        height_in = figure.get_size_inches()[1]
        bottom_in, right_in = more.pop("bottom_in", ONE_LINE_IN), more.pop("right_in", 0.135)
        figure.subplots_adjust(
            left=self.left_in / self.width_in,
            right=1.0 - right_in / self.width_in,
            top=1.0 - top_in / height_in,
            bottom=bottom_in / height_in,
            **more,
        )


WIDE = Sheet(width_in=9.0, left_in=0.765, n_ticks=10, beside=True)
NARROW = Sheet(width_in=4.3, left_in=0.62, n_ticks=5, beside=False)
"""For a telephone held upright."""
ONE_LINE_IN, TWO_LINES_IN = 0.5, 0.66
"""Room below the axes for a label of one and of two lines."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished figure: what the page shows, or the words it shows instead."""

    title: str
    caption: str
    alt: str = ""
    uri: str = ""
    """``data:`` URI of an SVG; empty: there is nothing to draw."""
    narrow_uri: str = ""
    """The same for a narrow window."""
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


def draw(figure_on: Callable[[Sheet], Figure]) -> tuple[str, str]:
    """Return the ``data:`` URIs of a figure on the wide and on the narrow sheet."""
    with looks():
        return svg_uri(figure_on(WIDE)), svg_uri(figure_on(NARROW))


def svg_uri(figure: Figure) -> str:
    """Return the figure as a ``data:`` URI; the same figure always gives the same bytes.

    The text is percent-encoded: Base64 would make pages a quarter larger.
    """
    return "data:image/svg+xml," + quote(_shorter(svg_text(figure)), safe="!$'()*+,-./:;=?@_~")


def svg_text(figure: Figure) -> str:
    """Return the figure as SVG; the same figure always gives the same text."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return buffer.getvalue()


def _shorter(svg: str) -> str:
    """Return an SVG without prologue and indentation, its paths with two decimals (0.01 points) and no spaces."""
    return _PATH.sub(_path, _BETWEEN_TAGS.sub("><", svg[svg.index("<svg") :].strip()))


def _path(found: re.Match[str]) -> str:
    steps = _DECIMALS.sub("", found[0][4:-1])
    return ' d="' + _AROUND_COMMANDS.sub(r"\1", steps.strip()).replace(" ", ",") + '"'


def legend_above(axes: Axes, handles: Sequence[Any], labels: list[str], sheet: Sheet) -> None:
    """Put a legend over ``axes``, outside, where it covers no data: beside the title, or above it."""
    shown = [" " + label if label.startswith("_") else label for label in (plain(t, 32) for t in labels)]
    title_in = 0.22 if axes.get_title(loc="left") else 0.03
    height_in = axes.bbox.height / axes.figure.dpi
    place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.005, 1.0)}
    if not sheet.beside:
        place = {"loc": "lower left", "bbox_to_anchor": (-0.01, 1.0 + title_in / height_in)}
    axes.legend(
        handles,
        shown,
        **place,
        ncols=sheet.legend_columns(shown),
        borderaxespad=0.2 if sheet.beside else 0.0,
        columnspacing=1.2,
        handlelength=1.6,
        handletextpad=0.5,
    )
