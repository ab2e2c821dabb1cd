"""What must hold of every run's QPU jobs, checked over the output tables only: ``qpu.csv``, ``qpu_intervals.csv``.

I01 the cells that a state calls for; I02 submitted <= queued <= started <= ended; I03 time on the QPU; I04 one job at
a time; I06 every job in one state, none lost; I16 figures recomputed; I17 nothing on a QPU that is closed; I19 a
session has its QPU to itself; I20 what is charged. What the tables cannot decide is not passed over: it is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qhpcsim.metrics.checks import qpu_figures, qpu_rows, qpu_time
from qhpcsim.metrics.checks.qpu_time import Stretches
from qhpcsim.metrics.checks.tables import Findings
from qhpcsim.metrics.qpu_data import QpuData


def check_qpu(data: QpuData, summary: Mapping[str, Any], *, preemptive: bool = False) -> Findings:
    """Return every broken rule and everything that could not be checked.

    Args:
        data: The tables, from ``checks.qpu_tables.read_tables``.
        summary: Key ``qpu`` of ``summary.json``; empty: rules about figures are left out.
        preemptive: Whether the discipline lets one job interrupt another.
    """
    broken = [*qpu_rows.check_cells(data)]
    if broken:
        return Findings(broken, [])
    broken += qpu_rows.check_ordered(data)
    stretches = Stretches(data, preemptive)
    broken += qpu_time.check_lengths(stretches)
    broken += qpu_time.check_closed(stretches)
    broken += qpu_time.check_alone(stretches)
    broken += qpu_time.check_reservations(data)
    broken += qpu_time.check_sessions(stretches)
    broken += qpu_rows.check_billed(data)
    skipped = [*stretches.skipped(), *qpu_rows.unbilled(data)]
    if summary:
        broken += qpu_figures.check_conserved(data, summary)
        broken += qpu_figures.check_figures(data, summary)
    return Findings(broken, skipped)
