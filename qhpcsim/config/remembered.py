"""What Hydra composed before, on disk: importing and asking it again costs a third of a short command.

The name of an entry is a hash of everything that composition depends on, so an entry can be missing but not stale.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from qhpcsim.core.compiled import cache_root
from qhpcsim.core.data import data_dir

_held: dict[tuple[str, str], str] | None = None
"""Compositions as JSON within ``composed_once``."""


@contextmanager
def composed_once() -> Iterator[None]:
    """Let each composition be made, or read from disk, once within the block: for many scenarios of one kind.

    What is added to the registry or to ``scenarios/`` meanwhile may go unseen.
    """
    global _held
    before, _held = _held, {}
    try:
        yield
    finally:
        _held = before


def held(name: str, choices: Mapping[str, str], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what ``make`` gives for a scenario and its choices, called once for each within ``composed_once``."""
    if _held is None:
        return make()
    place = name, json.dumps(list(choices.items()))
    if place not in _held:
        _held[place] = json.dumps(make())
    values: dict[str, Any] = json.loads(_held[place])
    return values


def path_of(name: str, choices: Mapping[str, str], nodes: Mapping[tuple[str, str], Mapping[str, Any]]) -> Path:
    """Return the file of one composition.

    Args:
        name: The scenario.
        choices: Group -> option.
        nodes: What the registry adds to Hydra's store.
    """
    here = Path(__file__)
    digest = hashlib.sha256(b"\0".join(here.with_name(code).read_bytes() for code in ("compose.py", "names.py")))
    stored = sorted((group, option, sorted(node.items())) for (group, option), node in nodes.items())
    digest.update(json.dumps([name, sorted(choices.items()), stored], default=repr).encode())
    folder = data_dir("scenarios")
    for file in sorted(folder.rglob("*.yaml")):
        digest.update(b"\0" + file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return cache_root() / "composed" / f"{digest.hexdigest()[:32]}.json"


def recall(path: Path) -> dict[str, Any] | None:
    """Return a composition kept before, or None."""
    with suppress(OSError, ValueError):
        values = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(values, dict):
            return values
    return None


def keep(path: Path, values: Mapping[str, Any]) -> None:
    """Keep a composition; a folder that cannot be written is no reason to fail."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{id(values)}")
        scratch.write_text(json.dumps(values, allow_nan=False), encoding="utf-8")
        scratch.replace(path)
