"""The page of the Python interface: what ``qhpcsim`` offers, and the modules that extensions and studies import."""

from __future__ import annotations

import importlib
import inspect

import qhpcsim

PUBLIC: dict[str, tuple[str, ...]] = {
    "qhpcsim.cutting": ("plan", "run", "run_all", "CutAnswer", "Ranked", "CutRun", "Skipped"),
    "qhpcsim.report": ("write_report",),
    "qhpcsim.core.registry": ("register", "entries", "lookup", "Entry"),
    "qhpcsim.core.cards": ("card", "Card", "CardEntry"),
    "qhpcsim.policies.batch.user": ("batch_policy",),
    "qhpcsim.policies.batch.orders": ("formula",),
    "qhpcsim.policies.qpu.discipline": ("KeyedDiscipline",),
    "qhpcsim.execution.engine": ("open_engine",),
    "qhpcsim.execution.task": ("Task", "TaskResult"),
    "qhpcsim.execution.circuit_task": ("CircuitTask",),
    "qhpcsim.execution.seeds": ("aer_seed",),
}
"""Module beside ``qhpcsim`` itself -> names that may be imported from it."""


def api() -> str:
    """Return a section for each module, in the words of its docstrings."""
    names = [name for name in qhpcsim.__all__ if name != "__version__"]
    functions = [name for name in names if not inspect.isclass(getattr(qhpcsim, name))]
    everything = {"qhpcsim": (*functions, *sorted(set(names) - set(functions)))} | PUBLIC
    return "\n\n".join(_module(module, names) for module, names in everything.items())


def _module(name: str, members: tuple[str, ...]) -> str:
    module = importlib.import_module(name)
    parts = [f"## {name}", "", "```{eval-rst}", f".. module:: {name}", ""]
    for member in members:
        is_class = inspect.isclass(getattr(module, member))
        parts += [f".. {'autoclass' if is_class else 'autofunction'}:: {name}.{member}", *(_MEMBERS * is_class), ""]
    return "\n".join([*parts, "```"])


_MEMBERS = ("   :members:", "   :undoc-members:", "   :member-order: bysource")
