"""``key=value`` texts of the command line, in Hydra's grammar."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from qhpcsim.config.names import GROUPS, check_option
from qhpcsim.core.errors import ConfigError, shorten
from qhpcsim.core.yaml_strict import FORBIDDEN_KEYS

_KEY = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*", re.ASCII)
_NUMBER = re.compile(r"(?:0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
"""Numbers that need no grammar, which takes a millisecond: sweeps have many."""
MAX_LENGTH = 10_000


@dataclass(frozen=True, slots=True)
class Raw:
    """The text right of ``=``; what it means depends on the field that it is for."""

    text: str

    def as_text(self) -> str:
        """Return it as a string: verbatim, less one pair of quotes around the whole."""
        text = self.text
        if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
            return text[1:-1]
        return text

    def as_value(self, where: str) -> Any:
        """Return it as the number, word, list or mapping that Hydra's grammar makes of it.

        Raises:
            ConfigError: if the grammar does not know it, or it is a sweep.
        """
        if (number := _NUMBER.fullmatch(self.text)) is not None:
            return float(self.text) if number[1] else int(self.text)
        from hydra.core.override_parser.overrides_parser import OverridesParser
        from hydra.core.override_parser.types import QuotedString
        from hydra.errors import HydraException

        try:
            parsed = OverridesParser.create().parse_override(f"x={self.text}")
            sweep = parsed.is_sweep_override()
            value = None if sweep else parsed.value()
        except (HydraException, RecursionError, ValueError, TypeError):
            raise ConfigError(
                f"{shorten(self.text)!r} is not a value", where=where, hint="quote it: key='\"text\"'"
            ) from None
        if sweep:
            raise ConfigError(
                f"{shorten(self.text)!r} is several values; a run takes one",
                where=where,
                hint="one run per value, or [a,b] for a list",
            )
        return str(value.text) if isinstance(value, QuotedString) else value


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line changes.

    Args:
        choices: Group -> option.
        values: (key path, text), in the order given.
    """

    choices: dict[str, str]
    values: tuple[tuple[tuple[str, ...], Raw], ...]


def parse_all(texts: Iterable[str]) -> Overrides:
    """Return the overrides, checked as far as can be without knowing the scenario.

    Raises:
        ConfigError: for a text that is not ``key=value``, an unusable key, or interpolation.
        UnknownNameError: for a group option that does not exist.
    """
    choices: dict[str, str] = {}
    values: list[tuple[tuple[str, ...], Raw]] = []
    for text in texts:
        key, raw = _split(str(text))
        if len(key) == 1 and key[0] in GROUPS:
            choices[key[0]] = check_option(key[0], raw.as_text(), key[0])
        else:
            values.append((key, raw))
    return Overrides(choices, tuple(values))


def _split(text: str) -> tuple[tuple[str, ...], Raw]:
    shown = shorten(text)
    if text[:1] in ("+", "~"):
        raise ConfigError(
            f"{shown!r}: keys cannot be added or removed",
            where="override",
            allowed="key=value for a key that exists",
            hint=f"drop the {text[0]!r}",
        )
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"{shown!r} is not key=value", where="override", hint="for example policy=easy or seed=1")
    if len(text) > MAX_LENGTH:
        raise ConfigError(f"{shown!r} is too long", where="override", allowed=f"at most {MAX_LENGTH:,} characters")
    if "${" in text:
        raise ConfigError(
            f"interpolation in {shown!r} is not allowed",
            where=shorten(key, 60),
            hint="write the value itself",
        )
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise ConfigError(f"{shown!a} holds control characters", where="override")
    if not _KEY.fullmatch(key):
        raise ConfigError(
            f"{shorten(key)!r} is not a key",
            where="override",
            allowed="words joined by dots, such as policy.depth",
        )
    parts = tuple(key.split("."))
    for part in parts:
        if part in FORBIDDEN_KEYS or (part.startswith("_") and part.endswith("_")):
            raise ConfigError(
                f"key {part!r} is not allowed",
                where=shorten(key, 60),
                hint="nothing in a scenario is imported or called",
            )
    return parts, Raw(value)
