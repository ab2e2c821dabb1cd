"""What a plan left in its folder, read for its report: ``plan.json`` and ``points.csv``."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qhpcsim.core.errors import ReportError, shorten

ANSWER, POINTS = "plan.json", "points.csv"
MEETS, FAILS, OPEN, IMPOSSIBLE, LOOKED_AT = "meets", "fails", "open", "cannot run", "looked at"
BELOW, ABOVE = "below", "above"
_AGAIN = "give the command 'qhpcsim plan' of this study again; what was simulated is kept"


@dataclass(frozen=True, slots=True)
class Demand:
    """One constraint, and how the plan meets it."""

    figure: str
    side: str
    limit: float
    confidence: float
    mean: float | None = None
    """Of the plan on new seeds; None: no plan was found."""
    bound: float | None = None
    """One-sided limit of the mean at the confidence; None: there is none."""
    margin: float | None = None
    n: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """Mean of a figure at a point; the ends of its 95 % interval are None where fewer than two runs gave it."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class PlanPoint:
    """One point of which something is known."""

    choices: Mapping[str, str]
    cost: float
    verdict: str
    why: str
    n: int
    seen: tuple[Seen | None, ...]
    """Of each constraint's figure; None: it was not run."""
    is_plan: bool
    on_frontier: bool


@dataclass(frozen=True, slots=True)
class Capacity:
    """A plan, ready to be shown."""

    folder: str
    answer: Mapping[str, Any]
    """``plan.json`` as it is."""
    demands: tuple[Demand, ...]
    points: tuple[PlanPoint, ...]

    @property
    def plan(self) -> Mapping[str, Any] | None:
        """The plan's choices and prices; None if none was found."""
        found: Mapping[str, Any] | None = self.answer["plan"]
        return found

    @property
    def unit(self) -> str:
        """Unit of the objective."""
        return str(self.answer["unit"])


def read_capacity(folder: str | Path) -> Capacity:
    """Return the plan in a folder.

    Raises:
        ReportError: if the folder holds no plan, or one that an earlier version left.
    """
    folder = Path(folder)
    answer = _read(folder / ANSWER, lambda text: json.loads(text, parse_constant=_refused))
    rows = _read(folder / POINTS, lambda text: list(csv.DictReader(text.splitlines())))
    try:
        demands = tuple(_demand(row) for row in answer["constraints"])
        keys = [str(row["key"]) for row in answer["decide"]]
        frontier = [row["choices"] for row in answer["frontier"]]
        best = None if answer["plan"] is None else answer["plan"]["choices"]
        points = tuple(_point(row, keys, demands, best, frontier) for row in rows)
        for key in ("basis", "study", "version", "seeds", "sentences", "unit"):
            answer[key]
    except (KeyError, TypeError, ValueError) as error:
        message = f"{ANSWER} or {POINTS} lacks what the report needs ({shorten(error)}): another version wrote them"
        raise ReportError(message, where=str(folder), hint=_AGAIN) from None
    return Capacity(folder.resolve().name, answer, demands, points)


def _read(path: Path, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"cannot be read: {error.strerror or error}", where=str(path), hint=_AGAIN) from None
    except (ValueError, csv.Error) as error:
        raise ReportError(f"is damaged: {shorten(error)}", where=str(path), hint=_AGAIN) from None


def _refused(word: str) -> float:
    raise ValueError(f"{word} is no number of a plan")


def _demand(row: Mapping[str, Any]) -> Demand:
    side = BELOW if BELOW in row else ABOVE
    met = {name: row[name] for name in ("mean", "bound", "margin", "n") if name in row}
    return Demand(str(row["figure"]), side, float(row[side]), float(row["confidence"]), **met)


def _point(
    row: Mapping[str, str], keys: list[str], demands: tuple[Demand, ...], best: Any, frontier: list[Any]
) -> PlanPoint:
    choices = {key: row[key] for key in keys}
    seen = tuple(_seen(row, demand.figure) for demand in demands)
    verdict, words = row["verdict"], (row["why"], int(row["n"]))
    return PlanPoint(choices, float(row["objective"]), verdict, *words, seen, choices == best, choices in frontier)


def _seen(row: Mapping[str, str], figure: str) -> Seen | None:
    mean, low, high = (_number(row[f"{figure}{end}"]) for end in ("", "_low", "_high"))
    return None if mean is None else Seen(mean, low, high)


def _number(text: str) -> float | None:
    value = float(text) if text else math.nan
    return value if math.isfinite(value) else None
