"""How random a service time is: ``T = execution · factor + overhead · share``."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.models.requests import Prediction

_CHUNK = 2048
_N_SHARE, _N_FACTOR = 100, 15
"""Grid on which the quantiles of a sum are found."""
_NORMAL = NormalDist()


def normal_quantiles(levels: FloatArray) -> FloatArray:
    """Return quantiles of the standard normal law."""
    return np.array([_NORMAL.inv_cdf(float(u)) for u in np.ravel(levels)]).reshape(np.shape(levels))


def _middles(n: int) -> FloatArray:
    """Return the middles of n equal parts of 0 … 1."""
    return (np.arange(n) + 0.5) / n


@dataclass(frozen=True, slots=True)
class Spread:
    """Law of a service time about its deterministic parts.

    Model:
        T = E·exp(σz) + O·W with z standard normal and W ≥ 0 of median about 1, given by its quantiles at ``levels``
        (straight lines between them, constant beyond the first and the last).
    Assumes:
        W and z are independent of one another and from job to job.
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
        levels = _middles(_N_SHARE)
        return cls(levels, np.exp(np.sqrt(np.log1p(cv * cv)) * normal_quantiles(levels)), sigma)

    def predict(self, execution_s: FloatArray, overhead_s: FloatArray) -> Prediction:
        """Return median and 90 % interval by summing over a grid of equally likely W and z."""
        share = np.interp(_middles(_N_SHARE), self.levels, self.share)
        factor = np.exp(self.sigma * normal_quantiles(_middles(_N_FACTOR)))
        found = np.empty((3, len(execution_s)))
        for start in range(0, len(execution_s), _CHUNK):
            part = slice(start, start + _CHUNK)
            grid = execution_s[part, None, None] * factor[:, None] + overhead_s[part, None, None] * share
            found[:, part] = np.quantile(grid.reshape(len(grid), -1), (0.5, 0.05, 0.95), axis=1)
        return Prediction(*found)

    def draw(self, execution_s: FloatArray, overhead_s: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return one random service time in seconds for each job."""
        share = np.interp(rng.random(len(execution_s)), self.levels, self.share)
        return execution_s * np.exp(self.sigma * rng.standard_normal(len(execution_s))) + overhead_s * share
