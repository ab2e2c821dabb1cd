"""QPU figure 4: how good the QPUs were: errors from calibration to calibration, and the fidelity of the jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.wording import duration, number
from qhpcsim.metrics.qpu_data import BoolArray
from qhpcsim.report.qpu_view import QpuView, Quality
from qhpcsim.report.series import bin_edges, bin_width_s
from qhpcsim.report.style import INK, PALETTE, Picture, Sheet, draw, legend_above
from qhpcsim.report.text import count, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Fidelity over time"
_MAX_LINES = 4
"""QPUs that can be told apart when their lines cross."""
_MAX_BANDS = 2
"""QPUs whose bands can lie over one another."""
_MAX_DOTS = 600
_MAX_BINS = 120
_MAX_CALIBRATIONS = 800
_FEW_DECADES = 30.0
_READOUT = (0, (4, 2))


class Band(NamedTuple):
    """Fidelity of a QPU's jobs, interval by interval; NaN where no job started."""

    low: FloatArray
    """10th percentile."""
    middle: FloatArray
    """Median."""
    high: FloatArray
    """90th percentile."""


def qpu_quality_figure(qpus: QpuView) -> Picture:
    """Return the errors of the QPUs over time, above the expected fidelity of the jobs at their start."""
    known = _known(qpus)
    drifting = [k for k in qpus.lanes if _wanders(qpus.quality[k])]
    if qpus.data.horizon_s <= 0 or not (known.any() or drifting):
        return Picture(TITLE, "", notice="The cards of these QPUs state no errors, so there is no fidelity to show.")
    shown = qpus.lanes[:_MAX_LINES] if len(qpus.lanes) > _MAX_LINES else qpus.lanes
    drifting = [k for k in shown if k in drifting]
    as_dots = int(known.sum()) <= _MAX_DOTS
    uris = draw(lambda sheet: _figure(qpus, shown, drifting, as_dots, sheet))
    return Picture(TITLE, _caption(qpus, shown, drifting, as_dots), _alt(qpus, drifting), *uris)


def _known(qpus: QpuView) -> BoolArray:
    """Return (n,) whether a job started and its fidelity is known."""
    fidelity = qpus.data.fidelity
    return np.zeros(qpus.data.n, np.bool_) if fidelity is None else np.isfinite(fidelity) & qpus.data.started


def _wanders(quality: Quality) -> bool:
    return len(quality.time_s) > 1 and bool(np.isfinite(quality.error_2q).any())


def _figure(qpus: QpuView, shown: Sequence[int], drifting: Sequence[int], as_dots: bool, sheet: Sheet) -> Figure:
    labels = _labels(qpus, shown, drifting)
    n_panels = bool(drifting) + bool(_known(qpus).any())
    legend_in, bottom_in = sheet.legend_in(labels), qpus.axis.bottom_in(sheet)
    figure = sheet.new_figure(0.36 + legend_in + 1.9 * n_panels + 0.4 * (n_panels - 1) + bottom_in)
    panels = list(figure.subplots(n_panels, 1, squeeze=False, sharex=True)[:, 0])
    sheet.margins(figure, top_in=0.36 + legend_in, bottom_in=bottom_in, hspace=0.4 / 1.9)
    if drifting:
        _draw_errors(panels[0], qpus, shown, drifting)
    if _known(qpus).any():
        _draw_fidelity(panels[-1], qpus, shown, as_dots)
    for panel in panels:
        qpus.axis.dress(panel, sheet, labelled=panel is panels[-1])
        panel.spines[["top", "right"]].set_visible(False)
    if labels:
        legend_above(panels[0], _handles(qpus, shown, drifting), labels, sheet)
    return figure


def _labels(qpus: QpuView, shown: Sequence[int], drifting: Sequence[int]) -> list[str]:
    names = [plain(qpus.names[k], 24) for k in shown] if len(shown) > 1 else []
    return names + (["two-qubit gates", "readout"] if drifting else [])


def _handles(qpus: QpuView, shown: Sequence[int], drifting: Sequence[int]) -> list[object]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    names: list[object] = [Patch(color=PALETTE[i]) for i in range(len(shown))] if len(shown) > 1 else []
    ink = INK if len(shown) > 1 else PALETTE[0]
    lines = [Line2D([], [], color=ink), Line2D([], [], color=ink, linestyle=_READOUT)] if drifting else []
    return [*names, *lines]


