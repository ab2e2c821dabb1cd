"""Leaves Python's search for unreachable cycles out while a simulation runs."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Run a block, or as a decorator a function, without the cyclic garbage collector.

    A simulation keeps nearly all that it makes until it ends: the collector would look through all tasks again and
    again and find nothing. What is no longer referred to is freed as ever.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
