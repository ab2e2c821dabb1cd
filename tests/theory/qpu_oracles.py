"""What queueing theory says about one QPU that is not always there; nothing here imports the simulator.

λ: arrivals per second, S: service, ρ = λ E[S], Wq: wait before service, classes in order of urgency, most urgent first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Class = tuple[float, float, float]
"""(λ, E[S], E[S²])."""


def mg1_priority(classes: Sequence[Class]) -> list[float]:
    """Wq of each class without interruption (Cobham 1954): W0 / ((1 − σ_{k−1}) (1 − σ_k)), W0 = Σ λ E[S²] / 2."""
    left = math.fsum(lam * second for lam, _, second in classes) / 2.0
    before, waits = 0.0, []
    for lam, mean, _ in classes:
        upto = before + lam * mean
        waits.append(left / ((1.0 - before) * (1.0 - upto)))
        before = upto
    return waits


def mg1_preemptive(classes: Sequence[Class]) -> list[float]:
    """W (wait and service) of each class with preemptive resume.

    (E[S_k] (1 − σ_k) + Σ_{i≤k} λ_i E[S_i²] / 2) / ((1 − σ_{k−1}) (1 − σ_k))
    """
    before, left, sojourns = 0.0, 0.0, []
    for lam, mean, second in classes:
        left += lam * second / 2.0
        upto = before + lam * mean
        sojourns.append((mean * (1.0 - upto) + left) / ((1.0 - before) * (1.0 - upto)))
        before = upto
    return sojourns


def conserved_work(classes: Sequence[Class]) -> float:
    """Kleinrock's law: Σ ρ_k Wq_k = ρ W0 / (1 − ρ) for every rule that is blind to service times."""
    rho = math.fsum(lam * mean for lam, mean, _ in classes)
    return rho * math.fsum(lam * second for lam, _, second in classes) / 2.0 / (1.0 - rho)


def mg1_sjf_discrete(lam: float, sizes: Sequence[tuple[float, float]]) -> float:
    """Wq of shortest job first, sizes as (size, probability): sizes are priority classes."""
    classes = [(lam * p, size, size * size) for size, p in sorted(sizes)]
    waits = mg1_priority(classes)
    return math.fsum(p * wait for (_, p), wait in zip(sorted(sizes), waits, strict=True))


def mg1_wait(lam: float, mean: float, second: float) -> float:
    """Wq of M/G/1: λ E[S²] / (2 (1 − ρ))."""
    return lam * second / (2.0 * (1.0 - lam * mean))


def vacation_extra(mean: float, second: float) -> float:
    """What multiple vacations add to Wq of M/G/1: E[V²] / (2 E[V])."""
    return second / (2.0 * mean)


def single_vacation_extra(lam: float, mean: float, second: float, transform: float) -> float:
    """What one vacation per idle period adds: λ E[V²] / (2 (V*(λ) + λ E[V]))."""
    return lam * second / (2.0 * (transform + lam * mean))


def setup_extra(lam: float, mean: float, second: float) -> float:
    """What a warm-up before the first job of a busy period adds: (2 E[D] + λ E[D²]) / (2 (1 + λ E[D]))."""
    return (2.0 * mean + lam * second) / (2.0 * (1.0 + lam * mean))


def mg1_breakdowns(lam: float, service: tuple[float, float], theta: float, repair: tuple[float, float]) -> float:
    """Wq, to the start of service, of a server that fails at rate θ while up, busy or not; work is kept.

    Completion time C: E[C] = E[S] (1 + θ E[R]), E[C²] = E[S²] (1 + θ E[R])² + θ E[R²] E[S]; Avi-Itzhak and Naor 1963:
    Wq = λ E[C²] / (2 (1 − λ E[C])) + θ E[R²] / (2 (1 + θ E[R])).
    """
    (s1, s2), (r1, r2) = service, repair
    up = 1.0 + theta * r1
    c1, c2 = s1 * up, s2 * up * up + theta * r2 * s1
    return lam * c2 / (2.0 * (1.0 - lam * c1)) + theta * r2 / (2.0 * up)


def erlang_b(offered: float, c: int) -> float:
    """Loss of M/G/c/c: B_k = a B_{k−1} / (k + a B_{k−1})."""
    blocked = 1.0
    for k in range(1, c + 1):
        blocked = offered * blocked / (k + offered * blocked)
    return blocked
