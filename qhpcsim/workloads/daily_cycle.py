"""Time that runs faster in the rush hours: arrivals of a steady process bent to the shape of a day."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qhpcsim.core.records import FloatArray

DAY_S = 86400.0
N_BUCKETS = 48


@dataclass(frozen=True, slots=True)
class DailyCycle:
    """Rates of arrival over the half hours of a day, mean 1; time 0 is midnight."""

    weight: FloatArray
    """(48,) rate in each half hour."""

    @classmethod
    def of_gamma(cls, shape: float, scale: float, start: int) -> DailyCycle:
        """Return the cycle whose half hours hold the mass of a gamma law, from half hour ``start`` on."""
        place = np.arange(start, start + N_BUCKETS)
        mass = np.diff(gamma_cdf(np.append(place - 0.5, place[-1] + 0.5) / scale, shape))
        weight = np.empty(N_BUCKETS)
        weight[(place - 1) % N_BUCKETS] = mass / mass.mean()
        return cls(weight)

    def work(self, time_s: FloatArray) -> FloatArray:
        """Return the integral of the rate from midnight of day 0 to each time, in seconds."""
        day = np.floor(time_s / DAY_S)
        return day * DAY_S + np.interp(time_s - day * DAY_S, self._edges(), self._cumulative())

    def time(self, work_s: FloatArray) -> FloatArray:
        """Return the time at which the integral of the rate reaches each value; the inverse of ``work``."""
        day = np.floor(work_s / DAY_S)
        return day * DAY_S + np.interp(work_s - day * DAY_S, self._cumulative(), self._edges())

    def _edges(self) -> FloatArray:
        return np.linspace(0.0, DAY_S, N_BUCKETS + 1)

    def _cumulative(self) -> FloatArray:
        total = np.concatenate([[0.0], np.cumsum(self.weight)])
        return np.asarray(total * (DAY_S / total[-1]))


def gamma_cdf(x: FloatArray, shape: float) -> FloatArray:
    """Return the regularised lower incomplete gamma function P(shape, x) by its power series, to 1e-12."""
    term = np.full(len(x), 1.0 / shape)
    total = term.copy()
    for k in range(1, 400):
        term = term * x / (shape + k)
        total += term
        if float(term.max()) < 1e-16 * float(total.max()):
            break
    with np.errstate(divide="ignore"):
        log_front = shape * np.log(x) - x - math.lgamma(shape)
    return total * np.exp(log_front)
