"""The motif of adaptive circuits: its alternatives, which of them can run at all, and how cutting uses its workers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhpcsim.core.circuit_times import ConstantTimes
from qhpcsim.core.errors import ConfigError, QhpcsimError
from qhpcsim.core.rng import Rng
from qhpcsim.core.workflow_records import Application, Bag, Calls, Choice, ClientWork
from qhpcsim.models.circuit_times import ModelTimes
from qhpcsim.models.qpu_fleet import Fleet
from qhpcsim.qpu_scenario import Prices, QpuDevice, QpuService
from qhpcsim.workloads.motifs.adaptive_circuits import spread_evenly
from qhpcsim.workloads.motifs.circuit_cutting import CircuitCuttingParams, cuts_of
from qhpcsim.workloads.motifs.making import motif_params, workflow_of

SERVICE = QpuService(
    {
        "ibm": QpuDevice(card="ibm_heron_r2"),
        "iqm": QpuDevice(card="iqm_garnet", prices=Prices(per_shot=0.001, per_task=2.0)),
        "free": QpuDevice(card="aqt_ibex"),
    }
)


def made(times=None, seed=0, **settings):
    """Return the workflow of settings given as text."""
    params = motif_params("adaptive_circuits", {key: str(value) for key, value in settings.items()})
    return workflow_of(Application("app", "adaptive_circuits", params), Rng(seed), times or ConstantTimes(2.0, 3.0))


def ways(flow, k=0) -> dict:
    """Return the alternatives of a stage by name."""
    work = flow.stages[k].work
    assert isinstance(work, Choice)
    return {each.name: each for each in work.alternatives}


def test_the_same_circuits_in_three_ways():
    flow = made(qubits=6, num_entries=5, circuit_depth=2, alternatives="gpu:any,qpu,cut", rounds=2, step_s="3s")
    assert [stage.name for stage in flow.stages] == ["round 1", "step 1", "round 2", "step 2"]
    assert isinstance(flow.stages[1].work, ClientWork) and flow.stages[1].work.seconds == 3.0
    gpu, qpu, cut = (each.flow_for(4) for each in ways(flow).values())
    for stage in (gpu.stages[0], qpu.stages[0]):
        assert stage.work.observable == "ZIIIII"
    bag, calls = gpu.stages[0].work, qpu.stages[0].work
    assert isinstance(bag, Bag) and bag.circuit == ("efficient_su2:6:reps=2",) and len(bag.run_s) == 5
    assert (bag.shots, bag.need.gpus) == (0, 1.0), "a state vector gives the exact value"
    assert isinstance(calls, Calls) and calls.circuit == bag.circuit[0] and (len(calls.qpu_s), calls.shots) == (5, 4096)
    assert [stage.name for stage in cut.stages] == ["find", "generate", "transpile", "sub-experiments", "reconstruct"]
    # two parts of three qubits, two cut gates: 2 · 36 sub-experiments for each of five circuits
    assert cut.stages[3].work.n_circuits.sum() == 5 * 72
    assert ways(flow)["cut"].parts == 2


def test_cutting_spreads_over_the_workers_that_are_free():
    cut = ways(made(qubits=6, num_entries=5, alternatives="cut"))["cut"]
    sizes = {n: np.array(cut.flow_for(n).stages[3].work.n_circuits) for n in (1, 4, 7, 60)}
    assert all(each.sum() == 60 for each in sizes.values())
    assert [each.max() for each in sizes.values()] == [40 // 2, 15, 9, 1]  # parts and kinds stay apart
    fixed = ways(made(qubits=6, num_entries=5, alternatives="cut", experiments_per_task=2))["cut"]
    assert len(fixed.flow_for(1).stages[3].work.run_s) == len(fixed.flow_for(9).stages[3].work.run_s) == 30
    again = cut.flow_for(4)
    np.testing.assert_array_equal(again.stages[3].work.run_s, cut.flow_for(4).stages[3].work.run_s)
    assert again.stages[0].work.seconds == cut.flow_for(7).stages[0].work.seconds, "the same random numbers"


@given(n_workers=st.integers(1, 300), entries=st.integers(1, 20))
def test_spreading_takes_no_more_waves_than_single_tasks(n_workers, entries):
    params = CircuitCuttingParams(base_qubits=8, subcircuit_size=4, groups=entries)
    n = cuts_of(params).n_experiments
    per_task = spread_evenly(params, n_workers).experiments_per_task
    assert per_task == math.ceil(n / n_workers), "equal tasks: one wave as long as all waves of single ones"


def test_what_can_never_run_says_why():
    times = ModelTimes(Rng(0), Fleet.open(SERVICE, Rng(0)))
    wide = ways(made(times, qubits=40, num_entries=1, alternatives="gpu:a100_40,cpu:amd_epyc_core,qpu,cut"))
    assert "a100_40 and its host have" in wide["gpu:a100_40"].why_not and wide["cpu:amd_epyc_core"].why_not
    assert not wide["qpu"].why_not and not wide["cut"].why_not
    (calls,) = (stage.work for stage in wide["qpu"].flow_for(1).stages)
    assert np.isfinite(calls.qpu_s).tolist() == [[True, False, False]], "20 and 12 qubits"
    wider = ways(made(times, qubits=200, num_entries=1, alternatives="qpu,cut", subcircuit_size=100))
    assert "no QPU can run" in wider["qpu"].why_not and "host have" in wider["cut"].why_not
    deep = ways(made(qubits=8, circuit_depth=9, alternatives="cut"))["cut"]
    assert deep.why_not == f"{2 * 6**9 * 16} sub-experiments, more than max_experiments = 100000"
    assert "hold the whole circuit" in ways(made(qubits=8, subcircuit_size=8, alternatives="cut"))["cut"].why_not
    assert "the facility has none" in ways(made(ModelTimes(Rng(0)), qubits=4, alternatives="qpu"))["qpu"].why_not


def test_fidelities_and_prices_come_from_the_cards():
    """Prices by hand: 1.6 USD a second; 2 + 0.001 · 4096 USD; no price."""
    times = ModelTimes(Rng(0), Fleet.open(SERVICE, Rng(0)))
    (calls,) = (stage.work for stage in ways(made(times, qubits=8, alternatives="qpu"))["qpu"].flow_for(1).stages)
    assert calls.cost == pytest.approx([1.6 * calls.predicted_s[0, 0], 2.0 + 4.096, math.nan], nan_ok=True)
    assert calls.fidelity.shape == (3,) and ((calls.fidelity > 0) & (calls.fidelity <= 1)).all()
    (deeper,) = (
        stage.work
        for stage in ways(made(times, qubits=8, circuit_depth=5, alternatives="qpu"))["qpu"].flow_for(1).stages
    )
    assert (deeper.fidelity < calls.fidelity).all()
    other = QpuService({**SERVICE.qpus, "euro": QpuDevice(card="ibm_heron_r2", prices=Prices(2.0, currency="EUR"))})
    mixed = ModelTimes(Rng(0), Fleet.open(other, Rng(0)))
    (calls,) = (stage.work for stage in ways(made(mixed, qubits=8, alternatives="qpu"))["qpu"].flow_for(1).stages)
    assert math.isnan(calls.cost[3])


def test_alternatives_draw_from_streams_of_their_own():
    times = ModelTimes(Rng(0), Fleet.open(SERVICE, Rng(0)))
    alone = ways(made(times, qubits=8, alternatives="qpu"))["qpu"].flow_for(1).stages[0].work
    beside = ways(made(times, qubits=8, alternatives="cut,gpu:a100_40,qpu"))["qpu"].flow_for(1).stages[0].work
    np.testing.assert_array_equal(alone.qpu_s, beside.qpu_s)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"alternatives": ""}, "no alternatives"),
        ({"alternatives": "gpu"}, "gpu:CARD"),
        ({"alternatives": "tpu:v4,qpu"}, "gpu:CARD"),
        ({"alternatives": "gpu:a100_400"}, "a100_40"),
        ({"rounds": 0}, "rounds"),
        ({"shots": 0}, "shots"),
        ({"subcircuit_size": -1}, "subcircuit_size"),
        ({"step_s": "-1"}, "duration"),
    ],
)
def test_mistakes(settings, words):
    with pytest.raises(QhpcsimError, match=words):
        made(ModelTimes(Rng(0), Fleet.open(SERVICE, Rng(0))), **settings)


def test_it_cannot_be_mitigated_or_coupled():
    from qhpcsim.workloads.motifs.coupled import as_hybrid_job

    with pytest.raises(ConfigError, match="not composed"):
        params = motif_params("error_mitigation", {"base": "adaptive_circuits"})
        workflow_of(Application("x", "error_mitigation", params), Rng(0), ConstantTimes())
    with pytest.raises(ConfigError, match="no client work or QPU call"):
        as_hybrid_job(made(alternatives="qpu"), 1)
