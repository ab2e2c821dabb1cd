"""How Slurm's accounting writes times, limits, memory and GPUs, in SI units."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

UNKNOWN = ("", "Unknown", "None", "N/A", "INVALID", "(null)")
"""What Slurm prints where a field has no value."""
PARTITION_LIMIT = "Partition_Limit"
UNLIMITED = ("UNLIMITED", "NOT_SET")
_DURATION = re.compile(r"(?:(\d{1,7})-)?(?:(\d{1,9}):)?(\d{1,9})(?::(\d{1,9}(?:\.\d{1,9})?))?", re.ASCII)
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?", re.ASCII)
_EPOCH = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)
_MEMORY = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)([KMGTP]?)([cn]?)", re.ASCII)
_GPU = re.compile(r"(?:gres[:/])?gpu(?::([A-Za-z][\w.-]*))?(?:[:=](\d{1,9}))?(?:\(.*\))?", re.ASCII)
_UNIT = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50, "": 2**20}


def duration_s(text: str) -> float:
    """Return ``[days-][hours:]minutes:seconds[.fraction]`` in seconds.

    ``1-02`` and ``1-02:03`` count hours after the dash, as in Slurm's time limits; ``12`` alone is minutes.

    Raises:
        ValueError: if the text is no duration.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(text)
    parts = text.partition("-")[2].split(":") if found[1] else text.split(":")
    numbers = [float(part) for part in parts]
    if found[1]:
        hours, minutes, seconds = (*numbers, 0.0, 0.0)[:3]
    elif len(numbers) == 1:
        hours, minutes, seconds = 0.0, numbers[0], 0.0
    else:
        hours, minutes, seconds = (0.0, *numbers)[-3:]
    return float(found[1] or 0) * 86400 + hours * 3600 + minutes * 60 + seconds


def limit_s(text: str, *, raw_minutes: bool) -> float | None:
    """Return a time limit in seconds: inf for UNLIMITED, None where the partition's limit held.

    Args:
        text: Value of Timelimit or TimelimitRaw.
        raw_minutes: The value is TimelimitRaw, a number of minutes.

    Raises:
        ValueError: if the text is no limit.
    """
    if text in UNLIMITED:
        return math.inf
    if text in UNKNOWN or text == PARTITION_LIMIT:
        return None
    if raw_minutes:
        if not _EPOCH.fullmatch(text):
            raise ValueError(text)
        return float(text) * 60
    return duration_s(text)


def stamp_s(text: str) -> float | None:
    """Return a time stamp as seconds on a clock that counts from 1970 in the cluster's own zone; None if unknown.

    Slurm prints local time unless TZ or SLURM_TIME_FORMAT says otherwise; export with ``TZ=UTC`` so that the hour
    that summer time repeats stays in order.

    Raises:
        ValueError: if the text is neither ISO 8601 without zone nor seconds since 1970.
    """
    if text in UNKNOWN:
        return None
    if _STAMP.fullmatch(text):
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    if _EPOCH.fullmatch(text):
        return float(text)
    raise ValueError(text)


def memory_bytes(text: str, nodes: int, cores: int) -> float:
    """Return ReqMem per node in bytes; 0 if unknown.

    Args:
        text: ``2800Mc`` (per core), ``500000Mn`` (per node) or ``4G`` (whole job, from Slurm 21.08 on).
        nodes: Nodes of the job.
        cores: Cores on each node.

    Raises:
        ValueError: if the text is no amount of memory.
    """
    if text in UNKNOWN or text == "?":
        return 0.0
    found = _MEMORY.fullmatch(text)
    if found is None:
        raise ValueError(text)
    amount = float(found[1]) * _UNIT[found[2]]
    if found[3] == "c":
        return amount * max(cores, 1)
    return amount if found[3] == "n" else math.ceil(amount / nodes)


def gpus(text: str) -> tuple[int, str]:
    """Return the number and type ("" if not told) of GPUs in a TRES or GRES list.

    ``cpu=4,gres/gpu=2,gres/gpu:a100=2,node=1`` and ``gpu:a100:2`` both give (2, "a100").
    """
    total, typed, kind = 0, 0, ""
    for part in text.split(","):
        found = _GPU.fullmatch(part.strip())
        if found is None:
            continue
        count = int(found[2] or 1)
        if found[1]:
            typed, kind = typed + count, kind or found[1]
        else:
            total += count
    return max(total, typed), kind


def tres(text: str, name: str) -> str:
    """Return the value of one entry of a TRES list, "" if absent."""
    for part in text.split(","):
        key, _, value = part.partition("=")
        if key == name:
            return value
    return ""
