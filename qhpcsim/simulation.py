"""``simulate(scenario) -> Result``: the heart that everything else feeds or asks."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from qhpcsim.core.errors import ConfigError, FacilityError
from qhpcsim.core.records import JobTable, Schedule
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.facility.replay import replay
from qhpcsim.results.result import Result
from qhpcsim.scenario import Facility, Partition, Policy, Scenario, TraceWorkload

Progress = Callable[[float], None]
ONE_PARTITION = "batch"
"""Name of the only partition where a scenario gives just ``facility.nodes``."""


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
    table, partitions = build(scenario)
    baseline = _baseline(scenario, table, partitions)
    schedule = _replay(scenario, scenario.policy, table, partitions, progress)
    return Result(
        scenario=scenario,
        table=table,
        schedule=schedule,
        partitions=partitions,
        card=_card(scenario, schedule, time.perf_counter() - began_s),
        baseline=baseline,
    )


def simulate_table(
    table: JobTable, nodes: int, policy: Policy, overrun: str = "kill", engine: str = "auto"
) -> Schedule:
    """Return the schedule of a job table on ``nodes`` identical nodes: the short way for studies and tests."""
    return replay(table, {ONE_PARTITION: Partition(nodes=nodes)}, policy, overrun=overrun, engine=engine)


def build(scenario: Scenario) -> tuple[JobTable, dict[str, Partition]]:
    """Return the workload and the machine that a scenario describes, all sizes resolved.

    Raises:
        FacilityError: if nobody says how large the machine is.
    """
    workload = scenario.workload
    if isinstance(workload, TraceWorkload):
        table = _read(workload)
        partitions = resolve(scenario.facility, table.machine_nodes, workload.path)
    else:
        partitions = resolve(scenario.facility, None, "")
        entry = lookup("generator", workload.source, "workload.source")
        table = entry.target(workload, partitions, Rng(scenario.seed))
    if workload.max_jobs is not None or workload.load_scale != 1.0:
        from qhpcsim.workloads.clean import first_jobs, scaled_load

        if workload.max_jobs is not None:
            table = first_jobs(table, workload.max_jobs)
        if workload.load_scale != 1.0:
            table = scaled_load(table, workload.load_scale)
    return table, partitions


def resolve(facility: Facility, stated_nodes: int | None, path: str) -> dict[str, Partition]:
    """Return the partitions of a facility, taking the machine size from the workload file where it is not given."""
    if facility.partitions:
        return dict(facility.partitions)
    nodes = facility.nodes if facility.nodes is not None else stated_nodes
    if nodes is None:
        raise FacilityError(
            "machine size unknown: the file has no MaxProcs header (or nb_res) and facility.nodes is not given",
            where=path or "facility.nodes",
            hint="add facility.nodes=N",
        )
    return {ONE_PARTITION: Partition(nodes=nodes, idle_w=facility.idle_w, busy_w=facility.busy_w)}


def _read(workload: TraceWorkload) -> JobTable:
    from qhpcsim.workloads.reading import read_workload

    if not workload.path:
        raise ConfigError("a replay needs a workload file", where="workload.path", hint="add workload.path=FILE")
    return read_workload(workload.path, workload.format)


def _baseline(scenario: Scenario, table: JobTable, partitions: dict[str, Partition]) -> Result | None:
    """Return the same workload under the scenario's baseline policy."""
    if not scenario.baseline:
        return None
    params = lookup("policy", scenario.baseline, "baseline").params
    assert params is not None
    same: dict[str, Any] = {key: getattr(scenario.policy, key) for key in ("semantics", "estimates")}
    policy = dataclasses.replace(params(), **same)
    plain = dataclasses.replace(scenario, policy=policy, baseline="")
    schedule = _replay(plain, policy, table, partitions, None)
    return Result(scenario=plain, table=table, schedule=schedule, partitions=partitions, card={}, baseline=None)


def _replay(
    scenario: Scenario,
    policy: Policy,
    table: JobTable,
    partitions: dict[str, Partition],
    progress: Progress | None,
) -> Schedule:
    return replay(table, partitions, policy, scenario.scheduler, scenario.workload.overrun, scenario.engine, progress)


def _card(scenario: Scenario, schedule: Schedule, wall_s: float) -> dict[str, Any]:
    """Return how this result came about: the one table that may differ between machines."""
    packages = ("qhpcsim", "numpy", "simpy", "hydra-core")
    return {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "engine": schedule.engine,
        "n_passes": schedule.n_passes,
        "wall_s": round(wall_s, 6),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
        "inputs": _input_hashes(scenario),
    }


def _input_hashes(scenario: Scenario) -> dict[str, str]:
    """Return the SHA-256 of every file that the scenario reads."""
    import hashlib
    from pathlib import Path

    path = getattr(scenario.workload, "path", "")
    if not path:
        return {}
    with Path(path).open("rb") as file:
        return {Path(path).name: hashlib.file_digest(file, "sha256").hexdigest()}
