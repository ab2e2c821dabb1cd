"""Which scenarios and group options there are: files of ``scenarios/`` and entries of the registry."""

from __future__ import annotations

import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qhpcsim.core.data import data_dir
from qhpcsim.core.errors import UnknownNameError, nearest, shorten
from qhpcsim.core.registry import Entry, entries
from qhpcsim.qpu_scenario import NO_QPUS, QpuService, QpuWorkload
from qhpcsim.scenario import CouplingParams, Facility, Middleware, Policy, Scheduler, TraceWorkload, Workload

GROUPS = ("facility", "workload", "policy", "scheduler", "qpu", "qpu_workload", "coupling", "middleware")
CHOICE_KEYS = {"policy": "name", "workload": "source", "qpu_workload": "source", "coupling": "name"}
"""Field of a group's mapping that says which option it is made of."""
INNER_CHOICES: dict[tuple[str, ...], str] = {
    ("qpu", "discipline"): "discipline",
    ("qpu", "choice"): "qpu_choice",
    ("middleware", "binding"): "binding",
    ("middleware", "scaling"): "scaling",
    ("middleware", "placement"): "placement",
}
"""Key inside a group -> registry kind; its field ``name`` says which registered entry it is made of."""
DEFAULTS = {
    "facility": "single",
    "workload": "trace",
    "policy": "fcfs",
    "scheduler": "events",
    "qpu": "none",
    "qpu_workload": "none",
    "coupling": "hold",
    "middleware": "ideal",
}
"""Option of each group where a scenario chooses none."""
PLURALS = {
    "facility": "facilities",
    "workload": "workloads",
    "policy": "policies",
    "scheduler": "schedulers",
    "qpu": "qpu_services",
    "qpu_workload": "qpu_workloads",
    "coupling": "couplings",
    "middleware": "middlewares",
}
NAME = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)
"""What a scenario, partition, node group or QPU may be called."""

_PLAIN: dict[tuple[str, str], tuple[Any, str]] = {
    ("facility", "single"): (
        Facility(),
        "nodes alike in one partition; facility.nodes, or the size that the workload file states",
    ),
    ("scheduler", "events"): (Scheduler(), "a scheduling pass whenever something changes"),
    ("workload", "trace"): (TraceWorkload(), "jobs read from a file: workload.path=FILE"),
    ("qpu", "none"): (NO_QPUS, "the facility has no QPUs"),
    ("qpu", "single"): (QpuService(), "one abstract QPU with a queue of its own"),
    ("middleware", "ideal"): (Middleware(), "pilots and tasks that cost nothing; late binding"),
    ("qpu_workload", "none"): (QpuWorkload(), "no QPU jobs"),
}
"""(group, option) -> its values and one line about it, for options that neither a file nor the registry holds."""
_REGISTERED: dict[str, tuple[str, type]] = {
    "policy": ("policy", Policy),
    "workload": ("generator", Workload),
    "qpu_workload": ("qpu_generator", QpuWorkload),
    "coupling": ("coupling", CouplingParams),
}
"""Group -> kind of registry entries that are its options, and the dataclass of those that name none."""


def is_path(name_or_path: str | os.PathLike[str]) -> bool:
    """Return whether the text means a file rather than a named scenario."""
    text = os.fspath(name_or_path)
    if not isinstance(name_or_path, str) or "/" in text or os.sep in text or text.endswith((".yaml", ".yml")):
        return True
    return text not in scenario_files() and Path(text).exists()


def scenario_files() -> dict[str, Path]:
    """Return the shipped scenarios: name -> file."""
    return {path.stem: path for path in sorted(data_dir("scenarios").glob("*.yaml"))}


def find_scenario(name: str, where: str = "") -> str:
    """Return ``name`` if a scenario of that name is shipped.

    Raises:
        UnknownNameError: with the nearest name.
    """
    known = scenario_files()
    if name not in known:
        raise UnknownNameError.of("scenario", name, known, where)
    return name


def group_files(group: str) -> dict[str, Path]:
    """Return the shipped options of one group: name -> file."""
    return {path.stem: path for path in sorted((data_dir("scenarios") / group).glob("*.yaml"))}


def params_of(group: str, name: str) -> type | None:
    """Return the dataclass of a policy, workload source or built-in option, or None if there is none."""
    if (group, name) in _PLAIN:
        return type(_PLAIN[group, name][0])
    entry = _registered(group).get(name)
    return None if entry is None else entry.params or _REGISTERED[group][1]


def params_of_inner(kind: str, name: str, fallback: type) -> type | None:
    """Return the dataclass of an entry of ``INNER_CHOICES``, ``fallback`` if it names none, None if there is none."""
    entry = entries(kind).get(name)
    return None if entry is None else entry.params or fallback


def options(group: str) -> dict[str, tuple[str, str]]:
    """Return every option of a group: name -> (summary, source)."""
    found = {name: (entry.summary, entry.source) for name, entry in _registered(group).items()}
    found |= {name: (about, "") for (of, name), (_, about) in _PLAIN.items() if of == group}
    found |= {name: (summary(path), "") for name, path in group_files(group).items()}
    return dict(sorted(found.items()))


def check_option(group: str, name: str, where: str = "") -> str:
    """Return ``name`` if the group has that option.

    Raises:
        UnknownNameError: with the nearest option.
    """
    known = options(group)
    if name not in known:
        raise UnknownNameError(
            f"unknown {group} {shorten(name)!r}",
            where=where or group,
            allowed=shorten(", ".join(known), 600),
            suggestion=nearest(name, known),
            hint=f"qhpcsim list {PLURALS[group]}",
        )
    return name


def nodes_for_store() -> dict[tuple[str, str], dict[str, Any]]:
    """Return what Hydra's ConfigStore is to hold: (group, option) -> the defaults of its dataclass."""
    found = {(group, name): asdict(params_of(group, name)()) for group in GROUPS for name in _registered(group)}  # type: ignore[misc]
    found |= {option: asdict(values) for option, (values, _) in _PLAIN.items()}
    for (group, name), node in found.items():
        if group in CHOICE_KEYS:
            node[CHOICE_KEYS[group]] = name
    return found


def summary(path: Path) -> str:
    """Return the first comment of a shipped YAML file, its one-line description."""
    with path.open(encoding="utf-8") as file:
        first = file.readline().strip()
    return first.lstrip("# ") if first.startswith("#") else ""


def _registered(group: str) -> dict[str, Entry]:
    return entries(_REGISTERED[group][0]) if group in _REGISTERED else {}
