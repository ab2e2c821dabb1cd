"""Poisson arrivals with a chosen law of run times: queueing theory and simple studies."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.records import FloatArray, IntArray, JobTable
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng
from qhpcsim.scenario import Partition, Workload
from qhpcsim.workloads import estimates, laws, streams, users
from qhpcsim.workloads.estimates import Estimates
from qhpcsim.workloads.laws import ServiceLaw
from qhpcsim.workloads.users import Users


@dataclass(frozen=True)
class PoissonWorkload(Workload):
    """Parameters of the Poisson generator."""

    source: str = "poisson"
    n_jobs: int = 1000
    load: float = 0.7
    """Offered load in expectation: rate × mean nodes × mean run time over the partition's nodes."""
    loads: dict[str, float] = field(default_factory=dict)
    """Load of single partitions by name, where it differs; 0: no jobs go there."""
    service: ServiceLaw = field(default_factory=ServiceLaw)
    sizes: tuple[int, ...] = (1,)
    """Nodes that a job may ask for."""
    weights: tuple[float, ...] = ()
    """Probability (up to a factor) of each size; empty: all alike."""
    gpu_frac: float = 1.0
    """Share of the jobs of a partition with GPUs that use them."""
    estimates: Estimates = field(default_factory=lambda: Estimates(model="exact"))
    users: Users = field(default_factory=lambda: Users(count=1))


@register(
    "generator",
    "poisson",
    summary="Poisson arrivals, run times from a law with given mean and cv, fixed or mixed sizes",
    source="A. K. Erlang 1917; any text on queueing theory",
    params=PoissonWorkload,
)
def generate(params: PoissonWorkload, partitions: dict[str, Partition], rng: Rng) -> JobTable:
    """Return a workload for the given partitions.

    Model:
        Exponential gaps at rate load·N/(E[nodes]·E[S]); run times and sizes are independent draws.
    Assumes:
        Everything is independent; the load is the expected one, a sample's own differs.
    Not modelled:
        Daily cycles, correlation of size and run time.
    Source:
        L. Kleinrock, Queueing Systems 1, Wiley 1975.

    Args:
        params: See ``PoissonWorkload``.
        partitions: Partitions by name, in order.
        rng: Streams ``sizes/NAME``, ``runtimes/NAME``, ``arrivals/NAME``, ``estimates/…`` and ``users/…``.

    Returns:
        n_jobs jobs; the first comes after one gap from time 0.
    """
    n = streams.checked_count(params.n_jobs)
    names = list(partitions)
    loads = streams.of_partition(params.loads, params.load, names, "workload.loads")
    share = _checked_shares(params)
    mean_nodes = float(np.dot(share, params.sizes))
    if not all(0 <= load < math.inf for load in loads) or sum(loads) == 0:
        raise ConfigError(f"load {params.load!r} gives no work", where="workload.load", allowed="> 0")
    made = []
    for name, load in zip(names, loads, strict=True):
        if load > 0:
            rate = load * partitions[name].nodes / (mean_nodes * laws.mean_of(params.service, "workload.service"))
            made.append(_stream(params, name, partitions[name], rate, share, n, rng))
    table = streams.merge(_earliest(made, n), partitions, f"poisson-{rng.seed}")
    table.user = users.assign(params.users, table.submit_s, rng, "workload.users")
    return table


def _stream(
    params: PoissonWorkload,
    name: str,
    partition: Partition,
    rate_hz: float,
    share: FloatArray,
    n: int,
    rng: Rng,
) -> streams.Stream:
    """Return n jobs of one partition."""
    submit = np.cumsum(rng.stream(f"arrivals/{name}").exponential(1.0 / rate_hz, n))
    nodes = _sizes(params.sizes, share, n, rng.stream(f"sizes/{name}"))
    run = laws.sample(params.service, n, rng.stream(f"runtimes/{name}"), "workload.service")
    asked = estimates.draw(params.estimates, run, rng, name, "workload.estimates")
    gpus, cores, _ = streams.node_shares(partition, nodes, params.gpu_frac, rng, name)
    return streams.Stream(name, nodes, run, asked, submit, gpus, cores)


def _sizes(sizes: tuple[int, ...], share: FloatArray, n: int, generator: np.random.Generator) -> IntArray:
    place = np.searchsorted(np.cumsum(share), generator.random(n), side="right")
    return np.asarray(sizes, dtype=np.int32)[np.minimum(place, len(sizes) - 1)]


def _checked_shares(params: PoissonWorkload) -> FloatArray:
    """Return the probability of each size, or raise ``ConfigError``."""
    weights = np.array(params.weights or (1.0,) * len(params.sizes), dtype=np.float64)
    if not params.sizes or min(params.sizes) < 1:
        raise ConfigError(f"sizes {params.sizes}", where="workload.sizes", allowed="one or more numbers ≥ 1")
    if len(weights) != len(params.sizes) or not np.all(np.isfinite(weights) & (weights >= 0)) or weights.sum() == 0:
        raise ConfigError(f"weights {params.weights}", where="workload.weights", allowed="one number ≥ 0 for each size")
    return np.asarray(weights / weights.sum())


def _earliest(made: list[streams.Stream], n: int) -> list[streams.Stream]:
    """Return the streams cut to the n jobs that come first over all of them."""
    if len(made) == 1:
        return made
    last = np.sort(np.concatenate([s.submit_s for s in made]), kind="stable")[n - 1]
    return [s.first(int(np.searchsorted(s.submit_s, last, side="right"))) for s in made]
