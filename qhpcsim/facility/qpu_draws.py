"""Durations drawn one at a time from a law, at the cost of drawing them in blocks."""

from __future__ import annotations

import numpy as np

from qhpcsim.qpu_scenario import Duration
from qhpcsim.workloads.laws import ServiceLaw, sample

_BLOCK = 4096


class Draws:
    """Independent draws from one law.

    Args:
        law: The law.
        generator: Its random stream.
    """

    def __init__(self, law: Duration, generator: np.random.Generator) -> None:
        self._law = ServiceLaw(law.law, law.mean_s, law.cv)
        self._generator = generator
        self._block: list[float] = []

    def next(self) -> float:
        """Return the next duration in seconds."""
        if not self._block:
            self._block = sample(self._law, _BLOCK, self._generator)[::-1].tolist()
        return self._block.pop()
