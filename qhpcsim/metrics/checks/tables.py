"""The output tables of a run as arrays, read independently of the code that wrote them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhpcsim.scenario import Partition

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
RELATIVE = 1e-9
"""Tolerance of every comparison, relative to the length of the run or to the figure compared."""
LEFT_NODES = ("COMPLETED_SUCCESSFULLY", "COMPLETED_FAILED", "COMPLETED_WALLTIME_REACHED", "COMPLETED_KILLED")
OTHERS = ("REJECTED", "RUNNING", "QUEUED")


class Violation(NamedTuple):
    """One broken rule."""

    id: str
    """``I01`` … ``I22``."""
    job: str
    """The job's id; empty where the rule is about the whole run."""
    text: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check of one side of a run found."""

    broken: list[Violation]
    skipped: list[str]
    """Sentences: what could not be checked, of how many jobs, and why."""


@dataclass
class Tables:
    """``jobs.csv`` and ``summary.json`` of a run, and the machine it ran on."""

    jobs: pd.DataFrame
    summary: Mapping[str, Any]
    partitions: Mapping[str, Partition]

    def floats(self, column: str) -> Floats:
        """Return a column as (n,) float64; NaN where a cell is empty."""
        return self.jobs[column].to_numpy(dtype=np.float64, na_value=np.nan)

    @cached_property
    def zero_s(self) -> float:
        """First submission: times below are counted from here."""
        submit = self.floats("submission_time")
        return float(np.nanmin(submit)) if submit.size and not np.isnan(submit).all() else 0.0

    @cached_property
    def submit_s(self) -> Floats:
        """(n,) submission since ``zero_s``."""
        return self.floats("submission_time") - self.zero_s

    @cached_property
    def start_s(self) -> Floats:
        """(n,) start since ``zero_s``; NaN if it never came."""
        return self.floats("starting_time") - self.zero_s

    @cached_property
    def end_s(self) -> Floats:
        """(n,) end since ``zero_s``; NaN if it never came."""
        return self.floats("finish_time") - self.zero_s

    @cached_property
    def run_s(self) -> Floats:
        """(n,) execution time."""
        return self.floats("execution_time")

    @cached_property
    def limit_s(self) -> Floats:
        """(n,) requested time; infinite where the table says -1."""
        requested = self.floats("requested_time")
        return np.where(requested == -1, np.inf, requested)

    @cached_property
    def width(self) -> Integers:
        """(n,) nodes requested."""
        return self.jobs["requested_number_of_resources"].to_numpy(dtype=np.int64)

    @cached_property
    def state(self) -> NDArray[np.object_]:
        """(n,) final state in words."""
        return self.jobs["final_state"].to_numpy(dtype=object)

    @cached_property
    def finished(self) -> Flags:
        """(n,) whether the state says that the job left its nodes."""
        return np.isin(self.state.astype(str), LEFT_NODES)

    @cached_property
    def started(self) -> Flags:
        """(n,) whether the state says that the job got its nodes."""
        return np.asarray(self.finished | (self.state == "RUNNING"))

    @cached_property
    def span_s(self) -> float:
        """Latest submission or end, at least 1 s."""
        return float(np.nanmax(np.concatenate([self.submit_s, self.end_s]), initial=1.0))

    @cached_property
    def tolerance_s(self) -> float:
        """Allowed difference of two times: 1e-9 of the run's length, and the rounding of the file's time axis."""
        return RELATIVE * self.span_s + 2 * float(np.spacing(abs(self.zero_s) + self.span_s))

    @cached_property
    def relative(self) -> float:
        """Allowed relative difference of two figures: ``tolerance_s`` seen against the run's length."""
        return max(RELATIVE, self.tolerance_s / self.span_s)

    @cached_property
    def ranges(self) -> tuple[Integers, Integers, Integers]:
        """Allocated node ids as (n+1,) offsets into inclusive low and high ends."""
        texts = ["" if text is None or text != text else str(text) for text in self.jobs["allocated_resources"]]
        counts = [text.count(" ") + 1 if text else 0 for text in texts]
        tokens = " ".join(text for text in texts if text).split()
        pairs = "-".join(token if "-" in token else f"{token}-{token}" for token in tokens)
        ends = np.array(pairs.split("-") if pairs else [], dtype=np.int64).reshape(-1, 2)
        return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]), ends[:, 0], ends[:, 1]

    @cached_property
    def first_node(self) -> Integers:
        """First node id of each partition, and behind the last the number of all nodes."""
        return np.cumsum([0, *(p.nodes for p in self.partitions.values())])

    @cached_property
    def home(self) -> Integers:
        """(n,) partition of the job's first node, -1 without nodes."""
        offset, low, _ = self.ranges
        has = np.diff(offset) > 0
        home = np.full(len(has), -1, dtype=np.int64)
        home[has] = np.searchsorted(self.first_node, low[offset[:-1][has]], side="right") - 1
        return home

    @cached_property
    def cores(self) -> Integers:
        """(n,) cores asked per node, from the metadata; 0 where whole nodes are held."""
        if all(p.sharing == "exclusive" for p in self.partitions.values()):
            return np.zeros(len(self.jobs), dtype=np.int64)
        asked = [int(_json(text).get("cores_per_node", 0)) for text in self.jobs["metadata"]]
        shared = np.array([p.sharing == "cores" for p in self.partitions.values()] + [False])
        inside = np.minimum(self.home, len(shared) - 1)
        return np.where(shared[inside], np.array(asked, dtype=np.int64), 0)

    @cached_property
    def lost_node_s(self) -> Floats:
        """(n,) node-seconds of runs after which the job began again, from the metadata."""
        if not any(partition.can_break for partition in self.partitions.values()):
            return np.zeros(len(self.jobs))
        return np.array([float(_json(text).get("lost_node_s", 0.0)) for text in self.jobs["metadata"]])

    @cached_property
    def node_cores(self) -> Floats:
        """Cores of every node, in node-id order."""
        cores: list[int] = []
        for partition in self.partitions.values():
            if partition.groups:
                for group in partition.groups.values():
                    cores += [group.cores_per_node or partition.cores_per_node] * group.nodes
            else:
                cores += [partition.cores_per_node] * partition.nodes
        return np.array(cores, dtype=np.float64)

    @cached_property
    def share(self) -> Floats:
        """(n,) nodes' worth held: the width, or the share of the nodes' cores."""
        share = self.width.astype(np.float64)
        offset, low, high = self.ranges
        for j in np.flatnonzero(self.cores > 0).tolist():
            spans = [self.node_cores[low[k] : high[k] + 1] for k in range(offset[j], offset[j + 1])]
            share[j] = float(sum((self.cores[j] / span).sum() for span in spans))
        return share

    def report(self, rule: str, bad: Flags, text: str) -> Iterable[Violation]:
        """Yield one violation for each flagged job."""
        ids = self.jobs["job_id"].to_numpy()
        for j in np.flatnonzero(bad).tolist():
            yield Violation(rule, str(ids[j]), text)


def _json(text: object) -> dict[str, Any]:
    loaded = json.loads(text) if isinstance(text, str) and text else {}
    return loaded if isinstance(loaded, dict) else {}
