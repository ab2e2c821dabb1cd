"""The scenario of an environment, and the seeds of its episodes."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from qhpcsim.core.errors import ConfigError, nearest
from qhpcsim.scenario import Scenario


def scenario_of(scenario: Scenario | str | os.PathLike[str], overrides: Sequence[str]) -> Scenario:
    """Return a scenario by itself, or by name or path with overrides.

    Raises:
        QhpcsimError: as ``qhpcsim.load``.
    """
    from qhpcsim.config import load

    if not isinstance(scenario, Scenario):
        return load(scenario, overrides)
    if overrides:
        raise ConfigError("overrides are for a scenario that is loaded by name or path", where="overrides")
    return scenario


def of_seed(scenario: Scenario, seed: int | None, generator: np.random.Generator, is_first: bool) -> Scenario:
    """Return the scenario of an episode.

    Args:
        scenario: Of the environment.
        seed: What ``reset`` was given: the seed of this episode; None: the next one is drawn.
        generator: Draws it.
        is_first: The first episode of all has the scenario's own seed unless it was given one.
    """
    if seed is None:
        seed = scenario.seed if is_first else int(generator.integers(2**31))
    return dataclasses.replace(scenario, seed=seed)


def one_of(word: str, words: Sequence[str], where: str) -> str:
    """Return a word that must be one of several.

    Raises:
        ConfigError: if it is not.
    """
    if word not in words:
        raise ConfigError(f"got {word!r}", where=where, allowed=", ".join(words), suggestion=nearest(word, words))
    return word


def at_least_one(n: int, where: str) -> int:
    """Return a number of slots.

    Raises:
        ConfigError: if it is less than 1.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ConfigError(f"got {n!r}", where=where, allowed="a whole number, at least 1")
    return n
