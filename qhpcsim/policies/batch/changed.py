"""A batch policy with some of its parameters changed while it is in force."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from qhpcsim.core.errors import ConfigError, nearest, shorten
from qhpcsim.core.registry import lookup
from qhpcsim.core.units import seconds
from qhpcsim.scenario import CANDIDATES, RESERVATIONS, Policy

FIXED = ("semantics", "estimates")
"""What a simulation cannot change on its way."""
_WORDS = {"candidates": CANDIDATES, "reservations": RESERVATIONS}
_REGISTERED = {"order": "order", "backfill": "backfill"}
_TRUTH = {"true": True, "false": False}


def changed_policy(policy: Policy, settings: Mapping[str, str], where: str = "changes.policy") -> Policy:
    """Return a policy with other parameters.

    Args:
        policy: In force so far.
        settings: Parameter -> text of its value; ``name`` starts from that policy's own defaults.
        where: Key path, for messages.

    Raises:
        ConfigError: for a parameter that is unknown, fixed or cannot have that value.
        UnknownNameError: for a policy, order or backfilling that is not registered.
    """
    found = policy
    if "name" in settings:
        params = lookup("policy", settings["name"], f"{where}.name").params
        assert params is not None
        found = replace(params(), **{key: getattr(policy, key) for key in FIXED})
    kinds = typing.get_type_hints(type(found))
    values = {
        key: _value(kinds, key, text, f"{where}.{key}", found.name) for key, text in settings.items() if key != "name"
    }
    return replace(found, **values)


def _value(kinds: Mapping[str, Any], key: str, text: str, where: str, policy: str) -> Any:
    may_change = [name for name, kind in kinds.items() if kind in (int, float, bool, str) and name not in FIXED]
    if key not in may_change:
        kept = key in kinds
        raise ConfigError(
            f"{shorten(key)!r} cannot change while the simulation runs" if kept else f"unknown key {shorten(key)!r}",
            where=where,
            allowed=", ".join(may_change),
            suggestion=None if kept else nearest(key, may_change),
            hint=f"these are the parameters of policy {policy}; name=POLICY changes to another",
        )
    if key in _REGISTERED:
        lookup(_REGISTERED[key], text, where)
    if key in _WORDS and text not in _WORDS[key]:
        words = _WORDS[key]
        raise ConfigError(
            f"got {shorten(text)!r}", where=where, allowed=", ".join(words), suggestion=nearest(text, words)
        )
    return _typed(kinds[key], key, text, where)


def _typed(kind: type, key: str, text: str, where: str) -> Any:
    if kind is str:
        return text
    if kind is bool:
        if text.lower() in _TRUTH:
            return _TRUTH[text.lower()]
        raise ConfigError(f"got {shorten(text)!r}", where=where, allowed="true or false")
    if kind is float and key.endswith("_s"):
        return seconds(text, where)
    try:
        number = kind(text)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        allowed = "a whole number from 0" if kind is int else "a number, 0 or above"
        raise ConfigError(f"got {shorten(text)!r}", where=where, allowed=allowed)
    return number
