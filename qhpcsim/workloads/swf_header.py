"""The ``; Name: value`` comments at the head of an SWF file: kept as they stand, three of them understood."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from qhpcsim.core.errors import WorkloadError, shorten
from qhpcsim.workloads.files import decoded

MAX_HEADER_CHARACTERS = 1_000_000
"""Comments beyond this are read over but not kept."""
_LABEL = re.compile(r"\s*(MaxProcs|MaxNodes|UnixStartTime)\s*:\s*(\S*)")
_MAX_MACHINE = 2**31 - 1
_MAX_UNIX_S = 1e15


@dataclass(slots=True)
class SwfHeader:
    """Collects comment lines one by one."""

    comments: list[str] = field(default_factory=list)
    """Comment lines before the first job, without their ``;``."""
    machine: dict[str, int] = field(default_factory=dict)
    unix_start_s: float | None = None
    _bad_nodes: WorkloadError | None = None
    _n_characters: int = 0

    @property
    def machine_nodes(self) -> int | None:
        """Processors of the machine (MaxProcs, or else MaxNodes), if stated; one processor is one node."""
        if "MaxProcs" not in self.machine and self._bad_nodes is not None:
            raise self._bad_nodes
        return self.machine.get("MaxProcs", self.machine.get("MaxNodes"))

    def add(self, raw: bytes, where: str, *, keep: bool) -> None:
        """Take one comment line, ``;`` included; ``keep`` it for a writer if it stands before the jobs.

        Raises:
            WorkloadError: if MaxProcs or UnixStartTime is not a number.
        """
        text = decoded(raw.strip()[1:].rstrip())
        if keep and self._n_characters + len(text) <= MAX_HEADER_CHARACTERS:
            self._n_characters += len(text)
            self.comments.append(text)
        found = _LABEL.match(text)
        if found is None or not found[2]:
            return
        if found[1] == "UnixStartTime":
            self.unix_start_s = _unix_time(found[2], where)
        else:
            self._take_size(found[1], found[2], where)

    def _take_size(self, name: str, word: str, where: str) -> None:
        if word == "-1":
            return
        if re.fullmatch(r"0*[1-9]\d{0,9}", word, re.ASCII) and int(word) <= _MAX_MACHINE:
            self.machine[name] = int(word)
            return
        error = WorkloadError(
            f"header {name} is {shorten(word, 60)!r}",
            where=where,
            allowed=f"an integer from 1 to {_MAX_MACHINE}",
            hint=f"mend the line, or remove it and give facility.nodes ({name} is the machine size)",
        )
        if name == "MaxProcs":
            raise error
        # MaxNodes matters only where MaxProcs is missing.
        self._bad_nodes = error


def _unix_time(word: str, where: str) -> float | None:
    if word == "-1":
        return None
    if re.fullmatch(r"\d+(\.\d*)?", word, re.ASCII) and float(word) <= _MAX_UNIX_S:
        return float(word)
    raise WorkloadError(
        f"header UnixStartTime is {shorten(word, 60)!r}",
        where=where,
        allowed=f"seconds since 1970, from 0 to {_MAX_UNIX_S:g}",
        hint="mend the line or remove it",
    )
