"""Where the Dask engine's workers come from: this machine, a running scheduler, or a batch system."""

from __future__ import annotations

import shlex
import shutil
from contextlib import suppress
from typing import Any

from qhpcsim.core.errors import EngineError, UnknownNameError, shorten
from qhpcsim.execution.task import in_one_line

BATCH_SYSTEMS = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "lsf": "LSFCluster",
    "sge": "SGECluster",
    "oar": "OARCluster",
    "htcondor": "HTCondorCluster",
}
"""Word for ``--scheduler`` -> class of dask-jobqueue, which takes its settings from Dask's own configuration."""
_SCHEMES = ("tcp", "tls", "ucx", "ws", "wss", "inproc")
_CONNECT_S = 15.0


def open_cluster(scheduler: str, workers: int) -> tuple[Any, Any]:
    """Return a Dask client, and the cluster to close after it or None if the cluster is not ours.

    Args:
        scheduler: ``""``: workers on this machine; an address such as ``tcp://host:8786`` or the path of a scheduler
            file (``*.json``); or a key of ``BATCH_SYSTEMS``.
        workers: How many to start, where they are ours to start.

    Raises:
        EngineError: if Dask is not installed, nobody answers at the address, or the batch system refuses.
        UnknownNameError: if ``scheduler`` is none of these.
    """
    try:
        from distributed import Client
    except ImportError:
        raise EngineError("Dask is not installed", where="engine dask", hint="pip install 'qhpcsim[dask]'") from None
    client: Any = Client
    if not scheduler:
        cluster = _local(workers)
    elif scheduler in BATCH_SYSTEMS:
        cluster = _batch(scheduler, workers)
    else:
        return _connected(client, scheduler), None
    return client(cluster, set_as_default=False), cluster


def _local(workers: int) -> Any:
    import distributed

    start: Any = distributed.LocalCluster
    # no memory limit: Dask's own pauses and kills workers long before a state vector fills the machine
    return start(n_workers=workers, threads_per_worker=1, processes=True, memory_limit=0, dashboard_address=":0")


def _batch(name: str, workers: int) -> Any:
    """Return a cluster whose workers are batch jobs; they join when the batch system starts them."""
    try:
        import dask
        import dask_jobqueue
    except ImportError:
        hint = "pip install 'qhpcsim[dask]'"
        raise EngineError("dask-jobqueue is not installed", where=f"scheduler {name}", hint=hint) from None
    hint = f"set jobqueue.{name} (cores, memory, walltime …) in ~/.config/dask/jobqueue.yaml"
    missing = [key for key in ("cores", "memory") if not dask.config.get(f"jobqueue.{name}.{key}", None)]
    if missing:
        raise EngineError(f"Dask's settings lack {' and '.join(missing)}", where=f"jobqueue.{name}", hint=hint)
    kind = getattr(dask_jobqueue, BATCH_SYSTEMS[name])
    submit = shlex.split(kind.job_cls.submit_command)[0]
    if shutil.which(submit) is None:
        elsewhere = "run it where jobs are submitted, or use workers on this machine: --engine dask without --scheduler"
        raise EngineError(f"there is no {submit} on this machine", where=f"scheduler {name}", hint=elsewhere)
    try:
        cluster = kind(scheduler_options={"dashboard_address": ":0"})
    except (ValueError, RuntimeError, OSError) as error:
        raise EngineError(in_one_line(error), where=f"jobqueue.{name}", hint=hint) from error
    cluster.scale(n=workers)
    if (refused := cluster.sync(_refused, cluster)) is not None:
        with suppress(Exception):  # what did not start cannot all be ended
            cluster.close(timeout=_CONNECT_S)
        raise EngineError(f"{submit} takes no job: {in_one_line(refused)}", where=f"jobqueue.{name}", hint=hint)
    return cluster


async def _refused(cluster: Any) -> Exception | None:
    """Return why the batch system takes no job of a worker, None if it does; dask-jobqueue itself only logs it."""
    from distributed.core import Status

    found: Exception | None = None
    with suppress(Exception):  # what went wrong is asked for below, of each job
        await cluster._correct_state()
    for job in cluster._created:
        if job.status is Status.created:
            try:
                await job.start()
            except Exception as error:
                found, job.status = error, Status.failed  # else the cluster could not be closed
    return found


def _connected(client: Any, address: str) -> Any:
    scheme = address.split("://")[0] if "://" in address else ""
    host, _, port = address.rpartition(":")
    if scheme not in _SCHEMES and not address.endswith(".json") and not (host and port.isdigit()):
        raise UnknownNameError(
            f"unknown scheduler {shorten(address)!r}",
            where="scheduler",
            allowed=f"HOST:PORT, a scheduler file, {', '.join(BATCH_SYSTEMS)}",
            hint="start one with: dask scheduler",
        )
    place = {"scheduler_file": address} if address.endswith(".json") else {"address": address}
    try:
        return client(**place, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise EngineError(
            f"no Dask scheduler answers: {in_one_line(error)}",
            where=f"scheduler {shorten(address)}",
            hint="start one with: dask scheduler",
        ) from error
