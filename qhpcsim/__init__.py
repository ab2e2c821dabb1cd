"""Discrete-event simulator of hybrid quantum-HPC facilities.

``load(name_or_path, overrides)`` makes a ``Scenario``, ``simulate(scenario)`` turns it into a ``Result``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qhpcsim.config import load
    from qhpcsim.results.result import Result
    from qhpcsim.scenario import Scenario
    from qhpcsim.simulation import simulate

__all__ = ["Result", "Scenario", "__version__", "load", "simulate"]

_HOMES = {
    "load": "qhpcsim.config",
    "simulate": "qhpcsim.simulation",
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
