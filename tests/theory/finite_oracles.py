"""What queueing theory says of runs of finite length that begin empty; nothing here imports the simulator.

A run's mean wait is a sum over a fixed number of jobs, so its expectation is exact where the expected wait of every job
is: the chain of what each arrival finds (Poisson arrivals see the state just before them). No steady state is assumed.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import combinations_with_replacement

import numpy as np

ROOM = 250
"""Jobs that an arrival may find; the probability of more is checked to be below 1e-9."""


def mmc_mean_wait(lam: float, mu: float, c: int, n: int) -> float:
    """Expected mean wait of the first n jobs of M/M/c from empty.

    A job that finds j in the system waits (j − c + 1)⁺ / (cμ). Between arrivals an M/M/c queue only drains:
    P(i → j) is a product over levels of (rate out) / (rate out + λ), and then an arrival.
    """
    rates = np.minimum(np.arange(ROOM), c) * mu
    drain = _resolvent(np.diag(-rates) + np.diag(rates[1:], -1), lam)
    waits = np.maximum(np.arange(ROOM) - c + 1, 0) / (c * mu)
    seen = np.zeros(ROOM)
    seen[0] = 1.0
    return _mean_over_arrivals(seen, drain, 1, waits, n)


def mm1_vacations_mean_wait(lam: float, mu: float, vacation: float, n: int) -> float:
    """Expected mean wait of the first n jobs of M/M/1 with multiple exponential vacations, the first one from time 0.

    States (jobs, server away) and (jobs, serving), two blocks. Away ends at rate 1/E[V]: serves if a job waits, else
    leaves again. A job that finds k waits k/μ, and E[V] more if the server is away.
    """
    away, serving = np.arange(ROOM), ROOM + np.arange(ROOM)
    rates = np.zeros((2 * ROOM, 2 * ROOM))
    rates[away[1:], serving[1:]] = 1.0 / vacation
    rates[serving[2:], serving[1:-1]] = mu
    rates[serving[1], away[0]] = mu
    drain = _resolvent(rates - np.diag(rates.sum(axis=1)), lam)
    waits = np.concatenate([np.arange(ROOM) / mu + vacation, np.arange(ROOM) / mu])
    seen = np.zeros(2 * ROOM)
    seen[away[0]] = 1.0
    seen = seen @ drain  # the first job, too, comes after a gap
    return _mean_over_arrivals(seen, drain, 2, waits, n)


def _resolvent(generator: np.ndarray, lam: float) -> np.ndarray:
    """P(state when the next job comes | state now), jobs coming at rate λ: λ (λI − Q)⁻¹."""
    return lam * np.linalg.inv(lam * np.eye(len(generator)) - generator)


def _mean_over_arrivals(seen: np.ndarray, drain: np.ndarray, blocks: int, waits: np.ndarray, n: int) -> float:
    """Average the expected wait of n jobs, each of which adds one to the number in the system."""
    total = 0.0
    for _ in range(n):
        total += float(seen @ waits)
        parts = seen.reshape(blocks, ROOM)
        assert parts[:, -5:].sum() < 1e-9
        joined = np.concatenate([np.zeros((blocks, 1)), parts[:, :-1]], axis=1)
        seen = joined.reshape(-1) @ drain
    return total / n


def closed_loop_mean_wait(n_jobs: int, loops: int, think_s: float, service_s: float) -> float:
    """Expected mean wait of all calls of n jobs that think (exponential) and call one exponential FCFS server.

    Every job does so ``loops`` times and then leaves; all begin to think at time 0. States: calls left of each job that
    thinks, and of each in the queue, in order. No state comes back, so that E[Σ waits] is a recursion: a job that is
    second or later in the queue adds waiting time at rate 1.
    """

    @cache
    def left(thinking: tuple[int, ...], queue: tuple[int, ...]) -> float:
        if not thinking and not queue:
            return 0.0
        think, serve = len(thinking) / think_s, 1.0 / service_s if queue else 0.0
        after = sum(
            left((*thinking[:k], *thinking[k + 1 :]), (*queue, calls)) / think_s for k, calls in enumerate(thinking)
        )
        if queue:
            still = (queue[0] - 1,) if queue[0] > 1 else ()
            after += serve * left(tuple(sorted((*thinking, *still))), queue[1:])
        return (max(0, len(queue) - 1) + after) / (think + serve)

    for n in range(1, n_jobs + 1):  # few jobs and few calls first, so that the recursion is never deep
        for calls in sorted(combinations_with_replacement(range(1, loops + 1), n), key=sum):
            left(calls, ())
    return left((loops,) * n_jobs, ()) / (n_jobs * loops)


def mva_wait(n_jobs: int, think_s: float, service_s: float) -> float:
    """Wait of a call in the steady state of the closed loop: R − S by mean value analysis."""
    queue = response_s = 0.0
    for n in range(1, n_jobs + 1):
        response_s = service_s * (1.0 + queue)
        queue = n / (think_s + response_s) * response_s
    return response_s - service_s


def vacations_wait(lam: float, mu: float, vacation: float) -> float:
    """Wait in the steady state of M/M/1 with exponential vacations: λ/(μ(μ−λ)) + E[V²] / (2 E[V]), E[V²] = 2 E[V]²."""
    assert math.isfinite(lam) and lam < mu
    return lam / (mu * (mu - lam)) + vacation
