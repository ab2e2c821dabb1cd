"""Makes workflows of descriptions: parameters from text, a motif's own random stream, names and times."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

from qhpcsim.core.circuit_times import CircuitTimes
from qhpcsim.core.errors import ConfigError, QhpcsimError, nearest, shorten
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.core.units import seconds
from qhpcsim.core.workflow_records import Application, Workflow

_WORDS = {"true": True, "false": False}


def motif_params(motif: str, settings: Mapping[str, str], where: str = "motif") -> Any:
    """Return a motif's parameters: its defaults, but for what the settings say.

    Args:
        motif: Registered name.
        settings: Parameter -> text: a number, ``true``, ``2h`` for a time, ``none`` where that is a default,
            or names with commas for a list; ``base.qubits`` reaches a part of a composed motif.
        where: Key path for messages.

    Raises:
        QhpcsimError: for an unknown motif or parameter, or a value of another type; says what fits.
    """
    entry = lookup("motif", motif, where)
    assert entry.params is not None
    hints = get_type_hints(entry.params)
    known = [each.name for each in dataclasses.fields(entry.params)]
    inner = "settings" if "settings" in known else ""
    given: dict[str, Any] = {}
    for name, text in settings.items():
        if inner and "." in name:
            given.setdefault(inner, {})[name] = text
        elif name not in known:
            raise ConfigError(
                f"motif {motif} has no parameter {shorten(name)!r}",
                where=where,
                allowed=", ".join(known),
                suggestion=nearest(name, known),
            )
        else:
            given[name] = value_of(text, hints[name], name, f"{where}.{name}")
    if isinstance(given.get(inner), dict):
        given[inner] = tuple(given[inner].items())
    return entry.params(**given)


def value_of(text: Any, kind: Any, name: str, where: str) -> Any:
    """Return the value of a parameter's text.

    Raises:
        ConfigError: if it is none of that type.
    """
    word = str(text).strip()
    kinds = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    if type(None) in kinds and word.lower() in ("none", "null"):
        return None
    kind = next(each for each in kinds if each is not type(None))
    if get_origin(kind) is tuple:
        return tuple(value_of(part, get_args(kind)[0], name, where) for part in word.split(",") if part.strip())
    if kind is bool:
        if word.lower() not in _WORDS:
            raise ConfigError(f"{shorten(word)!r}", where=where, allowed="true, false")
        return _WORDS[word.lower()]
    if kind is float and name.endswith("_s"):
        return seconds(word, where)
    try:
        return kind(float(word)) if kind is int and float(word).is_integer() else kind(word)
    except (ValueError, OverflowError):
        raise ConfigError(f"{shorten(word)!r} is no {kind.__name__}", where=where) from None


def workflow_of(application: Application, rng: Rng, times: CircuitTimes) -> Workflow:
    """Return the workflow of an application.

    Args:
        application: Its description.
        rng: Stream ``motif/NAME`` is used, so that applications do not disturb each other.
        times: Device models.

    Raises:
        QhpcsimError: from the motif; names the application.
    """
    target = lookup("motif", application.motif).target
    try:
        flow: Workflow = target(application.params, rng.stream(f"motif/{application.name}"), times)
    except QhpcsimError as error:
        raise type(error)(
            error.message,
            where=": ".join(filter(None, (f"application {application.name} ({application.motif})", error.where))),
            allowed=error.allowed,
            suggestion=error.suggestion,
            hint=error.hint,
        ) from None
    flow.name, flow.submit_s, flow.user = application.name, application.submit_s, application.user
    return flow
