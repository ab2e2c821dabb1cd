"""Runs of the task layer for benchmarks: applications with QPU calls, bags of tasks, closed hybrid loops."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import NamedTuple

import qhpcsim
from qhpcsim.qpu_scenario import QpuDevice, QpuService
from qhpcsim.scenario import Scenario
from qhpcsim.simulation import build
from qhpcsim.simulation_hybrid import simulate_hybrid
from qhpcsim.simulation_workflows import simulate_workflows
from qhpcsim.workloads.laws import ServiceLaw
from qhpcsim.workloads.motif_mix import MotifMixWorkload, MotifShare, PilotShape

CALLS_PER_LOOP = 50
TASKS_PER_BAG = 500


class Shape(NamedTuple):
    """One kind of run."""

    title: str
    scenario: Callable[[int], Scenario]
    """Scenario with so many QPU calls or tasks."""


def vqe_loops(n_calls: int) -> Scenario:
    """Return variational loops of 50 QPU calls each, a step of the client after each call, one on-premises QPU."""
    settings = {"qubits": "4", "device": "qpu", "access": "job", "iterations": "50", "iterations_cv": "0"}
    return _applications(n_calls // CALLS_PER_LOOP, 300.0, MotifShare("vqe", 1.0, settings), "middleware=ray")


def bags(n_tasks: int) -> Scenario:
    """Return bags of 500 tasks, each on a pilot of its own of four nodes: late binding, the costs of Ray."""
    settings = {"qubits": "24", "device": "gpu:a100_40", "num_entries": str(TASKS_PER_BAG)}
    pilots = {"gpu": PilotShape("a100", (4,), walltime_s=4 * 3600.0)}
    return _applications(
        n_tasks // TASKS_PER_BAG, 600.0, MotifShare("circuit_execution", 1.0, settings, pilots), "middleware=ray"
    )


def hybrid_loops(n_calls: int) -> Scenario:
    """Return hybrid jobs in closed loops of 50 QPU calls each on ten nodes and one QPU."""
    n_jobs = n_calls // CALLS_PER_LOOP
    return qhpcsim.load("hybrid_loop", (f"workload.n_jobs={n_jobs}", f"workload.loops={CALLS_PER_LOOP}"))


SHAPES = (
    Shape("vqe loops of 50 calls", vqe_loops),
    Shape("bags of 500 tasks on pilots", bags),
    Shape("hybrid loops of 50 calls", hybrid_loops),
)


def _applications(n: int, gap_s: float, share: MotifShare, *settings: str) -> Scenario:
    scenario = qhpcsim.load("hybrid_centre", settings)
    service = QpuService(qpus={"garnet": QpuDevice(card="iqm_garnet")})
    workload = MotifMixWorkload(n_applications=n, gaps=ServiceLaw("exponential", gap_s), share={"all": share})
    return dataclasses.replace(scenario, workload=workload, qpu=service)


def simulated(scenario: Scenario) -> tuple[int, float]:
    """Return how many tasks, calls and client steps a run had, and its CPU seconds from the scenario to all tables."""
    began_s = time.process_time()
    work, partitions = build(scenario)
    if scenario.workload.source == "hybrid_loop":
        hybrid = simulate_hybrid(scenario, work, partitions)
        return hybrid.qpu.jobs.n, time.process_time() - began_s
    made = simulate_workflows(scenario, work, partitions)
    return made.workflows.tasks.n, time.process_time() - began_s
