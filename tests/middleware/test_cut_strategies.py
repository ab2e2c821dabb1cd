"""Cutting that is decided when it begins: by hand, the workers that are there then move the choice."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from qhpcsim.core.circuit_times import Answer, CircuitRun, ConstantTimes, Simulator
from qhpcsim.core.errors import CircuitError, ConfigError, QhpcsimError
from qhpcsim.core.registry import entries
from qhpcsim.core.rng import Rng
from qhpcsim.core.workflow_records import Application, Calls, Choice, PilotAsk, WorkflowWork
from qhpcsim.middleware.applications import Applications, TaskLayer
from qhpcsim.middleware.cut_strategies import Foreseen, with_strategies
from qhpcsim.middleware.pool_costs import PoolCosts
from qhpcsim.policies.cutting.modelled import Modelled, ModelledParams
from qhpcsim.policies.cutting.strategy import CutOption, CutView
from qhpcsim.qpu_scenario import QpuChoice, QpuDevice, QpuService
from qhpcsim.scenario import Partition
from qhpcsim.workloads.motifs.circuit_cutting import CircuitCuttingParams
from qhpcsim.workloads.motifs.cut_ways import shots_at_equal_error, ways
from qhpcsim.workloads.motifs.making import motif_params, workflow_of
from tests.job_tables import FCFS
from tests.middleware.hybrid_cases import no_jobs

FREE = {"find_s": 0, "generate_s": 0, "transpile_s": 0, "reconstruct_s": 0}
SMALL = {"base_qubits": 8, "subcircuit_size": 4, "shots": 1000, "device": "cpu:any"}


class Doubling:
    """A circuit of w qubits takes 2^w · shots / 1000 seconds; states of more than ``most`` qubits do not fit."""

    def __init__(self, most: int = 99) -> None:
        self.most = most

    def simulated(self, run: CircuitRun, n: int, device: Simulator, rng: np.random.Generator) -> Answer:
        if run.n_qubits > self.most:
            raise CircuitError(f"{run.n_qubits} qubits do not fit")
        each_s = np.full(n, 2.0**run.n_qubits * max(run.shots, 1) / 1000.0 * run.n_circuits)
        return Answer(each_s, each_s.copy(), run)

    def qpu(self, run: CircuitRun, n: int, rng: np.random.Generator) -> Answer:
        return ConstantTimes(qpu_s=3.0).qpu(run, n, rng)


def app(motif="circuit_cutting", pilots=(), submit_s=0.0, **settings) -> Application:
    params = motif_params(motif, {key: str(value) for key, value in settings.items()})
    return Application("a", motif, params, submit_s, "user", tuple(pilots))


def cut_of(application, times=None, **costs):
    """Return what makes the cut of an application's only stage."""
    flow = with_strategies(workflow_of(application, Rng(0), times or Doubling()), PoolCosts(**costs))
    (stage,) = flow.stages
    assert isinstance(stage.work, Choice)
    return {each.name: each for each in stage.work.alternatives}["cut"].make


def sizes(flow) -> list[str]:
    """Return the circuits that are simulated, by name."""
    bags = [stage.work for stage in flow.stages if hasattr(stage.work, "circuit")]
    return sorted({name.partition(":")[2].split(":")[0] for bag in bags for name in bag.circuit})


def test_ways_reach_the_same_standard_error():
    """Shots of each sub-experiment: κ²/maps = (9/6)^g · (16/8)^w times those of the uncut circuit."""
    found = ways(CircuitCuttingParams(base_qubits=8, subcircuit_size=4, shots=1000, strategy="modelled"))
    assert [way.subcircuit_size for way in found] == [8, 4, 3, 2]
    assert [way.shots for way in found] == [1000, 1500, 2250, 3375]
    assert not any(way.strategy for way in found)
    wire = CircuitCuttingParams(base_qubits=8, subcircuit_size=4, gate_cuts=0, wire_cuts=1, shots=1000)
    assert shots_at_equal_error(wire) == 2000
    few = CircuitCuttingParams(base_qubits=8, subcircuit_size=4, shots=1000, max_experiments=20)
    assert [way.subcircuit_size for way in ways(few)] == [8, 4]
    assert ways(CircuitCuttingParams(base_qubits=8, reps=9), whole=False) == []


