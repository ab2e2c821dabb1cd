"""Seeds for simulators whose own generators take neighbouring numbers for neighbouring streams.

Qiskit Aer seeds shot k of a circuit that it re-simulates for every shot with ``seed + k``: runs seeded 0, 1, 2 …
share all shots but one (https://github.com/Qiskit/qiskit-aer/issues/1916). Seeds drawn here are 63 bits wide and
unrelated, so that even a million runs of a million shots share one with a chance below 1 %.
"""

from __future__ import annotations

import numpy as np

from qhpcsim.core.rng import Rng


def aer_seed(root_seed: int, name: str) -> int:
    """Return the seed of one named run, such as ``"validation/17"``; equal names give equal seeds.

    Args:
        root_seed: Seed of the whole study, a non-negative integer.
        name: Unique within it.

    Returns:
        An integer in [0, 2^63), for ``seed_simulator``.
    """
    return seed_of(Rng(root_seed).sequence(name))


def seed_of(sequence: np.random.SeedSequence) -> int:
    """Return the seed that a seed sequence stands for, in [0, 2^63)."""
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
