"""Discrete-event simulator of hybrid quantum-HPC facilities.

``load(name_or_path, overrides)`` makes a ``Scenario``, ``simulate(scenario)`` turns it into a ``Result``.
``sweep(scenario, overrides, seeds)`` simulates every combination of values, ``compare`` says what differs,
``whatif(trace, at, futures)`` forks one past, ``plan(study)`` finds the cheapest facility; ``qhpcsim.cutting`` plans
and runs cut circuits; ``share_qpus(loops, qpus, rules)`` runs jobs on regions of shared QPUs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qhpcsim.config import load
    from qhpcsim.facility.region_loops import RegionLoops, SharedRun, share_qpus
    from qhpcsim.facility.shared_qpus import SharedQpu, SharingRules
    from qhpcsim.policy_checks.checking import check_policy
    from qhpcsim.policy_checks.report import PolicyReport
    from qhpcsim.results.result import Result
    from qhpcsim.scenario import Scenario
    from qhpcsim.simulation import simulate
    from qhpcsim.studies.compare import Comparison, compare
    from qhpcsim.studies.plan import Plan, plan
    from qhpcsim.studies.simulating import Workers
    from qhpcsim.studies.sweep import Sweep, sweep
    from qhpcsim.studies.whatif import WhatIf, whatif

__all__ = [
    "Comparison",
    "Plan",
    "PolicyReport",
    "RegionLoops",
    "Result",
    "Scenario",
    "SharedQpu",
    "SharedRun",
    "SharingRules",
    "Sweep",
    "WhatIf",
    "Workers",
    "__version__",
    "check_policy",
    "compare",
    "load",
    "plan",
    "share_qpus",
    "simulate",
    "sweep",
    "whatif",
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
    "PolicyReport": "qhpcsim.policy_checks.report",
    "check_policy": "qhpcsim.policy_checks.checking",
    "plan": "qhpcsim.studies.plan",
    "sweep": "qhpcsim.studies.sweep",
    "Sweep": "qhpcsim.studies.sweep",
    "whatif": "qhpcsim.studies.whatif",
    "WhatIf": "qhpcsim.studies.whatif",
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
