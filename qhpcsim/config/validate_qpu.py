"""What the QPUs of a typed scenario must obey, each mistake under the key at which it was written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from qhpcsim.config.tree import Path, Tree
from qhpcsim.core.errors import ConfigError, QhpcsimError, nearest, shorten
from qhpcsim.qpu_scenario import ACCESS, QpuDevice
from qhpcsim.scenario import Scenario

_INDEX = re.compile(r"\[(\d+)\]")


def check_qpus(scenario: Scenario, tree: Tree) -> None:
    """Raise the first mistake in the QPU service, its cards, and how they fit the rest of the scenario.

    Raises:
        QhpcsimError: naming the key.
    """
    if not scenario.qpu.qpus:
        _without_qpus(scenario, tree)
        return
    if getattr(scenario.qpu_workload, "path", None) == "":
        raise ConfigError(
            "is empty: the QPU jobs come from a file, and none is named",
            where=tree.where(("qpu_workload", "path")),
            allowed="a CSV file with a row for each job",
            hint="add qpu_workload.path=FILE, or qpu_workload=stream",
        )
    _access(scenario, tree)
    from qhpcsim.facility.qpu_gres_checks import check_gres
    from qhpcsim.facility.qpu_validate import check_service

    for name, device in scenario.qpu.qpus.items():
        _device(device, ("qpu", "qpus", name), tree)
    with _under("qpu.", tree):
        check_service(scenario.qpu)
    if scenario.qpu.access == "gres":
        with _under("", tree):
            check_gres(scenario.qpu, scenario.facility.partitions)


def _without_qpus(scenario: Scenario, tree: Tree) -> None:
    hint = "add qpu=single, or another of qhpcsim list qpu_services"
    if scenario.qpu_workload.source != "none":
        raise ConfigError(
            f"the facility has no QPUs for the jobs of {scenario.qpu_workload.source!r}",
            where=tree.where(("qpu_workload",)),
            hint=hint,
        )
    if scenario.workload.source == "none":
        raise ConfigError(
            "neither batch jobs nor QPUs: there is nothing to simulate", where=tree.where(("workload",)), hint=hint
        )


def _access(scenario: Scenario, tree: Tree) -> None:
    service = scenario.qpu
    if service.access not in ACCESS:
        raise ConfigError(
            f"got {shorten(service.access)!r}",
            where=tree.where(("qpu", "access")),
            allowed=", ".join(ACCESS),
            suggestion=nearest(service.access, ACCESS),
        )
    if service.partition and service.access != "gres":
        raise ConfigError(
            "is for QPUs that are resources of a partition",
            where=tree.where(("qpu", "partition")),
            hint="add qpu.access=gres",
        )


def _device(device: QpuDevice, key: Path, tree: Tree) -> None:
    """Check what needs a QPU's card, and its background load."""
    from qhpcsim.models.qpu_fleet import open_device

    try:
        open_device(device, "")
    except QhpcsimError as error:
        at, file = _field(error.where)
        raise _moved(error, ": ".join(filter(None, (tree.where((*key, *at)), file)))) from None
    if device.background:
        from qhpcsim.workloads.qpu_background import background

        try:
            background(device.background)
        except QhpcsimError as error:
            raise _moved(error, f"{tree.where((*key, 'background'))}: {error.where}") from None


def _field(where: str) -> tuple[Path, str]:
    """Return the field of a QPU that a mistake about its card is in, and the card's file if the mistake is there."""
    if where.startswith("setting "):
        return ("settings", where.removeprefix("setting ")), ""
    if where.startswith("qpu."):
        return ("service", where.removeprefix("qpu.")), ""
    return ((where,), "") if where in ("service", "settings") else (("card",), where)


@contextmanager
def _under(prefix: str, tree: Tree) -> Iterator[None]:
    """Take the place that a mistake names (``qpus.NAME.windows[0].mode``) as a key."""
    try:
        yield
    except QhpcsimError as error:
        key = tuple((prefix + _INDEX.sub(r".\1", error.where)).split("."))
        raise _moved(error, tree.where(key)) from None


def _moved(error: QhpcsimError, where: str) -> QhpcsimError:
    return type(error)(error.message, where=where, allowed=error.allowed, suggestion=error.suggestion, hint=error.hint)
