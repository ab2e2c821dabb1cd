"""A mix of hybrid applications that arrive at random, with rigid jobs beside them if wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from qhpcsim.core.errors import ConfigError, FacilityError, nearest, shorten
from qhpcsim.core.records import Categories, FloatArray, JobTable
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng
from qhpcsim.core.workflow_records import Application, PilotAsk, WorkflowWork
from qhpcsim.scenario import Partition, Workload
from qhpcsim.workloads import clean, laws, lublin, no_jobs, poisson, streams, users
from qhpcsim.workloads.laws import ServiceLaw
from qhpcsim.workloads.lublin import LublinWorkload
from qhpcsim.workloads.motifs.making import motif_params
from qhpcsim.workloads.no_jobs import NoWorkload
from qhpcsim.workloads.poisson import PoissonWorkload
from qhpcsim.workloads.reading import read_workload
from qhpcsim.workloads.users import Users

BACKGROUNDS = ("none", "poisson", "lublin", "trace")


@dataclass(frozen=True)
class PilotShape:
    """Pilots that applications of one kind ask for."""

    partition: str = ""
    """Empty: the first one."""
    nodes: tuple[int, ...] = (1,)
    """Sizes, equally likely."""
    count: int = 1
    """Pilots of this shape for each application."""
    walltime_s: float = 0.0
    """0: from what the application is predicted to take."""
    slots_per_node: int = 0
    """Slots for cores on each node; 0: the partition's cores."""
    reserve: bool = False
    """Submitted only if a scaling policy asks for them."""


@dataclass(frozen=True)
class MotifShare:
    """Applications of one kind."""

    motif: str = "circuit_execution"
    """A name from ``qhpcsim list motifs``."""
    weight: float = 1.0
    """Probability of an arrival, up to a factor."""
    settings: dict[str, str] = field(default_factory=dict)
    """Parameters of the motif; alternatives such as ``20|24|28`` are equally likely."""
    pilots: dict[str, PilotShape] = field(default_factory=dict)
    pool: str = ""
    """Kinds that name the same pool share their pilots; empty: every application has its own."""


@dataclass(frozen=True)
class TraceFile:
    """Rigid jobs from a file."""

    path: str = ""
    format: str = "auto"
    partition: str = ""
    """All jobs go there, whatever the file says; empty: each goes where the file says."""
    max_jobs: int | None = None
    load_scale: float = 1.0


@dataclass(frozen=True)
class MotifMixWorkload(Workload):
    """Parameters of the mix."""

    source: str = "motif_mix"
    n_applications: int = 20
    gaps: ServiceLaw = field(default_factory=lambda: ServiceLaw("exponential", 600.0))
    """Time between two submissions; the first comes after one gap."""
    share: dict[str, MotifShare] = field(default_factory=dict)
    """Kinds of application by name; empty: ``DEFAULT_SHARE``."""
    users: Users = field(default_factory=lambda: Users(count=10))
    walltime_factor: float = 2.0
    """What users ask for over what the models predict, where a pilot's walltime is not given."""
    background: str = "none"
    """Rigid jobs: ``none``, ``poisson``, ``lublin`` or ``trace``, each with its parameters below."""
    poisson: PoissonWorkload = field(default_factory=PoissonWorkload)
    lublin: LublinWorkload = field(default_factory=LublinWorkload)
    trace: TraceFile = field(default_factory=TraceFile)


DEFAULT_SHARE: Mapping[str, MotifShare] = MappingProxyType({"vqe": MotifShare("vqe", 1.0, {"qubits": "4|6|8"})})
"""Kinds of a mix that names none: variational eigensolvers on QPUs. A mix that names some has those alone."""


@register(
    "generator",
    "motif_mix",
    summary="hybrid applications of several motifs at random times, rigid jobs beside them",
    source="motifs: arXiv:2405.07333, arXiv:2604.03445",
    params=MotifMixWorkload,
)
def generate(params: MotifMixWorkload, partitions: dict[str, Partition], rng: Rng) -> WorkflowWork:
    """Return applications in order of submission, and the rigid jobs beside them.

    Model:
        Gaps are independent draws of their law; kinds are independent draws by weight; sizes and alternatives of
        settings are equally likely.
    Assumes:
        A user's next application does not depend on the last.
    Not modelled:
        Daily cycles of applications.
    Source:
        none needed; rigid jobs: their generators.

    Args:
        params: See ``MotifMixWorkload``.
        partitions: Partitions by name.
        rng: Streams ``mix/arrivals``, ``mix/kinds``, ``mix/sizes``, ``mix/users/…`` and those of the rigid jobs.
    """
    n = streams.checked_count(params.n_applications, "workload.n_applications")
    share = _checked(params, partitions)
    submit_s = np.cumsum(laws.sample(params.gaps, n, rng.stream("mix/arrivals"), "workload.gaps"))
    weights = np.array([each.weight for each in share.values()])
    kinds = rng.stream("mix/kinds").choice(len(share), n, p=weights / weights.sum())
    who = users.assign(params.users, submit_s, rng, "workload.users", "mix/users")
    sizes = rng.stream("mix/sizes")
    names = list(share)
    width = len(str(n))
    applications = [
        _application(
            f"{names[kind]}-{k + 1:0{width}d}",
            share[names[kind]],
            f"workload.share.{names[kind]}",
            float(submit_s[k]),
            who.names[who.code[k]],
            partitions,
            params.walltime_factor,
            sizes,
        )
        for k, kind in enumerate(kinds.tolist())
    ]
    return WorkflowWork(_rigid(params, partitions, rng, submit_s), applications)


