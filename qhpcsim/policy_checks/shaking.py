"""Changes what a decision must not depend on: global random numbers, the clock, where objects lie in memory."""

from __future__ import annotations

import ast
import inspect
import random
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import ModuleType
from typing import Any

import numpy as np

from qhpcsim.policies.batch.user import Job

_CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time")
_N_BLOCKS = 4000
_SUSPECTS = (
    "random", "randint", "shuffle", "choice", "default_rng", "uuid4", "urandom", "secrets", "time", "monotonic",
    "perf_counter", "datetime", "now", "id", "hash", "set", "frozenset", "environ", "getpid", "global",
)  # fmt: skip
"""Names that an answer which is not repeatable often comes from."""


def shakes(module: str) -> dict[str, AbstractContextManager[None]]:
    """Return what to change between two runs of the same case, by the words that name it.

    Args:
        module: Name of the user's module; clocks that it imported by name are changed there, too.
    """
    return {
        "in a second run": nullcontext(),
        "with another state of the global random numbers": _reseeded(),
        "at another time of day": _other_time(module),
        "with objects elsewhere in memory": _scattered(),
    }


def suspects(code: Any) -> str:
    """Return which names in a function's or class's source may make its answers differ, as the end of a sentence."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
    except (OSError, TypeError, SyntaxError):
        return ""
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    names += [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    names += ["global" for node in ast.walk(tree) if isinstance(node, ast.Global | ast.Nonlocal)]
    found = [name for name in _SUSPECTS if name in names]
    return f"; it uses {', '.join(found)}" if found else ""


@contextmanager
def _reseeded() -> Iterator[None]:
    state, numpy_state = random.getstate(), np.random.get_state()
    random.seed(20_011)
    np.random.seed(20_011)
    try:
        yield
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)


@contextmanager
def _other_time(module: str) -> Iterator[None]:
    """Let every clock be ahead by another part of a day at each look."""
    places: list[ModuleType] = [time, *([sys.modules[module]] if module in sys.modules else [])]
    real = {getattr(time, name): name for name in _CLOCKS}
    kept: list[tuple[ModuleType, str, Any]] = []
    for place in places:
        for name, held in list(vars(place).items()):
            if callable(held) and _hashable(held) and held in real:
                kept.append((place, name, held))
                setattr(place, name, _jumping(held))
    try:
        yield
    finally:
        for place, name, held in kept:
            setattr(place, name, held)


def _jumping(clock: Any) -> Any:
    draw = random.Random(7919)  # steps of no rhythm: a policy may look at seconds, minutes or hours
    return lambda: clock() + type(clock())(draw.uniform(0.0, 86_400.0))


def _hashable(value: Any) -> bool:
    return getattr(type(value), "__hash__", None) is not None


@contextmanager
def _scattered() -> Iterator[None]:
    """Leave holes in random order among objects of the size of a ``Job``, which new ones will fill."""
    blocks: list[Any] = [Job(0, 1, float(k), 0.0, "", k) for k in range(_N_BLOCKS)]
    order = list(range(_N_BLOCKS))
    random.Random(5).shuffle(order)
    for at in order[: _N_BLOCKS // 2]:
        blocks[at] = None
    yield
    del blocks
