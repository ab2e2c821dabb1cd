"""Laws of service times, each given by its mean and coefficient of variation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qhpcsim.core.errors import ConfigError, UnknownNameError
from qhpcsim.core.records import FloatArray

EMPIRICAL = "empirical"

Sampler = Callable[[float, float, int, np.random.Generator], FloatArray]


@dataclass(frozen=True)
class ServiceLaw:
    """A law of durations.

    Model:
        constant: S = mean. exponential. erlang: sum of k = 1/cv² exponentials. gamma: shape 1/cv².
        uniform on mean·(1 ± √3·cv). lognormal: ln S ~ N(ln mean − σ²/2, σ²), σ² = ln(1 + cv²).
        hyperexponential: two phases with balanced means, p = (1 + √((cv²−1)/(cv²+1)))/2, rates 2p/mean and
        2(1−p)/mean. empirical: one of ``values_s``, all equally likely; mean and cv are theirs.
    Assumes:
        Independent draws.
    Not modelled:
        Dependence on job size or on earlier draws.
    Source:
        H. C. Tijms, Stochastic Models, Wiley 1994, appendix B (balanced means).
    """

    law: str = "exponential"
    """constant, exponential, erlang, gamma, hyperexponential, lognormal, uniform or empirical."""
    mean_s: float = 60.0
    cv: float | None = None
    """Standard deviation over mean; None: what the law has by itself (constant 0, exponential 1)."""
    values_s: tuple[float, ...] = ()
    """Measured durations, for the empirical law."""


def sample(law: ServiceLaw, n: int, generator: np.random.Generator, where: str = "service") -> FloatArray:
    """Return n independent durations in seconds.

    Raises:
        ConfigError: if the law is unknown or cannot have that mean and cv.
    """
    if law.law == EMPIRICAL:
        return generator.choice(_checked_values(law, where), n)
    cv = checked_cv(law, where)
    return _SAMPLERS[law.law](law.mean_s, cv, n, generator)


def checked_cv(law: ServiceLaw, where: str = "service") -> float:
    """Return the coefficient of variation that the law really has, or raise ``ConfigError``."""
    if law.law == EMPIRICAL:
        values_s = _checked_values(law, where)
        return float(values_s.std() / values_s.mean())
    if law.law not in _SAMPLERS:
        raise UnknownNameError.of("service law", law.law, (*_SAMPLERS, EMPIRICAL), where=f"{where}.law")
    if not (math.isfinite(law.mean_s) and law.mean_s > 0):
        raise ConfigError(f"mean {law.mean_s!r} is not > 0", where=f"{where}.mean_s")
    low, high = _CV_RANGE[law.law]
    if law.cv is None and low < high:
        raise ConfigError(f"a {law.law} law needs its cv", where=f"{where}.cv", allowed=f"{low:g} … {high:g}")
    cv = low if law.cv is None else law.cv
    if not low <= cv <= high or not math.isfinite(cv):
        raise ConfigError(
            f"a {law.law} law cannot have cv {cv:g}", where=f"{where}.cv", allowed=f"{low:g} … {high:.6g}"
        )
    if law.law == "erlang" and not math.isclose(_stages(cv) * cv * cv, 1.0, rel_tol=0.01):
        raise ConfigError(
            f"an erlang law cannot have cv {cv:g}",
            where=f"{where}.cv",
            allowed="1/√k: 1, 0.7071, 0.57735, 0.5, …",
        )
    return 1.0 / math.sqrt(_stages(cv)) if law.law == "erlang" else cv


def _checked_values(law: ServiceLaw, where: str) -> FloatArray:
    """Return the measured durations of an empirical law, or raise ``ConfigError``."""
    values_s = np.asarray(law.values_s, dtype=np.float64)
    if not values_s.size or not (np.isfinite(values_s) & (values_s >= 0)).all() or values_s.sum() == 0:
        raise ConfigError("the empirical law needs measured durations ≥ 0", where=f"{where}.values_s")
    return values_s


def mean_of(law: ServiceLaw, where: str = "service") -> float:
    """Return the mean duration in seconds."""
    return float(_checked_values(law, where).mean()) if law.law == EMPIRICAL else law.mean_s


def _stages(cv: float) -> int:
    """Return the number of exponential stages of an Erlang law."""
    return max(1, round(1.0 / (cv * cv)))


def _constant(mean: float, cv: float, n: int, generator: np.random.Generator) -> FloatArray:
    return np.full(n, mean)


def _exponential(mean: float, cv: float, n: int, generator: np.random.Generator) -> FloatArray:
    return generator.exponential(mean, n)


def _gamma(mean: float, cv: float, n: int, generator: np.random.Generator) -> FloatArray:
    return generator.gamma(1.0 / (cv * cv), mean * cv * cv, n)


def _lognormal(mean: float, cv: float, n: int, generator: np.random.Generator) -> FloatArray:
    variance = math.log1p(cv * cv)
    return generator.lognormal(math.log(mean) - variance / 2, math.sqrt(variance), n)


def _hyperexponential(mean: float, cv: float, n: int, generator: np.random.Generator) -> FloatArray:
    p = 0.5 * (1.0 + math.sqrt((cv * cv - 1.0) / (cv * cv + 1.0)))
    phase_mean = np.where(generator.random(n) < p, mean / (2 * p), mean / (2 * (1 - p)))
    return generator.exponential(1.0, n) * phase_mean


def _uniform(mean: float, cv: float, n: int, generator: np.random.Generator) -> FloatArray:
    half = math.sqrt(3.0) * cv * mean
    return generator.uniform(mean - half, mean + half, n)


_SAMPLERS: dict[str, Sampler] = {
    "constant": _constant,
    "exponential": _exponential,
    "erlang": _gamma,
    "gamma": _gamma,
    "hyperexponential": _hyperexponential,
    "lognormal": _lognormal,
    "uniform": _uniform,
}
_CV_RANGE: dict[str, tuple[float, float]] = {
    "constant": (0.0, 0.0),
    "exponential": (1.0, 1.0),
    "erlang": (0.03, 1.0),
    "gamma": (1e-3, 100.0),
    "hyperexponential": (1.0, 100.0),
    "lognormal": (1e-6, 100.0),
    "uniform": (0.0, 1.0 / math.sqrt(3.0)),
}
