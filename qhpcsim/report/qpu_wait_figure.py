"""QPU figure 3: what share of the QPU jobs had started after how long a wait, by access mode."""

from __future__ import annotations

from qhpcsim.core.qpu_records import QpuMode
from qhpcsim.report.ecdf import Curve, ecdf_figure
from qhpcsim.report.qpu_view import QpuView
from qhpcsim.report.style import Picture, draw
from qhpcsim.report.text import count, percent
from qhpcsim.report.wait_figure import share_without_wait

TITLE = "How long QPU jobs waited"
_COLOURS = {"job": "#0173B2", "batch": "#029E73", "session": "#D55E00", "dedicated": "#A0559C"}
_OTHERS = "#4b5563"


def qpu_wait_figure(qpus: QpuView) -> Picture:
    """Return the empirical distribution of waits by access mode, that of other users dashed."""
    data = qpus.data
    started = data.started & qpus.own
    curves = []
    for mode in QpuMode:
        name = mode.name.lower()
        wait_s = data.wait_s[started & (data.mode == mode)]
        if len(wait_s):
            curves.append(Curve(f"{name} ({count(len(wait_s), 'job')})", wait_s, _COLOURS[name]))
    others_s = data.wait_s[data.started & ~qpus.own]
    if len(others_s):
        curves.append(Curve(f"others ({count(len(others_s), 'job')})", others_s, _OTHERS, dashed=True))
    if not curves:
        return Picture(TITLE, "", notice="No QPU job started, so there are no waits to show.")
    uris = draw(lambda sheet: ecdf_figure(curves, "", "wait from arrival to start", sheet))
    alt = f"Cumulative distribution of waits in {count(len(curves), 'line')}, one for each access mode."
    return Picture(TITLE, _caption(qpus), alt, *uris)


def _caption(qpus: QpuView) -> str:
    data = qpus.data
    text = "Read it as: this share of the jobs waited at most so long in the queue of a QPU."
    started = data.started & qpus.own
    if started.any():
        zero = share_without_wait(data.wait_s[started])
        text += f" {percent(zero)} of the started jobs did not wait (grey strip: short waits, linear)."
    if qpus.has_others:
        text += " Dashed: other users."
    never = int((qpus.own & ~data.started).sum())
    return text + (f" {count(never, 'job')} that never started left out." if never else "")
