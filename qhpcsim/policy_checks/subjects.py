"""Finds what is to be checked: a name, a plug-in file, or something that was decorated."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qhpcsim.core.errors import ConfigError, PluginError, UnknownNameError, nearest, shorten
from qhpcsim.core.plugins import load_plugin
from qhpcsim.core.registry import HOMES, Entry, entries
from qhpcsim.policy_checks.batch_rule import BatchRule
from qhpcsim.policy_checks.cut_choosing import CutChoosing
from qhpcsim.policy_checks.placing import Placing
from qhpcsim.policy_checks.qpu_choosing import QpuChoosing
from qhpcsim.policy_checks.qpu_order import QpuOrder
from qhpcsim.policy_checks.queue_order import QueueOrder
from qhpcsim.policy_checks.subject import Owner, Subject

SUBJECTS: dict[str, Callable[[Owner], Subject]] = {
    "policy": BatchRule,
    "backfill": BatchRule,
    "order": QueueOrder,
    "discipline": QpuOrder,
    "qpu_choice": QpuChoosing,
    "placement": Placing,
    "cutting": CutChoosing,
}
"""Kind -> how it is checked."""
_CALLS: dict[str, dict[str, int]] = {
    "backfill": {"select": 2},
    "order": {"keys": 2},
    "discipline": {"push": 1, "peek": 1, "remove": 1, "__len__": 0},
    "placement": {"choose": 1},
    "cutting": {"choose": 1},
}
"""Kind -> methods that its classes must have, and with how many arguments they are called."""
_MADE: dict[str, int] = {"backfill": 2, "order": 4, "discipline": 3, "qpu_choice": 2, "placement": 1, "cutting": 1}
"""Kind -> number of arguments with which a class is made."""
_EXAMPLES = "docs/extending.md has an example of every kind"


def subjects_of(policy: Any, kind: str | None = None) -> list[Subject]:
    """Return what is to be checked.

    Args:
        policy: Name of a registered policy, path of a plug-in file (``.py``), or a registered function or class.
        kind: One of ``SUBJECTS``; None: every kind that it is registered as.

    Raises:
        PluginError: if a file cannot be imported, registers nothing that can be checked, or has a wrong signature.
        UnknownNameError: if there is no policy of that name.
        ConfigError: if several kinds have that name, or there is no such kind.
    """
    if kind is not None and kind not in SUBJECTS:
        raise ConfigError(
            f"unknown kind {shorten(kind)!r}", where="kind", allowed=_kinds(), suggestion=nearest(kind, SUBJECTS)
        )
    kinds = list(SUBJECTS) if kind is None else [kind]
    if isinstance(policy, str | os.PathLike):
        owners = _of_file(Path(policy), kinds) if str(policy).endswith(".py") else _of_name(str(policy), kinds)
    else:
        owners = _of_object(policy, kinds)
    for owner in owners:
        check_signature(owner)
    return [SUBJECTS[owner.entry.kind](owner) for owner in owners]


def _of_file(path: Path, kinds: list[str]) -> list[Owner]:
    load_plugin(path)
    file = str(path.resolve())
    found = [owner for kind in HOMES for owner in map(owner_of, entries(kind).values()) if owner.file == file]
    chosen = _without_twins([owner for owner in found if owner.entry.kind in kinds])
    if not chosen:
        others = ", ".join(f"{owner.entry.kind} {owner.entry.name}" for owner in found)
        what = f"registers nothing that can be checked as {' or '.join(kinds) if len(kinds) == 1 else 'a policy'}"
        raise PluginError(
            what + (f", only {others}" if others else ""),
            where=str(path),
            allowed=f"@batch_policy, @formula, or @register with one of {_kinds()}",
            suggestion=_slip(path),
            hint=_EXAMPLES,
        )
    return chosen


def _slip(path: Path) -> str | None:
    """Return a decorator for a function that stands there without one."""
    module = next((m for m in list(sys.modules.values()) if getattr(m, "__file__", None) == str(path.resolve())), None)
    for name, value in vars(module).items() if module is not None else ():
        if inspect.isfunction(value) and value.__module__ == getattr(module, "__name__", ""):
            word = "formula" if list(inspect.signature(value).parameters) == ["q"] else "batch_policy"
            return f'@{word}("{name}", …) above def {name}'
    return None


def _of_name(name: str, kinds: list[str]) -> list[Owner]:
    shelves = {kind: entries(kind) for kind in kinds}
    owners = _without_twins(
        [owner_of(shelf[name]) for shelf in shelves.values() if name in shelf], ("backfill", "order")
    )
    if not owners:
        known = {each for shelf in shelves.values() for each in shelf}
        raise UnknownNameError.of("policy", name, known)
    if len(owners) > 1:
        found = [owner.entry.kind for owner in owners]
        raise ConfigError(f"{name!r} is the name of several things", where="kind", allowed=", ".join(found))
    return owners


def _of_object(policy: Any, kinds: list[str]) -> list[Owner]:
    found = [each for kind in kinds for each in entries(kind).values() if policy in (each.target, written(each))]
    owners = _without_twins([owner_of(each) for each in found])
    if not owners:
        raise PluginError(
            f"{shorten(getattr(policy, '__name__', policy))} is not registered",
            where="check_policy",
            allowed="a registered function or class, its name, or the path of a plug-in file",
            suggestion="put @batch_policy, @formula or @register above it",
            hint=_EXAMPLES,
        )
    return owners


def _without_twins(owners: list[Owner], twins: tuple[str, ...] = ("backfill",)) -> list[Owner]:
    """Leave out what a policy of the same name stands for."""
    policies = {owner.entry.name for owner in owners if owner.entry.kind == "policy"}
    return [owner for owner in owners if owner.entry.kind not in twins or owner.entry.name not in policies]


def written(entry: Entry) -> Any:
    """Return what the user wrote: a function where a decorator made a class of it."""
    target = entry.target
    if entry.kind == "policy" and entry.params is not None:
        name = getattr(entry.params, "__dataclass_fields__", {}).get("backfill")
        rule = entries("backfill").get(str(name.default)) if name is not None else None
        target = rule.target if rule is not None and rule.name == entry.name else target
    return getattr(target, "decide", getattr(target, "formula", target))


def owner_of(entry: Entry) -> Owner:
    """Return a policy with the module and plug-in file that it comes from."""
    module = str(getattr(written(entry), "__module__", ""))
    file = str(getattr(sys.modules.get(module), "__file__", "") or "")
    return Owner(entry, module, "" if module.startswith("qhpcsim.") else file)


def check_signature(owner: Owner) -> None:
    """Raise ``PluginError`` if a policy cannot be made or called as the simulation does it."""
    entry, code = owner.entry, written(owner.entry)
    where = _place(owner, code)
    if inspect.isfunction(code):
        _bind(
            code, 1, f"{code.__name__}(view)" if entry.kind in ("policy", "backfill") else f"{code.__name__}(q)", where
        )
        return
    if not isinstance(code, type) or entry.kind == "policy":
        return
    missing = sorted(getattr(code, "__abstractmethods__", ()))
    needed = {**_CALLS.get(entry.kind, {}), **({"choose": 2} if entry.kind == "qpu_choice" else {})}
    missing += [name for name in needed if not callable(getattr(code, name, None))]
    if missing:
        own = [name for name in vars(code) if not name.startswith("__")]
        raise PluginError(
            f"class {code.__name__} has no method {missing[0]!r}",
            where=where,
            allowed=", ".join(dict.fromkeys([*missing, *needed])),
            suggestion=f"{missing[0]} instead of {near}" if (near := nearest(missing[0], own)) else None,
            hint=_EXAMPLES,
        )
    _bind(code, _MADE[entry.kind], f"{code.__name__}({', '.join(['…'] * _MADE[entry.kind])})", where)
    for name, n in needed.items():
        _bind(getattr(code, name), n + 1, f"{name}(self{', …' * n})", where)


def _bind(code: Any, n: int, call: str, where: str) -> None:
    try:
        signature = inspect.signature(code)
    except ValueError:
        return
    try:
        signature.bind(*[None] * n)
    except TypeError as error:
        raise PluginError(f"{call} cannot be called: {error}", where=where, allowed=call, hint=_EXAMPLES) from error


def _place(owner: Owner, code: Any) -> str:
    if not owner.file:
        return f"{owner.entry.kind} {owner.entry.name}"
    try:
        line = inspect.getsourcelines(code)[1]
    except (OSError, TypeError):
        return owner.file
    return f"{owner.file}:{line}"


def _kinds() -> str:
    return ", ".join(SUBJECTS)
