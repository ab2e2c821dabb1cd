"""What must hold of every run's hybrid jobs, checked over the output tables only.

I01 the cells that a state calls for; I02 phases in order, one at a time, inside [submitted, ended]; I03 time by kind
of phase; I06 every job in one state, none lost; I16 figures recomputed; I21 nodes: what was held, and enough of them
under every classical phase; I22 each QPU call is a job of the QPU service. What the tables cannot decide is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qhpcsim.metrics.checks import hybrid_figures, hybrid_held, hybrid_rows
from qhpcsim.metrics.checks.hybrid_tables import HybridTables
from qhpcsim.metrics.checks.tables import Findings
from qhpcsim.metrics.qpu_data import QpuData


def check_hybrid(
    tables: HybridTables, summary: Mapping[str, Any], qpu: QpuData | None = None, n_qpus: int = 0
) -> Findings:
    """Return every broken rule and everything that could not be checked.

    Args:
        tables: From ``checks.hybrid_tables.read_tables``.
        summary: Key ``hybrid`` of ``summary.json``; empty: rules about figures are left out.
        qpu: Jobs of the QPU service; None: calls are not looked for among them.
        n_qpus: Number of QPUs.
    """
    broken = [*hybrid_rows.check_cells(tables)]
    if broken:
        return Findings(broken, [])
    broken += hybrid_rows.check_ordered(tables)
    broken += hybrid_rows.check_lengths(tables)
    broken += hybrid_held.check_held(tables)
    broken += hybrid_held.check_covered(tables)
    if qpu is not None:
        broken += hybrid_held.check_calls(tables, qpu)
    if summary:
        broken += hybrid_figures.check_conserved(tables, summary)
        broken += hybrid_figures.check_figures(tables, summary, n_qpus)
    return Findings(broken, hybrid_held.undecided(tables))
