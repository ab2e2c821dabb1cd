"""A QPU of which only the law of its service time is given, for queueing theory and for what-if studies."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from qhpcsim.core.cards import Card
from qhpcsim.core.errors import ConfigError, UnknownNameError
from qhpcsim.core.records import FloatArray
from qhpcsim.core.registry import register
from qhpcsim.models.qpu import TimedQpu
from qhpcsim.models.qpu_card import COMMON, Quantity, time
from qhpcsim.models.requests import Prediction, Request
from qhpcsim.models.spread import normal_quantiles
from qhpcsim.qpu_scenario import AbstractQpuParams

Quantile = Callable[[FloatArray, float, float], FloatArray]


@register(
    "qpu_model",
    "abstract",
    summary="a service law given directly: law, mean_s, cv",
    source="H. C. Tijms, Stochastic Models, Wiley 1994",
    params=AbstractQpuParams,
)
class AbstractQpu(TimedQpu):
    """Service times from a law that does not look at the job.

    Model:
        constant: T = mean. exponential. lognormal: σ² = ln(1 + cv²). hyperexponential: two phases with balanced
        means. empirical: one of ``values_s``, all equally likely.
    Assumes:
        Independent draws.
    Not modelled:
        Dependence on circuits or shots.
    Source:
        H. C. Tijms, Stochastic Models, Wiley 1994, appendix B.
    """

    schema: ClassVar[dict[str, Quantity]] = COMMON | {"mean": time(required=True), "cv": Quantity(high=100.0)}

    def __init__(self, name: str, card: Card, settings: Mapping[str, Any]) -> None:
        own = {k: settings[k] for k in AbstractQpuParams.__dataclass_fields__ if k in settings}
        self.law = AbstractQpuParams(**own)
        super().__init__(name, card, {k: v for k, v in settings.items() if k not in own})

    def __post_init__(self) -> None:
        """Read the card and check the law."""
        super().__post_init__()
        self.mean_s = self.number("mean") if self.law.mean_s is None else float(self.law.mean_s)
        self.cv = _checked(self.law, self.mean_s, self.numbers.get("cv"))
        self.values_s = np.sort(np.asarray(self.law.values_s, dtype=np.float64))

    def quantile(self, levels: FloatArray) -> FloatArray:
        """Return quantiles of the service time in seconds."""
        if self.law.law == "empirical":
            rank = np.ceil(levels * len(self.values_s)).astype(int) - 1
            found: FloatArray = self.values_s[np.clip(rank, 0, len(self.values_s) - 1)]
            return found
        return _QUANTILES[self.law.law](levels, self.mean_s, self.cv)

    def predict(self, request: Request) -> Prediction:
        """Return median and 90 % interval, the same for each job."""
        middle, low, high = self.quantile(np.array([0.5, 0.05, 0.95]))
        return Prediction(*(np.full(len(request), value) for value in (middle, low, high)))

    def medians_s(self, request: Request) -> FloatArray:
        """Return the law's median for each job."""
        return self.predict(request).median_s

    def draw(self, request: Request, rng: np.random.Generator) -> FloatArray:
        """Return one random service time in seconds for each job."""
        return self.quantile(rng.random(len(request)))


def _checked(law: AbstractQpuParams, mean_s: float, card_cv: float | None) -> float:
    """Return the law's coefficient of variation, or raise ``ConfigError``."""
    if law.law not in _CVS:
        raise UnknownNameError.of("service law", law.law, _CVS, where="qpu.law")
    if law.law == "empirical":
        values = np.asarray(law.values_s, dtype=np.float64)
        if not values.size or not (np.isfinite(values) & (values > 0)).all():
            raise ConfigError("the empirical law needs measured times > 0", where="qpu.values_s")
        return 0.0
    if not (math.isfinite(mean_s) and mean_s > 0):
        raise ConfigError(f"mean {mean_s!r} is not > 0", where="qpu.mean_s")
    low, high = _CVS[law.law]
    cv = law.cv if law.cv is not None else low if low == high else card_cv
    if cv is None or not low <= cv <= high:
        raise ConfigError(f"a {law.law} law cannot have cv {cv}", where="qpu.cv", allowed=f"{low:g} … {high:g}")
    return float(cv)


def _constant(levels: FloatArray, mean: float, cv: float) -> FloatArray:
    return np.full(np.shape(levels), mean)


def _exponential(levels: FloatArray, mean: float, cv: float) -> FloatArray:
    return -mean * np.log1p(-np.asarray(levels))


def _lognormal(levels: FloatArray, mean: float, cv: float) -> FloatArray:
    variance = math.log1p(cv * cv)
    return mean * np.exp(math.sqrt(variance) * normal_quantiles(np.clip(levels, 1e-300, None)) - variance / 2)


def _hyperexponential(levels: FloatArray, mean: float, cv: float) -> FloatArray:
    """Return quantiles by bisection between those of the fast and of the slow phase."""
    p = 0.5 * (1.0 + math.sqrt((cv * cv - 1.0) / (cv * cv + 1.0)))
    fast, slow = mean / (2 * p), mean / (2 * (1 - p))
    low, high = _exponential(levels, fast, 1.0), _exponential(levels, slow, 1.0)
    for _ in range(80):
        middle = 0.5 * (low + high)
        below = 1.0 - p * np.exp(-middle / fast) - (1 - p) * np.exp(-middle / slow) < levels
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)


_QUANTILES: dict[str, Quantile] = {
    "constant": _constant,
    "exponential": _exponential,
    "lognormal": _lognormal,
    "hyperexponential": _hyperexponential,
}
_CVS: dict[str, tuple[float, float]] = {
    "constant": (0.0, 0.0),
    "exponential": (1.0, 1.0),
    "lognormal": (1e-6, 100.0),
    "hyperexponential": (1.0, 100.0),
    "empirical": (0.0, 0.0),
}
