"""What queueing theory says, from its formulas alone: nothing here imports the simulator.

λ: arrivals per second, E[S]: mean service, μ = 1/E[S], c: servers, ρ = λ E[S] / c, Wq: wait before service.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

N_BATCHES = 32
T_9999 = 4.46
"""Two-sided 99.99 % point of Student's t with 31 degrees of freedom."""


def lindley(submit: Sequence[float], service: Sequence[float]) -> list[float]:
    """Starts on one server, first come first served: start_j = max(a_j, start_{j-1} + S_{j-1})."""
    free, starts = -math.inf, []
    for a, s in zip(submit, service, strict=True):
        starts.append(max(a, free))
        free = starts[-1] + s
    return starts


def kiefer_wolfowitz(submit: Sequence[float], service: Sequence[float], c: int) -> list[float]:
    """Starts on c servers, first come first served: each job takes the server that is free first."""
    free, starts = [-math.inf] * c, []
    for a, s in zip(submit, service, strict=True):
        start = max(a, heapq.heappop(free))
        starts.append(start)
        heapq.heappush(free, start + s)
    return starts


def fcfs_multi_node(submit: Sequence[float], width: Sequence[int], run: Sequence[float], nodes: int) -> list[float]:
    """Starts of jobs of several nodes, strictly first come first served.

    With the times at which nodes come free in ascending order v, job j starts at max(a_j, start_{j-1}, v[w_j - 1]).
    """
    free, previous, starts = [-math.inf] * nodes, -math.inf, []
    for a, w, r in zip(submit, width, run, strict=True):
        previous = max(a, previous, free[w - 1])
        starts.append(previous)
        free = sorted(free[w:] + [previous + r] * w)
    return starts


def mm1_wait(rho: float, mu: float = 1.0) -> float:
    """Mean Wq of M/M/1: ρ / (μ (1 − ρ))."""
    return rho / (mu * (1.0 - rho))


def mm1_tail(rho: float, t: float, mu: float = 1.0) -> float:
    """P(Wq > t) of M/M/1: ρ exp(−μ (1 − ρ) t)."""
    return rho * math.exp(-mu * (1.0 - rho) * t)


def erlang_c(c: int, offered: float) -> float:
    """P(Wq > 0) of M/M/c with a = λ/μ, through the Erlang B recursion B_k = a B_{k−1} / (k + a B_{k−1})."""
    blocked = 1.0
    for k in range(1, c + 1):
        blocked = offered * blocked / (k + offered * blocked)
    return blocked / (1.0 - (offered / c) * (1.0 - blocked))


def mmc_wait(lam: float, mu: float, c: int) -> float:
    """Mean Wq of M/M/c: C(c, a) / (cμ − λ)."""
    return erlang_c(c, lam / mu) / (c * mu - lam)


def mmc_tail(lam: float, mu: float, c: int, t: float) -> float:
    """P(Wq > t) of M/M/c: C(c, a) exp(−(cμ − λ) t)."""
    return erlang_c(c, lam / mu) * math.exp(-(c * mu - lam) * t)


def md1_wait(rho: float, service: float = 1.0) -> float:
    """Mean Wq of M/D/1: ρ D / (2 (1 − ρ)), half of M/M/1."""
    return rho * service / (2.0 * (1.0 - rho))


def md1_tail(rho: float, t: float, service: float = 1.0) -> float:
    """P(Wq > t) of M/D/1 (Erlang 1909): 1 − (1−ρ) Σ_k (λ(kD−t))^k / k! · exp(−λ(kD−t)), k = 0 … ⌊t/D⌋."""
    lam = rho / service
    terms = (
        (lam * (k * service - t)) ** k / math.factorial(k) * math.exp(-lam * (k * service - t))
        for k in range(int(t / service) + 1)
    )
    return 1.0 - (1.0 - rho) * math.fsum(terms)


def mg1_wait(lam: float, mean: float, second_moment: float) -> float:
    """Mean Wq of M/G/1 (Pollaczek–Khinchine): λ E[S²] / (2 (1 − ρ))."""
    return lam * second_moment / (2.0 * (1.0 - lam * mean))


def mg1_tail(lam: float, mean: float, laplace_top: np.ndarray, laplace_bottom: np.ndarray, t: float) -> float:
    """P(Wq > t) of M/G/1 whose service has the Laplace transform top(s)/bottom(s), polynomials of s.

    Pollaczek–Khinchine: W*(s) = (1−ρ) s bottom / ((s − λ) bottom + λ top); partial fractions at the poles r_k ≠ 0
    give P(Wq > t) = −Σ residue_k / r_k · exp(r_k t).
    """
    bottom = np.polyadd(np.polymul([1.0, -lam], laplace_bottom), lam * np.asarray(laplace_top))
    reduced = bottom[:-1]  # the root s = 0 cancels with the s of the numerator
    poles = np.roots(reduced)
    top = (1.0 - lam * mean) * np.polyval(laplace_bottom, poles)
    residues = top / np.polyval(np.polyder(reduced), poles)
    return float(np.real(-np.sum(residues / poles * np.exp(poles * t))))


def hyperexponential_phases(mean: float, cv: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Probabilities and rates of two phases with balanced means."""
    p = 0.5 * (1.0 + math.sqrt((cv**2 - 1.0) / (cv**2 + 1.0)))
    return (p, 1.0 - p), (2.0 * p / mean, 2.0 * (1.0 - p) / mean)


@dataclass(frozen=True)
class Verdict:
    """What batch means say about one expected value."""

    mean: float
    half_width: float
    relative: float
    lag1: float
    wrong: bool
    underpowered: bool

    @property
    def agrees(self) -> bool:
        return not self.wrong and not self.underpowered


def agree(values: np.ndarray, truth: float, rho: float) -> Verdict:
    """Compare a stationary series with the value it should have.

    33 batches, the first dropped as warm-up. Wrong: the truth is outside mean ± 4.46 s/√32. Underpowered, which is
    a failure too: the half-width is above 2 % of the truth (5 % where ρ > 0.7), or batches correlate above 0.5.
    """
    size = len(values) // (N_BATCHES + 1)
    batch = values[len(values) - N_BATCHES * size :].reshape(N_BATCHES, size).mean(axis=1)
    mean, half = float(batch.mean()), float(T_9999 * batch.std(ddof=1) / math.sqrt(N_BATCHES))
    lag1 = float(np.corrcoef(batch[1:], batch[:-1])[0, 1])
    limit = 0.02 if rho <= 0.7 else 0.05
    relative = half / truth
    return Verdict(mean, half, relative, lag1, abs(mean - truth) > half, relative > limit or lag1 > 0.5)
