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
from qhpcsim.scenario import Facility, Policy, Scheduler, TraceWorkload, Workload

GROUPS = ("facility", "workload", "policy", "scheduler")
CHOICE_KEYS = {"policy": "name", "workload": "source"}
"""Field of a group's mapping that says which option it is made of."""
DEFAULTS = {"facility": "single", "workload": "trace", "policy": "fcfs", "scheduler": "events"}
"""Option of each group where a scenario chooses none."""
PLURALS = {"facility": "facilities", "workload": "workloads", "policy": "policies", "scheduler": "schedulers"}
NAME = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)
"""What a scenario, partition or node group may be called."""

_PLAIN: dict[str, tuple[type, str]] = {
    "single": (
        Facility,
        "nodes alike in one partition; facility.nodes, or the size that the workload file states",
    ),
    "events": (Scheduler, "a scheduling pass whenever something changes"),
    "trace": (TraceWorkload, "jobs read from a file: workload.path=FILE"),
}


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
    if name in _PLAIN and DEFAULTS[group] == name:
        return _PLAIN[name][0]
    entry = _registered(group).get(name)
    if entry is None:
        return None
    return entry.params or (Policy if group == "policy" else Workload)


def options(group: str) -> dict[str, tuple[str, str]]:
    """Return every option of a group: name -> (summary, source)."""
    found = {name: (entry.summary, entry.source) for name, entry in _registered(group).items()}
    default = DEFAULTS[group]
    if default in _PLAIN:
        found[default] = (_PLAIN[default][1], "")
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
    for group, name in DEFAULTS.items():
        if name in _PLAIN:
            found[group, name] = asdict(_PLAIN[name][0]())
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
    if group == "policy":
        return entries("policy")
    return entries("generator") if group == "workload" else {}
