"""What users say their jobs will take: requested times drawn for known run times."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import ConfigError, UnknownNameError
from qhpcsim.core.records import FloatArray
from qhpcsim.core.rng import Rng
from qhpcsim.workloads import modal_estimates


@dataclass(frozen=True)
class Estimates:
    """How requested times come about."""

    model: str = "tsafrir"
    """``tsafrir`` (popular round values), ``exact`` (the run time itself) or ``factor``."""
    max_s: float = 172800.0
    """Longest time that the machine lets a job request (tsafrir)."""
    factor: float = 4.0
    """``factor``: the request is uniform between the run time and (1 + factor) times it."""
    overrun_frac: float = 0.01
    """Share of jobs that ask for too little and are killed (tsafrir, factor)."""


def draw(params: Estimates, runtime_s: FloatArray, rng: Rng, stream: str, where: str = "estimates") -> FloatArray:
    """Return the requested time of each job in seconds, shape (n,), > 0.

    Args:
        params: Which model, and its parameters.
        runtime_s: (n,) true run times.
        rng: Streams ``estimates/STREAM/…`` are used.
        stream: Name that keeps the draws of one group of jobs apart from others.
        where: Key path for messages.

    Raises:
        ConfigError: if a parameter is out of range, or a run time exceeds ``max_s`` under tsafrir.
    """
    model = _MODELS.get(params.model)
    if model is None:
        raise UnknownNameError.of("estimate model", params.model, _MODELS, where=f"{where}.model")
    if not 0.0 <= params.overrun_frac < 1.0:
        raise ConfigError(f"{params.overrun_frac!r} is no share", where=f"{where}.overrun_frac", allowed="0 … 1")
    if not (math.isfinite(params.factor) and params.factor >= 0):
        raise ConfigError(f"{params.factor!r} is no factor", where=f"{where}.factor", allowed="≥ 0")
    return model(params, runtime_s, rng, stream, where) if len(runtime_s) else np.empty(0)


def _exact(params: Estimates, runtime_s: FloatArray, rng: Rng, stream: str, where: str) -> FloatArray:
    """Return the run times; a job of zero length asks for a second."""
    return np.where(runtime_s > 0, runtime_s, 1.0)


def _factor(params: Estimates, runtime_s: FloatArray, rng: Rng, stream: str, where: str) -> FloatArray:
    """Return requests uniform in [r, (1 + f) r]; a share of jobs asks for a uniform part of r instead.

    Model:
        The f-model.
    Assumes:
        Over-estimation is independent of size and run time.
    Not modelled:
        Round values, limits of the machine.
    Source:
        A. W. Mu'alem, D. G. Feitelson, IEEE TPDS 12(6):529-543, 2001, doi:10.1109/71.932708.
    """
    u = rng.stream(f"estimates/{stream}/factor").random(len(runtime_s))
    over = _overruns(params, runtime_s > 0, rng, stream)
    known = np.where(runtime_s > 0, runtime_s, 1.0)
    return np.where(over, known * np.maximum(u, 1e-3), known * (1.0 + params.factor * u))


def _tsafrir(params: Estimates, runtime_s: FloatArray, rng: Rng, stream: str, where: str) -> FloatArray:
    """Return requests from the modal model; a share of jobs takes the popular value below its run time."""
    longest = float(runtime_s.max())
    if not (3600.0 <= params.max_s < math.inf):
        raise ConfigError(f"{params.max_s!r} is no limit", where=f"{where}.max_s", allowed="at least 1 h")
    if longest > params.max_s:
        raise ConfigError(
            f"a job runs for {longest:.0f} s but may ask for {params.max_s:.0f} s at most",
            where=f"{where}.max_s",
            hint="raise max_s",
        )
    popular, values, jobs = modal_estimates.histogram(
        len(runtime_s), params.max_s, rng.stream(f"estimates/{stream}/values")
    )
    asked = modal_estimates.assign(runtime_s, values, jobs, popular, rng.stream(f"estimates/{stream}/assign"))
    below = np.searchsorted(popular, runtime_s, side="left") - 1
    over = _overruns(params, below >= 0, rng, stream)
    return np.where(over, popular[below], asked)


def _overruns(params: Estimates, able: NDArray[np.bool_], rng: Rng, stream: str) -> NDArray[np.bool_]:
    """Return which jobs ask for too little: ``overrun_frac`` of all, drawn among those able to."""
    among = params.overrun_frac * len(able) / max(int(able.sum()), 1)
    return able & (rng.stream(f"estimates/{stream}/overrun").random(len(able)) < among)


_MODELS: dict[str, Callable[[Estimates, FloatArray, Rng, str, str], FloatArray]] = {
    "exact": _exact,
    "factor": _factor,
    "tsafrir": _tsafrir,
}
