"""A comparison in words: its table, and what can and cannot be concluded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qhpcsim.cli.output import table
from qhpcsim.core.wording import figure_text
from qhpcsim.studies.pairs import BCA_LEAST

if TYPE_CHECKING:
    from qhpcsim.studies.compare import Comparison
    from qhpcsim.studies.pairs import Difference

NONE = "–"


def differences_table(seen: Comparison) -> str:
    """Return one line a figure and point: both means, the difference with its interval, and what pairing gained."""
    return differences_rows(seen.differences, seen.level)


def differences_rows(differences: Sequence[Difference], level: float, point: str = "point") -> str:
    """Return one line a difference: both means, the difference with its interval, and what pairing gained."""
    interval = f"{100 * level:g} % interval"
    head = ["figure", point, "first", "here", "difference", interval, "p (Holm)", "gain", "seeds"]
    return table([_row(each) for each in differences], head)


def _row(each: Difference) -> list[str]:
    interval = NONE if math.isnan(each.low) else f"{_signed(each.low, each)} … {_signed(each.high, each)}"
    return [
        each.metric,
        each.other,
        figure_text(each.mean_first, each.metric),
        figure_text(each.mean_other, each.metric),
        _signed(each.mean, each) + _share(each),
        interval,
        NONE if math.isnan(each.p_holm) else (f"{each.p_holm:.3f}" if each.p_holm >= 0.001 else "< 0.001"),
        NONE if math.isnan(each.variance_ratio) else f"{each.variance_ratio:.1f}×",
        str(each.n),
    ]


def _signed(value: float, each: Difference) -> str:
    text = figure_text(value, each.metric)
    return f"+{text}" if value > 0 else text


def _share(each: Difference) -> str:
    if not each.mean_first or math.isnan(each.mean_first):
        return ""
    return f" ({100 * each.mean / abs(each.mean_first):+.1f} %)".replace("-", "−")


def sentences(seen: Comparison) -> list[str]:
    """Return what can be concluded of the leading figure, and what the reader must know."""
    leading = [each for each in seen.differences if each.metric == seen.differences[0].metric]
    texts = [sentence(each) for each in leading]
    if len(seen.differences) > 1:
        texts.append(f"Corrected for {len(seen.differences)} comparisons (Holm).")
    poor = [each for each in leading if each.variance_ratio <= 1.0]
    if poor:
        texts.append("Common seeds did not narrow the intervals: the points do not use the same random numbers alike.")
    if seen.method == "bca" and 2 <= leading[0].n < BCA_LEAST:
        texts.append(
            f"Bootstrap intervals of {leading[0].n} seeds cover less than they say, by 4 to 15 points; "
            "--interval both comes closer (docs/studies.md)."
        )
    if seen.stopped:
        texts.append(f"Stopped {seen.stopped}; intervals of sequential looks cover a little less than they say.")
    texts += [f"Left out: {name}; no run has a steady state of it." for name in seen.left_out]
    return texts


def sentence(each: Difference) -> str:
    """Return what can be concluded of one difference."""
    if each.n == 0:
        return f"No seed has {each.metric} at both {each.first} and {each.other}."
    here = f"{each.other} against {each.first}"
    by = figure_text(abs(each.mean), each.metric)
    if each.n == 1:
        return f"{here}: {each.metric} differs by {_signed(each.mean, each)}; one seed, so nothing is known of chance."
    if each.low == each.high == 0.0:
        return f"{here}: {each.metric} is the same under every seed."
    if each.settled:
        verb = "lowers" if each.mean < 0 else "raises"
        ends = sorted((abs(each.low), abs(each.high)))
        return (
            f"{here} {verb} {each.metric} by {by}{_share(each)}, "
            f"{figure_text(ends[0], each.metric)} to {figure_text(ends[1], each.metric)} at {100 * each.level:g} %."
        )
    more = (
        f"about {each.n_needed:,} seeds would settle a difference as large as the one seen"
        if each.n_needed is not None and each.n_needed > each.n
        else "no reasonable number of seeds would settle it"
        if each.n_needed is None
        else "the correction for many comparisons leaves it open"
    )
    return f"{here}: whether {each.metric} differs cannot be concluded from {each.n} seeds; {more}."


def runs_table(names: Sequence[str], summaries: Sequence[Mapping[str, Any]], wanted: Sequence[str]) -> str:
    """Return the figures of two runs beside each other.

    Raises:
        StudyError: if one that is wanted does not exist.
    """
    from qhpcsim.core.errors import StudyError, nearest, shorten
    from qhpcsim.studies.compare import PREFERRED
    from qhpcsim.studies.figures import figures_of

    figures = [figures_of(summary) for summary in summaries]
    known = [name for name in figures[0] if name in figures[1]]
    for name in wanted:
        if name not in known:
            raise StudyError(
                f"no figure {shorten(name)!r} in both runs", where="--metric", suggestion=nearest(name, known)
            )
    usual = dict.fromkeys(name for line in PREFERRED for name in line if name in known)
    rows = []
    for name in wanted or usual:
        first, other = (each[name] for each in figures)
        if first is None or other is None:
            rows.append([name, *(NONE if v is None else figure_text(v, name) for v in (first, other)), NONE])
            continue
        gap = other - first
        share = f" ({100 * gap / abs(first):+.1f} %)".replace("-", "−") if first else ""
        signed = f"+{figure_text(gap, name)}" if gap > 0 else figure_text(gap, name)
        rows.append([name, figure_text(first, name), figure_text(other, name), f"{signed}{share}"])
    return table(rows, ["figure", *names, "difference"])
