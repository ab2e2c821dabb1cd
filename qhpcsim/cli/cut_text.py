"""Cut plans and runs in words: the table of candidates, why each stands where it does, and the sentence below it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qhpcsim.cli.output import table
from qhpcsim.cli.predict_statevector import size
from qhpcsim.core.errors import shorten
from qhpcsim.core.wording import duration, number, sign

if TYPE_CHECKING:
    from qhpcsim.cutting import CutAnswer, CutRun, Ranked

_MOST_REFUSED = 5
_CHOSEN = "→"
_NEAR = "The intervals overlap, so this is close to a tie."
_OBSERVABLE_SHOWN = 40
_MISSED = 1.05
"""How far beyond the target an expected standard error must be to be mentioned."""


def headline(answer: CutAnswer) -> str:
    """Return what was asked: circuit, observables, standard error, workers and device."""
    circuit, limits = answer.found.circuit, answer.request.limits
    active = "" if circuit.n_qubits == circuit.n_declared else f" ({circuit.n_qubits} matter)"
    many = len(answer.request.observables)
    default = " (no --observable given: Z on all qubits)" if answer.is_default_observable else ""
    shown = f"{many} observables" if many > 1 else f"{observable_text(answer, 0)}{default}"
    workers = "1 worker" if answer.workers == 1 else f"{answer.workers} workers"
    where = answer.machine if answer.device == "cpu" else f"{answer.device} beside {answer.machine}"
    return (
        f"{shorten(answer.request.where)}: {circuit.n_declared} qubits{active}; {shown}\n"
        f"standard error {limits.target_error:g}, {workers} on {where}"
    )


def observable_text(answer: CutAnswer, place: int) -> str:
    """Return an observable as a user writes it, shortened."""
    terms = answer.request.observables[place].terms
    text = " + ".join(letters if value == 1.0 else f"{value:g}*{letters}" for letters, value in terms)
    return shorten(text.replace("+ -", "- "), _OBSERVABLE_SHOWN)


def candidates_table(answer: CutAnswer) -> str:
    """Return one line a candidate: times, overhead, cuts, parts, shots, circuits, memory, and why."""
    head = ("", "candidate", "predicted", "90 % between", "overhead", "cuts", "parts", "shots", "circuits", "memory")
    rows = [(*_row(answer, each), why(each, answer.request.limits.target_error)) for each in answer.ranked]
    return table(rows, (*head, "why"), right=False)


def _row(answer: CutAnswer, each: Ranked) -> tuple[str, ...]:
    candidate, cost = each.candidate, each.cost
    times = ("–", "–")
    if not cost.feasible:
        times = (duration(cost.total_s), f"{duration(cost.p5_s)} and {duration(cost.p95_s)}")
    return (
        _CHOSEN if each is answer.chosen else "",
        each.name,
        *times,
        number(candidate.overhead),
        cuts_text(candidate.n_gate_cuts, candidate.n_wire_cuts),
        " + ".join(map(str, candidate.widths)),
        f"{each.n_shots:,}",
        f"{candidate.n_runs:,} of {candidate.n_experiments:,}",
        size(cost.memory_bytes) if cost.memory_bytes else "–",
    )


def cuts_text(n_gates: int, n_wires: int) -> str:
    """Return how many gates and wires are cut."""
    counted = [f"{n} {what}{'s' if n > 1 else ''}" for n, what in ((n_gates, "gate"), (n_wires, "wire")) if n]
    return ", ".join(counted) or "none"


def why(each: Ranked, target_error: float) -> str:
    """Return what a candidate's time is spent on and where it misses the target, or why it cannot be run."""
    cost = each.cost
    if cost.feasible:
        return f"cannot be run: {cost.feasible}"
    name, seconds = max(cost.phases.items(), key=lambda phase: phase[1])
    share = f"{name} takes {100.0 * seconds / cost.total_s:.0f} %" if cost.total_s > 0 else ""
    missed = [f"± {cost.stderr:.2g} expected"] if cost.stderr > _MISSED * target_error else []
    paid = [] if cost.money is None else [f"costs {number(cost.money)}"]
    on_qpu = [f"{duration(cost.qpu_s)} of QPU"] if cost.qpu_s else []
    return ", ".join([share, *missed, *on_qpu, *paid])


def refused_lines(answer: CutAnswer) -> list[str]:
    """Return the ways that break a limit, those of least overhead first."""
    refused = answer.found.refused
    lines = [f"left out: {each.name} ({_parts(each.widths)}): {each.reason}" for each in refused[:_MOST_REFUSED]]
    more = len(refused) - _MOST_REFUSED
    return [*lines, f"left out: {more} more"] if more > 0 else lines


def _parts(widths: Sequence[int]) -> str:
    return "parts of " + ", ".join(map(str, widths))


def sentence(answer: CutAnswer) -> str:
    """Return the answer: what to run, how long it takes, and how much that gains over the next best thing."""
    chosen, best = answer.chosen, answer.ranked[0]
    if chosen.cost.feasible:
        return f"Strategy {answer.strategy} takes {chosen.name}, which cannot be run: {chosen.cost.feasible}."
    cost = chosen.cost
    between = f"{duration(cost.total_s)} (90 % between {duration(cost.p5_s)} and {duration(cost.p95_s)})"
    text = f"{_doing(chosen)} is predicted to take {between}"
    if chosen is not best:
        return f"Strategy {answer.strategy}: {text}; {best.name} would take {duration(best.cost.total_s)}."
    rival = _rival(answer)
    if rival is None:
        return f"{text}; {_no_rival(answer)}."
    factor = rival.cost.total_s / cost.total_s
    near = f" {_NEAR}" if rival.cost.p5_s <= cost.p95_s else ""
    whole = "; in one piece it cannot be run" if chosen.candidate.n_cuts and rival.candidate.n_cuts else ""
    than = f"{_compared(chosen, rival)} ({duration(rival.cost.total_s)}){whole}"
    return f"{text}, {number(factor)} times faster than {than}.{near}"


