"""The export of Slurm's accounting: ``sacct --parsable2`` with a header line, columns in any order.

Good: ``TZ=UTC sacct -a -X -D -P -o JobIDRaw,JobID,User,Account,Partition,QOS,Submit,Start,End,ElapsedRaw,``
``TimelimitRaw,State,NNodes,NCPUS,AllocTRES,ReqMem,Constraints``. Jobs are requests replayed, so what Slurm then did
(reservations, requeues, suspensions, holds) is not modelled. Every attempt of a requeued job is a job of its own.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import WorkloadError
from qhpcsim.core.records import JobTable
from qhpcsim.core.registry import register
from qhpcsim.workloads import sacct_fields as fields
from qhpcsim.workloads.clean import MAX_TIME_S, in_submit_order
from qhpcsim.workloads.columns import categories, id_array
from qhpcsim.workloads.files import MAX_BYTES, Source, place, stem, text_lines
from qhpcsim.workloads.sacct_records import Record, count_in_tres, count_of, never_started, records, runtime_s

_WORDS = {"user": "User", "group": "Group", "account": "Account", "qos": "QOS", "partition": "Partition"}
_PRIVATE = ("user", "group", "account")


def read_sacct(path: str | Path, *, max_bytes: int = MAX_BYTES, salt: str | None = None) -> JobTable:
    """Return the jobs of a ``sacct --parsable2`` export, plain or .gz.

    Steps, jobs that never started and jobs that still run are dropped and counted. The time axis counts seconds from
    1970 in the zone of the export. Unlimited and unknown limits become inf.

    Args:
        path: The file.
        max_bytes: Limit on the decompressed size.
        salt: Replace users, groups and accounts by hashes with this secret; None: keep the names.

    Raises:
        WorkloadError: naming file, line and column.
    """
    counts: dict[str, int] = {}
    with Source(path, max_bytes) as source:
        jobs = _Jobs(path, counts)
        for job in records(text_lines(source), path):
            jobs.add(job)
    if not jobs.job_id:
        dropped = "; ".join(f"{rule} ({n})" for rule, n in counts.items())
        raise WorkloadError("holds no jobs that started and ended", where=place(path), hint=dropped)
    return jobs.table(salt)


@register(
    "format",
    "sacct",
    summary="export of Slurm's accounting, sacct --parsable2 (read only)",
    source="https://slurm.schedmd.com/sacct.html",
)
class SacctFormat:
    """How the registry reads a Slurm export."""

    suffixes = (".sacct",)
    read = staticmethod(read_sacct)
    write = None

    @staticmethod
    def looks_like(line: str) -> bool:
        """Return whether a file's first line is a header of sacct."""
        names = line.lower().split("|")
        return len(names) > 1 and "submit" in names and ("jobid" in names or "jobidraw" in names)