def test_more_workers_move_the_choice():
    """Whole: 256 s. Halves: 12 tasks of 16 · 1.5 = 24 s. Thirds of 3, 3 and 2 qubits: 72 of 18 s and 36 of 9 s.

    Seconds on W workers: 256; 288, 144, … 24 from 12 on; 1620 / W, 18 from 90 on.
    """
    make = cut_of(app(strategy="modelled", **SMALL, **FREE))
    assert {n: sizes(make(n)) for n in (1, 2, 12, 100)} == {1: ["8"], 2: ["4"], 12: ["4"], 100: ["2", "3"]}
    (whole,) = make(1).stages
    assert whole.work.run_s.tolist() == [256.0] and whole.work.shots == 1000
    halves = make(2).stages[3].work
    assert halves.run_s.tolist() == [24.0] * 12 and halves.shots == 1500


def test_every_strategy_chooses_or_says_what_it_lacks():
    for name in entries("cutting"):
        make = cut_of(app(strategy=name, **SMALL, **FREE))
        if name in ("oracle", "qdreamer_refit"):
            continue
        assert make(4).stages, name
    with pytest.raises(ConfigError, match="measured"):
        cut_of(app(strategy="oracle", **SMALL, **FREE))(4)
    assert sizes(cut_of(app(strategy="none", **SMALL, **FREE))(64)) == ["8"]
    assert sizes(cut_of(app(strategy="fixed_width:width=2", **SMALL, **FREE))(1)) == ["2"]


def test_client_and_dispatch_count():
    """500 s of generating make cuts dear; so does a scheduler that needs 30 s for each of twelve tasks."""
    slow = cut_of(app(strategy="modelled", **SMALL, **FREE | {"generate_s": 500}))
    assert sizes(slow(12)) == ["8"]
    busy = cut_of(app(strategy="modelled", **SMALL, **FREE), dispatch_s=30.0)
    assert sizes(busy(12)) == ["8"]


def test_what_does_not_fit_is_not_taken():
    make = cut_of(app(strategy="modelled", **SMALL, **FREE), Doubling(most=3))
    assert sizes(make(1)) == ["2", "3"]
    with pytest.raises(CircuitError, match="no cut: 8 qubits do not fit; parts of 4: 4 qubits do not fit"):
        cut_of(app(strategy="modelled", **SMALL, **FREE), Doubling(most=1))(1)


def simulated(nodes: int) -> tuple[list[str], float]:
    """Run the application on a pilot of so many cores; return the circuits that it ran and when it ended."""
    partitions = {"cpu": Partition(nodes=100, cores_per_node=1)}
    asked = app(strategy="modelled", pilots=[PilotAsk("cpu", nodes=nodes)], **SMALL, **FREE)
    work = WorkflowWork(no_jobs(), [asked])
    made = Applications(work, Doubling(), partitions, FCFS, TaskLayer(), QpuService())
    made.simulate()
    (run,) = made.runs
    inner = run.stages[0].inner
    assert inner is not None and run.state == "COMPLETED"
    return sizes(inner.workflow), run.ended_s


def test_in_a_simulation_the_pilot_decides():
    """One core: whole, 256 s. Two: halves, 12 · 24 / 2 = 144 s. 80: halves, 24 s; thirds would leave 20 of the 36 short
    tasks for after 18 s, and take 27 s. 90 cores: thirds, 72 cores for 18 s and 18 cores for two short tasks each.
    """
    assert simulated(1) == (["8"], 256.0)
    assert simulated(2) == (["4"], 144.0)
    assert simulated(80) == (["4"], 24.0)
    assert simulated(90) == (["2", "3"], 18.0)


class TwoQpus(Doubling):
    """The first QPU has four qubits; a job of up to four takes 3 s on either, a wider one shots / 100 s."""

    def qpu(self, run: CircuitRun, n: int, rng: np.random.Generator) -> Answer:
        times_s = (math.inf, run.shots / 100.0) if run.n_qubits > 4 else (3.0, 3.0)
        each_s = np.tile(np.array(times_s), (n, 1))
        return Answer(each_s, each_s.copy(), run)


