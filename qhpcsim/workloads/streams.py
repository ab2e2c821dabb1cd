"""One stream of jobs a partition, cut to the same span of time and merged into one table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qhpcsim.core.errors import ConfigError, nearest
from qhpcsim.core.records import Categories, FloatArray, IntArray, JobTable
from qhpcsim.core.rng import Rng
from qhpcsim.scenario import Partition


@dataclass(slots=True)
class Stream:
    """Jobs of one partition in order of submission."""

    partition: str
    nodes: IntArray
    runtime_s: FloatArray
    walltime_s: FloatArray
    submit_s: FloatArray
    gpus_per_node: IntArray
    """0: no GPUs."""
    cores_per_node: IntArray
    """0: whole nodes."""

    def first(self, k: int) -> Stream:
        """Return the first k jobs."""
        return Stream(
            self.partition,
            self.nodes[:k],
            self.runtime_s[:k],
            self.walltime_s[:k],
            self.submit_s[:k],
            self.gpus_per_node[:k],
            self.cores_per_node[:k],
        )


def counts(work_node_s: list[FloatArray], rates: list[float], n_jobs: int) -> list[int]:
    """Return how many jobs each stream keeps so that all end together and n_jobs are kept.

    A stream whose jobs bring ``w`` node seconds each at ``rate`` node seconds a second has its k-th job due
    when the first k have brought their work; the n_jobs that are due first are kept.

    Args:
        work_node_s: One (n_jobs,) array a stream.
        rates: Node seconds of work wanted per second: load × nodes.
        n_jobs: Jobs to keep in all.
    """
    due = np.concatenate([np.cumsum(w) / rate for w, rate in zip(work_node_s, rates, strict=True)])
    owner = np.repeat(np.arange(len(rates)), [len(w) for w in work_node_s])
    kept = owner[np.argsort(due, kind="stable")[:n_jobs]]
    return [int(k) for k in np.bincount(kept, minlength=len(rates))]


def merge(streams: list[Stream], partitions: dict[str, Partition], name: str) -> JobTable:
    """Return the table of all streams, ordered by submission, then partition; job ids count from 1."""
    submit = np.concatenate([s.submit_s for s in streams])
    order = np.argsort(submit, kind="stable")

    def column(field: str) -> np.ndarray:
        return np.concatenate([getattr(s, field) for s in streams])[order]

    names = tuple(s.partition for s in streams)
    code = np.repeat(np.arange(len(names)), [len(s.submit_s) for s in streams])[order].astype(np.int32)
    table = JobTable(
        job_id=np.arange(1, len(submit) + 1),
        submit_s=submit[order],
        runtime_s=column("runtime_s"),
        walltime_s=column("walltime_s"),
        nodes=column("nodes").astype(np.int32),
        workload_name=name,
        machine_nodes=sum(p.nodes for p in partitions.values()),
    )
    table.partition = Categories(code, names)
    if column("cores_per_node").any():
        table.cores_per_node = column("cores_per_node").astype(np.int32)
    if column("gpus_per_node").any():
        table.gpus_per_node = column("gpus_per_node").astype(np.int32)
        table.gpu_type = _gpu_types(table.gpus_per_node, code, [partitions[n].gpu_type for n in names])
    return table


def _gpu_types(gpus: IntArray, code: IntArray, kinds: list[str]) -> Categories:
    """Return the GPU type that each job asks for; -1 where it asks for no GPU or the type has no name."""
    words = tuple(sorted({k for k in kinds if k}))
    of_partition = np.array([words.index(k) if k else -1 for k in kinds], dtype=np.int32)
    return Categories(np.where(gpus > 0, of_partition[code], -1).astype(np.int32), words)


def node_shares(
    partition: Partition, nodes: IntArray, gpu_frac: float, rng: Rng, name: str
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return GPUs and cores asked for on each node, and the share of a node that they make up, each (n,).

    Model:
        ``gpu_frac`` of the jobs on a partition with GPUs use them: all GPUs of each node, and where nodes are
        shared, one-node jobs ask for 1, 2, 4, … GPUs (or cores), equally likely, and cores in proportion.
    Assumes:
        Requests on shared nodes are equally likely powers of two.
    Not modelled:
        Jobs that mix partitions, memory.
    Source:
        Our assumption; no public log tells GPU counts apart by load.
    """
    n, gpus, cores = len(nodes), partition.gpus_per_node, partition.cores_per_node
    wants_gpu = (rng.stream(f"gpu/{name}").random(n) < gpu_frac) & (gpus > 0)
    if partition.sharing == "exclusive":
        return np.where(wants_gpu, gpus, 0), np.zeros(n, np.int32), np.ones(n)
    u = rng.stream(f"share/{name}").random(n)
    full = np.where(wants_gpu, gpus, cores)
    levels = np.floor(np.log2(np.maximum(full, 1))).astype(int) + 1
    asked = np.where(nodes == 1, 2 ** np.floor(u * levels).astype(int), full)
    share = asked / np.maximum(full, 1)
    cores_asked = np.maximum(np.rint(share * cores), 1).astype(np.int32)
    return np.where(wants_gpu, asked, 0), cores_asked, np.maximum(share, cores_asked / max(cores, 1))


def of_partition(given: dict[str, float], default: float, names: list[str], where: str) -> list[float]:
    """Return one number a partition: the given one, else the default.

    Raises:
        ConfigError: if a name is no partition, or a number is negative or not finite.
    """
    for name, value in given.items():
        if name not in names:
            raise ConfigError(
                f"no partition {name!r}",
                where=where,
                allowed=", ".join(names),
                suggestion=nearest(name, names),
            )
        if not 0.0 <= value < np.inf:
            raise ConfigError(f"{value!r} is not a number ≥ 0", where=f"{where}.{name}")
    return [float(given.get(name, default)) for name in names]


def checked_count(n_jobs: int, where: str = "workload.n_jobs") -> int:
    """Return the number of jobs, or raise ``ConfigError`` if it is below 1."""
    if n_jobs < 1:
        raise ConfigError(f"{n_jobs} jobs", where=where, allowed="at least 1")
    return n_jobs
