"""Named, independent random streams from one root seed."""

from __future__ import annotations

import hashlib

import numpy as np


class Rng:
    """Hands out one independent generator per name, so that a policy never changes the workload.

    Args:
        seed: Root seed, a non-negative integer.
    """

    def __init__(self, seed: int) -> None:
        self.seed = int(seed)

    def sequence(self, name: str) -> np.random.SeedSequence:
        """Return the seed sequence of one named stream; equal names give equal sequences."""
        digest = hashlib.sha256(name.encode()).digest()
        words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
        return np.random.SeedSequence([self.seed, *words])

    def stream(self, name: str) -> np.random.Generator:
        """Return a fresh PCG64 generator for one named stream."""
        return np.random.Generator(np.random.PCG64(self.sequence(name)))
