"""A QPU service as a value: QPUs, their calibration and outages, queue discipline, access modes, prices.

Plain frozen dataclasses, like ``scenario.py``. Times are seconds on the simulation's own axis.
"""

from __future__ import annotations

from dataclasses import dataclass, field

DAY_S = 86400.0
HOUR_S = 3600.0
WINDOW_MODES = ("drain", "resume", "restart", "interleave")
OUTAGE_MODES = ("resume", "restart")
ACCESS = ("queue", "gres")
IDLE_MODES = ("none", "repeat", "once")


@dataclass(frozen=True)
class Duration:
    """A law of durations, as ``workloads.laws.ServiceLaw`` takes it."""

    law: str = "constant"
    mean_s: float = 60.0
    cv: float | None = None


@dataclass(frozen=True)
class CalibrationWindow:
    """Calibration that comes back every ``period_s``: [offset, offset + duration), and so on.

    ``drain``: no job starts that is predicted to run into the window. ``resume``: a running job pauses and goes on
    afterwards. ``restart``: it begins again afterwards. ``interleave``: from ``offset_s`` on, calibration jobs of
    ``piece_s`` that add up to ``duration_s`` take turns with user jobs, one for one.
    """

    period_s: float = DAY_S
    offset_s: float = 0.0
    duration_s: float = HOUR_S
    mode: str = "drain"
    piece_s: float = 60.0
    """Length of one interleaved calibration job."""


@dataclass(frozen=True)
class IdleCalibration:
    """Calibration that begins when the queue runs empty and is never interrupted.

    ``repeat``: again and again until a job waits at its end. ``once``: one per idle period.
    """

    mode: str = "none"
    duration: Duration = field(default_factory=Duration)


@dataclass(frozen=True)
class Outages:
    """Failures at random: up for an exponential time of mean ``mtbf_s``, then down for ``repair``."""

    mtbf_s: float = 0.0
    """0: never fails."""
    repair: Duration = field(default_factory=lambda: Duration("exponential", HOUR_S))
    mode: str = "resume"
    """``resume``: the job goes on after the repair. ``restart``: it begins again."""
    fixed_s: tuple[tuple[float, float], ...] = ()
    """(start, end) of outages at known times, in order; the service does not see them coming either."""


@dataclass(frozen=True)
class OpenHours:
    """Availability: open in [offset, offset + duration) of every period, closed (drained) otherwise."""

    period_s: float = DAY_S
    offset_s: float = 0.0
    duration_s: float = DAY_S


@dataclass(frozen=True)
class Reservation:
    """[start, end) of one QPU for the dedicated jobs of one user."""

    user: str = ""
    start_s: float = 0.0
    end_s: float = 0.0


@dataclass(frozen=True)
class Prices:
    """What the provider charges; all add up."""

    per_second: float = 0.0
    per_shot: float = 0.0
    per_task: float = 0.0
    """Per job."""
    per_hqc: float = 0.0
    currency: str = "USD"


@dataclass(frozen=True)
class AbstractQpuParams:
    """The law of a service time, for QPUs of card ``abstract``."""

    law: str = "exponential"
    """constant, exponential, lognormal, hyperexponential or empirical."""
    mean_s: float | None = None
    """None: the card's."""
    cv: float | None = None
    """Standard deviation over mean; None: what the law has by itself, or the card's."""
    values_s: tuple[float, ...] = ()
    """Measured service times, for the empirical law."""


@dataclass(frozen=True)
class QpuDevice:
    """One QPU behind the service."""

    windows: tuple[CalibrationWindow, ...] = ()
    idle_calibration: IdleCalibration = field(default_factory=IdleCalibration)
    warm_up: Duration | None = None
    """Time before the first job after an idle period; None: none."""
    outages: Outages = field(default_factory=Outages)
    open_hours: OpenHours | None = None
    """None: always open."""
    reservations: tuple[Reservation, ...] = ()
    prices: Prices | None = None
    """None: the card's."""
    busy_w: float | None = None
    """Watts while a job runs; None: energy is off."""
    card: str = "abstract"
    """Calibration card, a name from ``qhpcsim list qpus`` or a path: job times, errors, limits, prices."""
    settings: dict[str, str] = field(default_factory=dict)
    """Numbers that replace the card's, by entry: ``time_layer: 50ms``."""
    service: AbstractQpuParams = field(default_factory=AbstractQpuParams)
    """Law of the service time; card ``abstract`` only."""
    background: str = ""
    """Load of other users: a backend of card ``qpu_background/ibm_2023``, such as ``ibm_perth``; empty: none."""
    drift: bool = False
    """Errors wander from calibration to calibration (card ``fidelity/drift``); False: the card's errors hold."""
    count: int = 1
    """QPUs of this kind; 0: none. ``config.load`` makes copies of it, NAME-2, NAME-3, …, and leaves 1 in each."""


