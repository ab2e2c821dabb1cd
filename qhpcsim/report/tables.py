"""The other tables of a report: facility, size classes, what was left out, how the run came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qhpcsim.core.registry import entries
from qhpcsim.core.wording import number
from qhpcsim.report.data import PartitionView, RunData
from qhpcsim.report.summary_table import show, table
from qhpcsim.report.text import plain, power, size

_SIZE_KEYS = (
    ("n_jobs", "jobs"),
    ("mean_wait_s", "mean wait"),
    ("p50_wait_s", "median wait"),
    ("p95_wait_s", "95th percentile of wait"),
    ("max_wait_s", "longest wait"),
    ("mean_bounded_slowdown", "mean bounded slowdown"),
    ("p95_bounded_slowdown", "95th percentile of bounded slowdown"),
)
_NOT_ON_THE_CARD = ("wall_s", "cpu_s", "scenario", "seed", "versions", "inputs", "command", "date")
"""Shown elsewhere, or different each time the same run is made."""


@dataclass(frozen=True, slots=True)
class Table:
    """A heading and rows of text; the first column is words, the others are figures."""

    head: list[str]
    rows: list[list[str]]


def facility_table(run: RunData) -> Table:
    """Return the machine, one partition a row; columns that say nothing are left out."""
    did = run.summary.get("by_partition") or {}
    columns: list[tuple[str, list[str]]] = [
        ("nodes", [number(p.nodes) for p in run.partitions]),
        ("cores per node", _unless(1, [p.cores_per_node for p in run.partitions])),
        ("GPUs per node", [_gpus(p) for p in run.partitions]),
        ("memory per node", [size(p.memory_per_node_bytes) if p.memory_per_node_bytes else "" for p in run.partitions]),
        ("idle node", [_watts(p.idle_w) for p in run.partitions]),
        ("busy node", [_watts(p.busy_w) for p in run.partitions]),
        ("nodes are", ["shared by cores" if p.shared else "" for p in run.partitions]),
    ]
    for key, words in (
        ("n_jobs", "jobs"),
        ("utilisation_frac", "utilisation"),
        ("mean_wait_s", "mean wait"),
        ("energy_j", "energy"),
    ):
        cells = [(did.get(p.name) or {}).get(key) for p in run.partitions]
        columns.append((words, ["" if cell is None else show(key, cell) for cell in cells]))
    kept = [(title, cells) for title, cells in columns if any(cells)]
    names = [plain(p.name) for p in run.partitions]
    rows = [[name, *[cells[k] or "–" for _, cells in kept]] for k, name in enumerate(names)]
    return Table(["partition", *[title for title, _ in kept]], rows)


def _unless(usual: int, values: list[int]) -> list[str]:
    return [number(v) for v in values] if any(v != usual for v in values) else [""] * len(values)


def _gpus(part: PartitionView) -> str:
    return f"{part.gpus_per_node} {plain(part.gpu_type)}".strip() if part.gpus_per_node else ""


def _watts(watts: float | None) -> str:
    return "" if watts is None else power(float(watts))


def size_table(run: RunData) -> Table | None:
    """Return metrics by size class, with the baseline's mean wait beside; None if the summary has none."""
    mine = run.summary.get("by_size_class") or {}
    other = run.baseline_summary.get("by_size_class") or {}
    if not mine:
        return None
    names = [str(name) for name in mine]
    head = ["nodes", *[words for _, words in _SIZE_KEYS]]
    rows = table(_SIZE_KEYS, dict(zip([n.replace("-", "–") for n in names], mine.values(), strict=True)))
    if other:
        head.insert(3, f"mean wait, {plain(run.baseline_name, 20)}")
        for name, row in zip(names, rows, strict=True):
            row.insert(3, show("mean_wait_s", (other.get(name) or {}).get("mean_wait_s")))
    return Table(head, rows)


def cleaned_table(run: RunData) -> Table | None:
    """Return what the reader changed or dropped; None if nothing."""
    rows = [[plain(rule, 160), number(n)] for rule, n in run.cleaned.items() if n]
    return Table(["rule", "jobs"], rows) if rows else None


def counted_table(run: RunData) -> Table | None:
    """Return the jobs that each family of metrics counts and leaves out; None if none leaves any out."""
    counted = run.summary.get("counted") or {}
    rows = [
        [
            plain(name.replace("_frac", "").replace("_", " ")),
            number(c["n_counted"]),
            number(c["n_excluded"]),
            plain(c["excluded"], 80),
        ]
        for name, c in counted.items()
        if c.get("n_excluded")
    ]
    return Table(["metrics of", "jobs counted", "left out", "why"], rows) if rows else None


def provenance_table(run: RunData) -> Table:
    """Return seed, versions, input hashes and whatever else the card says that is the same every time."""
    card = run.card
    rows = [["seed", plain(card.get("seed", run.summary.get("seed", "")))]]
    rows += [[plain(f"version of {k}"), plain(v)] for k, v in dict(card.get("versions") or {}).items()]
    rows += [[plain(f"SHA-256 of {k}", 80), plain(v, 80)] for k, v in dict(card.get("inputs") or {}).items()]
    rest = {k: v for k, v in card.items() if k not in _NOT_ON_THE_CARD and not isinstance(v, (dict, list))}
    rows += [[plain(k.replace("_", " ").removeprefix("n ")), plain(v, 80)] for k, v in rest.items()]
    return Table(["what", "value"], rows)


def settings_table(run: RunData) -> Table:
    """Return the resolved scenario, one key path a row."""
    chosen = {k: v for k, v in run.settings.items() if k not in ("facility", "question", "name")}
    return Table(["key", "value"], [[plain(k, 80), plain(v, 160)] for k, v in _flat(chosen)])


def _flat(values: Mapping[str, Any], stem: str = "") -> list[tuple[str, object]]:
    pairs: list[tuple[str, object]] = []
    for key, value in values.items():
        path = f"{stem}{key}"
        if isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
            value = {str(k): part for k, part in enumerate(value)}
        pairs += _flat(value, f"{path}.") if isinstance(value, Mapping) else [(path, _line(value))]
    return pairs


def _line(value: object) -> object:
    """Return a value on one line; a list reads the same wherever it comes from."""
    return ", ".join(str(_line(part)) for part in value) if isinstance(value, (list, tuple)) else value


def formulas() -> Table:
    """Return every registered metric with its formula and source."""
    return Table(
        ["metric", "unit and formula", "source"], [[e.name, e.summary, e.source] for e in entries("metric").values()]
    )
