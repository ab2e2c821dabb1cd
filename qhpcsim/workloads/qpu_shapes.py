"""What QPU jobs ask for: circuits, shots, width, depth and gates, drawn together from a card."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.cards import Card, card
from qhpcsim.core.errors import ConfigError
from qhpcsim.core.records import FloatArray
from qhpcsim.core.rng import Rng

CARD = "workload/qpu_jobs"
COLUMNS = ("n_circuits", "shots", "width", "depth", "gates_per_layer")
"""Quantities of the law, per circuit, in the order of the card's correlations."""
STRATA = ("one", "several")
"""Jobs of one circuit, jobs of several."""
_STEPPED = ("n_circuits", "shots", "width")
_normal = np.frompyfunc(lambda x: 0.5 * math.erfc(-x / math.sqrt(2.0)), 1, 1)


@dataclass(frozen=True)
class Shape:
    """What each job asks for; None: drawn from the card, together with the rest."""

    n_circuits: int | None = None
    shots: int | None = None
    """Of each circuit."""
    width: int | None = None
    """Qubits of each circuit."""
    depth: int | None = None
    """Layers of each circuit."""
    n_2q: int | None = None
    """Two-qubit gates of each circuit."""
    max_width: int | None = None
    """Wider circuits are cut to this; None: none is."""


@dataclass(frozen=True, slots=True)
class Marginal:
    """The law of one quantity by its quantiles.

    Stepped: ``values[k]`` for levels above ``levels[k − 1]`` up to ``levels[k]``. Smooth: straight lines between the
    quantiles, in the logarithm where all are above 0.
    """

    values: FloatArray
    levels: FloatArray
    """Rising; the last is 1."""
    stepped: bool

    def quantile(self, level: FloatArray) -> FloatArray:
        """Return the quantiles at levels between 0 and 1."""
        if self.stepped:
            found: FloatArray = self.values[np.minimum(np.searchsorted(self.levels, level), len(self.values) - 1)]
            return found
        if (self.values > 0).all():
            return np.exp(np.interp(level, self.levels, np.log(self.values)))
        return np.interp(level, self.levels, self.values)


@dataclass(frozen=True, slots=True)
class Stratum:
    """Joint law of the columns of one kind of job: marginals tied by a Gaussian copula."""

    marginals: tuple[Marginal, ...]
    """One a column of ``COLUMNS``."""
    correlation: FloatArray
    """(5, 5) of the normal variables behind them."""

    def quantities(self, normals: FloatArray) -> FloatArray:
        """Return the quantities (n, 5) that independent standard normals (n, 5) stand for."""
        tied = normals @ _root(self.correlation).T
        levels = _normal(tied).astype(np.float64)
        return np.stack([law.quantile(levels[:, k]) for k, law in enumerate(self.marginals)], axis=1)


@dataclass(frozen=True, slots=True)
class ShapeLaw:
    """Joint law of what jobs ask for.

    Model:
        A job has several circuits with probability ``several_frac``; in each kind, circuits, shots, width, depth and
        gates per layer have their own quantile functions, tied by a Gaussian copula.
    Assumes:
        The circuits of a job are alike. Shots, widths and numbers of circuits take the values that the fit saw.
    Not modelled:
        Who sends which jobs, change over time, dependence that rank correlations do not show.
    Source:
        Fitted by calibration/workload/fit_qpu_jobs.py to real IBM jobs of 2023 released with Qonductor (SC'25).
    """

    several_frac: float
    strata: tuple[Stratum, Stratum]

    @classmethod
    def from_card(cls, name: str = CARD) -> ShapeLaw:
        """Return the law on a card."""
        read = card(name)
        one, several = (_stratum(read, stratum) for stratum in STRATA)
        return cls(read.value("several_frac"), (one, several))

    def draw(self, n: int, rng: Rng, stream: str, several: NDArray[np.bool_] | None = None) -> FloatArray:
        """Return what n jobs ask for, (n, 5) in the order of ``COLUMNS``.

        Args:
            n: How many.
            rng: Streams ``STREAM/several`` and ``STREAM/normals`` are used; n jobs are the first n of any more.
            stream: Prefix of the streams.
            several: Which jobs have several circuits; None: drawn.
        """
        if several is None:
            several = rng.stream(f"{stream}/several").random(n) < self.several_frac
        normals = rng.stream(f"{stream}/normals").standard_normal((n, len(COLUMNS)))
        found = np.empty((n, len(COLUMNS)))
        for kind, stratum in zip((~several, several), self.strata, strict=True):
            found[kind] = stratum.quantities(normals[kind])
        return found


def draw_shapes(params: Shape, n: int, rng: Rng, stream: str, where: str) -> dict[str, FloatArray]:
    """Return the columns n_circuits, shots, depth_total, n_2q_total and n_qubits_total of n jobs.

    Args:
        params: What is given, and what is drawn.
        n: Number of jobs.
        rng: See ``ShapeLaw.draw``.
        stream: Prefix of the streams.
        where: Key path for messages.
    """
    for name in Shape.__dataclass_fields__:
        value, least = getattr(params, name), int(name not in ("depth", "n_2q"))
        if value is not None and value < least:
            raise ConfigError(f"{value}", where=f"{where}.{name}", allowed=f"at least {least}")
    several = None if params.n_circuits is None else np.full(n, params.n_circuits > 1)
    drawn = dict(zip(COLUMNS, ShapeLaw.from_card().draw(n, rng, stream, several).T, strict=True))
    circuits = _given(params.n_circuits, drawn["n_circuits"])
    width = np.minimum(_given(params.width, drawn["width"]), params.max_width or np.inf)
    depth = _given(params.depth, np.maximum(np.rint(drawn["depth"]), 1.0))
    # A given depth keeps the gates per layer; one qubit has no two-qubit gate.
    gates = np.where(width > 1, np.rint(drawn["gates_per_layer"] * depth), 0.0)
    return {
        "n_circuits": circuits,
        "shots": _given(params.shots, drawn["shots"]),
        "depth_total": circuits * depth,
        "n_2q_total": circuits * _given(params.n_2q, gates),
        "n_qubits_total": circuits * width,
    }


def _given(value: int | None, drawn: FloatArray) -> FloatArray:
    return drawn if value is None else np.full(len(drawn), float(value))


def _stratum(read: Card, name: str) -> Stratum:
    marginals = []
    for column in COLUMNS:
        stepped = column in _STEPPED
        levels = read.array(f"{name}.{column}_share" if stepped else "levels")
        marginals.append(Marginal(np.atleast_1d(read.array(f"{name}.{column}")), np.atleast_1d(levels), stepped))
    return Stratum(tuple(marginals), read.array(f"{name}.correlation"))


def _root(correlation: FloatArray) -> FloatArray:
    """Return a matrix whose product with its transpose is the correlation, which may be rounded."""
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    scaled: FloatArray = root / np.sqrt((root**2).sum(axis=1, keepdims=True))
    return scaled
