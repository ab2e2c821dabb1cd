"""``count`` of a QPU: as many alike as it says."""

from __future__ import annotations

import dataclasses

from qhpcsim.config.tree import Tree
from qhpcsim.core.errors import ConfigError
from qhpcsim.qpu_scenario import QpuDevice
from qhpcsim.scenario import Scenario

MOST = 1000
"""Most QPUs of one kind."""


def with_copies(scenario: Scenario, tree: Tree) -> Scenario:
    """Return the scenario with a QPU of its own for each that ``count`` asks for, named NAME, NAME-2 and so on.

    A QPU keeps its random numbers when others are added, since those go by its name.

    Raises:
        ConfigError: if there are too many, a name is taken, or none is left.
    """
    if all(device.count == 1 for device in scenario.qpu.qpus.values()):
        return scenario
    qpus: dict[str, QpuDevice] = {}
    for name, device in scenario.qpu.qpus.items():
        where = tree.where(("qpu", "qpus", name, "count"))
        if device.count > MOST:
            raise ConfigError(f"{device.count} QPUs", where=where, allowed=f"0 … {MOST}")
        for k in range(1, device.count + 1):
            copy = name if k == 1 else f"{name}-{k}"
            if copy in qpus or (k > 1 and copy in scenario.qpu.qpus):
                raise ConfigError(f"a QPU is called {copy!r} already", where=where, hint="rename that one")
            qpus[copy] = dataclasses.replace(device, count=1)
    if not qpus:  # not the same as qpu=none: hybrid jobs then get a QPU of their own
        raise ConfigError(
            "no QPU is left", where=tree.where(("qpu", "qpus")), allowed="at least one QPU", hint="qpu=none removes all"
        )
    return dataclasses.replace(scenario, qpu=dataclasses.replace(scenario.qpu, qpus=qpus))
