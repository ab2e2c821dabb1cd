"""What every registered motif keeps to, whoever wrote it."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from qhpcsim.core.circuit_times import ConstantTimes
from qhpcsim.core.registry import entries
from qhpcsim.core.rng import Rng
from qhpcsim.core.workflow_records import Application, Bag, Calls, Choice, ClientWork, Workflow
from qhpcsim.workloads.motifs.making import motif_params, workflow_of
from qhpcsim.workloads.motifs.parts import COUPLINGS, MODES, MotifParams, facts

MOTIFS = entries("motif")


def flow_of(name: str, seed: int = 3) -> Workflow:
    """Return the workflow that a motif's defaults give."""
    entry = MOTIFS[name]
    assert entry.params is not None
    return workflow_of(Application("app", name, entry.params(), 5.0, "ann"), Rng(seed), ConstantTimes(2.0, 3.0))


def works_of(flow: Workflow) -> Iterator[Bag | ClientWork | Calls]:
    """Yield the work of all stages, that of alternatives among it."""
    for stage in flow.stages:
        if isinstance(stage.work, Choice):
            for each in stage.work.alternatives:
                yield from () if each.why_not else works_of(each.flow_for(3))
        else:
            yield stage.work


def test_the_motifs_of_the_plan_are_there():
    assert set(MOTIFS) >= {
        "adaptive_circuits", "circuit_cutting", "circuit_execution", "distributed_state_vector", "error_mitigation",
        "pipeline", "qaoa",
        "qml_classifier", "qml_compression", "qml_training", "sample_based_diagonalisation", "vqe",
    }  # fmt: skip


@pytest.mark.parametrize("name", MOTIFS)
def test_it_says_how_it_couples(name):
    params = MOTIFS[name].params
    assert issubclass(params, MotifParams) and dataclasses.is_dataclass(params)
    assert params.coupling in COUPLINGS and params.mode in MODES
    assert facts(MOTIFS[name]) == f"{params.coupling}, {params.mode}: "
    assert MOTIFS[name].source and MOTIFS[name].summary


@pytest.mark.parametrize("name", MOTIFS)
def test_its_stages_are_a_graph_in_order(name):
    flow = flow_of(name)
    assert (flow.name, flow.user, flow.submit_s) == ("app", "ann", 5.0)
    assert flow.motif == name and flow.stages and flow.load_s >= 0
    for k, stage in enumerate(flow.stages):
        assert all(0 <= before < k for before in stage.after) and len(set(stage.after)) == len(stage.after)
    ends = set(range(len(flow.stages))) - {before for stage in flow.stages for before in stage.after}
    assert len(ends) == 1, "an application is over when its last stage is"


@pytest.mark.parametrize("name", MOTIFS)
def test_its_work_is_whole(name):
    for work in works_of(flow_of(name)):
        if isinstance(work, ClientWork):
            assert 0 <= work.seconds < np.inf and work.kind
        elif isinstance(work, Bag):
            n = len(work.run_s)
            assert n and (work.run_s >= 0).all() and np.isfinite(work.run_s).all() and work.kind
            assert work.predicted_s is None or work.predicted_s.shape == (n,)
            assert len(work.circuit) in (0, 1, n)
            assert work.n_circuits is None or (work.n_circuits.shape == (n,) and (work.n_circuits > 0).all())
            assert min(work.need) >= 0 and max(work.need) > 0
        else:
            assert isinstance(work, Calls) and len(work.qpu_s) and work.n_circuits > 0 and work.shots > 0
            assert work.circuit and work.n_qubits > 0


@pytest.mark.parametrize("name", MOTIFS)
def test_equal_seeds_give_equal_workflows(name):
    one, two = flow_of(name), flow_of(name)
    assert [(s.name, s.after) for s in one.stages] == [(s.name, s.after) for s in two.stages]
    for a, b in zip(works_of(one), works_of(two), strict=True):
        np.testing.assert_equal(dataclasses.asdict(a), dataclasses.asdict(b))


@pytest.mark.parametrize("name", MOTIFS)
def test_its_circuits_exist(name):
    from qhpcsim.circuits.named import named_circuit
    from qhpcsim.circuits.observable import Observable

    known = {}
    for work in works_of(flow_of(name)):
        if isinstance(work, ClientWork):
            continue
        circuits = (work.circuit,) if isinstance(work, Calls) else work.circuit
        known.update({text: work.observable for text in circuits if text})
    for text, observable in known.items():
        circuit = named_circuit(text)
        if observable:
            Observable.parse(observable).check_fits(circuit.num_qubits)


@pytest.mark.parametrize("name", MOTIFS)
def test_its_defaults_are_what_no_settings_give(name):
    assert motif_params(name, {}) == MOTIFS[name].params()
