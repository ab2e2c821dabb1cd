"""What this machine is: processor, caches, memory."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

_CACHE = Path("/sys/devices/system/cpu/cpu0/cache")
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}
_L2_BYTES, _L3_BYTES = 2**20, 32 * 2**20
"""Where the system does not say: sizes common in servers."""


@dataclass(frozen=True, slots=True)
class Host:
    """The processor that a calibration ran on."""

    processor: str
    n_cores: int
    l2_bytes: int
    l3_bytes: int
    memory_bytes: int


def this_host() -> Host:
    """Return what the operating system says of this machine."""
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Host(_processor(), os.cpu_count() or 1, _cache(2, _L2_BYTES), _cache(3, _L3_BYTES), memory_bytes)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    words = facts.get("model name", platform.machine())
    family, model = facts.get("cpu family"), facts.get("model")
    return f"{words} (family {family}, model {model})" if family and model else words


def _cache(level: int, otherwise: int) -> int:
    """Return the size of the data cache of a level in bytes."""
    for folder in sorted(_CACHE.glob("index*")):
        try:
            if int((folder / "level").read_text()) == level:
                text = (folder / "size").read_text().strip()
                return int(text[:-1]) * _UNITS[text[-1]]
        except (OSError, ValueError, KeyError):
            continue
    return otherwise
