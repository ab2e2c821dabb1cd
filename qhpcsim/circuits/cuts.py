"""All ways to cut a circuit that are worth a look: found by the library, by quick splits, and given by the user."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from qhpcsim.circuits.cost import BYTES_PER_AMPLITUDE
from qhpcsim.circuits.cut_candidate import CutCandidate
from qhpcsim.circuits.cut_circuit import CutCircuit, reduced
from qhpcsim.circuits.cut_counts import n_samples, part_counts, samples
from qhpcsim.circuits.cut_layout import Bases, Layout
from qhpcsim.circuits.cut_request import N_EXPERIMENTS_MAX, CutLimits, CutRequest
from qhpcsim.circuits.cut_runs import part_runs
from qhpcsim.circuits.cut_shots import shot_plan
from qhpcsim.circuits.cut_ways import Way, ways
from qhpcsim.core.errors import CircuitError, shorten

_SIMULATED_MAX = 50
"""Widest circuit for which a message gives the memory of a state vector: 16 PiB."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A way to cut that breaks a limit."""

    name: str
    reason: str
    n_cuts: int
    widths: tuple[int, ...]
    log_overhead: float
    """Natural logarithm of Πγ²: the overhead itself may be too large for a number."""
    n_experiments: int
    """Sub-experiments for one group of terms."""


@dataclass(frozen=True, slots=True)
class CutPlan:
    """What can be done with a request."""

    circuit: CutCircuit
    candidates: tuple[CutCandidate, ...]
    """The uncut circuit first if it keeps the limits, then by sampling overhead, widest part, parts and places."""
    refused: tuple[Refused, ...]
    """Ways that break a limit, in the same order."""
    notes: tuple[str, ...]
    """What was changed, skipped or cut short, in words."""


def plan(request: CutRequest, progress: Callable[[float], None] | None = None) -> CutPlan:
    """Return the candidates for a request; the same request gives the same candidates in the same order.

    Args:
        request: What is asked.
        progress: Told of the fraction of the search done.

    Raises:
        CircuitError: if the circuit cannot be cut (and why), or no way, not even uncut, keeps the limits; the message
            names the nearest one.
    """
    circuit = reduced(request)
    bases = Bases(request.where)
    notes = list(circuit.notes)
    candidates: list[CutCandidate] = []
    refused: list[Refused] = []
    for way in ways(request, circuit, bases, notes, progress):
        found = _candidate(way, request.limits, bases)
        if isinstance(found, Refused):
            refused.append(found)
        else:
            candidates.append(found)
    candidates.sort(key=_order)
    candidates, n_worse = _undominated(candidates)
    if n_worse:
        notes.append(f"{n_worse} candidates left out: another is no worse in overhead, width, circuits and shots")
    refused.sort(key=lambda each: (round(each.log_overhead, 9), max(each.widths), len(each.widths), each.name))
    if not candidates:
        raise _nothing_fits(request, circuit, refused)
    kept = _kept(candidates, request.limits.max_candidates)
    if len(kept) < len(candidates):
        notes.append(f"{len(candidates) - len(kept)} candidates of larger overhead left out (max_candidates)")
    return CutPlan(circuit, tuple(kept), tuple(refused), tuple(dict.fromkeys(notes)))


def _candidate(way: Way, limits: CutLimits, bases: Bases) -> CutCandidate | Refused:
    layout = way.layout
    log_kappa = sum(math.log(float(bases.of(item.operation).kappa)) for item in layout.cut_items)
    n_experiments = n_samples(layout, bases) * layout.n_parts
    reason = _broken(layout, limits, n_experiments)
    if reason:
        return Refused(way.name, reason, layout.cuts.n_cuts, layout.widths, 2.0 * log_kappa, n_experiments)
    drawn = samples(layout, bases)
    parts = tuple(part_counts(layout, part, drawn, bases) for part in range(layout.n_parts))
    runs = tuple(part_runs(layout, i, part, drawn, bases) for i, part in enumerate(parts))
    kappa = math.prod((float(bases.of(item.operation).kappa) for item in layout.cut_items), start=1.0)
    shots = shot_plan(parts, runs, drawn, kappa, layout.circuit.coefficients, limits.target_error)
    if limits.max_shots is not None and shots.n_estimate > limits.max_shots:
        reach = _rounded_up(limits.target_error * math.sqrt(shots.n_estimate / limits.max_shots))
        reason = (
            f"an estimated {_count(shots.n_estimate)} shots for a standard error of {limits.target_error:g}, "
            f"{limits.max_shots:,} allowed: they reach about {reach:g}"
        )
        return Refused(way.name, reason, layout.cuts.n_cuts, layout.widths, 2.0 * log_kappa, n_experiments)
    names = way.part_names or tuple(range(layout.n_parts))
    return CutCandidate(way.name, layout, names, way.minimum_reached, parts, runs, drawn, shots, kappa, bases)


