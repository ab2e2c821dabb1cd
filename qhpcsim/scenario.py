"""A scenario is a value: everything one simulation depends on, as plain frozen dataclasses.

``config.py`` fills them from Hydra; ``simulation.simulate`` reads them. Nothing here imports another room.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from qhpcsim.qpu_scenario import HOUR_S, NO_QPUS, Duration, QpuService, QpuWorkload

SEMANTICS = ("batch", "each", "pyss", "batsched")
"""Named conventions of what happens at one instant; see docs/semantics.md."""
ESTIMATES = ("requested", "actual")
OVERRUN = ("kill", "extend")
ENGINES = ("auto", "general", "kernel")
SHARING = ("exclusive", "cores")
CANDIDATES = ("queue", "sjf")
RESERVATIONS = ("replanned", "kept")


@dataclass(frozen=True)
class NodeGroup:
    """Nodes within a partition that differ from the rest: a Slurm ``NodeName`` line."""

    nodes: int = 1
    features: tuple[str, ...] = ()
    cores_per_node: int | None = None
    gpus_per_node: int | None = None
    memory_per_node_bytes: float | None = None
    switch: str = ""
    """Leaf switch that the nodes hang on; jobs are packed onto few switches."""


@dataclass(frozen=True)
class NodeFailures:
    """How single nodes break down, each by itself, unseen by schedulers before and without a known end."""

    mtbf_s: float = 0.0
    """Mean time that a node works before it fails; 0: failures only at ``fixed_s``."""
    law: str = "exponential"
    """Law of that time, one of ``workloads.laws``."""
    cv: float | None = None
    """Its coefficient of variation, for laws that need one."""
    repair: Duration = field(default_factory=lambda: Duration("exponential", HOUR_S))
    """How long a node is then away."""
    fixed_s: tuple[tuple[int, float, float], ...] = ()
    """(node of the partition from 0, from, to) of failures at known times, as a log tells them; on the axis of the
    workload's file."""


@dataclass(frozen=True)
class PlannedOutage:
    """Nodes away from ``start_s`` to ``end_s``, as schedulers know beforehand: a maintenance reservation."""

    start_s: float = 0.0
    """On the axis of the workload's file."""
    end_s: float = 0.0
    nodes: int | None = None
    """How many, whichever are free then; None: all of the partition."""
    partition: str = ""
    """Which partition; empty: each."""


@dataclass(frozen=True)
class Partition:
    """A set of nodes under one queue; node ids count up through the partitions in their order.

    Watts are per node; energy is off where ``busy_w`` is None.
    """

    nodes: int = 1
    cores_per_node: int = 1
    gpus_per_node: int = 0
    gpu_type: str = ""
    memory_per_node_bytes: float = 0.0
    """0: memory is not tracked."""
    idle_w: float | None = None
    busy_w: float | None = None
    sharing: str = "exclusive"
    """``exclusive``: a job owns whole nodes. ``cores``: jobs share nodes by cores, GPUs and memory."""
    groups: dict[str, NodeGroup] = field(default_factory=dict)
    """Node groups in node-id order; their nodes add up to ``nodes``. Empty: all nodes are alike."""
    failures: NodeFailures = field(default_factory=NodeFailures)
    outages: tuple[PlannedOutage, ...] = ()
    requeue: bool = True
    """Jobs that lose a node go back into the queue and begin again (Slurm JobRequeue=1); False: they are killed."""

    @property
    def can_break(self) -> bool:
        """Whether nodes are ever away."""
        return self.failures.mtbf_s > 0 or bool(self.failures.fixed_s) or bool(self.outages)


@dataclass(frozen=True)
class Facility:
    """The machine: either ``nodes`` alike in one partition, or named ``partitions``."""

    nodes: int | None = None
    """Size of the one-partition case; None: what the workload file states."""
    idle_w: float | None = None
    busy_w: float | None = None
    partitions: dict[str, Partition] = field(default_factory=dict)
    failures: NodeFailures = field(default_factory=NodeFailures)
    """Of every partition that states none itself."""
    outages: tuple[PlannedOutage, ...] = ()
    """Besides those that a partition states itself."""
    requeue: bool = True
    """False: no partition requeues."""


@dataclass(frozen=True)
class Workload:
    """What every workload has; sources (``trace``, ``lublin``, …) add their own fields in a subclass."""

    source: str = "trace"
    max_jobs: int | None = None
    """Keep the first K jobs."""
    overrun: str = "kill"
    """``kill``: a job ends at its requested time at the latest. ``extend``: it runs on."""
    load_scale: float = 1.0
    """Arrivals come this many times as fast: every submission time is divided by it."""
    made_for: dict[str, int] = field(default_factory=dict)
    """Nodes of partitions as a generator is to see them, so that machines of any size get the same jobs; partitions
    that are not named: their own."""


@dataclass(frozen=True)
class TraceWorkload(Workload):
    """Jobs read from a file."""

    source: str = "trace"
    path: str = ""
    format: str = "auto"
    """``auto`` or a name from ``qhpcsim list formats``."""


