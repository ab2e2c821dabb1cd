"""``simulate(scenario) -> Result``: the heart that everything else feeds or asks."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from qhpcsim.core.errors import ConfigError, FacilityError, nearest, shorten
from qhpcsim.core.hybrid_records import HybridWork
from qhpcsim.core.records import JobTable, Schedule
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.core.workflow_records import WorkflowWork
from qhpcsim.facility.changed_sizes import grown, in_partitions
from qhpcsim.facility.node_outages import with_outages
from qhpcsim.facility.qpu_changes import refuse_new_qpus
from qhpcsim.facility.replay import replay
from qhpcsim.facility.routing import nodes_like_log
from qhpcsim.results.result import Result
from qhpcsim.scenario import Facility, Partition, Policy, Scenario, TraceWorkload

if TYPE_CHECKING:
    from qhpcsim.simulation_qpu import QpuSide

Progress = Callable[[float], None]
ONE_PARTITION = "batch"
"""Name of the only partition where a scenario gives just ``facility.nodes``."""
NO_JOBS = "none"
"""Source of a workload without batch jobs."""


def simulate(scenario: Scenario, seed: int | None = None, progress: Progress | None = None) -> Result:
    """Return the result of one scenario: a function of the scenario and its seed, nothing else.

    Args:
        scenario: From ``qhpcsim.load`` or built by hand.
        seed: Replaces the scenario's own seed.
        progress: Called now and then with the fraction done.

    Raises:
        QhpcsimError: for any mistake in the scenario or its files.
    """
    began_s = time.perf_counter()
    if seed is not None:
        scenario = dataclasses.replace(scenario, seed=seed)
    work, partitions = build(scenario)
    if scenario.changes and scenario.baseline:
        raise ConfigError("a simulation that changes on the way has no baseline", where="baseline", hint="baseline=")
    if isinstance(work, HybridWork | WorkflowWork):
        return _on_one_clock(scenario, work, partitions, progress, began_s)
    table, qpus = work, _qpu_side(scenario, work.zero_s)
    if qpus is not None and qpus.on_premises:
        table, partitions = qpus.join(table, partitions)
    baseline = _baseline(scenario, table, partitions)
    halves = _halves(progress) if qpus is not None and not qpus.on_premises and table.n else (progress, progress)
    schedule = _replay(scenario, scenario.policy, table, partitions, halves[0] if table.n else None)
    outcome = None if qpus is None else qpus.outcome(schedule, halves[1])
    return Result(
        scenario=scenario,
        table=table,
        schedule=schedule,
        partitions=grown(partitions, scenario.changes),
        card=_card(scenario, schedule, time.perf_counter() - began_s),
        baseline=baseline,
        qpu=outcome,
    )


def _on_one_clock(
    scenario: Scenario,
    work: HybridWork | WorkflowWork,
    partitions: dict[str, Partition],
    progress: Progress | None,
    began_s: float,
) -> Result:
    """Return the result of a scenario whose jobs use nodes and QPUs; its baseline runs on a workload made anew."""
    baseline = None
    if scenario.baseline:
        plain = dataclasses.replace(scenario, policy=_baseline_policy(scenario), baseline="")
        again, _ = build(plain)
        assert isinstance(again, HybridWork | WorkflowWork)
        baseline = dataclasses.replace(_on_one_clock(plain, again, partitions, None, began_s), card={})
    made = _made(scenario, work, partitions, progress)
    card = _card(scenario, made["schedule"], time.perf_counter() - began_s)
    return Result(card=card, baseline=baseline, **{"scenario": scenario, "partitions": partitions, **made})


def _made(
    scenario: Scenario, work: HybridWork | WorkflowWork, partitions: dict[str, Partition], progress: Progress | None
) -> dict[str, Any]:
    """Return what a run on one clock gave, as fields of ``Result``."""
    if isinstance(work, HybridWork):
        from qhpcsim.simulation_hybrid import simulate_hybrid

        return vars(simulate_hybrid(scenario, work, partitions, progress))
    from qhpcsim.simulation_workflows import simulate_workflows

    return vars(simulate_workflows(scenario, work, partitions, progress))


def simulate_table(
    table: JobTable, nodes: int, policy: Policy, overrun: str = "kill", engine: str = "auto"
) -> Schedule:
    """Return the schedule of a job table on ``nodes`` identical nodes: the short way for studies and tests."""
    return replay(table, {ONE_PARTITION: Partition(nodes=nodes)}, policy, overrun=overrun, engine=engine)


def build(scenario: Scenario) -> tuple[JobTable | HybridWork | WorkflowWork, dict[str, Partition]]:
    """Return the workload and the machine that a scenario describes, all sizes resolved.

    A partition that owns QPUs takes no part in making the workload. Without batch jobs the machine may be empty.

    Raises:
        FacilityError: if nobody says how large the machine is.
    """
    workload = scenario.workload
    if isinstance(workload, TraceWorkload):
        if workload.made_for:
            raise ConfigError(
                "is for generated jobs; a file's stay as they are", where="workload.made_for", hint="leave it out"
            )
        table = _read(workload)
        partitions = resolve(scenario.facility, table.machine_nodes, workload.path)
        if not scenario.facility.partitions:
            partitions = {name: nodes_like_log(table, partition) for name, partition in partitions.items()}
    else:
        needs_none = workload.source == NO_JOBS and scenario.facility.nodes is None
        partitions = dict(scenario.facility.partitions) if needs_none else resolve(scenario.facility, None, "")
        entry = lookup("generator", workload.source, "workload.source")
        seen = _made_for(workload.made_for, _for_batch_jobs(scenario, partitions))
        table = entry.target(workload, seen, Rng(scenario.seed))
        if isinstance(table, HybridWork | WorkflowWork):
            return table, partitions
    if workload.max_jobs is not None or workload.load_scale != 1.0:
        from qhpcsim.workloads.clean import first_jobs, scaled_load

        if workload.max_jobs is not None:
            table = first_jobs(table, workload.max_jobs)
        if workload.load_scale != 1.0:
            table = scaled_load(table, workload.load_scale)
    return table, partitions


def _made_for(nodes: dict[str, int], partitions: dict[str, Partition]) -> dict[str, Partition]:
    """Return the partitions as the generator of a workload is to see them.

    Raises:
        ConfigError: for a partition that is not there.
    """
    for name, n_nodes in nodes.items():
        if name not in partitions or n_nodes < 1:
            raise ConfigError(
                f"{n_nodes} nodes for partition {shorten(name)!r}",
                where=f"workload.made_for.{shorten(name)}",
                allowed=f"at least 1 node for {shorten(', '.join(partitions), 300)}",
                suggestion=nearest(name, [each for each in partitions if each != name]),
            )
    return partitions | {name: dataclasses.replace(partitions[name], nodes=n) for name, n in nodes.items()}


def resolve(facility: Facility, stated_nodes: int | None, path: str) -> dict[str, Partition]:
    """Return the partitions of a facility, taking the machine size from the workload file where it is not given.

    Args:
        facility: The facility.
        stated_nodes: Nodes that the workload's file states, if any.
        path: The workload's file, for the message.

    Raises:
        FacilityError: if nobody says how large the machine is.
    """
    if facility.partitions:
        return with_outages(facility, facility.partitions)
    nodes = facility.nodes if facility.nodes is not None else stated_nodes
    if nodes is None:
        raise FacilityError(
            "machine size unknown: the file has no MaxProcs header (or nb_res) and facility.nodes is not given",
            where=path or "facility.nodes",
            hint="add facility.nodes=N",
        )
    return with_outages(
        facility, {ONE_PARTITION: Partition(nodes=nodes, idle_w=facility.idle_w, busy_w=facility.busy_w)}
    )


def _for_batch_jobs(scenario: Scenario, partitions: dict[str, Partition]) -> dict[str, Partition]:
    """Return the partitions that batch jobs can use."""
    if not scenario.qpu.qpus:
        return partitions
    from qhpcsim.facility.qpu_gres import batch_partitions

    return batch_partitions(scenario.qpu, partitions)


def _qpu_side(scenario: Scenario, zero_s: float) -> QpuSide | None:
    if not scenario.qpu.qpus:
        refuse_new_qpus(
            scenario.changes, "no job of this workload uses one", "add nodes, or take a workload with hybrid jobs"
        )
        return None
    from qhpcsim.simulation_qpu import QpuSide

    return QpuSide(scenario, zero_s)


def _halves(progress: Progress | None) -> tuple[Progress | None, Progress | None]:
    """Return two functions that take the progress of the first and of the second half of the work."""
    if progress is None:
        return None, None
    return lambda done: progress(0.5 * done), lambda done: progress(0.5 + 0.5 * done)


def _read(workload: TraceWorkload) -> JobTable:
    from qhpcsim.workloads.reading import read_workload

    if not workload.path:
        raise ConfigError("a replay needs a workload file", where="workload.path", hint="add workload.path=FILE")
    return read_workload(workload.path, workload.format)


def _baseline(scenario: Scenario, table: JobTable, partitions: dict[str, Partition]) -> Result | None:
    """Return the same workload under the scenario's baseline policy."""
    if not scenario.baseline:
        return None
    policy = _baseline_policy(scenario)
    plain = dataclasses.replace(scenario, policy=policy, baseline="")
    schedule = _replay(plain, policy, table, partitions, None)
    return Result(scenario=plain, table=table, schedule=schedule, partitions=partitions, card={}, baseline=None)


