"""What QPUs that a partition owns cannot be and cannot do; each refusal names the key and the way out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qhpcsim.core.errors import ConfigError, WorkloadError, nearest, shorten
from qhpcsim.core.qpu_records import QpuJobTable, QpuMode
from qhpcsim.core.records import IntArray
from qhpcsim.qpu_scenario import QpuDevice, QpuService
from qhpcsim.scenario import NodeGroup, Partition

_OWN_QUEUE = ("discipline", "choice", "latency_s", "queue_limit", "max_attempts", "sessions")
"""Fields of a service that only a queue of its own has."""
_OWN_CALENDAR = ("windows", "idle_calibration", "warm_up", "outages", "open_hours", "reservations", "background")
"""Fields of a QPU that only a queue of its own looks at."""
_MODEL = ("card", "settings", "service", "drift")
"""Fields of a QPU that decide how long its jobs take and how good they are."""


def check_gres(service: QpuService, partitions: Mapping[str, Partition]) -> None:
    """Raise ``ConfigError`` if the QPUs cannot be resources of a partition; it names the key.

    A setting that needs a queue of the QPUs' own is refused, and so is a partition that is not one node a QPU.
    """
    plain = QpuService()
    for name in _OWN_QUEUE:
        if getattr(service, name) != getattr(plain, name):
            raise _needs_queue(f"qpu.{name}", "the batch policy orders the jobs of QPUs that a partition owns")
    for name, device in service.qpus.items():
        for field in _OWN_CALENDAR:
            if getattr(device, field) != getattr(QpuDevice(), field):
                raise _needs_queue(f"qpu.qpus.{name}.{field}", "the batch system knows no such thing")
    _check_partition(service, partitions)


def node_groups(service: QpuService) -> dict[str, NodeGroup]:
    """Return the QPUs as groups of one node each, to be asked for by name as a feature."""
    return {name: NodeGroup(nodes=1, features=(name,)) for name in service.qpus}


def _check_partition(service: QpuService, partitions: Mapping[str, Partition]) -> None:
    name = service.partition
    if name not in partitions:
        raise ConfigError(
            f"no partition {shorten(name)!r}" if name else "does not say which partition owns the QPUs",
            where="qpu.partition",
            allowed=shorten(", ".join(partitions), 300),
            suggestion=nearest(name, partitions),
            hint="" if partitions else "a facility with named partitions: facility.partitions.qpu.nodes=1",
        )
    partition, n_qpus = partitions[name], len(service.qpus)
    where = f"facility.partitions.{name}"
    if partition.nodes != n_qpus:
        raise ConfigError(
            f"{partition.nodes} nodes for {n_qpus} QPUs: each QPU has a node",
            where=f"{where}.nodes",
            hint=f"{where}.nodes={n_qpus}",
        )
    if partition.sharing != "exclusive":
        raise ConfigError("a QPU's node is not shared", where=f"{where}.sharing", allowed="exclusive")
    if partition.groups and partition.groups != node_groups(service):
        raise ConfigError("the nodes of QPUs cannot be grouped", where=f"{where}.groups", hint="leave it out")


def _needs_queue(where: str, why: str) -> ConfigError:
    return ConfigError(f"needs QPUs with a queue of their own: {why}", where=where, hint="qpu.access=queue")


def check_jobs(jobs: QpuJobTable) -> None:
    """Raise ``WorkloadError`` for a job that asks for what only a queue of the QPUs' own has."""
    if jobs.mode is not None and (other := np.flatnonzero(jobs.mode != QpuMode.JOB)).size:
        word = QpuMode(int(jobs.mode[other[0]])).name.lower()
        raise WorkloadError(
            f"{_name(jobs, other[0])} is of mode {word}: QPUs that a partition owns take single jobs only",
            where="qpu_workload",
            hint="qpu.access=queue",
        )
    if jobs.priority is not None and (urgent := np.flatnonzero(jobs.priority != 0)).size:
        raise WorkloadError(
            f"{_name(jobs, urgent[0])} has a priority: the batch policy orders the jobs of QPUs that a partition owns",
            where="qpu_workload",
            hint="qpu.access=queue",
        )


def check_alike(service: QpuService, jobs: QpuJobTable, named: IntArray) -> None:
    """Raise ``WorkloadError`` if QPUs differ and a job does not name its own (``named`` -1)."""
    models = [[getattr(device, field) for field in _MODEL] for device in service.qpus.values()]
    free = np.flatnonzero(named < 0)
    other = next((k for k, model in enumerate(models) if model != models[0]), 0)
    if free.size and other:
        names = list(service.qpus)
        raise WorkloadError(
            f"{_name(jobs, free[0])} names no QPU, and {names[0]!r} and {names[other]!r} differ",
            where="qpu_workload",
            hint="QPUs that a partition owns must be alike, or every job must name its own",
        )


def _name(jobs: QpuJobTable, job: int) -> str:
    return f"QPU job {job if jobs.job_id is None else jobs.job_id[job]}"