def _count(n: int) -> str:
    """Return a number of shots without digits that a float does not have."""
    return f"{n:,}" if n < 10**15 else f"{float(n):.2g}"


def _rounded_up(value: float) -> float:
    """Return the next number of two digits, so that asking for it is enough."""
    digit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / digit + 1e-6) * digit


def _broken(layout: Layout, limits: CutLimits, n_experiments: int) -> str:
    """Return which limit a layout breaks, in words; empty: none."""
    n_cuts, widest, most = layout.cuts.n_cuts, max(layout.widths), limits.width_limit()
    if most is not None and widest > most:
        return f"{widest} qubits at once, {most} allowed (max_width, memory_bytes)"
    if n_cuts > limits.max_cuts:
        return f"{n_cuts} cuts, {limits.max_cuts} allowed (max_cuts)"
    if n_experiments > N_EXPERIMENTS_MAX:
        return f"{n_experiments:,} sub-experiments, {N_EXPERIMENTS_MAX:,} allowed"
    return ""


def _order(candidate: CutCandidate) -> tuple[object, ...]:
    return (
        candidate.name != "no cut",
        round(candidate.overhead, 6),
        max(candidate.widths),
        candidate.n_parts,
        candidate.layout.cuts,
        candidate.layout.labels,
    )


def _undominated(candidates: Sequence[CutCandidate]) -> tuple[list[CutCandidate], int]:
    """Return the candidates that no other beats, uncut and explicit ones always, and how many were left out."""
    figures = [_figures(each) for each in candidates]
    kept = []
    for i, each in enumerate(candidates):
        beaten = any(
            all(a <= b for a, b in zip(other, figures[i], strict=True)) and (other != figures[i] or j < i)
            for j, other in enumerate(figures)
            if j != i and candidates[j].n_cuts
        )
        if not beaten or _always(each):
            kept.append(each)
    return kept, len(candidates) - len(kept)


def _figures(candidate: CutCandidate) -> tuple[float, ...]:
    """Return what decides between cuts, smaller being better."""
    return (
        round(candidate.overhead, 6),
        max(candidate.widths),
        max(candidate.widths_deferred),
        candidate.n_runs,
        candidate.n_experiments,
        candidate.shots.n_estimate,
    )


def _always(candidate: CutCandidate) -> bool:
    return not candidate.n_cuts or candidate.name.startswith("partition")


def _kept(candidates: Sequence[CutCandidate], most: int) -> list[CutCandidate]:
    """Return the first ``most`` candidates and all that are uncut or explicit."""
    return [each for i, each in enumerate(candidates) if i < most or _always(each)]


def _nothing_fits(request: CutRequest, circuit: CutCircuit, refused: Sequence[Refused]) -> CircuitError:
    """Return the error that names, for each limit in the way, what the nearest way would need."""
    limits = request.limits
    most = limits.width_limit()
    narrow = [each for each in refused if most is None or max(each.widths) <= most]
    possible = [each for each in narrow if each.n_experiments <= N_EXPERIMENTS_MAX]
    nearest = (possible or narrow or list(refused))[0]
    hints = [] if most is None else _wider(request)
    if possible and nearest.n_cuts > limits.max_cuts:
        hints.append(f"max_cuts={nearest.n_cuts} allows parts of {max(nearest.widths)} qubits")
    return CircuitError(
        f"no way to run {circuit.n_qubits} active qubits keeps the limits; {nearest.reason}",
        where=request.where,
        allowed=f"nearest is {nearest.name}: {nearest.n_cuts} cuts, parts of {_listed(nearest.widths)} qubits",
        hint="; ".join(hints) or "allow more shots or a larger target_error",
    )


def _wider(request: CutRequest) -> list[str]:
    """Return what wider parts would need: the narrowest with cuts that keep the other limits, and the circuit whole."""
    limits = request.limits
    try:
        found = plan(replace(request, limits=replace(limits, max_width=None, memory_bytes=None, widths=())))
    except CircuitError:
        return []
    narrowest = min(found.candidates, key=lambda each: (max(each.widths), each.overhead))
    hints = []
    for each in (narrowest, found.candidates[0]):
        width = max(each.widths)
        doing = f"allows parts of {width} qubits" if each.n_cuts else "runs it uncut"
        needed = [f"max_width={width}"] if limits.max_width is not None and width > limits.max_width else []
        size = BYTES_PER_AMPLITUDE[limits.precision] << width
        needed += [f"memory_bytes={size}"] if limits.memory_bytes is not None and size > limits.memory_bytes else []
        if width <= _SIMULATED_MAX and needed:
            hints.append(f"{' with '.join(needed)} {doing} ({size:,} bytes in {limits.precision} precision)")
    return list(dict.fromkeys(hints))


def _listed(widths: Sequence[int]) -> str:
    return shorten(", ".join(map(str, widths)), 40)
