"""Runs whose expected figures are known exactly, simulated as a study simulates them, and studies made of them.

The truth is that of a run of finite length which begins empty: that is what a mean over seeds estimates. The steady
state is another truth, of which only ``--steady`` speaks.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from qhpcsim.metrics.waiting import mean
from qhpcsim.scenario import Scenario
from qhpcsim.simulation import simulate
from qhpcsim.studies.figures import Figures, figures_of
from qhpcsim.studies.points import Run, grid_of
from qhpcsim.studies.steady import series_figures, with_steady_figures
from qhpcsim.studies.sweep import Sweep
from tests.theory import finite_oracles as theory
from tests.theory import oracles

QUEUE = ("workload=poisson", "policy=fcfs", "workload.service.mean_s=1", "engine=kernel")
AWAY = "qpu.qpus.qpu.idle_calibration"
HERE = Path()


@dataclass(frozen=True)
class Case:
    """Two points of a scenario, and what theory says of one figure under each."""

    scenario: str
    words: tuple[str, ...]
    """The last one is the axis, of two values."""
    figure: str
    truths: tuple[float, float]
    """Expectation of the figure of a run."""
    steady: str
    steady_truths: tuple[float, float]
    """Mean wait in the steady state."""

    @property
    def gap(self) -> float:
        """Expected difference of the points, the second minus the first."""
        return self.truths[1] - self.truths[0]


@cache
def case(name: str, n: int) -> Case:
    """Return a case with runs of n jobs or calls; for long loops only the steady state is known."""
    if name == "M/M/1":
        loads = (0.7, 0.6)
        return Case(
            "replay", (*QUEUE, "facility.nodes=1", f"workload.n_jobs={n}", "workload.load=0.7,0.6"), "mean_wait_s",
            tuple(theory.mmc_mean_wait(load, 1.0, 1, n) for load in loads),
            "steady.mean_wait_s", tuple(oracles.mm1_wait(load) for load in loads),
        )  # fmt: skip
    if name == "M/M/4":
        lams = (3.4, 3.2)
        return Case(
            "replay", (*QUEUE, "facility.nodes=4", f"workload.n_jobs={n}", "workload.load=0.85,0.8"), "mean_wait_s",
            tuple(theory.mmc_mean_wait(lam, 1.0, 4, n) for lam in lams),
            "steady.mean_wait_s", tuple(oracles.mmc_wait(lam, 1.0, 4) for lam in lams),
        )  # fmt: skip
    if name == "calibrates when idle":
        words = (
            "qpu=single", "qpu_workload=stream", f"qpu_workload.n_jobs={n}", "qpu_workload.gaps.mean_s=2",
            "qpu_workload.users.count=1", "qpu.qpus.qpu.service.mean_s=1", f"{AWAY}.mode=repeat",
            f"{AWAY}.duration.law=exponential", f"{AWAY}.duration.mean_s=3,2",
        )  # fmt: skip
        return Case(
            "qpu_service", words, "qpu.mean_wait_s",
            tuple(theory.mm1_vacations_mean_wait(0.5, 1.0, vacation, n) for vacation in (3.0, 2.0)),
            "steady.mean_qpu_wait_s", tuple(theory.vacations_wait(0.5, 1.0, vacation) for vacation in (3.0, 2.0)),
        )  # fmt: skip
    assert name in ("hybrid loop", "long hybrid loop")
    words = ("facility.nodes=3", "workload.n_jobs=3", f"workload.loops={n // 3}", "workload.qpu_service.mean_s=2.5,2")
    return Case(
        "hybrid_loop", words, "qpu.mean_wait_s",
        tuple(
            theory.closed_loop_mean_wait(3, n // 3, 30.0, service_s) if name == "hybrid loop" else math.nan
            for service_s in (2.5, 2.0)
        ),
        "steady.mean_qpu_wait_s", tuple(theory.mva_wait(3, 30.0, service_s) for service_s in (2.5, 2.0)),
    )  # fmt: skip


def simulated_study(of: Case, n_seeds: int, first: int = 0) -> Sweep:
    """Return a study of both points under n_seeds seeds, without a ledger and with the figures of the case only."""
    grid = dataclasses.replace(grid_of(of.scenario, of.words), seeds=tuple(range(first, first + n_seeds)))
    return Sweep(grid, HERE, [(run, figures_of_case(of, run.scenario)) for run in grid.runs()])


def figures_of_case(of: Case, scenario: Scenario) -> Figures:
    """Return the figures that ``simulated`` gives, those of the case only: the others take most of the time."""
    result = simulate(scenario)
    if of.figure.startswith("qpu."):
        assert result.qpu is not None
        wait_s = result.qpu.data.wait_s
    else:
        wait_s = result.schedule.start_s - result.table.submit_s
    return figures_of({of.figure: mean(wait_s), **series_figures(result)})


def parts(study: Sweep, n_seeds: int) -> Iterator[Sweep]:
    """Yield independent studies of n_seeds seeds each, as many as there are seeds for."""
    seeds = study.grid.seeds
    for k in range(0, len(seeds) - n_seeds + 1, n_seeds):
        yield part(study, k, n_seeds)


def part(study: Sweep, start: int, n_seeds: int) -> Sweep:
    """Return the study of n_seeds seeds from the start-th on."""
    grid = dataclasses.replace(study.grid, seeds=study.grid.seeds[start : start + n_seeds])
    n = len(study.grid.seeds)
    rows: list[tuple[Run, Figures]] = []
    for point in range(len(study.grid.points)):
        rows += study.rows[point * n + start : point * n + start + n_seeds]
    return Sweep(grid, HERE, with_steady_figures(rows))
