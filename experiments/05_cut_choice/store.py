"""The file of measured rows: whole cases only, so that a measurement can stop at any time and go on."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from qhpcsim.execution.cutting_outcome import PHASES

COLUMNS = (
    "case", "family", "circuit", "kind", "target", "option", "n_options", "name", "n_parts", "widths",
    "widths_deferred", "n_gate_cuts", "n_wire_cuts", "overhead", "n_experiments", "n_distinct", "n_runs", "shots",
    "plan_s", "workers", "round", "repeat", "n_inner", "status", "cpu_s", "wall_s",
    *(f"{name}_cpu_s" for name in PHASES), *(f"{name}_wall_s" for name in PHASES), "circuits", "value", "stderr",
    "exact", "others", "slowness", "unix_s",
)  # fmt: skip


class Store:
    """Rows by case, in the order in which the cases were first measured."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cases: dict[int, list[dict[str, str]]] = {}
        if path.exists():
            with path.open(encoding="utf-8", newline="") as stream:
                for row in csv.DictReader(stream):
                    self.cases.setdefault(int(row["case"]), []).append(row)

    def done(self, most_others: float) -> set[int]:
        """Return the cases during which others took no more than so many cores on average."""
        return {case for case, rows in self.cases.items() if fmean(float(row["others"]) for row in rows) <= most_others}

    def times_s(self, case: int) -> dict[int, float]:
        """Return the least processor time of each option of a case that was not stopped."""
        found: dict[int, float] = {}
        for row in self.cases.get(case, ()):
            if row["status"] == "ok":
                option = int(row["option"])
                found[option] = min(float(row["cpu_s"]), found.get(option, float(row["cpu_s"])))
        return found

    def next_round(self, case: int) -> int:
        """Return the number of the next round of measurements of a case."""
        return 1 + max((int(row.get("round") or 1) for row in self.cases.get(case, ())), default=0)

    def add(self, case: int, rows: Sequence[dict[str, Any]]) -> None:
        """Write rows of a case after those that it has."""
        self.put(case, [*self.cases.get(case, ()), *rows])

    def put(self, case: int, rows: Sequence[dict[str, Any]]) -> None:
        """Write the rows of a case in place of those that it has, all of them or none if the machine dies."""
        self.cases[case] = [{key: _text(row.get(key)) for key in COLUMNS} for row in rows]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".part")
        with draft.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(row for rows in self.cases.values() for row in rows)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self.path)


def _text(value: object) -> str:
    """Return a value as it stands in the file: numbers with six digits, nothing for None."""
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