def queued(strategy: str, in_front: int, **settings) -> tuple[str, float]:
    """Cut on two QPUs, the wide one busy for so many seconds; return the way that was taken and when it was over."""
    on_qpu = SMALL | {"device": "qpu"}
    front = app(strategy="none", **on_qpu | {"shots": 100 * in_front}, **FREE)
    asked = app(strategy=strategy, submit_s=1.0, **on_qpu, **FREE | settings)
    service = QpuService({"own": QpuDevice(), "cloud": QpuDevice()}, choice=QpuChoice("least_completion"))
    work = WorkflowWork(no_jobs(), [front, asked] if in_front else [asked])
    made = Applications(work, TwoQpus(), {"cpu": Partition()}, FCFS, TaskLayer(), service)
    made.simulate()
    run = made.runs[-1]
    calls = [stage.work.circuit for stage in run.stages[0].inner.workflow.stages if isinstance(stage.work, Calls)]
    return calls[0].split(":")[1], run.ended_s


def test_the_queue_of_a_qpu_moves_the_choice():
    """Whole: 10 s, behind what is there. Halves: 12 jobs of 3 s, on the small QPU alone while the other is busy."""
    assert queued("modelled", 0) == ("8", 11.0)
    assert queued("modelled", 15) == ("8", 25.0), "halves: eight on the small QPU, four behind the 15 s, until 27"
    assert queued("modelled", 20) == ("4", 29.0), "nine on the small QPU until 28, three behind the 20 s, until 29"
    assert queued("modelled", 100) == ("4", 37.0)
    assert queued("modelled:queue=false", 100) == ("8", 110.0), "told of the workers only"
    assert queued("none", 100) == ("8", 110.0)
    assert queued("modelled", 100, generate_s=85) == ("8", 110.0), "generated at 86, halves would end at 112"


def test_the_other_users_of_a_qpu_are_seen_though_none_of_our_jobs_is_there(monkeypatch):
    """Other users are predicted exactly and are served in turn: the whole circuit ends when it was said to."""
    said = []

    def whole(self, view):
        said.append(view.options[0].completion_s)
        return 0

    monkeypatch.setattr(Modelled, "choose", whole)
    took = []
    for seed in range(6):
        asked = app(strategy="modelled", submit_s=50_000.0, **SMALL | {"device": "qpu"}, **FREE)
        cloud = QpuDevice(background="ibm_nairobi")
        service = QpuService({"own": QpuDevice(), "cloud": cloud}, choice=QpuChoice("least_completion"))
        work = WorkflowWork(no_jobs(), [asked])
        made = Applications(work, TwoQpus(), {"cpu": Partition()}, FCFS, TaskLayer(), service, Rng(seed))
        made.simulate()
        took.append(made.runs[0].ended_s - 50_000.0)
        assert took[-1] == pytest.approx(said[-1], abs=1e-6)
    assert max(took) > 60.0, "somebody was there"


