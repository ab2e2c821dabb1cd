"""A stream of users' QPU jobs: single jobs, batches, sessions in a closed loop, jobs inside reservations."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import ConfigError, UnknownNameError
from qhpcsim.core.qpu_records import QpuDemand, QpuMode
from qhpcsim.core.records import Categories, FloatArray, IntArray
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng
from qhpcsim.qpu_scenario import DAY_S, QpuWorkload
from qhpcsim.workloads import laws, users
from qhpcsim.workloads.laws import ServiceLaw
from qhpcsim.workloads.qpu_shapes import Shape, draw_shapes
from qhpcsim.workloads.users import Users

MAX_JOBS = 10_000_000
_BLOCK = 1024
_STREAM = "qpu_stream"


@dataclass(frozen=True)
class ModeShares:
    """Share of the arrivals, up to a factor, that come in each access mode; a batch or session is one arrival."""

    job: float = 1.0
    batch: float = 0.0
    session: float = 0.0
    dedicated: float = 0.0


@dataclass(frozen=True)
class Count:
    """A law of whole numbers ≥ 1."""

    law: str = "geometric"
    """geometric or constant."""
    mean: float = 10.0


@dataclass(frozen=True)
class StreamWorkload(QpuWorkload):
    """Parameters of the stream. It ends after ``duration_s`` or ``n_jobs``, whichever comes first; neither: a day."""

    source: str = "stream"
    duration_s: float | None = None
    n_jobs: int | None = None
    gaps: ServiceLaw = field(default_factory=lambda: ServiceLaw("exponential", 300.0))
    """Time between two arrivals (single jobs, batches, sessions); exponential or, burstier, hyperexponential."""
    modes: ModeShares = field(default_factory=ModeShares)
    batch_jobs: Count = field(default_factory=Count)
    session_jobs: Count = field(default_factory=Count)
    think: ServiceLaw | None = field(default_factory=lambda: ServiceLaw("exponential", 10.0))
    """Time between the result of a session's job and the submission of its next; None: no time."""
    users: Users = field(default_factory=lambda: Users(count=20))
    n_groups: int = 0
    """Groups that the users are dealt to in turn; 0: every user is a group."""
    dedicated_user: str = ""
    """User of the dedicated jobs, who needs a reservation; empty: drawn like the others."""
    shape: Shape = field(default_factory=Shape)
    min_fidelity: float | None = None
    qpu: str = ""
    """QPU that all jobs ask for; empty: the service chooses."""


@register(
    "qpu_generator",
    "stream",
    summary="users' jobs, batches and sessions at random; shapes as of real IBM jobs",
    source="shapes fitted to jobs released with Qonductor (SC'25)",
    params=StreamWorkload,
)
def generate(params: StreamWorkload, rng: Rng) -> QpuDemand:
    """Return a workload for QPUs.

    Model:
        Arrivals are a renewal process. Each is a single job, a dedicated job, a batch whose jobs come at once, or a
        session: its first job comes with it, each further one a think time after the result of the one before, and
        the last closes the session.
    Assumes:
        Arrivals, users and modes are independent of one another and of the service. The jobs of a batch or session ask
        for the same.
    Not modelled:
        Daily cycles, users who react to queues, jobs that are resent after a failure.
    Source:
        Shapes: calibration/workload/qpu_jobs.yaml. Users: calibration/workload/users.yaml. The rest is the user's.

    Args:
        params: See ``StreamWorkload``.
        rng: Streams ``qpu_stream/…`` are used.

    Raises:
        ConfigError: for a parameter out of range; names it.
    """
    _check(params)
    arrival_s = _arrivals_s(params, rng)
    mode = _modes(params.modes, len(arrival_s), rng)
    unit = _units(_counts(params, mode, rng), params.n_jobs)
    n = len(unit)
    first = np.diff(unit, prepend=-1) > 0
    last = np.diff(unit, append=len(arrival_s)) > 0
    loops = (mode == QpuMode.SESSION)[unit]
    follows = loops & ~first
    grouped = (mode == QpuMode.SESSION) | (mode == QpuMode.BATCH)
    number = np.where(grouped, np.cumsum(grouped) - 1, -1)
    user = _users(params, arrival_s, mode, rng)
    shapes = draw_shapes(params.shape, len(arrival_s), rng, f"{_STREAM}/shapes", "qpu_workload.shape")
    return QpuDemand(
        submit_s=arrival_s[unit],
        n_circuits=shapes["n_circuits"][unit],
        shots=shapes["shots"][unit],
        depth_total=shapes["depth_total"][unit],
        n_2q_total=shapes["n_2q_total"][unit],
        n_qubits_total=shapes["n_qubits_total"][unit],
        job_id=np.arange(1, n + 1),
        user=Categories(user.code[unit], user.names),
        group=_groups(params, user, unit),
        mode=mode[unit],
        session=number[unit].astype(np.int32),
        closes_session=loops & last,
        qpu=Categories(np.zeros(n, np.int32), (params.qpu,)) if params.qpu else None,
        depends_on=np.where(follows, np.arange(n) - 1, -1).astype(np.int32),
        think_s=_think_s(params, follows, rng),
        min_fidelity=None if params.min_fidelity is None else np.full(n, params.min_fidelity),
    )


