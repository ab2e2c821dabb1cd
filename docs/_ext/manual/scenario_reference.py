"""The page of scenario keys, from the dataclasses that a scenario is made of."""

from __future__ import annotations

import dataclasses
import inspect

from manual.markdown import text
from manual.parameters import Key, keys, keys_table
from qhpcsim.config.names import CHOICE_KEYS, GROUPS, INNER_CHOICES, PLURALS
from qhpcsim.scenario import Scenario, TraceWorkload


def scenario_keys() -> str:
    """Return a section for the scenario's own keys, and one for each group."""
    groups = {field.name: field for field in dataclasses.fields(Scenario) if field.name in GROUPS}
    every = scenario_table()
    own = [key for key in every if key.path.split(".")[0] not in groups]
    parts = ["## Top level", keys_table(own)]
    for group in GROUPS:
        parts += _group(group, [key for key in every if key.path.split(".")[0] == group])
    return "\n\n".join(parts)


def scenario_table() -> list[Key]:
    """Return every key of a scenario; an option is chosen by the key above the field that names it."""
    inner = {".".join(path) for path in INNER_CHOICES}
    every = (key for key in keys(Scenario) if key.path not in GROUPS and key.path not in inner)
    return [dataclasses.replace(key, path=_chosen_by(key.path)) for key in every]


def _chosen_by(path: str) -> str:
    above, _, name = path.rpartition(".")
    chooses = name == "name" and tuple(above.split(".")) in INNER_CHOICES
    return above if chooses or CHOICE_KEYS.get(above) == name else path


def _group(group: str, found: list[Key]) -> list[str]:
    default = getattr(Scenario(), group)
    about = inspect.getdoc(type(default)) or ""
    said = [text(about.splitlines()[0])] if not isinstance(default, TraceWorkload) else [_WORKLOAD]
    options = f"`{group}=NAME` takes an option of `qhpcsim list {PLURALS[group]}`; options may add keys of their own."
    return [f"## {group}", " ".join([*said, options]), keys_table(found)]


_WORKLOAD = "What every workload has, and what a workload file needs."
