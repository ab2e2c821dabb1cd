"""What is known of a job beyond Batsim's columns, as JSON text: one text for each distinct combination."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import Categories, JobTable, Schedule
from qhpcsim.scenario import Partition

Codes = NDArray[np.int64]
Column = tuple[Codes, list[str]]
"""(n,) ranks from 0, and the JSON fragment of each rank; rank 0 is "not given"."""
_WORDS = ("user", "group", "account", "qos", "feature", "gpu_type")
_NUMBERS = ("gpus_per_node", "cores_per_node", "memory_per_node_bytes")
_RADIX_LIMIT = 2**62


def metadata(table: JobTable, schedule: Schedule, partitions: Mapping[str, Partition]) -> tuple[Codes, list[str]]:
    """Return the (n,) index of each job's text, and the distinct texts: ``{"user": "u1", "gpus_per_node": 4}``.

    What the workload does not give is left out; the text of a job of which nothing is known is empty. ``partition`` is
    where the job was sent, or what it asked for if it was rejected, given where that is not obvious.
    """
    key = np.zeros(table.n, np.int64)
    size = 1
    columns = list(_columns(table, schedule, partitions))
    for codes, fragments in columns:
        if size * len(fragments) >= _RADIX_LIMIT:
            size, key = _dense(key)
        key = key * len(fragments) + codes
        size *= len(fragments)
    if not columns:
        return key, [""]
    _, first, index = np.unique(key, return_index=True, return_inverse=True)
    picked = [[fragments[k] for k in codes[first].tolist()] for codes, fragments in columns]
    return index, [_text(parts) for parts in zip(*picked, strict=True)]


def _dense(key: Codes) -> tuple[int, Codes]:
    """Return the number of distinct keys, and the keys renumbered from 0."""
    found, index = np.unique(key, return_inverse=True)
    return len(found), index.astype(np.int64)


def _text(parts: tuple[str, ...]) -> str:
    inside = ", ".join(part for part in parts if part)
    return "{" + inside + "}" if inside else ""


def _columns(table: JobTable, schedule: Schedule, partitions: Mapping[str, Partition]) -> Iterator[Column]:
    for name in _WORDS:
        column = getattr(table, name)
        if column is not None:
            yield _words(name, column)
    if table.partition is not None or len(partitions) > 1:
        yield _words("partition", _sent_to(table, schedule, partitions))
    for name in _NUMBERS:
        values = getattr(table, name)
        if values is not None:
            found, index = np.unique(values, return_inverse=True)
            yield index.astype(np.int64), [_fragment(name, value) if value else "" for value in found.tolist()]
    if schedule.lost is not None:
        yield from _lost(table, schedule)
    if schedule.reason is not None:
        yield _words("reason", schedule.reason)


def _lost(table: JobTable, schedule: Schedule) -> Iterator[Column]:
    """Yield how often each job began again and the node time that cost."""
    lost = schedule.lost
    assert lost is not None
    count = np.bincount(lost.job, minlength=table.n)
    node_s = np.zeros(table.n)
    np.add.at(node_s, lost.job, (lost.end_s - lost.start_s) * table.nodes[lost.job])
    for name, values in (("restarts", count), ("lost_node_s", node_s)):
        found, index = np.unique(values, return_inverse=True)
        yield index.astype(np.int64), [_fragment(name, value) if value else "" for value in found.tolist()]


def _sent_to(table: JobTable, schedule: Schedule, partitions: Mapping[str, Partition]) -> Categories:
    names = tuple(partitions)
    if table.partition is None:
        return Categories(schedule.partition, names)
    asked = table.partition.code
    code = np.where(schedule.partition >= 0, schedule.partition, np.where(asked >= 0, asked + len(names), -1))
    return Categories(code.astype(np.int32), names + table.partition.names)


def _words(name: str, column: Categories) -> Column:
    return column.code.astype(np.int64) + 1, ["", *(_fragment(name, word) for word in column.names)]


def _fragment(name: str, value: object) -> str:
    return f"{json.dumps(name)}: {json.dumps(value)}"
