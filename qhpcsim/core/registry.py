"""Things that vary enter by name: one file, one ``@register`` line, found by everyone."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from qhpcsim.core.errors import UnknownNameError

T = TypeVar("T")

HOMES: dict[str, str] = {
    "policy": "qhpcsim.policies.batch",
    "order": "qhpcsim.policies.batch",
    "backfill": "qhpcsim.policies.batch",
    "format": "qhpcsim.workloads",
    "generator": "qhpcsim.workloads",
    "qpu_generator": "qhpcsim.workloads",
    "qpu_model": "qhpcsim.models",
    "discipline": "qhpcsim.policies.qpu",
    "qpu_choice": "qhpcsim.policies.qpu",
    "coupling": "qhpcsim.policies.coupling",
    "binding": "qhpcsim.policies.binding",
    "motif": "qhpcsim.workloads.motifs",
    "scaling": "qhpcsim.policies.scaling",
    "placement": "qhpcsim.policies.placement",
    "cutting": "qhpcsim.policies.cutting",
    "circuit_family": "qhpcsim.circuits.families",
    "metric": "qhpcsim.metrics",
    "export": "qhpcsim.results",
    "engine": "qhpcsim.execution",
    "work": "qhpcsim.execution",
    "gpu_kernel": "qhpcsim.execution",
}
"""Package whose modules hold the built-in entries of a kind; imported on the first look-up."""

ENTRY_POINTS = "qhpcsim.plugins"
"""Entry-point group by which installed packages join the registry."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered thing: what it is called, what it does, where it comes from."""

    kind: str
    name: str
    summary: str
    source: str
    target: Any
    params: type | None
    """Dataclass of its parameters, or None."""


_entries: dict[str, dict[str, Entry]] = {}
_loaded: set[str] = set()


def register(kind: str, name: str, *, summary: str, source: str = "", params: type | None = None) -> Callable[[T], T]:
    """Return a decorator that files a class or function under ``kind`` and ``name``.

    Args:
        kind: One of the keys of ``HOMES``.
        name: The word a scenario uses.
        summary: One line for ``qhpcsim list``.
        source: Paper, DOI or URL.
        params: Dataclass of typed parameters with defaults.

    Raises:
        ValueError: if the name is taken by another object.
    """

    def wrap(target: T) -> T:
        shelf = _entries.setdefault(kind, {})
        old = shelf.get(name)
        if old is not None and getattr(old.target, "__qualname__", None) != getattr(target, "__qualname__", 0):
            raise ValueError(f"{kind} {name!r} is registered already, by {old.target!r}")
        shelf[name] = Entry(kind, name, summary, source, target, params)
        return target

    return wrap


def entries(kind: str) -> dict[str, Entry]:
    """Return all entries of one kind by name, in alphabetical order."""
    _load(kind)
    return dict(sorted(_entries.get(kind, {}).items()))


def lookup(kind: str, name: str, where: str = "") -> Entry:
    """Return the entry called ``name``.

    Raises:
        UnknownNameError: with the nearest valid word.
    """
    _load(kind)
    found = _entries.get(kind, {}).get(name)
    if found is None:
        raise UnknownNameError.of(kind, name, _entries.get(kind, {}), where)
    return found


def _load(kind: str) -> None:
    """Import the modules that hold the built-in entries of a kind, then the installed plug-ins."""
    if kind in _loaded:
        return
    _loaded.add(kind)
    home = HOMES.get(kind)
    if home is not None:
        package = importlib.import_module(home)
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
            importlib.import_module(f"{home}.{module.name}")
    if ENTRY_POINTS not in _loaded:
        _loaded.add(ENTRY_POINTS)
        from importlib.metadata import entry_points

        for point in entry_points(group=ENTRY_POINTS):
            point.load()
