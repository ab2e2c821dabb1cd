"""The keys under a dataclass of parameters: type, unit, default, what is allowed, meaning."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from manual.docstrings import field_docs
from manual.markdown import code, table, text
from qhpcsim import qpu_scenario, scenario
from qhpcsim.config.build import POSITIVE

UNITS = {"_s": "s", "_w": "W", "_bytes": "bytes", "_frac": "share", "_hz": "Hz", "_j": "J"}
"""End of a name -> unit."""
WORDS: dict[tuple[type, str], tuple[str, ...]] = {
    (scenario.Scenario, "engine"): scenario.ENGINES,
    (scenario.Policy, "semantics"): scenario.SEMANTICS,
    (scenario.Policy, "estimates"): scenario.ESTIMATES,
    (scenario.Policy, "candidates"): scenario.CANDIDATES,
    (scenario.Policy, "reservations"): scenario.RESERVATIONS,
    (scenario.Workload, "overrun"): scenario.OVERRUN,
    (scenario.Partition, "sharing"): scenario.SHARING,
    (qpu_scenario.CalibrationWindow, "mode"): qpu_scenario.WINDOW_MODES,
    (qpu_scenario.IdleCalibration, "mode"): qpu_scenario.IDLE_MODES,
    (qpu_scenario.Outages, "mode"): qpu_scenario.OUTAGE_MODES,
    (qpu_scenario.QpuService, "access"): qpu_scenario.ACCESS,
}
"""Fields that hold one of a few words."""
NAMES: dict[tuple[type, str], str] = {
    (scenario.Scenario, "baseline"): "policies",
    (scenario.Policy, "name"): "policies",
    (scenario.Policy, "order"): "orders",
    (scenario.Policy, "backfill"): "backfills",
    (scenario.TraceWorkload, "format"): "formats",
    (scenario.Workload, "source"): "workloads",
    (scenario.CouplingParams, "name"): "couplings",
    (scenario.BindingParams, "name"): "bindings",
    (scenario.ScalingParams, "name"): "scalings",
    (scenario.PlacementParams, "name"): "placements",
    (qpu_scenario.QpuDiscipline, "name"): "disciplines",
    (qpu_scenario.QpuChoice, "name"): "choices",
    (qpu_scenario.QpuWorkload, "source"): "qpu_workloads",
    (qpu_scenario.QpuDevice, "card"): "qpus",
    (qpu_scenario.QpuDevice, "background"): "backgrounds",
}
"""Fields that hold a name -> what ``qhpcsim list`` calls their kind."""


@dataclass(frozen=True)
class Key:
    """One thing that can be set."""

    path: str
    kind: str
    unit: str
    default: str
    allowed: str
    meaning: str


def keys(kind: type, path: str = "", instance: Any = None, base: type | None = None) -> Iterator[Key]:
    """Yield every key under a dataclass, nested ones under their dotted path.

    Args:
        kind: The dataclass.
        path: What its keys begin with.
        instance: Where the defaults are; None: those of the class.
        base: Keys that this one has with the same default are left out.
    """
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        default = _default(field) if instance is None else getattr(instance, field.name)
        if base is None or not _inherited(field.name, default, base):
            yield from _key(kind, field.name, hints[field.name], default, f"{path}{field.name}")


def keys_table(found: typing.Iterable[Key]) -> str:
    """Return a table of keys."""
    head = ("key", "type", "default", "allowed", "meaning")
    rows = ((code(k.path), _type_unit(k), code(k.default), text(k.allowed), text(k.meaning)) for k in found)
    return table(head, rows)


def _type_unit(key: Key) -> str:
    return f"{text(key.kind)}, {key.unit}" if key.unit else text(key.kind)


def _inherited(name: str, default: Any, base: type) -> bool:
    there = {field.name: _default(field) for field in dataclasses.fields(base)}
    return name in there and there[name] == default


def _key(owner: type, name: str, hint: Any, default: Any, path: str) -> Iterator[Key]:
    kind, optional = _without_none(hint)
    inner, shape = _inside(kind)
    inner = type(default) if isinstance(inner, type) and isinstance(default, inner) else inner
    meaning = field_docs(owner).get(name, "").replace("None", "null")
    if not dataclasses.is_dataclass(inner):
        yield Key(path, _words(kind), unit(name, kind), _shown(default), _allowed(owner, name, kind), meaning)
        return
    assert isinstance(inner, type)
    if shape or optional or default is None:
        about = {"": "a mapping", "NAME": "mapping of names", "[]": "a list"}[shape]
        yield Key(path, about, "", _shown(default) if not default else _names(default), "", meaning)
    elif meaning:
        yield Key(path, "the keys below", "", "", "", meaning)
    below = {"": f"{path}.", "NAME": f"{path}.NAME.", "[]": f"{path}[]."}[shape]
    yield from keys(inner, below, None if shape or default is None else default)


def _names(default: Any) -> str:
    return ", ".join(default) if isinstance(default, dict) else ""


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        rest = [each for each in typing.get_args(hint) if each is not types.NoneType]
        return rest[0], True
    return hint, False


def _inside(kind: Any) -> tuple[Any, str]:
    """Return the type of the values of a mapping or list, and which of the two it is."""
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is dict:
        return arguments[1], "NAME"
    if typing.get_origin(kind) is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return arguments[0], "[]"
    return kind, ""


def _words(kind: Any) -> str:
    plain = {int: "whole number", float: "number", str: "text", bool: "true or false"}
    inner, shape = _inside(kind)
    if shape:
        return f"mapping of names to {_words(inner)}" if shape == "NAME" else f"list of {_words(inner)}"
    if typing.get_origin(kind) is tuple:
        return f"[{', '.join(_words(each) for each in typing.get_args(kind))}]"
    return plain.get(kind, getattr(kind, "__name__", str(kind)))


def unit(name: str, kind: Any) -> str:
    """Return the unit that a field's name ends with; empty: none."""
    inner = _inside(kind)[0]
    if inner not in (int, float) and typing.get_origin(inner) is not tuple:
        return ""
    return next((unit for end, unit in UNITS.items() if name.endswith(end)), "")


def _allowed(owner: type, name: str, kind: Any) -> str:
    for (where, field), words in WORDS.items():
        if field == name and issubclass(owner, where):
            return ", ".join(f"``{word}``" for word in words)
    for (where, field), plural in NAMES.items():
        if field == name and issubclass(owner, where):
            return f"``qhpcsim list {plural}``"
    if kind in (int, float) and owner.__module__ in (scenario.__name__, qpu_scenario.__name__):
        above = "≥ 1" if kind is int else "> 0"
        return above if name in POSITIVE else "≥ 0"
    return ""


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else dataclasses.MISSING


def _shown(value: Any) -> str:
    """Return a value as a scenario file writes it."""
    if value is dataclasses.MISSING:
        return "required"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(_shown(each) for each in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_shown(each)}" for name, each in value.items()) + "}"
    return str(value) if value != "" else '""'