def _rival(answer: CutAnswer) -> Ranked | None:
    """Return what a choice is compared with: the circuit whole, or the best cut if that is chosen."""
    able = [each for each in answer.ranked if not each.cost.feasible and each is not answer.chosen]
    whole = next((each for each in able if not each.candidate.n_cuts), None)
    return whole or (able[0] if able else None)


def _no_rival(answer: CutAnswer) -> str:
    lost = [*(each.name for each in answer.ranked if each.cost.feasible), *(each.name for each in answer.found.refused)]
    others = "1 other way does not" if len(lost) == 1 else f"{len(lost)} other ways do not"
    return f"nothing else keeps the limits ({others})" if lost else "there is no other way"


def _doing(each: Ranked) -> str:
    if each.candidate.n_cuts:
        *most, last = map(str, each.candidate.widths)
        return f"Cutting into parts of {', '.join(most)} and {last} qubits ({each.name})"
    return "Running the circuit in one piece" if each.candidate.n_parts == 1 else "Running its separate parts"


def _compared(chosen: Ranked, rival: Ranked) -> str:
    if rival.candidate.n_cuts:
        return f"the {'next' if chosen.candidate.n_cuts else 'best'} cut, {rival.name}"
    return "in one piece" if rival.candidate.n_parts == 1 else "its separate parts"


def value_text(value: float, stderr: float) -> str:
    """Return a value with its standard error, to two digits of the latter."""
    if not stderr > 0.0 or not math.isfinite(stderr):
        return sign(f"{value:.6g} (exact)" if stderr == 0.0 else f"{value:.6g}")
    decimals = max(0, 1 - math.floor(math.log10(stderr)))
    return f"{sign(f'{value:.{decimals}f}')} ± {stderr:.{decimals}f}"


def values_table(answer: CutAnswer, found: CutRun) -> str:
    """Return one line an observable: its value and standard error."""
    shown = [observable_text(answer, place) for place in range(len(found.values))]
    pairs = zip(shown, found.values.tolist(), found.stderr.tolist(), strict=True)
    return table([(name, value_text(value, stderr)) for name, value, stderr in pairs], ("observable", "value"), False)


def phases_table(found: CutRun) -> str:
    """Return one line a phase, predicted beside measured, and their sums."""
    cost = found.ranked.cost
    rows = [(name, duration(cost.phases[name]), duration(seconds)) for name, seconds in found.phases.items()]
    rows.append(("total", duration(cost.total_s), duration(found.measured_s)))
    return table(rows, ("phase", "predicted", "measured"))


def run_sentence(found: CutRun) -> str:
    """Return what was run, how long it took, and how far off the prediction was."""
    cost, ran = found.ranked.cost, found.outcome
    n = len(ran.experiments)
    text = f"{_doing(found.ranked)} took {duration(found.measured_s)}"
    if ran.n_resumed:
        return f"{text} beside what an earlier run did: {ran.n_resumed:,} of {n:,} circuits."
    circuits = f"{n:,} circuit{'s' if n != 1 else ''}, {ran.shots_total:,} shots"
    if ran.mode != "fast":
        return f"{text} ({circuits}) in mode {ran.mode}; {duration(cost.total_s)} are predicted for mode fast."
    where = "inside" if is_inside(found) else "outside"
    return (
        f"{text} ({circuits}); predicted were {duration(cost.total_s)}, {where} the 90 % interval of "
        f"{duration(cost.p5_s)} to {duration(cost.p95_s)}."
    )


def is_inside(found: CutRun) -> bool:
    """Return whether a measured time lies in its predicted interval, or the two are not of one thing."""
    cost, ran = found.ranked.cost, found.outcome
    return bool(ran.n_resumed) or ran.mode != "fast" or cost.p5_s <= found.measured_s <= cost.p95_s


def runs_table(answer: CutAnswer, ran: Sequence[CutRun]) -> str:
    """Return one line a way that was run: predicted, measured, values."""
    rows = [
        (
            _CHOSEN if each.ranked is answer.chosen else "",
            each.name,
            duration(each.ranked.cost.total_s),
            duration(each.measured_s),
            f"{100.0 * (each.ranked.cost.total_s / each.measured_s - 1.0):+.0f} %".replace("-", "−"),
            ", ".join(value_text(v, e) for v, e in zip(each.values.tolist(), each.stderr.tolist(), strict=True)),
        )
        for each in ran
    ]
    return table(rows, ("", "candidate", "predicted", "measured", "error", "value"), right=False)


def all_sentence(answer: CutAnswer, ran: Sequence[CutRun]) -> str:
    """Return whether the strategy took what was measured to be fastest, and what it lost if not."""
    if not ran:
        return "Nothing was predicted to fit into the budget."
    fastest = min(ran, key=lambda each: each.measured_s)
    chosen = next((each for each in ran if each.ranked is answer.chosen), None)
    text = f"{fastest.name} was the fastest of {len(ran)} ways: {duration(fastest.measured_s)}"
    if chosen is None:
        return f"{text}; {answer.chosen.name}, which {answer.strategy} takes, was not run."
    if chosen is fastest:
        return f"{text}; it is what {answer.strategy} takes."
    lost = 100.0 * (chosen.measured_s / fastest.measured_s - 1.0)
    return f"{text}; {answer.strategy} takes {chosen.name}, which took {number(lost)} % longer."
