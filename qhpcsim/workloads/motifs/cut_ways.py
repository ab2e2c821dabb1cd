"""The ways of cutting a motif's circuit among which a strategy chooses when the work begins."""

from __future__ import annotations

import math
from dataclasses import replace

from qhpcsim.workloads.motifs.circuit_cutting import CircuitCuttingParams, cuts_of

MOST_PARTS = 4
_OVERHEAD_OF_GATE, _OVERHEAD_OF_WIRE = 9.0, 16.0
"""γ² of a cut CX and of a cut wire."""


def ways(params: CircuitCuttingParams, whole: bool = True) -> list[CircuitCuttingParams]:
    """Return parameters for the circuit whole and in two to four equal parts and parts of ``subcircuit_size``.

    Model:
        All reach the standard error that ``shots`` give on the uncut circuit, as far as the bound on the variance
        tells: κ² · shots for each part, evenly over its sub-experiments; κ² = 9^g · 16^w.
    Source:
        Mitarai & Fujii 2021, doi:10.1088/1367-2630/abd7bc.

    Args:
        params: Of the motif; ``max_experiments`` bounds what is offered.
        whole: Whether the circuit may stay whole; that is the first way.

    Returns:
        Widest parts first; empty if nothing is left.
    """
    n = params.n_qubits
    sizes = {params.subcircuit_size, *(-(-n // parts) for parts in range(2, MOST_PARTS + 1))}
    found = [replace(params, strategy="", subcircuit_size=n)] if whole else []
    for size in sorted((size for size in sizes if 1 <= size < n), reverse=True):
        way = replace(params, strategy="", subcircuit_size=size)
        if cuts_of(way).n_experiments <= params.max_experiments:
            found.append(replace(way, shots=shots_at_equal_error(way)))
    return found


def shots_at_equal_error(params: CircuitCuttingParams) -> int:
    """Return the shots of each sub-experiment of a cut that reach the standard error of the uncut circuit's shots."""
    cuts = cuts_of(params)
    return math.ceil(params.shots * overhead(params) / cuts.n_maps - 1e-9)


def overhead(params: CircuitCuttingParams) -> float:
    """Return the sampling overhead κ² of a cut."""
    cuts = cuts_of(params)
    return float(_OVERHEAD_OF_GATE**cuts.gate_cuts * _OVERHEAD_OF_WIRE**cuts.wire_cuts)
