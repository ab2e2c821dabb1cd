"""Times and counts as numbers from 0 to 1, the form in which learners take them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

LONGEST_S = 10 * 365.25 * 86_400.0
"""Ten years: as long or longer is 1."""
MOST = 1e6
"""A million: as many or more is 1."""
DAY_S = 86_400.0

Unit = NDArray[np.float32]
Shapes = dict[str, tuple[int, ...]]


def unit_space(shapes: Shapes) -> Any:
    """Return the space of arrays of these shapes whose numbers are from 0 to 1."""
    return spaces.Dict({name: spaces.Box(0.0, 1.0, shape, np.float32) for name, shape in shapes.items()})


def blank(shapes: Shapes) -> dict[str, Unit]:
    """Return arrays of these shapes, all 0."""
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def time_unit(seconds: float) -> float:
    """Return log(1 + t) / log(1 + ten years), t in seconds, at most 1: 10 s is 0.12, an hour 0.42, a day 0.58."""
    return _log_unit(seconds, LONGEST_S)


def count_unit(n: float) -> float:
    """Return log(1 + n) / log(1 + a million), at most 1: 1 is 0.05, 10 is 0.17, 100 is 0.33."""
    return _log_unit(n, MOST)


def day_unit(now_s: float) -> float:
    """Return the time of day, 0 at the workload's own midnight."""
    return (now_s % DAY_S) / DAY_S


def _log_unit(value: float, most: float) -> float:
    return min(1.0, math.log1p(max(0.0, value)) / math.log1p(most))
