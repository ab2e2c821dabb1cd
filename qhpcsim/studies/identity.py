"""What makes one run the same as another: the resolved scenario with its seed, the files it reads, and the code."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from qhpcsim.core.data import data_dir
from qhpcsim.scenario import Scenario

_PACKAGE = Path(__file__).resolve().parent.parent


def run_key(scenario: Scenario, inputs: Mapping[str, str], code: str, steady: bool = False) -> str:
    """Return the name of one run in a ledger, 32 hexadecimal digits.

    Args:
        scenario: Resolved, its seed included.
        inputs: SHA-256 of every file that it reads.
        code: What ``code_version`` gave.
        steady: Whether figures of the steady state are among its figures.
    """
    text = json.dumps([plain(scenario), sorted(inputs.items()), code, steady], sort_keys=True, allow_nan=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def plain(value: Any) -> Any:
    """Return a scenario, or a part of it, as JSON can hold it; dataclasses carry their class."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        held = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"": f"{kind.__module__}.{kind.__qualname__}", **held}
    if isinstance(value, Mapping):
        return {str(key): plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def code_version(plugins: Iterable[str] = ()) -> str:
    """Return a hash of qhpcsim's code, its cards and the users' plug-ins: what else a run depends on."""
    digest = hashlib.sha256(_own_code().encode())
    for path in plugins:
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()[:16]


@cache
def _own_code() -> str:
    digest = hashlib.sha256()
    for root, pattern in ((_PACKAGE, "*.py"), (data_dir("calibration"), "*.yaml")):
        for path in sorted(root.rglob(pattern)):
            if "_data" not in path.relative_to(root).parts:
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
