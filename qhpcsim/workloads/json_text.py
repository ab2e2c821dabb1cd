"""JSON as the standard has it: no NaN, no infinity, no key twice."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from qhpcsim.core.errors import WorkloadError, shorten
from qhpcsim.workloads.files import place, whole_text

MAX_JSON_BYTES = 512 * 1024**2
"""JSON must be held in memory whole, so it may be less long than the other formats."""


def read_json(path: str | Path, max_bytes: int = MAX_JSON_BYTES) -> Any:
    """Return the value of a JSON file, plain or .gz.

    Raises:
        WorkloadError: naming the line if it is no JSON, or holds NaN, 1e999 or a duplicate key.
    """
    text = whole_text(path, max_bytes)
    try:
        return json.loads(
            text,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_integer,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        where = place(path, error.lineno)
        raise WorkloadError(f"is no JSON here: {error.msg} (column {error.colno})", where=where) from error
    except RecursionError as error:
        raise WorkloadError("is nested too deeply", where=place(path)) from error
    except _JsonError as error:
        raise WorkloadError(f"JSON with {error}", where=place(path), hint="mend the file") from error


class _JsonError(ValueError):
    """Valid for Python's parser, but not for us."""


def _no_constant(word: str) -> float:
    raise _JsonError(f"{word}, which is not a JSON number")


def _finite(word: str) -> float:
    value = float(word)
    if not math.isfinite(value):
        raise _JsonError(f"the number {shorten(word, 40)}, which overflows")
    return value


def _integer(word: str) -> int:
    if len(word) > 20:
        raise _JsonError(f"the number {shorten(word, 40)}, which overflows")
    return int(word)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        again = next(name for name in names if names.count(name) > 1)
        raise _JsonError(f"the key {shorten(again, 60)!r} twice in one object")
    return result
