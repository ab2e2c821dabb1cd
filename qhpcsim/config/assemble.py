"""From a named scenario or a user's file, plus overrides, to a checked ``Scenario``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from qhpcsim.config.build import build
from qhpcsim.config.compose import ROOT, compose
from qhpcsim.config.names import CHOICE_KEYS, GROUPS, INNER_CHOICES, check_option, find_scenario, params_of
from qhpcsim.config.overrides import Overrides
from qhpcsim.config.qpu_count import with_copies
from qhpcsim.config.tree import Tree
from qhpcsim.config.validate import check
from qhpcsim.core.errors import ConfigError, shorten
from qhpcsim.core.yaml_strict import Document, load
from qhpcsim.qpu_scenario import QpuService, QpuWorkload
from qhpcsim.scenario import CouplingParams, Facility, Middleware, Policy, Scenario, Scheduler, TraceWorkload


def from_name(name: str, overrides: Overrides) -> Scenario:
    """Return a shipped scenario after the overrides."""
    return _finish(Tree(_composed(name, overrides.choices)), overrides)


def from_file(path: Path, overrides: Overrides) -> Scenario:
    """Return the scenario in a user's YAML file after the overrides."""
    document = load(path)
    base = _base(document)
    for group in overrides.choices:
        document.data.pop(group, None)
    choices = {group: choice for group in GROUPS if (choice := _choice(document, group)) is not None}
    tree = Tree(_composed(base, choices | overrides.choices))
    tree.values["name"] = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem, flags=re.ASCII)[:100] or "scenario"
    tree.merge(document)
    for group in overrides.choices:
        tree.forget(group)
    return _finish(tree, overrides)


def _composed(name: str, choices: dict[str, str]) -> dict[str, Any]:
    values = compose(name, choices)
    values.setdefault("name", name)
    return values


def _base(document: Document) -> str:
    """Return the scenario that a file starts from, and strike the key."""
    base = document.data.pop("base", ROOT)
    if base == ROOT:
        return ROOT
    where = document.where(("base",))
    if not isinstance(base, str):
        raise ConfigError(f"base {shorten(base)!r} is not a name", where=where, hint="qhpcsim list scenarios")
    return find_scenario(base, where)


def _choice(document: Document, group: str) -> str | None:
    """Return the option that a file chooses in a group, leaving in it only what it changes."""
    if group not in document.data:
        return None
    section = document.data[group]
    where = f"{document.where((group,))}: {group}"
    if isinstance(section, str):
        document.data[group] = {}
        return check_option(group, section, where)
    if not isinstance(section, dict):
        raise ConfigError(
            f"{shorten(repr(section))} is neither an option's name nor a mapping",
            where=where,
            hint=f"{group}: NAME",
        )
    section = document.data[group] = dict(section)
    chosen = [(key, section.pop(key)) for key in ("base", CHOICE_KEYS.get(group, "base")) if key in section]
    if not chosen:
        return None
    if len(chosen) > 1:
        raise ConfigError(f"give 'base' or {CHOICE_KEYS[group]!r}, not both", where=where)
    key, name = chosen[0]
    where = f"{document.where((group, key))}: {group}.{key}"
    if not isinstance(name, str):
        raise ConfigError(f"{shorten(repr(name))} is not an option's name", where=where, hint=f"{group}: NAME")
    return check_option(group, name, where)


def _finish(tree: Tree, overrides: Overrides) -> Scenario:
    """Apply single overrides, then type and check everything."""
    tree.freeze_names()
    for key, raw in sorted(overrides.values, key=lambda override: override[0] not in INNER_CHOICES):
        for group, field in CHOICE_KEYS.items():
            if key == (group, field):
                raise ConfigError("is chosen with its group", where=".".join(key), hint=f"{group}={raw.as_text()}")
        if key[:-1] in INNER_CHOICES and key[-1] == "name":
            above = ".".join(key[:-1])
            raise ConfigError(f"is chosen with {above}", where=".".join(key), hint=f"{above}={raw.as_text()}")
        tree.override(key, raw)
    types = {
        "facility": Facility,
        "scheduler": Scheduler,
        "workload": _class_of(tree, "workload", TraceWorkload),
        "policy": _class_of(tree, "policy", Policy),
        "qpu": QpuService,
        "qpu_workload": _class_of(tree, "qpu_workload", QpuWorkload),
        "middleware": Middleware,
        "coupling": _class_of(tree, "coupling", CouplingParams),
    }
    scenario: Scenario = build(Scenario, tree.values, (), tree, types)
    scenario = with_copies(scenario, tree)
    check(scenario, tree)
    return scenario


def _class_of(tree: Tree, group: str, fallback: type) -> type:
    """Return the dataclass that types one group: the chosen option's own."""
    section = tree.values.get(group)
    name = section.get(CHOICE_KEYS[group]) if isinstance(section, dict) else None
    found = params_of(group, name) if isinstance(name, str) else None
    return found or fallback