def _baseline_policy(scenario: Scenario) -> Policy:
    params = lookup("policy", scenario.baseline, "baseline").params
    assert params is not None
    same: dict[str, Any] = {key: getattr(scenario.policy, key) for key in ("semantics", "estimates")}
    policy: Policy = dataclasses.replace(params(), **same)
    return policy


def _replay(
    scenario: Scenario,
    policy: Policy,
    table: JobTable,
    partitions: dict[str, Partition],
    progress: Progress | None,
) -> Schedule:
    if not partitions:
        return _nothing()
    return replay(
        table,
        partitions,
        policy,
        scenario.scheduler,
        scenario.workload.overrun,
        scenario.engine,
        progress,
        Rng(scenario.seed),
        in_partitions(scenario.changes, partitions),
    )


def _nothing() -> Schedule:
    """Return the schedule of no jobs on no nodes."""
    none, no_jobs = np.zeros(0), np.zeros(0, np.int32)
    return Schedule(none, none, np.zeros(0, np.int8), no_jobs, no_jobs, np.zeros(1, np.int64), no_jobs, no_jobs)


def _card(scenario: Scenario, schedule: Schedule, wall_s: float) -> dict[str, Any]:
    """Return how this result came about: the one table that may differ between machines."""
    return {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "engine": schedule.engine,
        "n_passes": schedule.n_passes,
        "wall_s": round(wall_s, 6),
        "python": platform.python_version(),
        "versions": dict(_versions()),
        "inputs": input_hashes(scenario),
    }


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    """Return what is installed; looking it up takes longer than a small simulation."""
    return tuple((name, version(name)) for name in ("qhpcsim", "numpy", "simpy", "hydra-core"))


def input_hashes(scenario: Scenario) -> dict[str, str]:
    """Return the SHA-256 of every file that the scenario reads."""
    import hashlib
    from pathlib import Path

    workloads = [scenario.workload, getattr(scenario.workload, "trace", None), scenario.qpu_workload]
    paths = [getattr(workload, "path", "") for workload in workloads]
    paths += [device.card for device in scenario.qpu.qpus.values() if device.card.endswith((".yaml", ".yml"))]
    found = {}
    for path in filter(None, paths):
        with Path(path).open("rb") as file:
            found[Path(path).name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
