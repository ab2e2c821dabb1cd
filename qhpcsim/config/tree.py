"""Nested values on their way to a scenario, and where each of them was written."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from qhpcsim.config.names import INNER_CHOICES
from qhpcsim.config.overrides import Raw
from qhpcsim.core.errors import ConfigError, nearest, shorten
from qhpcsim.core.yaml_strict import Document

Path = tuple[str, ...]
NAMED_PARTS = (("facility", "partitions"), ("qpu", "qpus"), ("workload", "share"))
"""Keys that hold things the user names himself; an override does not add to them unless there are none."""


class Tree:
    """Values of a scenario before they are typed.

    Args:
        values: Composed values, owned by the tree.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self._origin: dict[Path, str] = {}
        self._named: dict[Path, tuple[str, ...]] = {}

    @property
    def from_file(self) -> bool:
        """Whether a user's file was laid over the values."""
        return () in self._origin

    def where(self, key: Path) -> str:
        """Return ``file:line: key.path``, or the key path alone for values that no file of the user's set."""
        at = key
        while at and at not in self._origin:
            at = at[:-1]
        origin, dotted = self._origin.get(at, ""), ".".join(key)
        return f"{origin}: {dotted}" if origin and dotted else origin or dotted

    def merge(self, document: Document) -> None:
        """Lay a user's file over the values: mappings merge, everything else is replaced."""
        for key, line in document.lines.items():
            self._origin[key] = f"{document.path}:{line}"
        self._origin[()] = document.path
        for group, field in INNER_CHOICES:
            section = document.data.get(group)
            inner = section.get(field) if isinstance(section, dict) else None
            if isinstance(inner, str) or (isinstance(inner, dict) and "name" in inner):
                self.values[group].pop(field, None)
        _merge(self.values, document.data)

    def forget(self, key: str) -> None:
        """Drop what is known of the origin of one top-level key."""
        self._origin = {at: line for at, line in self._origin.items() if at[:1] != (key,)}

    def freeze_names(self) -> None:
        """Remember which partitions, node groups and QPUs exist before single overrides are applied."""
        for group, field in NAMED_PARTS:
            section = self.values.get(group)
            parts = section.get(field) if isinstance(section, dict) else None
            if not isinstance(parts, dict):
                continue
            self._named[group, field] = tuple(parts)
            for name, part in parts.items():
                if isinstance(part, dict) and isinstance(part.get("groups"), dict):
                    self._named[group, field, name, "groups"] = tuple(part["groups"])

    def override(self, key: Path, raw: Raw) -> None:
        """Set one value from the command line.

        Raises:
            ConfigError: if a part of the key is no mapping, or names a partition that is not there.
        """
        node = self.values
        for depth, part in enumerate(key[:-1], start=1):
            self._check_name(key[: depth - 1], part)
            inner = node.setdefault(part, {})
            if inner is None:
                inner = node[part] = {}
            if not isinstance(inner, dict):
                raise ConfigError(
                    f"{shorten(part)!r} is a single value and holds no keys",
                    where=".".join(key),
                    hint=f"{'.'.join(key[:depth])}=VALUE",
                )
            node = inner
        self._check_name(key[:-1], key[-1])
        value: Any = raw
        if raw.text.startswith("{"):
            value = raw.as_value(".".join(key))
        self._origin = {at: line for at, line in self._origin.items() if at[: len(key)] != key}
        self._origin[key] = ""
        if key in INNER_CHOICES:
            node[key[-1]] = value if isinstance(value, dict) else {"name": value}
        elif isinstance(value, dict) and isinstance(node.get(key[-1]), dict):
            _merge(node[key[-1]], value)
        else:
            node[key[-1]] = value

    def _check_name(self, parent: Path, name: str) -> None:
        known = self._named.get(parent)
        if known and name not in known:
            raise ConfigError(
                f"there is no {parent[-1].removesuffix('s')} {shorten(name)!r}",
                where=".".join((*parent, name)),
                allowed=shorten(", ".join(known), 300),
                suggestion=nearest(name, known),
                hint="a scenario file of your own can add one",
            )


def _merge(target: dict[str, Any], source: dict[str, Any]) -> None:
    for key, value in source.items():
        old = target.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            _merge(old, value)
        else:
            target[key] = deepcopy(value)
