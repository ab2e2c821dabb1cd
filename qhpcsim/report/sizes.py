"""Size classes in figures: the ones of the summary, the largest ones taken together where there are too many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qhpcsim.metrics.size_class import class_name, size_classes
from qhpcsim.report.columns import IntArray

MAX_CLASSES = 6
"""Colours that a reader can tell apart."""


@dataclass(slots=True)
class SizeGroups:
    """Which group each job is in, and what the groups are called, smallest first."""

    of_job: IntArray
    labels: tuple[str, ...]
    members: tuple[int, ...]
    """Least size class (``metrics.size_class``) in each group."""

    def of(self, nodes: IntArray) -> IntArray:
        """Return the groups of other jobs, for example a baseline's; larger than any: the last group."""
        classes = size_classes(nodes.astype(np.int32))
        place = np.searchsorted(np.array(self.members, dtype=np.int64), classes, side="right")
        return np.asarray(np.maximum(place - 1, 0))


def size_groups(nodes: IntArray) -> SizeGroups:
    """Return at most six groups that cover all jobs; a group without jobs is not made."""
    found = [int(k) for k in np.unique(size_classes(nodes.astype(np.int32)))]
    members = tuple(found[:MAX_CLASSES])
    labels = [_label(k) for k in members]
    if len(found) > MAX_CLASSES:
        labels[-1] = f"{4 ** (members[-1] - 1) + 1:,} nodes or more"
    groups = SizeGroups(np.zeros(0, np.int64), tuple(labels), members)
    groups.of_job = groups.of(nodes) if members else np.zeros(0, np.int64)
    return groups


def _label(k: int) -> str:
    name = class_name(k).replace("-", "–")
    return f"{name} node" if k == 0 else f"{name} nodes"
