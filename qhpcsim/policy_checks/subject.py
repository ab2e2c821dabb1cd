"""What the check of one kind of policy has to say: its promises, its cases, and how to run one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from qhpcsim.core.registry import Entry

COMMON = {
    "ends": "answers in time",
    "raises": "raises nothing",
    "type": "answers are of the right type and length",
    "inputs": "leaves what it is shown as it is",
    "same": "same view, same answer: whatever the clock, random numbers, memory",
    "processes": "the same answers in worker processes, where a sweep runs it",
}
"""Promises of every kind of policy."""


RULES = {"rules": "the run keeps every rule that `qhpcsim validate` checks"}
STARVING = {"starves": "no job is overtaken for as long as others keep coming"}
STREAM = (12, 24)
"""Lengths of a stream of jobs; one that all of either overtake waits as long as the stream lasts."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Where a policy comes from."""

    entry: Entry
    module: str = ""
    """Name of the module that wrote it."""
    file: str = ""
    """Its file, if it is a plug-in; empty: it came with qhpcsim or from elsewhere."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that is allowed and worth knowing."""

    check: str
    text: str
    example: str = ""


def starves(what: str, example: str) -> Warned:
    """Return the warning that a kind of job starves in a stream of others."""
    text = f"{what} waits as long as others keep coming: {STREAM[-1]} that came later all went first"
    return Warned("starves", text, example)


Verify = Callable[[], None]


class Subject(ABC):
    """A policy under test.

    A case is a value: a workload, or a question. It must be picklable and equal where it says the same.

    Args:
        owner: The policy.
    """

    promises: dict[str, str]
    """Short name -> what is promised, in the order of the table; a promise that is not in ``COMMON`` too."""
    warnings: dict[str, str] = {}  # noqa: RUF012 (never written)
    """What is looked at and only warned of."""

    def __init__(self, owner: Owner) -> None:
        self.owner, self.entry = owner, owner.entry

    @property
    def title(self) -> str:
        """Kind and name."""
        return f"{self.entry.kind} {self.entry.name}"

    @abstractmethod
    def cases(self, draw: np.random.Generator, n: int) -> list[Any]:
        """Return special cases and random ones, ``n`` in all or a few more."""

    @abstractmethod
    def run(self, case: Any) -> tuple[Any, Verify]:
        """Return everything that was decided, with an exact ``repr``, and what else must hold then.

        Raises:
            Fault: if a promise is broken on the way.
        """

    @abstractmethod
    def smaller(self, case: Any) -> Iterator[Any]:
        """Yield cases that are simpler than this one, the simplest first."""

    @abstractmethod
    def words(self, case: Any) -> str:
        """Return a case in words."""

    def look_out(self) -> Iterator[Warned]:
        """Yield what is worth a warning."""
        yield from ()


def nothing_more() -> None:
    """Verify nothing besides."""
