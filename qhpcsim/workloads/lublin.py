"""The Lublin–Feitelson workload: job sizes, run times and arrivals of a real batch machine, at any load."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field

import numpy as np

from qhpcsim.core.cards import Card, card
from qhpcsim.core.errors import ConfigError, UnknownNameError
from qhpcsim.core.records import FloatArray, IntArray, JobTable
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng
from qhpcsim.scenario import Partition, Workload
from qhpcsim.workloads import estimates, streams, users
from qhpcsim.workloads.daily_cycle import DailyCycle
from qhpcsim.workloads.estimates import Estimates
from qhpcsim.workloads.users import Users

JOB_CLASSES = ("all", "batch", "interactive")
"""Columns of the card: the paper fitted its laws to all jobs, and to two classes apart."""


@dataclass(frozen=True)
class LublinWorkload(Workload):
    """Parameters of the Lublin–Feitelson generator."""

    source: str = "lublin"
    n_jobs: int = 3000
    load: float = 0.7
    """Offered load of each partition: node seconds of work over nodes × first to last submission."""
    loads: dict[str, float] = field(default_factory=dict)
    """Load of single partitions by name, where it differs; 0: no jobs go there."""
    nodes: int | None = None
    """Largest job in nodes; None: the whole partition."""
    job_class: str = "all"
    """``all``, ``batch`` or ``interactive``: which of the paper's three sets of constants."""
    daily_cycle: bool = True
    """False: the same rate of arrivals all day."""
    gpu_frac: float = 1.0
    """Share of the jobs of a partition with GPUs that use them."""
    gpu_fracs: dict[str, float] = field(default_factory=dict)
    """The same for single partitions by name."""
    estimates: Estimates = field(default_factory=Estimates)
    users: Users = field(default_factory=Users)


@register(
    "generator",
    "lublin",
    summary="Lublin–Feitelson 2003: sizes, run times and daily cycle fitted to real logs, at any load",
    source="doi:10.1016/S0743-7315(03)00108-4",
    params=LublinWorkload,
)
def generate(params: LublinWorkload, partitions: dict[str, Partition], rng: Rng) -> JobTable:
    """Return a workload for the given partitions.

    Model:
        Sizes: one node, else 2^y (y rounded with a given probability), y two-stage uniform up to log2 of the
        machine.
        Run times: ln r is hyper-gamma, its mixing probability falls linearly with the number of nodes.
        Arrivals: ln gap is gamma in a time that runs with the rates of the day (gamma over half hours).
        Each partition has a stream of its own; gaps are scaled so that its load is the one asked for.
    Assumes:
        One class of jobs (``job_class``). Load counts what jobs hold: killed jobs count up to their request.
    Not modelled:
        Weekly cycle, dependence between jobs, feedback of the queue on users. Constants are from machines of
        100 to 1024 nodes; the p–size line was fitted on 1 to 128 nodes and is cut at probability 0 beyond.
    Source:
        U. Lublin, D. G. Feitelson, J. Parallel Distrib. Comput. 63(11):1105-1122, 2003; constants on
        calibration/workload/lublin.yaml.

    Args:
        params: See ``LublinWorkload``.
        partitions: Partitions by name, in order; each gets jobs that fit it.
        rng: Streams ``sizes/NAME``, ``runtimes/NAME``, ``arrivals/NAME``, ``estimates/…`` and ``users/…``.

    Returns:
        n_jobs jobs, the first at time 0 (midnight).
    """
    n = streams.checked_count(params.n_jobs)
    names = list(partitions)
    loads = streams.of_partition(params.loads, params.load, names, "workload.loads")
    gpu_fracs = streams.of_partition(params.gpu_fracs, params.gpu_frac, names, "workload.gpu_fracs")
    if not 0 <= params.load < math.inf or sum(loads) == 0:
        raise ConfigError(f"load {params.load!r} gives no work", where="workload.load", allowed="> 0")
    if params.nodes is not None and params.nodes < 1:
        raise ConfigError(f"{params.nodes} nodes", where="workload.nodes", allowed="at least 1")
    model = Model.of_card(params.job_class)
    drafts = [
        _draft(params, model, name, partitions[name], gpu, n, rng)
        for name, load, gpu in zip(names, loads, gpu_fracs, strict=True)
        if load > 0
    ]
    rates = [load * partitions[name].nodes for name, load in zip(names, loads, strict=True) if load > 0]
    kept = streams.counts([work for _, work in drafts], rates, n)
    made = []
    for (draft, work), rate, k in zip(drafts, rates, kept, strict=True):
        span_s = float(work[:k].sum()) / rate
        submit = arrivals(model, k, span_s, params.daily_cycle, rng, draft.partition)
        made.append(dataclasses.replace(draft.first(k), submit_s=submit))
    table = streams.merge(made, partitions, f"lublin-{rng.seed}")
    table.user = users.assign(params.users, table.submit_s, rng, "workload.users")
    return table