@dataclass(frozen=True)
class Sessions:
    """Time limits of batches and sessions.

    Source: IBM Quantum documentation, "Introduction to Qiskit Runtime execution modes" and "Maximum execution time".
    """

    interactive_ttl_s: float = 60.0
    """A session without a job for this long gives the QPU back; its next job queues again."""
    max_ttl_s: float = 8 * HOUR_S
    """Age, counted from its first start, at which a session closes: the running job ends, waiting ones fail."""
    batch_max_ttl_s: float = 8 * HOUR_S
    idle_close_s: float = 1800.0
    """A session without any job for this long is closed."""


@dataclass(frozen=True)
class QpuDiscipline:
    """Order of a QPU's queue; a registered discipline with parameters is a subclass."""

    name: str = "fifo"


@dataclass(frozen=True)
class PriorityDiscipline(QpuDiscipline):
    """Highest priority first."""

    name: str = "priority"
    preemptive: bool = False
    """A more urgent job interrupts the running one, which later goes on where it was."""


@dataclass(frozen=True)
class FairShareDiscipline(QpuDiscipline):
    """Least used share first."""

    name: str = "fair_share"
    window_s: float = 28 * DAY_S
    """Usage older than this is forgotten."""
    shares: dict[str, float] = field(default_factory=dict)
    """Allocated share of each group, in any unit; groups that are not named have 1."""


@dataclass(frozen=True)
class QpuChoice:
    """Which QPU a job goes to; a registered choice with parameters is a subclass."""

    name: str = "least_completion"


@dataclass(frozen=True)
class WeightedChoice(QpuChoice):
    """Trade-off between completion time and fidelity."""

    name: str = "weighted"
    fidelity_weight: float = 0.5
    """0: only time counts; 1: only fidelity."""
    time_scale_s: float = HOUR_S
    """Delay that costs as much as a fidelity of 1 - 1/e."""


@dataclass(frozen=True)
class Nsga2Choice(QpuChoice):
    """Batches of jobs, each assigned by a point of the front of completion time against fidelity."""

    name: str = "nsga2"
    max_batch: int = 100
    """A batch is sent when it has so many jobs …"""
    interval_s: float = 120.0
    """… or when its first job has waited so long."""
    fidelity_weight: float = 0.5
    """Pseudo-weight of the fidelity: 0 takes the fastest point of the front, 1 the one of the highest fidelity."""
    population: int = 100
    generations: int = 100


@dataclass(frozen=True)
class QpuService:
    """QPUs behind one front door; no QPUs: the facility has none."""

    qpus: dict[str, QpuDevice] = field(default_factory=lambda: {"qpu": QpuDevice()})
    discipline: QpuDiscipline = field(default_factory=QpuDiscipline)
    choice: QpuChoice = field(default_factory=QpuChoice)
    latency_s: float = 0.0
    """One way through the network; 0 on premises."""
    queue_limit: int | None = None
    """Jobs that may wait for one QPU; more are rejected. 0: a job starts at once or is lost. None: no limit."""
    max_attempts: int = 100
    """Interruptions with restart after which a job fails."""
    sessions: Sessions = field(default_factory=Sessions)
    access: str = "queue"
    """``queue``: the QPUs have a queue of their own. ``gres``: they are generic resources of a partition of the batch
    system, one node a QPU, and their jobs are batch jobs."""
    partition: str = ""
    """Partition that owns the QPUs, for ``access=gres``."""


NO_QPUS = QpuService(qpus={})


@dataclass(frozen=True)
class QpuWorkload:
    """Jobs for the QPUs; sources (``stream``, ``table``, …) add their own fields in a subclass."""

    source: str = "none"
