"""All ways to cut a circuit that are looked at: uncut, the user's, the library's, and quick splits."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from qhpcsim.circuits.cut_circuit import CutCircuit
from qhpcsim.circuits.cut_layout import Bases, Cuts, Layout, laid_out
from qhpcsim.circuits.cut_request import CutLimits, CutRequest
from qhpcsim.circuits.cut_search import N_PAIRS_MAX, find
from qhpcsim.circuits.cut_split import N_QUBITS_MAX, Splitter

_HOPELESS = 4
"""A width whose quick split takes more than this many times the allowed cuts is not searched further."""


@dataclass(slots=True)
class Way:
    """A layout and where it comes from."""

    name: str
    layout: Layout
    minimum_reached: bool | None = None
    part_names: tuple[int | str, ...] = ()


def search_widths(n_qubits: int, limits: CutLimits) -> tuple[int, ...]:
    """Return the widths for which cuts are searched, widest first: given ones, or those of two to four equal parts."""
    most = min(n_qubits - 1, limits.width_limit() or n_qubits - 1)
    if limits.widths:
        wanted = list(limits.widths)
    else:
        wanted = [-(-n_qubits // parts) + extra for parts in (2, 3, 4) for extra in (0, 1)]
        wanted += [most] if limits.width_limit() is not None else []
    return tuple(sorted({width for width in wanted if 1 <= width <= most}, reverse=True))


def ways(
    request: CutRequest,
    circuit: CutCircuit,
    bases: Bases,
    notes: list[str],
    progress: Callable[[float], None] | None = None,
) -> list[Way]:
    """Return all ways to look at, each layout once, under the name of the first that found it.

    Args:
        request: What is asked.
        circuit: Its circuit, reduced.
        bases: Decompositions of gates, kept for later use.
        notes: Is told what was skipped or cut short.
        progress: Told of the fraction of widths searched.
    """
    known: dict[tuple[Cuts, tuple[int, ...]], Way] = {}
    for way in _all_ways(request, circuit, bases, notes, progress):
        first = known.setdefault((way.layout.cuts, way.layout.labels), way)
        first.minimum_reached = way.minimum_reached if first.minimum_reached is None else first.minimum_reached
        first.part_names = first.part_names or way.part_names
    return list(known.values())


def _all_ways(
    request: CutRequest,
    circuit: CutCircuit,
    bases: Bases,
    notes: list[str],
    progress: Callable[[float], None] | None,
) -> Iterator[Way]:
    yield Way("no cut", laid_out(circuit, Cuts(), [0] * circuit.n_qubits))
    for number, labels in enumerate(request.partitions):
        yield from _explicit(number, labels, circuit, notes)
    separate = laid_out(circuit, Cuts())
    if separate.n_parts > 1:
        notes.append(f"the circuit falls into {separate.n_parts} parts without a cut")
        yield Way("components", separate)
    yield from _searched(request.limits, circuit, bases, notes, progress or (lambda _: None))


def _explicit(number: int, labels: Sequence[int | str], circuit: CutCircuit, notes: list[str]) -> Iterator[Way]:
    """Yield the user's partition unless the light cone leaves only one of its parts."""
    active = [labels[qubit] for qubit in circuit.qubits]
    names = tuple(dict.fromkeys(active))
    if len(names) < 2:
        notes.append(f"partition {number}: all qubits that matter are in part {names[0]!r}, so nothing is cut")
        return
    pairs = [(i, op.qubits) for i, op in enumerate(circuit.ops) if len(op.qubits) == 2]
    cuts = Cuts(tuple(i for i, (a, b) in pairs if active[a] != active[b]))
    yield Way(f"partition {number}", laid_out(circuit, cuts, active), part_names=names)


def _searched(
    limits: CutLimits, circuit: CutCircuit, bases: Bases, notes: list[str], progress: Callable[[float], None]
) -> Iterator[Way]:
    """Yield what quick splits and the library find, from the widest parts to the narrowest."""
    if not limits.max_cuts:
        return
    started_s = time.monotonic()
    splitter = Splitter(circuit, bases)
    searching, unproven = _can_search(circuit, splitter, notes), list[int]()
    widths = search_widths(circuit.n_qubits, limits)
    for k, width in enumerate(widths):
        progress(k / len(widths))
        if time.monotonic() - started_s > limits.budget_s:
            notes.append(f"search stopped before width {width}: over {limits.budget_s:g} s (budget_s)")
            break
        layouts = [laid_out(circuit, cuts) for cuts in splitter.splits(width)]
        fewest = min((layout.cuts.n_cuts for layout in layouts), default=0)
        if searching and fewest > _HOPELESS * limits.max_cuts:
            notes.append(f"find_cuts skipped from width {width} down: a quick split needs {fewest} cuts")
            searching = False
        found = find(circuit, width, limits.max_states) if searching else None
        if found is not None:
            layout = laid_out(circuit, found.cuts)
            yield Way(f"find_cuts {width}", layout, found.minimum_reached)
            if not found.minimum_reached:
                unproven.append(width)
            elif _too_dear(layout, limits, bases):
                notes.append(f"find_cuts proved that {limits.max_cuts} cuts are too few from width {width} down")
                searching = False
        for layout in layouts:
            yield Way(f"split {width}", layout)
    if unproven:
        listed = ", ".join(map(str, unproven))
        notes.append(f"find_cuts cut short at width {listed}: a smaller overhead may exist (max_states)")


def _can_search(circuit: CutCircuit, splitter: Splitter, notes: list[str]) -> bool:
    """Return whether the library's search is affordable, noting what is not."""
    if circuit.n_qubits > N_QUBITS_MAX:
        notes.append(f"quick splits skipped: more than {N_QUBITS_MAX} qubits")
    if len(splitter.pairs) > N_PAIRS_MAX:
        notes.append(f"find_cuts skipped: more than {N_PAIRS_MAX:,} two-qubit gates")
        return False
    return True


def _too_dear(layout: Layout, limits: CutLimits, bases: Bases) -> bool:
    """Return whether a minimal overhead proves that no narrower parts come with the allowed number of cuts.

    No cut costs more than γ² = 49 (a swap), so an overhead of x takes log(x)/log(49) cuts or more.
    """
    least = sum(bases.log_overhead(item.operation) for item in layout.cut_items)
    return least > limits.max_cuts * math.log(49.0) + 1e-9
