"""The Poisson generator: exponential gaps at the right rate, sizes as weighted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from qhpcsim.core.errors import QhpcsimError
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.scenario import Partition
from qhpcsim.workloads.laws import ServiceLaw
from qhpcsim.workloads.poisson import PoissonWorkload, generate

PAIR = {"a": Partition(nodes=16), "b": Partition(nodes=8)}


def test_gaps_are_exponential_at_the_rate_of_the_load() -> None:
    params = PoissonWorkload(n_jobs=100_000, load=0.5, sizes=(1, 4), weights=(3.0, 1.0))
    jobs = generate(params, {"a": PAIR["a"]}, Rng(1))
    rate = 0.5 * 16 / (1.75 * 60.0)
    gaps = np.diff(jobs.submit_s, prepend=0.0)
    assert stats.kstest(gaps * rate, "expon").pvalue > 1e-4
    assert (jobs.nodes == 4).mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.1875 / 1e5))
    np.testing.assert_array_equal(jobs.walltime_s, jobs.runtime_s)


def test_partitions_have_streams_of_their_own() -> None:
    params = PoissonWorkload(n_jobs=20_000, loads={"b": 0.3}, service=ServiceLaw("constant", 10.0))
    jobs = generate(params, PAIR, Rng(1))
    assert jobs.n == 20_000
    assert jobs.partition is not None
    for code, (nodes, load) in enumerate(((16, 0.7), (8, 0.3))):
        mine = jobs.partition.code == code
        found = 10.0 * mine.sum() / nodes / jobs.submit_s[-1]
        assert found == pytest.approx(load, rel=5 / np.sqrt(mine.sum()))


@pytest.mark.parametrize(
    "params",
    [
        PoissonWorkload(n_jobs=0),
        PoissonWorkload(load=-1.0),
        PoissonWorkload(sizes=()),
        PoissonWorkload(sizes=(0,)),
        PoissonWorkload(sizes=(1, 2), weights=(1.0,)),
        PoissonWorkload(weights=(float("nan"),)),
        PoissonWorkload(service=ServiceLaw("lognormal", 10.0)),
    ],
)
def test_mistakes(params: PoissonWorkload) -> None:
    with pytest.raises(QhpcsimError, match=r"workload\."):
        generate(params, PAIR, Rng(1))


def test_is_registered() -> None:
    assert lookup("generator", "poisson").params is PoissonWorkload
