"""The public interface of circuit cutting: what it plans and runs, and what it takes."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from qhpcsim import cutting
from qhpcsim.circuits.named import named_circuit
from qhpcsim.circuits.observable import Observable
from qhpcsim.core.errors import CircuitError, ConfigError
from qhpcsim.cutting import running
from qhpcsim.cutting.planning import devices_of
from qhpcsim.execution.cutting_outcome import PHASES
from qhpcsim.execution.engine import open_engine
from qhpcsim.execution.host import this_host
from qhpcsim.models.cutting import CutModel


def line(n: int = 6) -> QuantumCircuit:
    """Return a chain of rotations and CX gates, weakly linked in the middle."""
    circuit = QuantumCircuit(n, name="line")
    for qubit in range(n):
        circuit.ry(0.3 + 0.2 * qubit, qubit)
    for qubit in range(n - 1):
        circuit.rzz(0.4, qubit, qubit + 1) if qubit == n // 2 - 1 else circuit.cx(qubit, qubit + 1)
    return circuit


def exact(circuit: QuantumCircuit, text: str) -> float:
    from qiskit.quantum_info import SparsePauliOp, Statevector

    operator = SparsePauliOp.from_list(list(Observable.parse(text).terms))
    return float(np.real(Statevector(circuit).expectation_value(operator)))


def bare(name: str) -> QuantumCircuit:
    return named_circuit(name).remove_final_measurements(inplace=False)


def test_a_circuit_of_ones_own() -> None:
    circuit, wanted = line(), ["IIZZII", "ZIIIIZ + 0.5*IXIIII - 2*IIIIII"]
    answer = cutting.plan(circuit, wanted, target_stderr=0.02, max_cuts=2)
    assert answer.request.where == "line" and not answer.is_default_observable
    truth = [exact(circuit, text) for text in wanted]
    for each in answer.ranked:
        found = cutting.run(answer, candidate=each.name, seed=7)
        assert found.values.shape == found.stderr.shape == (2,)
        assert (np.abs(found.values - truth) < 5.0 * found.stderr).all(), each.name
        assert tuple(found.phases) == PHASES and found.measured_s == pytest.approx(sum(found.phases.values()))
        assert found.outcome.shots_total <= each.n_shots


def test_what_is_ranked_is_what_the_model_says() -> None:
    answer = cutting.plan("efficient_su2:8:reps=1", ["ZZIIIIZZ"], workers=2)
    model = CutModel.open("amd_epyc_genoa_core")
    for each in answer.ranked:
        assert each.cost == model.predict(each.candidate, 2, "cpu")
    assert [each.cost.total_s for each in answer.ranked] == sorted(each.cost.total_s for each in answer.ranked)
    assert answer.chosen is answer.ranked[0]
    whole = cutting.plan("efficient_su2:8:reps=1", ["ZZIIIIZZ"], workers=2, strategy="none")
    assert whole.chosen.name == "no cut" and [each.name for each in whole.ranked] == [x.name for x in answer.ranked]


def test_one_observable_as_a_text_and_none_at_all() -> None:
    assert cutting.plan("ghz:4", "ZIIZ").request.observables == (Observable.parse("ZIIZ"),)
    assert cutting.plan("ghz:4").request.observables == (Observable.parse("ZZZZ"),)


def test_the_result_does_not_depend_on_workers() -> None:
    answer = cutting.plan("ghz:6", ["ZIIIIZ"], target_stderr=0.05)
    name = next(each.name for each in answer.ranked if each.candidate.n_cuts)
    alone = cutting.run(answer, candidate=name, seed=5)
    with open_engine("processes", workers=2) as engine:
        shared = cutting.run(answer, candidate=name, seed=5, engine=engine)
    two = cutting.run(cutting.plan("ghz:6", ["ZIIIIZ"], target_stderr=0.05, workers=2), candidate=name, seed=5)
    other = cutting.run(answer, candidate=name, seed=6)
    assert alone.values.tolist() == shared.values.tolist() == two.values.tolist() != other.values.tolist()


def test_more_shots_are_run_until_the_target_is_reached(tmp_path: Path) -> None:
    circuit, wanted = "efficient_su2:8:reps=1", ["ZIIIIIII"]
    answer = cutting.plan(circuit, wanted, target_stderr=0.02, max_cuts=2)
    name = next(each.name for each in answer.ranked if each.candidate.n_cuts)
    once = cutting.run(answer, candidate=name, seed=1, folder=tmp_path)
    assert once.stderr[0] > 1.1 * 0.02
    found = cutting.run(answer, candidate=name, seed=1, folder=tmp_path, reach_target=True)
    assert found.stderr[0] <= 1.01 * 0.02 and found.outcome.n_resumed == len(once.outcome.experiments)
    assert found.outcome.shots_total > once.outcome.shots_total
    again = cutting.run(answer, candidate=name, seed=1, reach_target=True)
    assert again.values[0] == found.values[0] and again.stderr[0] == found.stderr[0]
    assert abs(found.values[0] - exact(bare(circuit), wanted[0])) < 5 * 0.02
    with pytest.raises(ConfigError, match="mode"):
        cutting.run(answer, candidate=name, mode="seed_like", reach_target=True)


def test_the_budget_decides_what_is_run() -> None:
    answer = cutting.plan("ghz:6", target_stderr=0.05)
    longest = answer.ranked[-1].cost.total_s
    dear = dataclasses.replace(answer.ranked[-1], cost=dataclasses.replace(answer.ranked[-1].cost, total_s=1e6))
    changed = dataclasses.replace(answer, ranked=(*answer.ranked[:-1], dear))
    *ran, skipped = cutting.run_all(changed, longest + 60.0)
    assert [each.name for each in ran if isinstance(each, cutting.CutRun)] == [x.name for x in answer.ranked[:-1]]
    assert isinstance(skipped, cutting.Skipped) and "predicted 11 d 14 h" in skipped.reason


def test_short_ways_are_compared_by_the_shortest_of_some_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_REPEAT_S", math.inf)
    answer = cutting.plan("ghz:6", target_stderr=0.05)
    ran = [each for each in cutting.run_all(answer, 60.0, seed=2) if isinstance(each, cutting.CutRun)]
    assert {each.n_repeats for each in ran} == {5}
    for each in ran:
        alone = cutting.run(answer, candidate=each.name, seed=2)
        assert alone.n_repeats == 1 and (alone.values == each.values).all() and (alone.stderr == each.stderr).all()


@pytest.mark.parametrize(
    ("times_s", "shortest_s", "n_runs"),
    [
        ([0.4, 0.3, 0.35, 0.1], 0.3, 3),
        ([0.1, 0.05, 0.05, 0.04, 0.2, 0.01], 0.04, 5),
        ([0.6, 0.1], 0.6, 1),
        ([2.0, 1.0], 2.0, 1),
    ],
)
def test_how_often_a_way_is_run(times_s: list[float], shortest_s: float, n_runs: int) -> None:
    answer = cutting.plan("ghz:4", target_stderr=0.05, max_cuts=0)
    run = cutting.run(answer)
    first, *others = (dataclasses.replace(run, phases={"execute": time_s}) for time_s in times_s)
    found: list[cutting.CutRun | cutting.Skipped] = [cutting.Skipped(run.ranked, "too long"), first]
    later = iter(others)
    running._run_again(found, lambda ranked: next(later), math.inf)
    assert isinstance(found[0], cutting.Skipped) and isinstance(found[1], cutting.CutRun)
    assert (found[1].measured_s, found[1].n_repeats) == (shortest_s, n_runs)


def test_short_ways_are_run_again_in_turns() -> None:
    """A neighbour that slows the machine for a while shall not hit all runs of one way."""
    answer = cutting.plan("ghz:6", target_stderr=0.05, max_cuts=1)
    ways = [dataclasses.replace(each, phases={"execute": 0.1}) for each in cutting.run_all(answer, 60.0)]
    found, asked = [dataclasses.replace(each, n_repeats=1) for each in ways], []

    def run_one(ranked: cutting.Ranked) -> cutting.CutRun:
        asked.append(ranked.name)
        return next(each for each in ways if each.ranked is ranked)

    running._run_again(found, run_one, -math.inf)
    assert not asked, "the budget is spent"
    running._run_again(found, run_one, math.inf)
    assert asked == [each.name for each in ways] * 4 and len(ways) > 1


def test_what_an_interrupted_run_left_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_REPEAT_S", math.inf)
    answer = cutting.plan("ghz:6", target_stderr=0.05, max_cuts=1)
    first = list(cutting.run_all(answer, 60.0, folder=tmp_path))
    again = list(cutting.run_all(answer, 60.0, folder=tmp_path))
    assert {each.n_repeats for each in first} == {5} and {each.n_repeats for each in again} == {1}


def test_devices_by_the_name_of_their_card() -> None:
    assert devices_of("cpu", "m") == ("cpu", "m")
    assert devices_of("h100_sxm+ibm_heron_r2", "m") == ("gpu:h100_sxm+qpu:ibm_heron_r2", "m")
    assert devices_of("cpu+gpu:h200", "m") == ("cpu+gpu:h200", "m")
    assert devices_of("mine.yaml", "m") == ("cpu", "mine.yaml")
    assert devices_of("amd_epyc_genoa_core", "m") == ("cpu", "amd_epyc_genoa_core")


def test_observables_are_text_or_operators() -> None:
    operator = SparsePauliOp(["ZZI", "IXX"], [1.0, 0.5])
    for given in ("ZZI + 0.5 IXX", ["ZZI + 0.5*IXX"], operator, [operator], (Observable.parse("ZZI + 0.5*IXX"),)):
        answer = cutting.plan("ghz:3", given, max_cuts=0)
        assert answer.request.observables == (Observable.parse("ZZI + 0.5*IXX"),) and not answer.is_default_observable


def test_planning_tells_how_far_it_is() -> None:
    heard: list[float] = []
    cutting.plan("ghz:6", progress=heard.append)
    assert heard == sorted(heard) and heard[0] == 0.0 and 0.7 < heard[-1] < 1.0


def test_what_cannot_be_run_names_what_can() -> None:
    answer = cutting.plan("ghz:6", target_stderr=0.05)
    cost = dataclasses.replace(answer.chosen.cost, feasible="too large")
    broken = dataclasses.replace(answer.chosen, cost=cost)
    rest = tuple(each for each in answer.ranked if each is not answer.chosen)
    changed = dataclasses.replace(answer, ranked=(*rest, broken), chosen=broken)
    with pytest.raises(CircuitError, match=f"too large\n  allowed: {rest[0].name}"):
        cutting.run(changed)
    assert list(cutting.run_all(changed, 60.0))[-1] == cutting.Skipped(broken, "too large")
    with pytest.raises(ConfigError, match="has its own"):
        cutting.run(answer, workers=2)


def test_shots_that_no_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """10⁸ shots of 120 bytes."""
    answer = cutting.plan("ghz:4", target_stderr=1e-4, max_cuts=0)
    small = dataclasses.replace(this_host(), memory_bytes=3 * 2**30)
    monkeypatch.setattr(running, "this_host", lambda: small)
    says = "its shots take about 11 GiB, this machine has 3 GiB, enough for a standard error of 0.00019"
    with pytest.raises(CircuitError, match=f"candidate 'no cut' cannot be run: {re.escape(says)}"):
        cutting.run(answer)
    (skipped,) = cutting.run_all(answer, 3600.0)
    assert isinstance(skipped, cutting.Skipped) and skipped.reason == says
