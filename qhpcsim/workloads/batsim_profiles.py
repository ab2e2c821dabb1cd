"""How long a Batsim profile runs, where that follows from the file alone."""

from __future__ import annotations

from typing import Any

from qhpcsim.core.errors import WorkloadError, nearest, shorten
from qhpcsim.workloads.clean import MAX_TIME_S
from qhpcsim.workloads.files import place

DELAY = ("delay", "DelayProfile")
SEQUENCE = ("composed", "sequence", "SequentialCompositionProfile")
_MAX_DEPTH = 50


class Durations:
    """Looks up the duration of profiles, each worked out once.

    Args:
        profiles: The file's ``profiles`` object.
        path: The file, for messages.
    """

    def __init__(self, profiles: dict[str, Any], path: object) -> None:
        self.profiles, self.path = profiles, path
        self._known: dict[str, float] = {}

    def of(self, name: object, where: str, depth: int = 0) -> float:
        """Return the duration of a profile in seconds.

        Raises:
            WorkloadError: if there is no such profile, or its duration depends on a platform.
        """
        if not isinstance(name, str) or name not in self.profiles:
            raise WorkloadError(
                f"unknown profile {shorten(name, 60)!r}",
                where=where,
                suggestion=nearest(str(name), list(self.profiles)[:1000]),
                hint="add it to profiles",
            )
        if depth > _MAX_DEPTH:
            raise self._error(name, f"contains itself, or sequences more than {_MAX_DEPTH} deep")
        if name not in self._known:
            self._known[name] = self._duration(name, depth)
        return self._known[name]

    def _duration(self, name: str, depth: int) -> float:
        profile = self.profiles[name]
        if not isinstance(profile, dict):
            raise self._error(name, "is no object")
        kind = profile.get("type")
        if kind in DELAY:
            return self._number(name, profile, "delay")
        if kind in SEQUENCE:
            return self._sequence(name, profile, depth)
        raise self._error(
            name,
            f"has type {shorten(kind, 60)!r}, whose run time depends on a platform",
            allowed=", ".join((*DELAY, *SEQUENCE)),
            hint="replay it in Batsim and turn the measured run times into delay profiles",
        )

    def _sequence(self, name: str, profile: dict[str, Any], depth: int) -> float:
        steps = profile.get("seq")
        if not isinstance(steps, list):
            raise self._error(name, "has no list seq")
        key = "repeat" if "repeat" in profile else "nb"
        times = self._number(name, profile, key) if key in profile else 1.0
        where = f"{place(str(self.path))}: profiles.{shorten(name, 60)}.seq"
        total = times * sum(self.of(step, where, depth + 1) for step in steps)
        if total > MAX_TIME_S:
            raise self._error(name, f"runs longer than {MAX_TIME_S:g} s")
        return total

    def _number(self, name: str, profile: dict[str, Any], key: str) -> float:
        value = profile.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MAX_TIME_S:
            allowed = f"a number from 0 to {MAX_TIME_S:g}"
            raise self._error(name, f"has {key} {shorten(value, 60)!r}", allowed=allowed)
        return float(value)

    def _error(self, name: str, text: str, allowed: str = "", hint: str = "") -> WorkloadError:
        where = f"{place(str(self.path))}: profiles.{shorten(name, 60)}"
        return WorkloadError(text, where=where, allowed=allowed, hint=hint)
