"""A stratified sample: the strata take turns, so that rare ones are seen and a sample cut short is still balanced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

from qhpcsim.core.rng import Rng


def in_turns(strata: Sequence[Hashable], alike: Sequence[Hashable], rows: Sequence[int], seed: int) -> Iterator[int]:
    """Yield every row once, in the order in which a sample should take them.

    Args:
        strata: (n,) stratum of each row of the table; they take turns, in an order drawn once.
        alike: (n,) what a row asks for: within a stratum, one of each comes before any is repeated.
        rows: Which rows there are to take.
        seed: Decides the order of the strata and within them; equal seeds give equal orders.
    """
    rng = Rng(seed).stream("sample")
    order = [rows[k] for k in rng.permutation(len(rows)).tolist()]
    seen: Counter[tuple[Hashable, Hashable]] = Counter()
    turns: dict[Hashable, list[tuple[int, int]]] = {}
    for row in order:
        work = strata[row], alike[row]
        turns.setdefault(strata[row], []).append((seen[work], row))
        seen[work] += 1
    names = sorted(turns, key=repr)
    in_order = [turns[names[k]] for k in rng.permutation(len(names)).tolist()]
    queues = [iter(sorted(each, key=lambda pair: pair[0])) for each in in_order]
    while queues:
        left = []
        for queue in queues:
            pair = next(queue, None)
            if pair is not None:
                yield pair[1]
                left.append(queue)
        queues = left
