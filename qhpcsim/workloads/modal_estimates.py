"""Requested times as users give them: a few round values that nearly everyone uses.

Model:
    Twenty popular values, the largest estimate first among them, hold 89 % of the jobs; sizes fall as
    a·exp(b·rank) + c. The rest is spread over K values whose times follow (a−1)x/(a−x) of the largest, sizes
    rank^b. Estimates are dealt to the jobs, longest first, each drawing one that is long enough.
Assumes:
    One largest estimate for the machine; estimates and run times are tied by "not shorter" only.
Not modelled:
    A user's habit of repeating one value; kills (``Estimates.overrun_frac`` adds them).
Source:
    D. Tsafrir, Y. Etsion, D. G. Feitelson, JSSPP 2005, doi:10.1007/11605300_1; constants on
    calibration/workload/tsafrir.yaml.
"""

from __future__ import annotations

import numpy as np

from qhpcsim.core.cards import Card, card
from qhpcsim.core.records import FloatArray

Counts = np.ndarray


def histogram(n_jobs: int, max_s: float, generator: np.random.Generator) -> tuple[FloatArray, FloatArray, Counts]:
    """Return the popular values, all values, and how many jobs use each of them.

    Args:
        n_jobs: Number of estimates wanted.
        max_s: Largest estimate in seconds.
        generator: Draws which popular value gets which rank, and the order of the others.

    Returns:
        ``popular`` (≤ 20,) and ``values`` (k,), ascending, in seconds; ``jobs`` (k,) int64, sum n_jobs.
    """
    constants = card("workload/tsafrir")
    popular = head_values(constants, max_s)
    rank = head_ranks(constants, len(popular), generator)
    share = head_shares(constants, len(popular))[rank - 1]
    tail, tail_share = tail_values(constants, n_jobs, popular, generator)
    values = np.concatenate([popular, tail])
    order = np.argsort(values)
    shares = np.concatenate([share, tail_share])[order]
    return np.sort(popular), values[order], _whole(shares / shares.sum() * n_jobs, n_jobs)


def head_values(constants: Card, max_s: float) -> FloatArray:
    """Return the popular values in seconds: the largest estimate, then the others in ascending order."""
    wanted = int(constants.value("head_count"))
    chosen = [60.0 * m for m in constants.array("joint") if 60.0 * m < max_s][: wanted - 1]
    for minutes in constants.array("round"):
        step = 60.0 * minutes
        for k in range(int(max_s // step), 0, -1):
            if len(chosen) == wanted - 1:
                break
            if k * step not in chosen and k * step != max_s:
                chosen.append(k * step)
    return np.array([max_s, *sorted(chosen)])


def head_ranks(constants: Card, n: int, generator: np.random.Generator) -> np.ndarray:
    """Return the popularity rank (1 is most popular) of each popular value, shape (n,).

    The largest estimate comes first. Each other takes a rank that one of the four logs had at or before its
    place in time, the better of two draws; a rank that no log had later than here is taken now.
    """
    table = constants.array("popularity").astype(int)
    last_row = {rank: int(np.nonzero((table == rank).any(axis=1))[0][-1]) for rank in range(1, len(table) + 1)}
    ranks, pool = [1], [int(r) for r in table[0] if r != 1]
    for row in range(1, len(table)):
        pool += [int(r) for r in table[row] if int(r) not in ranks]
        due = [r for r in sorted(last_row) if last_row[r] <= row and r not in ranks]
        drawn = min(pool[k] for k in generator.integers(len(pool), size=2)) if pool else 0
        rank = due[0] if due else drawn
        ranks.append(rank)
        pool = [r for r in pool if r != rank]
    return np.asarray(np.argsort(np.argsort(ranks[:n])) + 1)


def head_shares(constants: Card, n: int) -> FloatArray:
    """Return the percentage of jobs at each popularity rank, shape (n,), adding up to ``head_share``."""
    a, b, c = constants.array("head_size")
    size = a * np.exp(b * np.arange(1, n + 1)) + c
    size[0] = max(constants.value("head_share") - size[1:].sum(), size[0])
    return np.asarray(size * (constants.value("head_share") / size.sum()))


def tail_values(
    constants: Card, n_jobs: int, popular: FloatArray, generator: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return the unpopular values in seconds and the percentage of jobs at each, both shape (k,)."""
    max_s = popular[0]
    n_values = round(np.interp(n_jobs, constants.array("n_values_jobs"), constants.array("n_values")))
    n = max(n_values - len(popular), 1)
    p, q = constants.array("tail_time")
    a = 1.0 + p * float(max(n_values, 1)) ** q
    x = np.arange(1, n + 1) / n
    minutes = np.rint((a - 1.0) * x / (a - x) * max_s / 60.0)
    values = np.setdiff1d(60.0 * minutes, np.append(popular, 0.0))
    if len(values) == 0:
        return values, values
    amount, power = constants.array("tail_size")
    size = amount * np.arange(len(popular) + 1.0, len(popular) + len(values) + 1.0) ** power
    size *= (100.0 - constants.value("head_share")) / size.sum()
    return values, generator.permutation(size)


def assign(
    runtime_s: FloatArray,
    values: FloatArray,
    jobs: Counts,
    popular: FloatArray,
    generator: np.random.Generator,
) -> FloatArray:
    """Return an estimate ≥ run time for each job, shape (n,).

    Jobs draw, longest first, from the estimates not yet taken that are long enough. Where too many jobs are
    long and none is left, a job takes the smallest popular value that is long enough.

    Args:
        runtime_s: (n,) run times, none above the largest value.
        values: (k,) estimates in seconds, ascending.
        jobs: (k,) how many jobs use each; adds up to n.
        popular: Popular values in ascending order; the last is the largest estimate.
        generator: Draws who gets which.
    """
    estimates = np.repeat(values, jobs)[::-1].tolist()
    order = np.argsort(-runtime_s, kind="stable")
    draws = generator.random(len(order)).tolist()
    result, pool, used = [0.0] * len(order), [], 0
    for job, run, u in zip(order.tolist(), runtime_s[order].tolist(), draws, strict=True):
        while used < len(estimates) and estimates[used] >= run:
            pool.append(estimates[used])
            used += 1
        if not pool:
            result[job] = -1.0
            continue
        k = int(u * len(pool))
        result[job], pool[k] = pool[k], pool[-1]
        pool.pop()
    asked = np.array(result)
    return np.where(asked < 0, popular[np.searchsorted(popular, runtime_s, side="left")], asked)


def _whole(shares: FloatArray, total: int) -> Counts:
    """Return whole numbers close to ``shares`` that add up to ``total`` (largest remainders)."""
    whole = np.floor(shares).astype(np.int64)
    missing = total - int(whole.sum())
    whole[np.argsort(-(shares - whole), kind="stable")[:missing]] += 1
    return whole
