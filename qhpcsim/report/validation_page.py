"""The page of a validation: predicted against measured times, with what was checked and what was not."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.wording import duration
from qhpcsim.report.style import INK, MUTED, PALETTE, Picture, Sheet, draw, legend_above
from qhpcsim.report.tables import Table
from qhpcsim.report.text import count, plain, unbroken

if TYPE_CHECKING:
    from jinja2 import Template
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Predicted and measured times"
_HERE = Path(__file__).parent
_MARKS = "osD^vP*X"
_TEXT_LIMIT = 1200
_CELL_LIMIT = 160


@dataclass(frozen=True, slots=True)
class ValidationPage:
    """What the page shows; words may come from others and are made harmless here."""

    title: str
    sentence: str
    checked: str
    """Which models were checked and which were not."""
    agreement: list[tuple[str, Table]]
    """Groups of the table of agreement, all under one heading."""
    checks: Table
    missing: Table
    """Tasks without a result; no rows: all gave one."""
    excluded: Table
    """Why tasks of the run could not be sampled."""
    settings: Table
    predicted_s: FloatArray
    p5_s: FloatArray
    p95_s: FloatArray
    measured_s: FloatArray
    labels: Sequence[str]
    """(n,) group of each task, told apart by colour and shape."""


def write_validation_page(page: ValidationPage, path: str | Path) -> Path:
    """Write the page as one self-contained HTML file and return its path."""
    target = Path(path)
    target.write_text(render_validation(page), encoding="utf-8", newline="\n")
    return target


def render_validation(page: ValidationPage) -> str:
    """Return the page as HTML; the same findings always give the same text."""
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return _template().render(
        title=plain(page.title, 80),
        sentence=unbroken(plain(page.sentence, _TEXT_LIMIT)),
        checked=unbroken(plain(page.checked, _TEXT_LIMIT)),
        agreement=[(name, _harmless(table)) for name, table in page.agreement],
        checks=_harmless(page.checks),
        missing=_harmless(page.missing),
        excluded=_harmless(page.excluded),
        settings=_harmless(page.settings),
        figure=scatter(page),
        style=style,
        style_hash=f"sha256-{digest}",
    )


def scatter(page: ValidationPage) -> Picture:
    """Return measured over predicted times on logarithmic axes, intervals as bars, the diagonal for equality."""
    known = np.isfinite(page.measured_s) & np.isfinite(page.predicted_s) & (page.predicted_s > 0)
    if not known.any():
        return Picture(TITLE, "", notice="No task gave both a prediction and a measurement: there is nothing to draw.")
    n = int(known.sum())
    low_s, high_s = float(page.measured_s[known].min()), float(page.measured_s[known].max())
    caption = (
        f"{count(n, 'task')}; on the line, prediction and measurement are equal. Bars are the 90 % intervals of the "
        "predictions; below the line, the prediction was too long."
    )
    alt = f"Measured times from {duration(low_s)} to {duration(high_s)} against predicted times, {count(n, 'point')}."
    return Picture(TITLE, caption, alt, *draw(lambda sheet: _figure(page, known, sheet)))


def _figure(page: ValidationPage, known: np.ndarray, sheet: Sheet) -> Figure:
    names = list(dict.fromkeys(label for label, keep in zip(page.labels, known, strict=True) if keep))
    shown = [plain(name or "not given", 24) for name in names]
    figure = sheet.new_figure(min(5.2, sheet.width_in))
    axes = figure.add_subplot()
    labels = np.array(page.labels, dtype=object)
    handles = []
    for k, name in enumerate(names):
        mine = known & (labels == name)
        x, low, high = page.predicted_s[mine], page.p5_s[mine], page.p95_s[mine]
        bars = np.nan_to_num(np.maximum(np.stack([x - low, high - x]), 0.0))
        handles.append(
            axes.errorbar(
                x, page.measured_s[mine], xerr=bars, fmt=_MARKS[k % len(_MARKS)], color=PALETTE[k % len(PALETTE)],
                markersize=4.5, elinewidth=0.8, alpha=0.85,
            )
        )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="predicted time")
    axes.set_title("measured time", loc="left")
    _square(axes)
    sheet.margins(figure, 0.35 + sheet.legend_in(shown))
    legend_above(axes, handles, shown, sheet)
    return figure


def _square(axes: Axes) -> None:
    """Give both axes the same limits and times as labels, and draw the line of equality."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    ends = [*axes.get_xlim(), *axes.get_ylim()]
    low, high = min(ends), max(ends)
    axes.set(xlim=(low, high), ylim=(low, high))
    axes.plot([low, high], [low, high], color=INK, linewidth=0.9, zorder=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda seconds, _: duration(seconds)))
        axis.set_minor_formatter(NullFormatter())
    axes.tick_params(labelcolor=MUTED)


def _harmless(table: Table) -> Table:
    return Table(table.head, [[plain(cell, _CELL_LIMIT) for cell in row] for row in table.rows])


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    house = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return house.get_template("validation.html.j2")
