"""Which partition fails how: what a facility says of all its nodes, put where it says nothing of a partition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from qhpcsim.core.errors import FacilityError, nearest
from qhpcsim.scenario import Facility, NodeFailures, Partition


def with_outages(facility: Facility, partitions: Mapping[str, Partition]) -> dict[str, Partition]:
    """Return the partitions with the failures and outages that the facility states for all of them or by name.

    Raises:
        FacilityError: if an outage names a partition that is not there.
    """
    for outage in facility.outages:
        if outage.partition and outage.partition not in partitions:
            raise FacilityError(
                f"an outage of partition {outage.partition!r}, which is not there",
                where="facility.outages",
                allowed=", ".join(partitions),
                suggestion=nearest(outage.partition, partitions),
            )
    return {name: _of(facility, name, partition) for name, partition in partitions.items()}


def _of(facility: Facility, name: str, partition: Partition) -> Partition:
    planned = [outage for outage in facility.outages if outage.partition in ("", name)]
    failures = facility.failures if partition.failures == NodeFailures() else partition.failures
    if not planned and failures == partition.failures and facility.requeue:
        return partition
    return replace(
        partition,
        failures=failures,
        outages=(*partition.outages, *planned),
        requeue=partition.requeue and facility.requeue,
    )
