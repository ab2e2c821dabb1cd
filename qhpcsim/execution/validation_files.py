"""Writes a validation: every task as a row of ``validation.csv``, and the page about them."""

from __future__ import annotations

import platform
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from qhpcsim.core.task_records import word_column, word_texts
from qhpcsim.core.wording import duration
from qhpcsim.execution import findings
from qhpcsim.execution.validation import Validation, ValidationOptions
from qhpcsim.report.tables import Table
from qhpcsim.report.validation_page import ValidationPage, write_validation_page
from qhpcsim.results.tasks_csv import Column, write_tasks_csv


def write_validation(found: Validation, csv: Path, page: Path, card: str, options: ValidationOptions) -> None:
    """Write the table and the page of a validation.

    Args:
        found: What was executed.
        csv: File for the columns of ``tasks.csv`` and, after them, what was measured.
        page: File for the HTML page.
        card: Card whose model predicted; "": the run's own predictions were judged.
        options: How it was done.
    """
    write_tasks_csv(csv, found.table, measured_columns(found, card))
    write_validation_page(_page(found, card, options), page)


def measured_columns(found: Validation, card: str) -> dict[str, Column]:
    """Return the columns of ``validation.csv`` beyond those of ``tasks.csv``.

    ``measured_s`` is the time comparable with ``predicted_s``, ``error_frac`` the error in parts of it,
    ``inside_interval`` 1 or 0; empty where there is no measurement or no prediction. ``disturbed`` is 1 where other
    work on the machine took part of the core.
    """
    table = found.table
    assert table.predicted_s is not None and table.p5_s is not None and table.p95_s is not None
    inside = ((table.p5_s <= found.measured_s) & (found.measured_s <= table.p95_s)).astype(np.float64)
    inside[~np.isfinite(found.measured_s + table.p5_s + table.p95_s)] = np.nan
    return {
        "size": word_column(found.size),
        "card": word_column([card] * table.n),
        "measured_s": found.measured_s,
        "error_frac": table.predicted_s / found.measured_s - 1.0,
        "inside_interval": inside,
        "disturbed": found.disturbed.astype(np.int64),
        "note": word_column(found.notes),
        "reason": word_column([each.reason for each in found.results]),
    }


def _page(found: Validation, card: str, options: ValidationOptions) -> ValidationPage:
    table, head = found.table, list(findings.HEAD)
    groups = findings.groups(found, options.seed)
    assert table.predicted_s is not None and table.p5_s is not None and table.p95_s is not None
    return ValidationPage(
        title=f"Validation of {card or 'a run’s predictions'}",
        sentence=findings.sentence(found, options.seed),
        checked=findings.checked_sentence(found, card),
        agreement=[(name, Table(head, [findings.row(label, each) for label, each in rows])) for name, rows in groups],
        checks=Table(["device, kind", "tasks of the run", "sampled", "measured"], _checks(found)),
        missing=Table(["task", "reason", "started", "what happened"], findings.without_result(found)),
        excluded=Table(["why", "tasks"], [[why, f"{n:,}"] for why, n in found.excluded.items()]),
        settings=Table(["what", "value"], _settings(found, card, options)),
        predicted_s=table.predicted_s,
        p5_s=table.p5_s,
        p95_s=table.p95_s,
        measured_s=found.measured_s,
        labels=word_texts(table.motif, table.n),
    )


def _checks(found: Validation) -> list[list[str]]:
    return [
        [
            f"{each.device or 'not given'}, {each.kind or 'not given'}",
            f"{each.n_run:,}",
            f"{each.n_sampled:,}",
            f"{each.n_measured:,}" if each.n_measured else "not checked",
        ]
        for each in findings.checks(found)
    ]


def _settings(found: Validation, card: str, options: ValidationOptions) -> list[list[str]]:
    from qiskit_aer import __version__

    values: dict[str, Any] = {each.name: getattr(options, each.name) for each in fields(options)}
    rows = [
        ("predictions", f"card {card}" if card else "as the run made them"),
        ("tasks asked for", values["n_tasks"]),
        ("engine", " ".join(word for word in (values["engine"], values["scheduler"]) if word)),
        ("tasks at a time", values["workers"] or "half the cores"),
        ("seed", values["seed"]),
        ("budget", duration(values["budget_s"])),
        ("time spent", duration(found.spent_s)),
        ("machine", f"{platform.machine()}, {platform.system()}"),
        ("qiskit-aer", __version__),
    ]
    return [[name, str(value)] for name, value in rows]