@dataclass(frozen=True)
class Policy:
    """The rules of a batch queue; a registered policy is a subclass with other defaults."""

    name: str = "fcfs"
    order: str = "fcfs"
    """Queue order, a name from ``qhpcsim list orders``."""
    backfill: str = "none"
    """``none``, ``easy`` or ``conservative``."""
    candidates: str = "queue"
    """Order in which EASY tries to backfill: ``queue`` or ``sjf`` (shortest requested time first)."""
    depth: int = 0
    """Waiting jobs behind the first blocked one that a backfill pass looks at; 0: all of them."""
    reservations: str = "replanned"
    """Conservative: ``replanned`` in queue order at every pass, or ``kept`` and compressed in order of start."""
    semantics: str = "batch"
    estimates: str = "requested"
    """``requested``: schedulers see the requested times. ``actual``: they see the true run times."""


@dataclass(frozen=True)
class Scheduler:
    """Cycles of a real (Slurm-like) scheduler; all 0: a pass whenever something changes."""

    interval_s: float = 0.0
    """Time between main scheduling cycles (Slurm sched_interval)."""
    bf_interval_s: float = 0.0
    """Time between backfill cycles."""
    bf_window_s: float = 0.0
    """How far ahead backfill plans; 0: no limit."""
    bf_max_job_test: int = 0
    """Jobs a backfill cycle looks at; 0: all."""
    bf_resolution_s: float = 0.0
    """Grain of the backfill plan; 0: exact."""


@dataclass(frozen=True)
class CouplingParams:
    """How hybrid jobs hold nodes and QPUs; a registered coupling with parameters is a subclass."""

    name: str = "hold"


@dataclass(frozen=True)
class BindingParams:
    """Which pilot a task is bound to; a registered binding with parameters is a subclass."""

    name: str = "late"


@dataclass(frozen=True)
class ScalingParams:
    """How pilots are added and given back at run time; a registered policy with parameters is a subclass."""

    name: str = "none"
    interval_s: float = 60.0
    """Time between two looks."""


@dataclass(frozen=True)
class PlacementParams:
    """Which alternative a stage that has several takes; a registered policy with parameters is a subclass."""

    name: str = "least_completion"
    min_fidelity: float = 0.0
    """Alternatives, and QPUs, with a lower or an unknown expected fidelity are not taken; 0: any will do."""
    max_cost: float | None = None
    """Alternatives with a higher or an unknown predicted cost are not taken; None: any will do."""
    node_hour_price: float | None = None
    """Of a node of pilots, in the QPUs' currency; a task pays for its share of the node. None: not known."""


@dataclass(frozen=True)
class Middleware:
    """The layer of pilots and tasks between applications and the batch system."""

    backend: str = ""
    """What the task system costs: a card of ``calibration/middleware``, such as ``ray``; empty: nothing."""
    faithful: bool = True
    """The client has the loop that was measured, one result a turn; False: it collects at no cost."""
    binding: BindingParams = field(default_factory=BindingParams)
    scaling: ScalingParams = field(default_factory=ScalingParams)
    placement: PlacementParams = field(default_factory=PlacementParams)
    """Decides where stages with alternatives run."""
    retries: int = 0
    """Times that a task is tried again after its pilot ended or its work failed."""
    contention: str = ""
    """How tasks on one node slow each other down: a card of ``calibration/tasks``; empty: not at all."""
    waits: bool = False
    """Applications begin when their first pilot runs; False: at once, and their tasks wait for pilots."""


@dataclass(frozen=True)
class Change:
    """What an operator changes while the simulation runs; nobody knows of it before."""

    at_s: float = 0.0
    """On the axis of the workload's file."""
    add_nodes: int = 0
    """Nodes that join the partition, alike the others; their ids follow those of the partition."""
    remove_nodes: int = 0
    """Nodes that are drained: idle ones at once, the others as the jobs on them end."""
    until_s: float | None = None
    """Drained nodes are back then, as schedulers know from ``at_s`` on; None: they never are."""
    partition: str = ""
    """Which partition; empty: the only one, or all in case of rules."""
    add_qpus: int = 0
    qpu: str = ""
    """QPU of which the added ones are copies; empty: the last one."""
    policy: dict[str, str] = field(default_factory=dict)
    """Parameters of the batch policy that change; ``name`` starts from that policy's own defaults."""
    overrun: str = ""
    """``extend``: from then on no job is killed at its requested time; empty: as before."""


@dataclass(frozen=True)
class Scenario:
    """One simulation, whole."""

    name: str = "replay"
    question: str = ""
    """What the scenario answers, in one line."""
    seed: int = 0
    facility: Facility = field(default_factory=Facility)
    workload: Workload = field(default_factory=TraceWorkload)
    policy: Policy = field(default_factory=Policy)
    scheduler: Scheduler = field(default_factory=Scheduler)
    qpu: QpuService = NO_QPUS
    qpu_workload: QpuWorkload = field(default_factory=QpuWorkload)
    coupling: CouplingParams = field(default_factory=CouplingParams)
    """For workloads with hybrid jobs."""
    middleware: Middleware = field(default_factory=Middleware)
    """For workloads with applications."""
    baseline: str = ""
    """Policy to compare with in the answer sentence; empty: none."""
    engine: str = "auto"
    """``auto``, ``general`` (steps through SimPy) or ``kernel`` (compiled, for rigid jobs on whole nodes)."""
    changes: tuple[Change, ...] = ()
    """What changes while the simulation runs, in order of time."""
