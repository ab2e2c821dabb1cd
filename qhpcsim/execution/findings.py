"""What a validation found, in words: agreement by group, the models that it checked, the tasks that gave nothing."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from qhpcsim.core.task_records import word_texts
from qhpcsim.core.wording import MISSING, sign
from qhpcsim.execution.agreement import Agreement, agreement
from qhpcsim.execution.validation import Validation

HEAD = ("", "tasks", "no result", "mean error", "95 % interval", "bias", "inside 90 %", "95 % interval")
"""Columns of the table of agreement."""


@dataclass(frozen=True, slots=True)
class Check:
    """What a validation says of one device of the run and one kind of work."""

    device: str
    kind: str
    n_run: int
    """Tasks of the whole run."""
    n_sampled: int
    n_measured: int

    def words(self) -> str:
        """Return ``device, kind: checked on 12 of 300 tasks`` or that it is not checked."""
        name = f"{self.device or 'device not given'}, {self.kind or 'kind not given'}"
        if self.n_measured:
            return f"{name}: checked on {self.n_measured:,} of {self.n_run:,} tasks"
        tried = f" ({self.n_sampled:,} tried, none gave a time)" if self.n_sampled else ""
        return f"{name}: not checked ({self.n_run:,} tasks){tried}"


def groups(found: Validation, seed: int = 0) -> list[tuple[str, list[tuple[str, Agreement]]]]:
    """Return the agreement of all tasks, and by motif, kind and size."""
    n = found.table.n
    columns = (
        ("by motif", word_texts(found.table.motif, n)),
        ("by kind", word_texts(found.table.kind, n)),
        ("by size", found.size),
    )
    parts = [("all", [("all tasks", _of(found, [True] * n, seed))])]
    for title, words in columns:
        names = sorted(dict.fromkeys(words), key=_natural)
        parts.append((title, [(name or "not given", _of(found, [w == name for w in words], seed)) for name in names]))
    return parts


def row(label: str, found: Agreement) -> list[str]:
    """Return one line of the table of agreement, under ``HEAD``."""
    low, high = found.coverage_interval
    return [
        label,
        f"{found.n + found.n_missing:,}",
        f"{found.n_missing:,}",
        percent(found.mape_frac),
        _span(found.mape_low, found.mape_high),
        percent(found.bias_frac, signed=True),
        f"{found.n_inside} of {found.n_interval}" if found.n_interval else MISSING,
        _span(low, high),
    ]


def sentence(found: Validation, seed: int = 0) -> str:
    """Return one sentence that says how far the predictions can be trusted, and what is missing."""
    whole = _of(found, [True] * found.table.n, seed)
    missing = _missing(found)
    if not whole.n:
        return f"No task gave a time to compare: {missing}."
    within = ""
    if not math.isnan(whole.mape_low):
        within = f" (95 % interval {_span(whole.mape_low, whole.mape_high)})"
    cover = f", and {whole.n_inside} of {whole.n_interval} fell into their 90 % interval" if whole.n_interval else ""
    side = "too long" if whole.bias_frac > 0 else "too short"
    return (
        f"{whole.n} task{'s' * (whole.n != 1)} ran: predicted with a mean error of {percent(whole.mape_frac)}{within}, "
        f"{percent(abs(whole.bias_frac))} {side} on average{cover}."
        + (f" Without a time: {missing}." if missing else "")
        + _disturbed(found)
    )


def checks(found: Validation) -> list[Check]:
    """Return every device and kind of the run with what was seen of it, most tasks first."""
    n = found.table.n
    keys = list(
        zip(*(word_texts(c, n) for c in (found.table.device, found.table.device_class, found.table.kind)), strict=True)
    )
    sampled = Counter(keys)
    measured = Counter(key for key, known in zip(keys, np.isfinite(found.measured_s).tolist(), strict=True) if known)
    order = sorted(found.n_devices.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Check(_device(*key[:2]), key[2], total, sampled[key], measured[key]) for key, total in order]


def checked_sentence(found: Validation, card: str) -> str:
    """Return which models this validation checked and which it did not."""
    seen = [check for check in checks(found) if check.n_measured]
    names = list(dict.fromkeys(check.device for check in seen if check.device))
    unseen = [f"{c.device or 'device not given'} ({c.kind or 'no kind'})" for c in checks(found) if not c.n_measured]
    others = f" Not checked: {_listed(unseen)}." if unseen else ""
    if not seen:
        return f"No model is checked.{others}"
    kinds = _listed(list(dict.fromkeys(check.kind for check in seen)))
    if not card:
        whose = _listed(names) or "a device that is not named"
        return f"Checked: the run's own predictions for {whose} ({kinds}), if this machine is one.{others}"
    apart = [name for name in names if name != card]
    hedge = f" The numbers of {_listed(apart)} themselves are not: that is another device." if apart else ""
    return f"Checked: the model with card {card} ({kinds}).{hedge}{others}"


def without_result(found: Validation) -> list[list[str]]:
    """Return task, reason, attempts and error of every sampled task that gave no time."""
    return [[each.task_id, each.reason, str(each.attempts), each.error] for each in found.results if not each.ok]


def percent(fraction: float, signed: bool = False) -> str:
    """Return a fraction as per cent; with a sign where that matters."""
    if not math.isfinite(fraction):
        return MISSING
    return f"{'+' if signed and fraction > 0 else ''}{_hundredths(fraction)} %"


def _of(found: Validation, mask: list[bool], seed: int) -> Agreement:
    chosen, table = np.array(mask, dtype=np.bool_), found.table
    assert table.predicted_s is not None and table.p5_s is not None and table.p95_s is not None
    return agreement(table.predicted_s[chosen], table.p5_s[chosen], table.p95_s[chosen], found.measured_s[chosen], seed)


def _missing(found: Validation) -> str:
    reasons = Counter(each.reason.replace("_", " ") for each in found.results if not each.ok)
    unknown = sum(each.ok for each in found.results) - int(np.isfinite(_predicted(found)).sum())
    parts = [f"{n} {reason}" for reason, n in sorted(reasons.items())]
    return ", ".join(parts + ([f"{unknown} without a prediction"] if unknown > 0 else []))


def _disturbed(found: Validation) -> str:
    n = int(found.disturbed.sum())
    if not n:
        return ""
    return f" Other work interrupted {n} of them and their processor time was taken: repeat this on a quiet machine."


def _predicted(found: Validation) -> np.ndarray:
    """Return the predictions of the tasks that gave a time."""
    assert found.table.predicted_s is not None
    return found.table.predicted_s[np.isfinite(found.measured_s)]


def _device(name: str, device_class: str) -> str:
    return name or device_class


def _span(low: float, high: float) -> str:
    return MISSING if math.isnan(low) else f"{_hundredths(low)}–{_hundredths(high)} %"


def _hundredths(fraction: float) -> str:
    """Return a fraction times 100, with one decimal below 100."""
    value = 100 * fraction
    return sign(f"{value:.1f}" if abs(value) < 99.95 else f"{value:,.0f}")


def _listed(words: list[str]) -> str:
    return ", ".join(words)


def _natural(name: str) -> tuple[float, str]:
    """Sort names that begin with a number by that number."""
    digits = name.split("–")[0].split(" ")[0]
    return (float(digits), name) if digits.isdigit() else (math.inf, name)
