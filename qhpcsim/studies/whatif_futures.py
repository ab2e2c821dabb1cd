"""What an operator may do at a moment, as text: ``add nodes=16``, ``remove nodes=8:2h``, ``set policy=easy``."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from qhpcsim.core.errors import ConfigError, nearest, shorten
from qhpcsim.core.records import JobTable
from qhpcsim.core.units import seconds
from qhpcsim.policies.batch.changed import changed_policy
from qhpcsim.scenario import Change, Partition, Scenario

VERBS = ("add", "remove", "set")
AS_IS = "as is"
"""The future in which nothing changes."""
MOST = 1_000_000
"""Most nodes or QPUs that a change may be about."""
_STAMP = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Future:
    """One thing that may be done at the moment."""

    name: str
    steps: tuple[tuple[str, str, str], ...] = ()
    """(verb, key, value)."""


def future_of(text: str) -> Future:
    """Return a future from ``NAME: add nodes=16, set policy=easy``; without a name the text is the name.

    Raises:
        ConfigError: for a text that is none.
    """
    head, colon, rest = text.partition(":")
    named = bool(colon) and "=" not in head and head.strip() != ""
    steps = tuple(_step(part, text) for part in re.split(r"[,;]", rest if named else text) if part.strip())
    if not steps:
        raise _wrong(f"{shorten(text)!r} changes nothing", "future")
    name = head.strip() if named else ", ".join(f"{verb} {key}={value}" for verb, key, value in steps)
    if name == AS_IS:
        raise ConfigError(f"{name!r} is the future without changes", where="future", hint="another name")
    return Future(name, steps)


def _step(part: str, text: str) -> tuple[str, str, str]:
    verb, _, rest = part.strip().partition(" ")
    key, equals, value = (word.strip() for word in rest.partition("="))
    if verb not in VERBS:
        raise _wrong(f"unknown verb {shorten(verb)!r} in {shorten(text)!r}", "future", nearest(verb, VERBS))
    if not equals or not key or not value:
        raise _wrong(f"{shorten(part.strip())!r} is not VERB KEY=VALUE", "future")
    return verb, key, value


def _wrong(message: str, where: str, suggestion: str | None = None) -> ConfigError:
    return ConfigError(
        message,
        where=where,
        allowed="add nodes=N, add PARTITION=N, add qpu=N, remove nodes=N[:TIME], set policy=NAME, set policy.KEY=VALUE",
        suggestion=suggestion,
        hint="for example --add nodes=16, or --future 'bigger: add nodes=16, set policy=easy'",
    )


def changes_of(
    future: Future, scenario: Scenario, partitions: dict[str, Partition], qpus: Sequence[str], at_s: float
) -> tuple[Change, ...]:
    """Return what a future changes.

    Args:
        future: The future.
        scenario: As it is.
        partitions: Its machine.
        qpus: Its QPUs, as far as jobs use any.
        at_s: The moment, on the axis of the workload's file.

    Raises:
        ConfigError: for a key that is not there or a value that it cannot take.
    """
    policy: dict[str, str] = {}
    found: list[Change] = []
    overrun = ""
    for verb, key, value in future.steps:
        if verb == "set":
            if key == "workload.overrun":
                overrun = value
            else:
                policy |= _policy_key(key, value, verb)
        else:
            found.append(_sized(verb, key, value, partitions, qpus, at_s))
    if overrun and (overrun != "extend" or scenario.workload.overrun == "extend"):
        raise ConfigError(
            f"from {scenario.workload.overrun} to {shorten(overrun)}",
            where="set workload.overrun",
            allowed="from kill to extend: from then on no job is killed at its requested time",
            suggestion=nearest(overrun, ["extend"]),
        )
    if policy:
        changed_policy(scenario.policy, policy, "set policy")
    if policy or overrun:
        found.append(Change(at_s=at_s, policy=policy, overrun=overrun))
    return tuple(found)


def _policy_key(key: str, value: str, verb: str) -> dict[str, str]:
    if key == "policy":
        return {"name": value}
    group, dot, name = key.partition(".")
    if group == "policy" and dot and name:
        return {name: value}
    raise ConfigError(
        f"{shorten(key)!r} cannot change while the simulation runs",
        where=verb,
        allowed="policy=NAME, policy.KEY=VALUE, workload.overrun=extend",
        suggestion=nearest(key, ["policy", "policy.backfill", "policy.order", "policy.depth", "workload.overrun"]),
        hint="what holds from the beginning is key=value without --set",
    )


def _sized(
    verb: str, key: str, value: str, partitions: dict[str, Partition], qpus: Sequence[str], at_s: float
) -> Change:
    """Return a change of nodes or QPUs."""
    where = f"{verb} {key}"
    count, colon, time = value.partition(":")
    n = _count(count, where)
    if key in ("qpu", "qpus") or key.startswith("qpu."):
        return _of_qpus(verb, key, n, qpus, at_s)
    names = list(partitions)
    if key == "nodes" and key not in partitions:
        if len(names) != 1:
            raise ConfigError(f"which partition's {n} nodes?", where=where, allowed=_keys(verb, names))
        key = names[0]
    if key not in partitions:
        raise ConfigError(
            f"there is no partition {shorten(key)!r}",
            where=verb,
            allowed=_keys(verb, ["nodes", *names, "qpu"]),
            suggestion=nearest(key, ["nodes", *names, "qpu"]),
        )
    if verb == "add":
        if colon:
            raise ConfigError(f"nodes are added for good, got {shorten(value)!r}", where=where, allowed=f"{n}")
        return Change(at_s=at_s, add_nodes=n, partition=key)
    until_s = at_s + _positive(seconds(time, where), where) if colon else None
    return Change(at_s=at_s, remove_nodes=n, partition=key, until_s=until_s)


def _keys(verb: str, names: Sequence[str]) -> str:
    return shorten(", ".join(f"{verb} {name}=N" for name in dict.fromkeys(names)), 300)


def _of_qpus(verb: str, key: str, n: int, qpus: Sequence[str], at_s: float) -> Change:
    where = f"{verb} {key}"
    if verb == "remove":
        raise ConfigError("QPUs cannot leave", where=where, allowed="nodes", hint="qpu.qpus.NAME.outages.fixed_s")
    if not qpus:
        raise ConfigError(
            "no job of this workload uses a QPU, so one more changes nothing",
            where=where,
            allowed="add nodes=N, add PARTITION=N",
            hint="take a workload with hybrid or QPU jobs: qhpcsim whatif hybrid_loop --at 1h --add qpu=1",
        )
    name = key.partition(".")[2]
    if name and name not in qpus:
        raise ConfigError(
            f"there is no QPU {shorten(name)!r}",
            where=where,
            allowed=_keys(verb, [f"qpu.{each}" for each in qpus]) or "add qpu=N",
            suggestion=nearest(name, qpus),
        )
    return Change(at_s=at_s, add_qpus=n, qpu=name)


def _count(text: str, where: str) -> int:
    if text.isdecimal() and text.isascii() and 1 <= int(text) <= MOST:
        return int(text)
    raise ConfigError(f"got {shorten(text)!r}", where=where, allowed=f"a whole number from 1 to {MOST:,}")


def _positive(value: float, where: str) -> float:
    if value > 0:
        return value
    raise ConfigError("nodes come back at once", where=where, allowed="a time above 0, such as 2h")


def moment(text: str | float, table: JobTable, last_s: float, where: str = "--at") -> float:
    """Return a moment in seconds since the beginning of the workload: of a file, its first submission.

    Args:
        text: Seconds or a duration since then, or a date and time if the file states its own.
        table: The jobs.
        last_s: When the simulation as it is ends.
        where: For messages.

    Raises:
        ConfigError: if it is no time, before the beginning or after the end.
    """
    found = _read_moment(text, table, where)
    if not 0 <= found <= last_s:
        raise ConfigError(
            f"{shorten(text)} is {'before the beginning' if found < 0 else 'after the last end: nothing is left then'}",
            where=where,
            allowed=f"0 to {last_s:.6g} seconds from the beginning{_dates(table, last_s)}",
            hint="a time at which jobs wait",
        )
    return found


def _read_moment(text: str | float, table: JobTable, where: str) -> float:
    """Return a moment on the simulation's axis, however far off."""
    if isinstance(text, str) and _STAMP.fullmatch(text.strip()):
        return _stamp_s(text.strip(), where) - _unix_zero_s(text, table, where)
    if isinstance(text, str) and text.strip().startswith("-"):
        raise ConfigError(f"{shorten(text)!r} is before the beginning", where=where, allowed="0 or later")
    try:
        return seconds(text, where)
    except ConfigError as error:
        raise ConfigError(
            error.message, where=where, allowed="seconds, 3d 4h, or a date such as 2024-05-01 12:00"
        ) from None


def _stamp_s(text: str, where: str) -> float:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise ConfigError(f"{shorten(text)!r}: {error}", where=where, allowed="YYYY-MM-DD HH:MM") from None


def _unix_zero_s(text: str, table: JobTable, where: str) -> float:
    if table.unix_start_s is None:
        raise ConfigError(
            f"{shorten(text)!r} is a date, and the workload states no date of its own",
            where=where,
            allowed="seconds or a duration from the beginning, such as 3d 4h",
        )
    return table.unix_start_s + table.zero_s


def _dates(table: JobTable, last_s: float) -> str:
    """Return the same limits as dates, if the workload states its own."""
    if table.unix_start_s is None:
        return ""
    zero_s = table.unix_start_s + table.zero_s
    stamps = [datetime.fromtimestamp(math.floor(each), UTC) for each in (zero_s, zero_s + last_s)]
    return " ({:%Y-%m-%d %H:%M} to {:%Y-%m-%d %H:%M})".format(*stamps)