def test_tasks_that_wait_move_the_choice():
    """13 cores of which 12 are busy until 1000: whole, 256 s on the one that is free; halves would take 288 s there.

    Told of the workers only, a strategy is asked with 1 and with 13, and what ends first of the two is run.
    """
    partitions = {"cpu": Partition(nodes=13, cores_per_node=1)}
    slow = {**FREE, "base_qubits": 8, "subcircuit_size": 4, "device": "cpu:any", "shots": 1000 * 1000 // 16}
    front = app(strategy="fixed_width:width=4", pilots=[PilotAsk("cpu", nodes=13, walltime_s=1e6)], **slow)
    asked = app(strategy="modelled", submit_s=1.0, **SMALL, **FREE)
    shared = [replace(each, pool="shared", name=f"a{k}") for k, each in enumerate((front, asked))]
    made = Applications(WorkflowWork(no_jobs(), shared), Doubling(), partitions, FCFS, TaskLayer(), QpuService())
    made.simulate()
    run = made.runs[1]
    assert sizes(run.stages[0].inner.workflow) == ["8"] and run.ended_s == 257.0


def test_where_nobody_can_tell_the_end_the_workers_decide():
    """No pilot is left and none comes: the ends are infinite, the choice is that on one worker."""
    option = CutOption("no cut", (8,), predicted=Foreseen(5.0), completion_s=math.inf)
    view = CutView(8, 1, 1.0, (replace(option, predicted=Foreseen(6.0)), option))
    assert Modelled().choose(view) == 1
    told = replace(view, options=(replace(option, completion_s=9.0), replace(option, completion_s=8.0)))
    assert Modelled().choose(told) == 1
    assert Modelled(ModelledParams(queue=False)).choose(told) == 0
    broken = replace(option, predicted=Foreseen(math.inf, "too wide"), completion_s=1.0)
    assert Modelled().choose(replace(view, options=(broken, replace(option, completion_s=8.0)))) == 1


def test_a_worker_that_starts_for_each_task_counts():
    """GPU tasks of 24 s on 12 workers; each starting its own for 300 s, the whole circuit is the faster."""
    settings = SMALL | {"device": "gpu:any"}
    assert sizes(cut_of(app(strategy="modelled", **settings, **FREE))(12)) == ["4"]
    assert sizes(cut_of(app(strategy="modelled", **settings, **FREE), gpu_cold_s=300.0)(11)) == ["8"]


def test_adaptive_circuits_ask_too_and_spread():
    settings = {"qubits": 8, "num_entries": 1, "alternatives": "cut", "cut_device": "cpu:any", "shots": 1000, "gpus": 0}
    asked = cut_of(app("adaptive_circuits", strategy="modelled", **settings))
    assert sizes(asked(1)) == ["4"], "the alternative cuts, it does not run whole"
    assert asked(1).stages[3].work.shots == 1500
    given = cut_of(app("adaptive_circuits", **settings))
    assert given(1).stages[3].work.shots == 1000, "without a strategy nothing moves"
    spread = cut_of(app("adaptive_circuits", strategy="fixed_width:width=4", **settings))(4).stages[3].work
    assert spread.n_circuits.sum() == 12 and spread.n_circuits.max() == 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"strategy": "modeled"}, "modelled"),
        ({"strategy": "fixed_width:with=3"}, "width"),
        ({"strategy": "fixed_width:width=x"}, "int"),
        ({"strategy": "modelled", "gate_cuts": 2}, "gate_cuts"),
        ({"strategy": "modelled", "wire_cuts": 1}, "wire_cuts"),
        ({"strategy": "modelled", "full_circuit": "true"}, "full_circuit"),
        ({"strategy": "modelled", "max_experiments": 0}, "max_experiments"),
    ],
)
def test_mistakes(settings, words):
    with pytest.raises(QhpcsimError, match=words):
        cut_of(app(**SMALL, **FREE, **settings))


def test_nobody_to_ask():
    flow = workflow_of(app(strategy="modelled", **SMALL), Rng(0), Doubling())
    with pytest.raises(ConfigError, match="nobody to ask"):
        flow.stages[0].work.alternatives[0].make(1)


def test_costs_of_the_pool_reach_the_strategy():
    partitions = {"cpu": Partition(nodes=12, cores_per_node=1)}
    asked = app(strategy="modelled", pilots=[PilotAsk("cpu", nodes=12)], **SMALL, **FREE)
    layer = TaskLayer(pool=PoolCosts(dispatch_s=30.0))
    made = Applications(WorkflowWork(no_jobs(), [asked]), Doubling(), partitions, FCFS, layer, QpuService())
    made.simulate()
    assert sizes(made.runs[0].stages[0].inner.workflow) == ["8"]
    assert math.isclose(made.runs[0].ended_s, 286.0)


def test_in_a_scenario_by_name():
    from qhpcsim import load, simulate

    share = "workload.share."
    few = [f"{share}execution.weight=0", f"{share}compression.weight=0", "workload.n_applications=1"]
    cut = [f"{share}cutting.settings.base_qubits=24", f"{share}cutting.settings.strategy=none"]
    result = simulate(load("pilot_quantum", [*few, *cut]))
    circuits = {text for text in result.workflows.tasks.circuit.names if text}
    assert circuits == {"efficient_su2:24:reps=1"}
