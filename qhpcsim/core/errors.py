"""One class per mistake a user can make; each message says where, got what, allowed what, what next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MAX_SHOWN = 120
"""Longest piece of a user's own text that a message repeats, in characters."""


def shorten(value: object, limit: int = _MAX_SHOWN) -> str:
    """Return ``value`` as text on one line, cut to ``limit`` characters."""
    text = str(value).replace("\n", "\\n").replace("\r", "\\r")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """Return the entry of ``allowed`` that looks most like ``word``, or None."""
    found = difflib.get_close_matches(str(word), list(allowed), n=1, cutoff=0.5)
    return found[0] if found else None


class QhpcsimError(Exception):
    """A mistake the user can mend; the command line prints it as one block and exits with code 2.

    Args:
        message: What is wrong, with the offending value.
        where: ``file:line`` or key path.
        allowed: What would have been valid.
        suggestion: The nearest valid word.
        hint: The next step to take.
    """

    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        allowed: str = "",
        suggestion: str | None = None,
        hint: str = "",
    ) -> None:
        self.message, self.where, self.allowed = message, where, allowed
        self.suggestion, self.hint = suggestion, hint
        super().__init__(self.block())

    def block(self) -> str:
        """Return the whole message, one line a fact."""
        lines = [f"{self.where}: {self.message}" if self.where else self.message]
        if self.allowed:
            lines.append(f"  allowed: {self.allowed}")
        if self.suggestion:
            lines.append(f"  did you mean: {self.suggestion}")
        if self.hint:
            lines.append(f"  next: {self.hint}")
        return "\n".join(lines)


class UnknownNameError(QhpcsimError):
    """A name that the registry (or the scenario folder) does not hold."""

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str], where: str = "") -> UnknownNameError:
        """Return the error for ``name``, listing the known names of this ``kind``."""
        names = sorted(known)
        return cls(
            f"unknown {kind} {shorten(name)!r}",
            where=where,
            allowed=shorten(", ".join(names), 600),
            suggestion=nearest(name, names),
            hint=f"qhpcsim list {kind.replace(' ', '_')}s",
        )


class ConfigError(QhpcsimError):
    """A scenario key or override that is unknown, of the wrong type or out of range."""


class WorkloadError(QhpcsimError):
    """A workload file that cannot be read as what it claims to be."""


class FacilityError(QhpcsimError):
    """A facility that cannot be built, or whose size nobody gave."""


class CircuitError(QhpcsimError):
    """A circuit that cannot be read, or that no device of the scenario can run."""


class CardError(QhpcsimError):
    """A calibration card with a missing, unknown or impossible entry."""


class PluginError(QhpcsimError):
    """A user's policy file that cannot be loaded, or that broke the policy contract."""


class EngineError(QhpcsimError):
    """An execution engine that cannot start, or whose workers cannot."""


class StudyError(QhpcsimError):
    """A study that cannot be begun or gone on with: its folder, its points or its ledger."""


class RunFolderError(QhpcsimError):
    """A run folder that is missing, incomplete or not ours to overwrite."""


class ReportError(QhpcsimError):
    """A report that cannot be made of what a folder holds, or not be printed here."""


class InvariantError(RuntimeError):
    """The engine broke one of its own rules: a bug in qhpcsim, never the user's fault."""