def _application(
    name: str,
    share: MotifShare,
    where: str,
    submit_s: float,
    user: str,
    partitions: dict[str, Partition],
    walltime_factor: float,
    rng: np.random.Generator,
) -> Application:
    """Return one application; its sizes are drawn."""
    settings = {key: _one_of(text, rng) for key, text in share.settings.items()}
    asks = tuple(ask for shape in share.pilots.values() for ask in _asks(shape, partitions, rng))
    return Application(
        name=name,
        motif=share.motif,
        params=motif_params(share.motif, settings, f"{where}.settings"),
        submit_s=submit_s,
        user=user,
        pilots=asks,
        pool=share.pool,
        walltime_factor=walltime_factor,
    )


def _asks(shape: PilotShape, partitions: dict[str, Partition], rng: np.random.Generator) -> list[PilotAsk]:
    home = shape.partition or next(iter(partitions))
    return [
        PilotAsk(home, int(rng.choice(shape.nodes)), shape.walltime_s, shape.slots_per_node, shape.reserve)
        for _ in range(shape.count)
    ]


def _one_of(text: str, rng: np.random.Generator) -> str:
    """Return one of the alternatives in a setting."""
    words = str(text).split("|")
    return words[int(rng.integers(len(words)))] if len(words) > 1 else words[0]


def _checked(params: MotifMixWorkload, partitions: dict[str, Partition]) -> Mapping[str, MotifShare]:
    """Return the kinds of application after checking weights and pilots."""
    share = params.share or DEFAULT_SHARE
    if not all(0 <= each.weight < np.inf for each in share.values()) or not sum(each.weight for each in share.values()):
        raise ConfigError("weights must be numbers ≥ 0, one of them more", where="workload.share")
    if not 0 < params.walltime_factor < np.inf:
        raise ConfigError(f"{params.walltime_factor}", where="workload.walltime_factor", allowed="> 0")
    if params.background not in BACKGROUNDS:
        raise ConfigError(
            f"{params.background!r}",
            where="workload.background",
            allowed=", ".join(BACKGROUNDS),
            suggestion=nearest(params.background, BACKGROUNDS),
        )
    for name, each in share.items():
        for pilot, shape in each.pilots.items():
            _check_shape(shape, partitions, f"workload.share.{name}.pilots.{pilot}")
    return share


def _check_shape(shape: PilotShape, partitions: dict[str, Partition], where: str) -> None:
    if not partitions:
        raise FacilityError("pilots need nodes", where="facility.nodes", hint="add facility.nodes=N")
    home = shape.partition or next(iter(partitions))
    if home not in partitions:
        raise ConfigError(
            f"no partition {home!r}", where=where, allowed=", ".join(partitions), suggestion=nearest(home, partitions)
        )
    if not shape.nodes or not all(1 <= n <= partitions[home].nodes for n in shape.nodes):
        raise ConfigError(f"nodes {shape.nodes}", where=where, allowed=f"1 … {partitions[home].nodes}")
    if shape.count < 1 or shape.slots_per_node < 0 or not 0 <= shape.walltime_s < np.inf:
        raise ConfigError(
            "count, slots_per_node or walltime_s is impossible", where=where, allowed="1 or more, ≥ 0, ≥ 0"
        )


def _rigid(params: MotifMixWorkload, partitions: dict[str, Partition], rng: Rng, submit_s: FloatArray) -> JobTable:
    """Return the rigid jobs."""
    if params.background == "poisson":
        return poisson.generate(params.poisson, partitions, rng)
    if params.background == "lublin":
        return lublin.generate(params.lublin, partitions, rng)
    if params.background == "trace":
        return _from_file(params.trace, partitions)
    return no_jobs.generate(NoWorkload(), partitions, rng)


def _from_file(trace: TraceFile, partitions: dict[str, Partition]) -> JobTable:
    """Return the jobs of a file, on the partitions that there are.

    Raises:
        ConfigError: if no file or an unknown partition is named, or the file's own partitions are all unknown.
        WorkloadError: if the file cannot be read.
    """
    if not trace.path:
        raise ConfigError("no file is named", where="workload.trace.path", hint="workload.trace.path=FILE")
    table = read_workload(trace.path, trace.format)
    if trace.partition:
        _check_partition(trace.partition, partitions)
        table.partition = Categories(np.zeros(table.n, np.int32), (trace.partition,))
    elif table.partition is not None and len(partitions) > 1 and not set(table.partition.names) & set(partitions):
        named = ", ".join(name for name in table.partition.names if name) or "no name"
        raise ConfigError(
            f"{trace.path} names its partitions {shorten(named)}",
            where="workload.trace.path",
            allowed=", ".join(partitions),
            hint=f"workload.trace.partition={next(iter(partitions))} sends all its jobs there",
        )
    if trace.max_jobs is not None:
        table = clean.first_jobs(table, trace.max_jobs)
    return clean.scaled_load(table, trace.load_scale) if trace.load_scale != 1.0 else table


def _check_partition(name: str, partitions: dict[str, Partition]) -> None:
    if name not in partitions:
        raise ConfigError(
            f"no partition {name!r}",
            where="workload.trace.partition",
            allowed=", ".join(partitions),
            suggestion=nearest(name, partitions),
        )
