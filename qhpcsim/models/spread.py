"""How random a service time is: an overhead of random size, and an execution that is nearly certain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.models.requests import Prediction

_CHUNK = 2048
_SMALL_CHUNK = 64
_NORMAL = NormalDist()
_N, _STEP = 987, 610
"""Two neighbours in Fibonacci's sequence: multiples of the second modulo the first fill the square evenly."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The deterministic parts of service times, in seconds, one element a job."""

    execution_s: FloatArray
    overhead_s: FloatArray
    """Typical time that adds to the execution."""
    floor_s: FloatArray
    """Typical time that overlaps with the execution: what must be prepared while circuits run."""


def normal_quantiles(levels: FloatArray) -> FloatArray:
    """Return quantiles of the standard normal law."""
    return np.array([_NORMAL.inv_cdf(float(u)) for u in np.ravel(levels)]).reshape(np.shape(levels))


@dataclass(frozen=True, slots=True)
class Spread:
    """Law of a service time about its deterministic parts.

    Model:
        T = O·W + max(E·exp(σz), B·√W) with execution E, overhead O and floor B, z standard normal, and W ≥ 0 of median
        about 1, given by its quantiles at ``levels`` (straight lines between them, constant beyond the ends).
    Assumes:
        W and z are independent of one another and from job to job; what overlaps varies half as much as what does not.
    Not modelled:
        Memory in time: consecutive jobs on one machine share part of their overhead.
    Source:
        Shape: single-circuit IBM jobs of 2023 are dominated by an overhead that is random and additive.
    """

    levels: FloatArray
    share: FloatArray
    """Quantiles of W at ``levels``."""
    sigma: float
    """Log standard deviation of the factor on the execution time."""

    @classmethod
    def lognormal(cls, cv: float, sigma: float) -> Spread:
        """Return a spread whose overhead share is log-normal with median 1 and coefficient of variation ``cv``."""
        levels = (np.arange(_N) + 0.5) / _N
        return cls(levels, np.exp(np.sqrt(np.log1p(cv * cv)) * normal_quantiles(levels)), sigma)

    def predict(self, parts: Parts) -> Prediction:
        """Return median and 90 % interval over an even sample of W and z."""
        share, factor = self._sample()
        root = np.sqrt(share)
        found = np.empty((3, len(parts.execution_s)))
        for start in range(0, len(parts.execution_s), _CHUNK):
            jobs = slice(start, start + _CHUNK)
            e, o, b = (v[jobs, None] for v in (parts.execution_s, parts.overhead_s, parts.floor_s))
            found[:, jobs] = np.quantile(o * share + np.maximum(e * factor, b * root), (0.5, 0.05, 0.95), axis=1)
        return Prediction(*found)

    def medians_s(self, parts: Parts) -> FloatArray:
        """Return the medians of ``predict``: single precision, in pieces that fit a processor's cache."""
        share, factor = (column.astype(np.float32) for column in self._sample())
        root = np.sqrt(share)
        found = np.empty(len(parts.execution_s))
        columns = [v.astype(np.float32) for v in (parts.execution_s, parts.overhead_s, parts.floor_s)]
        for start in range(0, len(found), _SMALL_CHUNK):
            jobs = slice(start, start + _SMALL_CHUNK)
            e, o, b = (column[jobs, None] for column in columns)
            times_s = np.maximum(e * factor, b * root) + o * share
            times_s.partition(_N // 2, axis=1)
            found[jobs] = times_s[:, _N // 2]
        return found

    def draw(self, parts: Parts, rng: np.random.Generator) -> FloatArray:
        """Return one random service time in seconds for each job."""
        n = len(parts.execution_s)
        share = self._share(rng.random(n))
        factor = np.exp(self.sigma * rng.standard_normal(n))
        return parts.overhead_s * share + np.maximum(parts.execution_s * factor, parts.floor_s * np.sqrt(share))

    def _sample(self) -> tuple[FloatArray, FloatArray]:
        """Return an even sample of W and of the factor on the execution time."""
        levels = (np.arange(_N) + 0.5) / _N
        return self._share(levels), np.exp(self.sigma * _even_normals())

    def _share(self, levels: FloatArray) -> FloatArray:
        return np.interp(levels, self.levels, self.share)


@cache
def _even_normals() -> FloatArray:
    """Return the quantiles of z that go with the evenly spaced levels of W."""
    return normal_quantiles((np.arange(_N) * _STEP % _N + 0.5) / _N)


def shares(time_s: FloatArray, parts: Parts) -> FloatArray:
    """Return the W that explains measured times when the factor is 1."""
    o, b = parts.overhead_s, parts.floor_s
    if_execution_rules = (time_s - parts.execution_s) / o
    if_floor_rules = ((np.sqrt(b * b + 4.0 * o * time_s) - b) / (2.0 * o)) ** 2
    found: FloatArray = np.minimum(if_execution_rules, if_floor_rules)
    return found
