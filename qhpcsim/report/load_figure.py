"""Figure 2: how many jobs waited, and how many nodes ran, at every moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.wording import duration
from qhpcsim.report.columns import JobColumns
from qhpcsim.report.data import RunData
from qhpcsim.report.held import Bars
from qhpcsim.report.series import Steps, envelope, steps
from qhpcsim.report.style import MUTED, PALETTE, Picture, Sheet, draw, legend_above
from qhpcsim.report.text import count, plain
from qhpcsim.report.time_axis import TimeAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Queue and running nodes over time"
_MAX_STEPS = 1_500
"""Longer series are thinned to their envelope."""
_BINS = 450
_BASELINE = "#4b5563"


def load_figure(run: RunData) -> Picture:
    """Return queue length (above) and running nodes (below) as step lines over time."""
    if run.jobs.n == 0:
        return Picture(TITLE, "", notice="The workload holds no jobs, so nothing ever waited or ran.")
    axis = run.axis
    span = (axis.first_s, axis.last_s)
    waiting, running = queue_steps(run.jobs, span), running_steps(run.in_use, span)
    thin = is_long(waiting) or is_long(running)
    uris = draw(lambda sheet: _figure(run, waiting, running, sheet))
    return Picture(TITLE, _caption(run, thin), _alt(waiting, running), *uris)


def _figure(run: RunData, waiting: Steps, running: Steps, sheet: Sheet) -> Figure:
    names = _queue_names(run)
    legend_in = sheet.legend_in(names)
    figure = sheet.new_figure(4.6 + legend_in)
    above, below = figure.subplots(2, 1, sharex=True)
    sheet.margins(figure, top_in=0.3 + legend_in, bottom_in=run.axis.bottom_in(sheet), hspace=0.34)
    _draw_queue(above, run, waiting, names, sheet)
    _draw_running(below, run, running, sheet)
    return figure


def _queue_names(run: RunData) -> list[str]:
    """Return what the lines of the queue are called; one line alone needs no name."""
    if run.baseline_jobs is None:
        return []
    return [run.policy or "this run", f"{run.baseline_name} (baseline)"]


def queue_steps(jobs: JobColumns, span_s: tuple[float, float]) -> Steps:
    """Return the number of waiting jobs; rejected jobs never wait."""
    joined = ~jobs.rejected
    return steps(jobs.submit_s[joined], jobs.start_s[joined], None, span_s)


def running_steps(bars: Bars, span_s: tuple[float, float]) -> Steps:
    """Return the number of nodes in use."""
    return steps(bars.start_s, bars.end_s, bars.nodes, span_s)


def _draw_queue(axes: Axes, run: RunData, waiting: Steps, names: list[str], sheet: Sheet) -> None:
    axis = run.axis
    handles = [step_line(axes, axis, waiting, PALETTE[0])]
    if run.baseline_jobs is not None:
        other = queue_steps(run.baseline_jobs, (axis.first_s, max(axis.last_s, run.baseline_jobs.span_s()[1])))
        handles.append(_mean_line(axes, axis, other))
    axes.set_title("Waiting jobs")
    axes.set_ylabel("jobs in the queue")
    whole_numbers(axes)
    axis.dress(axes, sheet, labelled=False)
    if names:
        legend_above(axes, handles, names, sheet)


def _draw_running(axes: Axes, run: RunData, running: Steps, sheet: Sheet) -> None:
    step_line(axes, run.axis, running, PALETTE[2])
    size = axes.axhline(run.n_nodes, color=PALETTE[3], linestyle=(0, (5, 3)), linewidth=1.2)
    axes.set_title("Running nodes")
    axes.set_ylabel("nodes in use")
    whole_numbers(axes)
    axes.set_ylim(0, max(run.n_nodes, float(running.value.max())) * 1.08)
    run.axis.dress(axes, sheet)
    legend_above(axes, [size], [f"machine: {count(run.n_nodes, 'node')}"], sheet)


def is_long(series: Steps) -> bool:
    """Return whether a series is drawn as its envelope."""
    return len(series.time_s) > _MAX_STEPS


def step_line(axes: Axes, axis: TimeAxis, series: Steps, colour: str, n_bins: int = _BINS) -> object:
    """Draw a step line, or for a long series its mean within the band from least to greatest value."""
    if not is_long(series):
        (line,) = axes.step(axis.at(series.time_s), series.value, where="post", color=colour)
        axes.fill_between(axis.at(series.time_s), series.value, step="post", color=colour, alpha=0.15, linewidth=0)
        return line
    band = envelope(series, n_bins)
    x = axis.at(band.edges_s)
    axes.fill_between(
        x, _to_edges(band.least), _to_edges(band.greatest), step="post", color=colour, alpha=0.3, linewidth=0
    )
    (line,) = axes.step(x, _to_edges(band.mean), where="post", color=colour, linewidth=1.1)
    return line


def _mean_line(axes: Axes, axis: TimeAxis, series: Steps) -> object:
    """Draw the baseline as a dashed line."""
    time, value = series.time_s, series.value
    if is_long(series):
        band = envelope(series, _BINS)
        time, value = band.edges_s, _to_edges(band.mean)
    dashes = (0, (3, 2))
    (line,) = axes.step(axis.at(time), value, where="post", color=_BASELINE, linestyle=dashes, linewidth=1.1)
    return line


def _to_edges(values: FloatArray) -> FloatArray:
    return np.append(values, values[-1])


def whole_numbers(axes: Axes, n_ticks: int = 5) -> None:
    """Let an axis begin at 0 and show whole numbers, as counts have."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(n_ticks, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_ylim(bottom=0)
    if axes.get_ylim()[1] < 1:
        axes.set_ylim(0, 1)
    axes.spines[["top", "right"]].set_color(MUTED)
    axes.spines[["top", "right"]].set_visible(False)


def _caption(run: RunData, thin: bool) -> str:
    text = "A job waits from its submission to its start; rejected jobs do not wait."
    if thin:
        text += f" The run is cut into {_BINS} equal intervals: line = mean, band = least to greatest value."
    if run.baseline_jobs is not None:
        beyond = run.baseline_jobs.span_s()[1] - run.axis.last_s
        late = f", which went on for {duration(beyond)} beyond this axis" if beyond > 0 else ""
        text += f" Dashed: {plain(run.baseline_name)}{late}."
    return text


def _alt(waiting: Steps, running: Steps) -> str:
    return (
        f"Two step lines over time: waiting jobs, at most {waiting.value.max():,.0f}, "
        f"and running nodes, at most {running.value.max():,.0f}."
    )