def _draw_errors(axes: Axes, qpus: QpuView, shown: Sequence[int], drifting: Sequence[int]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for qpu in drifting:
        quality, colour = qpus.quality[qpu], PALETTE[shown.index(qpu)]
        every = -(-len(quality.time_s) // _MAX_CALIBRATIONS)
        time = qpus.axis.at(np.append(quality.time_s[::every], qpus.data.horizon_s))
        for error, style in ((quality.error_2q, "-"), (quality.error_readout, _READOUT)):
            thin = error[::every] * 100.0
            axes.step(time, np.append(thin, thin[-1]), where="post", color=colour, linestyle=style, linewidth=1.2)
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(low / 1.1, high * 1.1)
    few_decades = high / low < _FEW_DECADES
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0) if few_decades else (1.0,)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("median error (%)")
    axes.set_title("Errors after each calibration", pad=5)


def _draw_fidelity(axes: Axes, qpus: QpuView, shown: Sequence[int], as_dots: bool) -> None:
    data, known = qpus.data, _known(qpus)
    assert data.fidelity is not None
    edges_s = _edges(qpus)
    for i, qpu in enumerate(shown):
        mine = known & (data.qpu == qpu)
        if as_dots:
            x = qpus.axis.at(data.started_s[mine])
            axes.plot(x, data.fidelity[mine], ".", color=PALETTE[i], markersize=4, alpha=0.75)
        elif mine.any():
            found = band(data.started_s[mine], data.fidelity[mine], edges_s)
            _draw_band(axes, qpus.axis.at(edges_s), found, PALETTE[i], filled=len(shown) <= _MAX_BANDS)
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("expected fidelity")
    axes.set_title("Jobs of users" if qpus.has_others else "Jobs", pad=5)


def _draw_band(axes: Axes, x: FloatArray, found: Band, colour: str, filled: bool) -> None:
    low, middle, high = (np.append(values, values[-1]) for values in found)
    if filled:
        axes.fill_between(x, low, high, step="post", color=colour, alpha=0.2, linewidth=0)
    axes.step(x, middle, where="post", color=colour)


def _edges(qpus: QpuView) -> FloatArray:
    return bin_edges(0.0, qpus.data.horizon_s, bin_width_s(qpus.data.horizon_s, _MAX_BINS))


def band(at_s: FloatArray, values: FloatArray, edges_s: FloatArray) -> Band:
    """Return 10th percentile, median and 90th percentile of the values in each interval.

    Args:
        at_s: (n,) times inside the edges.
        values: (n,) values.
        edges_s: (b + 1,) increasing.
    """
    n_bins = len(edges_s) - 1
    where = np.clip(np.searchsorted(edges_s, at_s, side="right") - 1, 0, n_bins - 1)
    order = np.argsort(where, kind="stable")
    filled, first = np.unique(where[order], return_index=True)
    found = np.full((3, n_bins), np.nan)
    for k, members in zip(filled, np.split(values[order], first[1:]), strict=True):
        found[:, k] = np.percentile(members, (10, 50, 90))
    return Band(*found)


def _caption(qpus: QpuView, shown: Sequence[int], drifting: Sequence[int], as_dots: bool) -> str:
    parts = []
    if drifting:
        parts.append("Median errors of each QPU hold from one calibration to the next.")
    elif _known(qpus).any():
        parts.append("The errors of the cards hold throughout: no QPU here drifts.")
    if _known(qpus).any():
        filled = "; band: 10th to 90th percentile" if len(shown) <= _MAX_BANDS else ""
        binned = f"Line: median of the jobs that started within {_width(qpus)}{filled}."
        parts.append("One dot a job, at its start." if as_dots else binned)
    dead = max((int(np.nanmax(qpus.quality[k].n_dead_couplers)) for k in drifting), default=0)
    if dead:
        parts.append(f"At most {count(dead, 'coupler')} of a QPU out of order at a time.")
    if len(shown) < len(qpus.names):
        parts.append(f"The first {len(shown)} of {count(len(qpus.names), 'QPU')}.")
    return " ".join(parts)


def _width(qpus: QpuView) -> str:
    return duration(bin_width_s(qpus.data.horizon_s, _MAX_BINS))


def _alt(qpus: QpuView, drifting: Sequence[int]) -> str:
    parts = []
    if drifting:
        n_calibrations = sum(len(qpus.quality[k].time_s) for k in drifting)
        parts.append(f"Errors of {count(len(drifting), 'QPU')} over {count(n_calibrations, 'calibration')}.")
    mean = qpus.summary.get("mean_fidelity")
    if mean is not None:
        parts.append(f"Expected fidelity of the jobs over time, {number(mean)} on average.")
    return " ".join(parts)