def _arrivals_s(params: StreamWorkload, rng: Rng) -> FloatArray:
    """Return the times of the arrivals before the stream's end, drawn in blocks: a longer stream begins the same."""
    until_s = params.duration_s if params.duration_s is not None else DAY_S if params.n_jobs is None else math.inf
    most = math.inf if params.n_jobs is None else params.n_jobs
    laws.checked_cv(params.gaps, "qpu_workload.gaps")
    if min(until_s / params.gaps.mean_s, most) > MAX_JOBS:
        raise _too_many(int(min(until_s / params.gaps.mean_s, most)))
    generator = rng.stream(f"{_STREAM}/arrivals")
    blocks, last_s = [np.empty(0)], 0.0
    while last_s < until_s and (len(blocks) - 1) * _BLOCK < most:
        blocks.append(last_s + np.cumsum(laws.sample(params.gaps, _BLOCK, generator, "qpu_workload.gaps")))
        last_s = float(blocks[-1][-1])
    found = np.concatenate(blocks)
    found = found[found < until_s]
    return found[: params.n_jobs]


def _modes(shares: ModeShares, n: int, rng: Rng) -> IntArray:
    """Return the access mode of each arrival."""
    weights = np.array([getattr(shares, mode.name.lower()) for mode in QpuMode])
    if not (np.isfinite(weights) & (weights >= 0)).all() or weights.sum() == 0:
        raise ConfigError(
            f"shares {weights.tolist()}", where="qpu_workload.modes", allowed="numbers ≥ 0, one of them above 0"
        )
    edges = np.cumsum(weights / weights.sum())
    # A share of 0 has an empty interval; the last mode that has a share takes what rounding leaves above it.
    drawn = np.searchsorted(edges, rng.stream(f"{_STREAM}/modes").random(n), side="right")
    return np.minimum(drawn, int(np.flatnonzero(weights)[-1])).astype(np.int32)


def _counts(params: StreamWorkload, mode: IntArray, rng: Rng) -> IntArray:
    """Return the number of jobs of each arrival."""
    level = rng.stream(f"{_STREAM}/counts").random(len(mode))
    count = np.ones(len(mode), np.int32)
    laws_of = {QpuMode.BATCH: params.batch_jobs, QpuMode.SESSION: params.session_jobs}
    for kind, law in laws_of.items():
        where = f"qpu_workload.{kind.name.lower()}_jobs"
        here = mode == kind
        count[here] = _whole(law, level[here], where)
    return count


def _units(counts: IntArray, n_jobs: int | None) -> NDArray[np.int64]:
    """Return the arrival that each job belongs to, at most ``n_jobs`` of them."""
    ends = np.cumsum(counts, dtype=np.int64)
    if n_jobs is not None:
        counts = counts[: int(np.searchsorted(ends, n_jobs)) + 1]
    elif len(ends) and ends[-1] > MAX_JOBS:
        raise _too_many(int(ends[-1]))
    return np.repeat(np.arange(len(counts)), counts)[:n_jobs]


def _too_many(n: int) -> ConfigError:
    hint = "a shorter duration_s, longer gaps, or n_jobs"
    return ConfigError(f"{n:,} jobs", where="qpu_workload", allowed=f"at most {MAX_JOBS:,}", hint=hint)


def _whole(law: Count, level: FloatArray, where: str) -> FloatArray:
    """Return the law's quantiles."""
    if not 1 <= law.mean <= 1e6:
        raise ConfigError(f"{law.mean:g} jobs on average", where=f"{where}.mean", allowed="1 … 1,000,000")
    if law.law == "constant":
        if law.mean != round(law.mean):
            raise ConfigError(f"{law.mean:g} jobs", where=f"{where}.mean", allowed="a whole number, or law=geometric")
        return np.full(len(level), law.mean)
    if law.law != "geometric":
        raise UnknownNameError.of("count law", law.law, ("constant", "geometric"), where=f"{where}.law")
    if law.mean == 1:
        return np.ones(len(level))
    return np.floor(np.log1p(-level) / math.log1p(-1.0 / law.mean)) + 1.0


def _users(params: StreamWorkload, arrival_s: FloatArray, mode: IntArray, rng: Rng) -> Categories:
    """Return the user of each arrival."""
    drawn = users.assign(params.users, arrival_s, rng, "qpu_workload.users", f"{_STREAM}/users")
    name = params.dedicated_user
    if not name:
        return drawn
    names = drawn.names if name in drawn.names else (*drawn.names, name)
    code = np.where(mode == QpuMode.DEDICATED, names.index(name), drawn.code).astype(np.int32)
    return Categories(code, names)


def _groups(params: StreamWorkload, user: Categories, unit: NDArray[np.int64]) -> Categories | None:
    """Return the group of each job: users are dealt to the groups in turn."""
    if params.n_groups == 0:
        return None
    width = len(str(params.n_groups))
    names = tuple(f"group{k + 1:0{width}d}" for k in range(params.n_groups))
    return Categories((user.code[unit] % params.n_groups).astype(np.int32), names)


def _think_s(params: StreamWorkload, follows: NDArray[np.bool_], rng: Rng) -> FloatArray:
    """Return the think time before each job of a session but its first; 0 elsewhere."""
    if params.think is None:
        return np.zeros(len(follows))
    drawn = laws.sample(params.think, len(follows), rng.stream(f"{_STREAM}/think"), "qpu_workload.think")
    return np.where(follows, drawn, 0.0)


def _check(params: StreamWorkload) -> None:
    for name, least in (("duration_s", 0.0), ("n_jobs", 1), ("n_groups", 0), ("min_fidelity", 0.0)):
        value = getattr(params, name)
        if value is not None and not (math.isfinite(value) and value >= least):
            raise ConfigError(f"{value}", where=f"qpu_workload.{name}", allowed=f"a finite number ≥ {least:g}")
    if params.min_fidelity is not None and params.min_fidelity > 1:
        raise ConfigError(f"{params.min_fidelity:g}", where="qpu_workload.min_fidelity", allowed="0 … 1")
