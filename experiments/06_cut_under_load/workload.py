"""The centre of the study under a load, and its applications, of which one may be told how to cut."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

import qhpcsim
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng
from qhpcsim.core.task_records import word_texts
from qhpcsim.core.workflow_records import Application, WorkflowWork
from qhpcsim.qpu_scenario import NO_QPUS
from qhpcsim.scenario import Partition
from qhpcsim.simulation import build
from qhpcsim.workloads import motif_mix
from qhpcsim.workloads.motif_mix import MotifMixWorkload
from qhpcsim.workloads.motifs.cut_ways import ways

HERE = Path(__file__).parent
RIGID_JOBS = {"cpu": 200, "h100": 80}
"""Rigid jobs that load a partition fully for a good day."""
WARM_UP_S = 12 * 3600.0
"""Before the first application comes."""
LOCALS = 6.0
"""Applications of local users for one that cuts, which together load the own QPU fully."""


class Case(NamedTuple):
    """One simulation. What is random depends on kind, load and seed only: common random numbers for strategies."""

    kind: str
    """``cpu``, ``h100`` or ``qpu``: where the circuits run."""
    load: float
    """Of the others: rigid jobs on the nodes, or local users of the own QPU."""
    strategy: str
    seed: int
    n: int
    """Applications that cut; on QPUs, on average."""
    only: str = ""
    """Application that does something else; empty: none."""
    instead: str = ""
    """Its strategy."""


@dataclass(frozen=True)
class CutMix(MotifMixWorkload):
    """A mix of which one application may have a strategy of its own."""

    source: str = "cut_mix"
    only: str = ""
    instead: str = ""


@register("generator", "cut_mix", summary="a mix, one application told how to cut", source="", params=CutMix)
def generate(params: CutMix, partitions: dict[str, Partition], rng: Rng) -> WorkflowWork:
    """Return the mix; what is random does not depend on strategies."""
    work = motif_mix.generate(params, partitions, rng)
    return WorkflowWork(work.table, [_told(params, each) for each in work.applications])


def _told(params: CutMix, application: Application) -> Application:
    """Return an application after the warm-up, with the strategy that it has instead."""
    later = replace(application, submit_s=WARM_UP_S + application.submit_s)
    if application.name != params.only:
        return later
    return replace(later, params=replace(application.params, strategy=params.instead))


@lru_cache(maxsize=1)
def _centre() -> qhpcsim.Scenario:
    return qhpcsim.load(HERE / "centre.yaml")


def scenario_of(case: Case) -> qhpcsim.Scenario:
    """Return the centre with one kind of application, under the case's load."""
    centre, is_qpu = _centre(), case.kind == "qpu"
    mix = centre.workload
    assert isinstance(mix, MotifMixWorkload)
    asked = mix.share[case.kind]
    share = {case.kind: replace(asked, settings={**asked.settings, "strategy": case.strategy})}
    more = 1.0
    if is_qpu:
        share["local"] = replace(mix.share["local"], weight=LOCALS * case.load)
        more += LOCALS * case.load
    else:
        rigid = {name: case.load if name == case.kind else 0.0 for name in RIGID_JOBS}
        n_jobs = round(RIGID_JOBS[case.kind] * case.load)
        mix = replace(mix, lublin=replace(mix.lublin, n_jobs=n_jobs, loads=rigid))
    mix = replace(
        mix,
        share=share,
        background="none" if is_qpu else mix.background,
        n_applications=round(case.n * more),
        gaps=replace(mix.gaps, mean_s=mix.gaps.mean_s / more),
    )
    given = {each.name: getattr(mix, each.name) for each in fields(MotifMixWorkload) if each.name != "source"}
    workload = CutMix(**given, only=case.only, instead=case.instead)
    return replace(centre, seed=case.seed, workload=workload, qpu=centre.qpu if is_qpu else NO_QPUS)


def cutting(case: Case) -> list[Application]:
    """Return the applications that cut, in order of submission."""
    work, _ = build(scenario_of(case))
    assert isinstance(work, WorkflowWork)
    return [each for each in work.applications if each.name.startswith(f"{case.kind}-")]


def sizes(application: Application) -> list[int]:
    """Return the widths among which a strategy chooses for an application, the whole circuit first."""
    return [way.subcircuit_size for way in ways(application.params)]


def widest(result: qhpcsim.Result) -> dict[str, int]:
    """Return the qubits of the widest circuit that each application ran."""
    assert result.workflows is not None
    tasks = result.workflows.tasks
    assert tasks.n_qubits is not None
    names = np.array(word_texts(tasks.workflow, tasks.n))
    return {name: int(tasks.n_qubits[names == name].max()) for name in dict.fromkeys(names.tolist())}
