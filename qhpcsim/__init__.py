"""Discrete-event simulator of hybrid quantum-HPC facilities.

``load(name_or_path, overrides)`` makes a ``Scenario``, ``simulate(scenario)`` turns it into a ``Result``.
``sweep(scenario, overrides, seeds)`` simulates every combination of values, ``compare`` says what differs,
``plan(study)`` finds the cheapest facility; ``qhpcsim.cutting`` plans and runs cut circuits; ``share_qpus(loops, qpus,
rules)`` runs jobs on regions of shared QPUs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qhpcsim.config import load
    from qhpcsim.facility.region_loops import RegionLoops, SharedRun, share_qpus
    from qhpcsim.facility.shared_qpus import SharedQpu, SharingRules
    from qhpcsim.results.result import Result
    from qhpcsim.scenario import Scenario
    from qhpcsim.simulation import simulate
    from qhpcsim.studies.compare import Comparison, compare
    from qhpcsim.studies.plan import Plan, plan
    from qhpcsim.studies.simulating import Workers
    from qhpcsim.studies.sweep import Sweep, sweep

__all__ = [
    "Comparison",
    "Plan",
    "RegionLoops",
    "Result",
    "Scenario",
    "SharedQpu",
    "SharedRun",
    "SharingRules",
    "Sweep",
    "Workers",
    "__version__",
    "compare",
    "load",
    "plan",
    "share_qpus",
    "simulate",
    "sweep",
]

_HOMES = {
    "load": "qhpcsim.config",
    "RegionLoops": "qhpcsim.facility.region_loops",
    "SharedQpu": "qhpcsim.facility.shared_qpus",
    "SharedRun": "qhpcsim.facility.region_loops",
    "SharingRules": "qhpcsim.facility.shared_qpus",
    "share_qpus": "qhpcsim.facility.region_loops",
    "simulate": "qhpcsim.simulation",
    "Comparison": "qhpcsim.studies.compare",
    "compare": "qhpcsim.studies.compare",
    "Plan": "qhpcsim.studies.plan",
    "plan": "qhpcsim.studies.plan",
    "sweep": "qhpcsim.studies.sweep",
    "Sweep": "qhpcsim.studies.sweep",
    "Workers": "qhpcsim.studies.simulating",
    "Scenario": "qhpcsim.scenario",
    "Result": "qhpcsim.results.result",
}
"""Public name -> module that is imported on its first use."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("qhpcsim")
    if name in _HOMES:
        from importlib import import_module

        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'qhpcsim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