@dataclass(frozen=True, slots=True)
class Model:
    """The constants of one class of jobs."""

    constants: Card
    column: int

    @classmethod
    def of_card(cls, job_class: str) -> Model:
        """Return the model of one class, from the card."""
        if job_class not in JOB_CLASSES:
            raise UnknownNameError.of("job class", job_class, JOB_CLASSES, where="workload.job_class")
        return cls(card("workload/lublin"), JOB_CLASSES.index(job_class))

    def __getitem__(self, name: str) -> float:
        """Return a constant of this class."""
        value = self.constants.array(name)
        return float(value[self.column] if value.ndim else value)


def sizes(model: Model, machine_nodes: int, n: int, rng: Rng, name: str) -> IntArray:
    """Return the nodes of n jobs on a machine of that size, each in 1 … machine_nodes."""
    high = max(math.log2(machine_nodes) - model["size_high_below_machine"], min(1.0, math.log2(machine_nodes)))
    low = min(model["size_low"], high)
    medium = max(high - model["size_medium_below_high"], (low + high) / 2)
    kind, stage, place = rng.stream(f"sizes/{name}").random((n, 3)).T
    in_low = stage < model["size_low_stage_prob"]
    log_size = np.where(in_low, low + place * (medium - low), medium + place * (high - medium))
    power = np.clip(np.floor(log_size + 0.5), 1, math.floor(math.log2(machine_nodes)))
    parallel = np.where(kind < model["serial_prob"] + model["pow2_prob"], 2.0**power, np.rint(2.0**log_size))
    size = np.where((kind < model["serial_prob"]) | (machine_nodes == 1), 1, parallel)
    return np.clip(size, 1, machine_nodes).astype(np.int32)


def runtimes(model: Model, nodes: IntArray, rng: Rng, name: str) -> FloatArray:
    """Return a run time in seconds for each job, shape (n,)."""
    p = np.clip(model["runtime_p_slope"] * nodes + model["runtime_p_offset"], 0.0, 1.0)
    first = rng.stream(f"runtimes/{name}/which").random(len(nodes)) < p
    log_run = np.where(
        first,
        _log_gamma(model, "runtime_shape_1", "runtime_scale_1", len(nodes), rng, f"runtimes/{name}/first"),
        _log_gamma(model, "runtime_shape_2", "runtime_scale_2", len(nodes), rng, f"runtimes/{name}/second"),
    )
    return np.exp(log_run)


def arrivals(model: Model, n: int, span_s: float, daily_cycle: bool, rng: Rng, name: str) -> FloatArray:
    """Return n submission times from 0 to ``span_s``, shape (n,); a single job comes at 0."""
    shape = model["gap_shape"] * model["gap_rush_to_all"]
    stream = rng.stream(f"arrivals/{name}")
    gaps = np.exp(_below(stream, shape, model["gap_scale"], model["gap_log_max"], max(n - 1, 0)))
    place = np.concatenate([[0.0], np.cumsum(gaps)])
    place = place / place[-1] if n > 1 else place
    if not daily_cycle:
        return place[:n] * span_s
    cycle = DailyCycle.of_gamma(model["cycle_shape"], model["cycle_scale"], int(model["cycle_start"]))
    return cycle.time(place[:n] * cycle.work(np.array([span_s])))


def _log_gamma(model: Model, shape: str, scale: str, n: int, rng: Rng, stream: str) -> FloatArray:
    return _below(rng.stream(stream), model[shape], model[scale], model["runtime_log_max"], n)


def _below(generator: np.random.Generator, shape: float, scale: float, limit: float, n: int) -> FloatArray:
    """Return n draws of a gamma law, those above the limit drawn again."""
    drawn = generator.gamma(shape, scale, n)
    while (high := np.nonzero(drawn > limit)[0]).size:
        drawn[high] = generator.gamma(shape, scale, len(high))
    return drawn


def _draft(
    params: LublinWorkload, model: Model, name: str, partition: Partition, gpu_frac: float, n: int, rng: Rng
) -> tuple[streams.Stream, FloatArray]:
    """Return n jobs of one partition without arrivals, and the node seconds that each holds."""
    largest = min(params.nodes or partition.nodes, partition.nodes)
    nodes = sizes(model, largest, n, rng, name)
    run = runtimes(model, nodes, rng, name)
    gpus, cores, share = streams.node_shares(partition, nodes, gpu_frac, rng, name)
    asked = estimates.draw(params.estimates, run, rng, name, "workload.estimates")
    held = run if params.overrun == "extend" else np.minimum(run, asked)
    draft = streams.Stream(name, nodes, run, asked, np.empty(0), gpus, cores)
    return draft, nodes * held * share