class _Jobs:
    """Gathers jobs column by column."""

    def __init__(self, path: str | Path, counts: dict[str, int]) -> None:
        self.path, self.counts = path, counts
        self.job_id: list[str] = []
        self.lines: list[int] = []
        self.times: list[tuple[float, float, float]] = []
        self.sizes: list[tuple[int, int, int, float]] = []
        self.words: dict[str, list[str | None]] = {name: [] for name in (*_WORDS, "feature", "gpu_type")}
        self.attempts: dict[str, int] = {}

    def add(self, job: Record) -> None:
        """Take one record, or count why not."""
        job_id = job.first("JobIDRaw", "JobID")[1]
        if not job_id:
            raise job.error("JobID", "empty")
        if "." in job_id or "." in job.values.get("JobID", ""):
            return self._count("step of a job: dropped")
        if never_started(job):
            return self._count("never started: dropped")
        ran_s = runtime_s(job)
        if ran_s is None:
            return self._count("still running, true run time unknown: dropped")
        submit_s = job.parsed("Submit", fields.stamp_s)
        if submit_s is None:
            return self._count("submission time unknown: dropped")
        self.times.append((submit_s, ran_s, self._limit(job)))
        self.sizes.append(self._size(job))
        for name, column in _WORDS.items():
            self.words[name].append(job.first(column)[1])
        self.words["feature"].append(self._feature(job))
        self.job_id.append(self._unique(job_id, job))
        self.lines.append(job.line)
        return None

    def table(self, salt: str | None) -> JobTable:
        """Return the jobs in submission order."""
        times = np.array(self.times, np.float64)
        sizes = np.array(self.sizes, np.float64)
        words = {
            name: categories([_hashed(word, salt) for word in column] if name in _PRIVATE else column)
            for name, column in self.words.items()
        }
        zero_length = int(np.count_nonzero(times[:, 1] == 0))
        if zero_length:
            self.counts["Elapsed 0: kept as a job of zero length"] = zero_length
        table = JobTable(
            job_id=id_array([int(each) if each.isascii() and each.isdigit() else each for each in self.job_id]),
            submit_s=times[:, 0].copy(),
            runtime_s=times[:, 1].copy(),
            walltime_s=times[:, 2].copy(),
            nodes=sizes[:, 0].astype(np.int32),
            workload_name=stem(self.path),
            unix_start_s=0.0,
            cores_per_node=_given(sizes[:, 1].astype(np.int32)),
            gpus_per_node=_given(sizes[:, 2].astype(np.int32)),
            memory_per_node_bytes=_given(sizes[:, 3].copy()),
            cleaned=self.counts,
        )
        for name, column in words.items():
            setattr(table, name, column)
        return in_submit_order(table)

    def _limit(self, job: Record) -> float:
        name = job.first("TimelimitRaw", "Timelimit")[0] or "Timelimit"
        limit = job.parsed(name, lambda text: fields.limit_s(text, raw_minutes=name == "TimelimitRaw"))
        if limit is None:
            self._count("time limit unknown (the partition's): none taken")
            return math.inf
        if limit == 0 or (limit > MAX_TIME_S and limit != math.inf):
            raise job.error(name, repr(job.values[name]), "a limit > 0, or UNLIMITED")
        return limit

    def _size(self, job: Record) -> tuple[int, int, int, float]:
        """Return (nodes, cores, GPUs and bytes of memory on each node)."""
        nodes = count_of(job, "AllocNodes", "NNodes") or count_in_tres(job, "node")
        if not nodes:
            raise job.error("NNodes", "unknown or 0", "an integer ≥ 1")
        cores = -(-(count_of(job, "AllocCPUS", "NCPUS", "ReqCPUS") or count_in_tres(job, "cpu")) // nodes)
        memory = job.parsed("ReqMem", lambda text: fields.memory_bytes(text, nodes, cores))
        return nodes, cores, self._gpus(job, nodes), memory

    def _gpus(self, job: Record, nodes: int) -> int:
        name, text = job.first("AllocTRES", "ReqTRES")
        total, kind = fields.gpus(text)
        each = -(-total // nodes)
        if not name or (total == 0 and name == "ReqTRES"):
            # GRES lists, unlike TRES, count per node.
            each, kind = fields.gpus(job.first("AllocGRES", "ReqGRES")[1])
        self.words["gpu_type"].append(kind)
        return each

    def _feature(self, job: Record) -> str | None:
        text = job.first("Constraints")[1]
        if text and not text.replace("-", "").replace("_", "").replace(".", "").isalnum():
            self._count("Constraints with more than one word: ignored")
            return None
        return text or None

    def _unique(self, job_id: str, job: Record) -> str:
        if "+" in job.values.get("JobID", ""):
            self._count("component of a heterogeneous job: kept as a job of its own")
        attempt = self.attempts[job_id] = self.attempts.get(job_id, 0) + 1
        if attempt == 1:
            return job_id
        self._count("later attempt of a requeued job: kept as a job of its own")
        return f"{job_id}#{attempt}"

    def _count(self, rule: str) -> None:
        self.counts[rule] = self.counts.get(rule, 0) + 1


def _given(column: NDArray[Any]) -> NDArray[Any] | None:
    return column if column.any() else None


def _hashed(word: str | None, salt: str | None) -> str | None:
    if salt is None or not word:
        return word
    return "h" + hashlib.sha256(f"{salt}\0{word}".encode()).hexdigest()[:12]
