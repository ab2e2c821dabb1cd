"""QPUs that join a service while the simulation runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qhpcsim.core.errors import ConfigError, nearest, shorten
from qhpcsim.qpu_scenario import QpuDevice, QpuService
from qhpcsim.scenario import Change


def with_new_qpus(
    service: QpuService, changes: Sequence[Change], zero_s: float = 0.0
) -> tuple[QpuService, dict[int, float]]:
    """Return a service with all QPUs that ever join, and from when on each new one takes jobs.

    Model: a new QPU is a copy of one that is there, called NAME-2 and so on as if ``count`` had said so; it is out of
        order from time 0 until it joins, and until then no choice of QPUs sees it. Jobs that wait elsewhere stay there.
    Assumes: it is calibrated when it joins; its other users come from then on, by the law of the original's.
    Not modelled: QPUs that leave for good.
    Source: none.

    Args:
        service: As at the beginning.
        changes: In order of time.
        zero_s: The simulation's zero on their axis.

    Raises:
        ConfigError: if there is no such QPU, or the batch system owns the QPUs.
    """
    qpus, since_s = dict(service.qpus), {}
    for change in changes:
        if not change.add_qpus:
            continue
        original = _original(service, change)
        if service.access != "queue":
            raise ConfigError(
                "QPUs that are nodes of a partition cannot join on the way", where="qpu.access", allowed="queue"
            )
        device, at_s = service.qpus[original], max(0.0, change.at_s - zero_s)
        for _ in range(change.add_qpus):
            if at_s > 0:
                since_s[len(qpus)] = at_s
            qpus[_free_name(original, qpus)] = _away_until(device, at_s)
    return (replace(service, qpus=qpus) if len(qpus) > len(service.qpus) else service), since_s


def refuse_new_qpus(changes: Sequence[Change], why: str, hint: str) -> None:
    """Raise ``ConfigError`` if a QPU is added where that has no meaning."""
    if any(change.add_qpus for change in changes):
        raise ConfigError(f"a QPU cannot join: {why}", where="changes.add_qpus", hint=hint)


def _original(service: QpuService, change: Change) -> str:
    if not service.qpus:
        refuse_new_qpus([change], "the facility has none, and no job uses one", "qhpcsim list qpu_workloads")
    name = change.qpu or list(service.qpus)[-1]
    if name not in service.qpus:
        raise ConfigError(
            f"there is no QPU {shorten(name)!r}",
            where="changes.qpu",
            allowed=shorten(", ".join(service.qpus), 300),
            suggestion=nearest(name, service.qpus),
        )
    return name


def _free_name(original: str, qpus: dict[str, QpuDevice]) -> str:
    k = 2
    while f"{original}-{k}" in qpus:
        k += 1
    return f"{original}-{k}"


def _away_until(device: QpuDevice, at_s: float) -> QpuDevice:
    """Return a QPU that is out of order until then."""
    if at_s <= 0:
        return device
    outages = device.outages
    later = tuple((max(start_s, at_s), end_s) for start_s, end_s in outages.fixed_s if end_s > at_s)
    return replace(device, outages=replace(outages, fixed_s=((0.0, at_s), *later)))
