"""The terms of a cut circuit's expectation value: which map every cut takes, and with what coefficient."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import CircuitError, ConfigError
from qhpcsim.core.records import FloatArray

_LEAST_PROBABILITY = 1e-14
"""Maps below it are left out, as ``qiskit_addon_cutting`` does: rounding makes such numbers out of zeros."""
_MOST_TERMS = 2**24


@dataclass(frozen=True, slots=True)
class Terms:
    """The sum ``E = sum_t coefficients[t] * product over partitions``, T terms over C cuts, largest first.

    Equal ones stand in the order in which the library has them.
    """

    map_ids: NDArray[np.int64]
    """(T, C) map of each cut."""
    coefficients: FloatArray
    """(T,)"""
    n_draws: NDArray[np.int64]
    """(T,) how often a term was drawn; 0: its coefficient is exact."""

    @property
    def n(self) -> int:
        """Number of terms."""
        return len(self.coefficients)

    def drawn_weight(self) -> float:
        """Return the total absolute coefficient of the drawn terms; 0 if all are exact."""
        return float(np.abs(self.coefficients[self.n_draws > 0]).sum())


def terms(bases: Sequence[Any], num_samples: float, sequence: np.random.SeedSequence) -> Terms:
    """Return the terms of a cut circuit, with the coefficients that ``generate_cutting_experiments`` gives them.

    Args:
        bases: ``QPDBasis`` of each cut; none: one term, 1.
        num_samples: Infinity: all terms, exactly. Otherwise those with a probability below its inverse are drawn.
        sequence: Seeds the drawing.

    Raises:
        ConfigError: if there are too many terms to hold, or ``num_samples`` is below 1.
        CircuitError: if a cut has no map with a weight.
    """
    if not num_samples >= 1:
        raise ConfigError(f"{num_samples}", where="num_samples", allowed="1 or more; inf: all terms")
    if any(not basis.kappa > 0 for basis in bases):
        raise CircuitError("a cut gate has no map with a weight", where="cuts")
    if math.isinf(num_samples) or not bases:
        return _all_terms(bases)
    return _drawn_terms(bases, num_samples, sequence)


def _all_terms(bases: Sequence[Any]) -> Terms:
    n_terms = math.prod(len(basis.coeffs) for basis in bases)
    if n_terms > _MOST_TERMS:
        hint = "give num_samples: that many terms are drawn"
        raise ConfigError(f"{len(bases)} cuts have {n_terms:,} terms", where="num_samples", hint=hint)
    probability = reduce(np.multiply.outer, [np.asarray(basis.probabilities) for basis in bases], np.ones(()))
    sign = reduce(np.multiply.outer, [np.sign(basis.coeffs) for basis in bases], np.ones(()))
    kept = ~(probability < _LEAST_PROBABILITY)
    order = np.argsort(-probability[kept], kind="stable")
    coefficients = (probability[kept] / probability[kept].sum() * (_kappa(bases) * sign[kept]))[order]
    return Terms(np.argwhere(kept)[order], coefficients, np.zeros(coefficients.size, np.int64))


def _drawn_terms(bases: Sequence[Any], num_samples: float, sequence: np.random.SeedSequence) -> Terms:
    from qiskit_addon_cutting.qpd import WeightType, generate_qpd_weights

    with numpy_seed(sequence):
        weights = generate_qpd_weights(bases, num_samples)
    map_ids = np.array(list(weights), dtype=np.int64)
    redundancy = np.array([weight for weight, _ in weights.values()], dtype=np.float64)
    drawn = np.array([kind is WeightType.SAMPLED for _, kind in weights.values()], dtype=np.bool_)
    sign = np.prod([np.sign(np.asarray(basis.coeffs)[map_ids[:, i]]) for i, basis in enumerate(bases)], axis=0)
    coefficients = redundancy / redundancy.sum() * (_kappa(bases) * sign)
    n_draws = np.zeros(len(redundancy), np.int64)
    if drawn.any():
        total = redundancy[drawn].sum()
        # the library draws ceil(total) times and scales each draw to total / ceil(total)
        n_draws[drawn] = np.rint(redundancy[drawn] * (math.ceil(total - 1e-9 * total) / total)).astype(np.int64)
    order = np.argsort(-redundancy, kind="stable")
    return Terms(map_ids[order], coefficients[order], n_draws[order])


def _kappa(bases: Sequence[Any]) -> float:
    return float(np.prod([basis.kappa for basis in bases]))


@contextmanager
def numpy_seed(sequence: np.random.SeedSequence) -> Iterator[None]:
    """Seed numpy's global generator, which the library draws from, and put its state back after."""
    state = np.random.get_state()
    np.random.seed(sequence.generate_state(8, np.uint32))
    try:
        yield
    finally:
        np.random.set_state(state)
