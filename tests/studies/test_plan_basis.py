"""What a plan rests on is told by a run: its machine, its rules and every card that it reads."""

import json

import pytest

import qhpcsim
from qhpcsim.core.cards import card, cards_read
from qhpcsim.studies.plan_basis import used
from qhpcsim.studies.plan_runs import Runner, study_ledger
from qhpcsim.studies.simulating import Workers

SCENARIOS = {
    "hybrid_loop": ["workload.n_jobs=3", "facility.nodes=4", "qpu.qpus.qpu.count=3"],
    "qpu_service": [],
    "quickstart": ["baseline=", "workload.n_applications=8", "workload.lublin.n_jobs=30"],
}


def names(found, kind):
    return [each["name"] for each in found["rules"] if each["kind"] == kind]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_second_run_in_one_process_tells_the_same(name):
    """Readers that keep what they read would hide cards from later runs, and plan.json would depend on the engine."""
    scenario = qhpcsim.load(name, SCENARIOS[name])
    assert used(scenario) == used(scenario)
    json.dumps(used(scenario), allow_nan=False)


def test_machine_and_rules_of_hybrid_jobs():
    found = used(qhpcsim.load("hybrid_loop", SCENARIOS["hybrid_loop"]))
    assert found["partitions"] == [
        {"name": "batch", "nodes": 4, "cores_per_node": 1, "gpus_per_node": 0, "gpu_type": ""}
    ]
    assert found["qpus"] == [{"name": "qpu", "card": "abstract", "count": 3}]
    assert names(found, "coupling") == ["hold"] and names(found, "generator") == ["hybrid_loop"]
    assert "qpu/abstract" in [each["name"] for each in found["cards"]]


def test_tokens_of_a_coupling_are_no_nodes():
    found = used(qhpcsim.load("hybrid_loop", ["coupling=vqpu", "workload.n_jobs=3"]))
    assert [each["name"] for each in found["partitions"]] == ["batch"]


def test_cards_of_a_cloud_qpu_and_of_the_load_on_it():
    found = used(qhpcsim.load("qpu_service"))
    cards = {each["name"]: each for each in found["cards"]}
    assert {"qpu/ibm_eagle_r3", "qpu_background/ibm_2023", "fidelity/drift", "workload/users"} <= set(cards)
    entries = card("qpu/ibm_eagle_r3").entries
    assert cards["qpu/ibm_eagle_r3"]["n_entries"] == len(entries)
    assert cards["qpu/ibm_eagle_r3"]["errors"] == []  # derived: nobody measured it
    assert names(found, "discipline") == ["fair_share"] and names(found, "coupling") == []


def test_applications_name_their_motifs_and_devices():
    scenario = qhpcsim.load("quickstart", SCENARIOS["quickstart"])
    found = used(scenario)
    assert [each["nodes"] for each in found["partitions"]] == [128, 64, 1, 1]
    assert [each["name"] for each in found["qpus"]] == ["garnet", "ibex", "ibm_heron"]
    motifs = {each.motif for each in qhpcsim.simulate(scenario).workflows.applications}
    assert names(found, "motif") == sorted(motifs)
    cards = {each["name"]: each for each in found["cards"]}
    error = card("gpu/a100_40").value("fit_error")
    assert any(f"error {100 * error:.1f} %" in text for text in cards["gpu/a100_40"]["errors"])
    assert any("no fit saw" in text for text in cards["middleware/ray"]["errors"])


def test_listeners_hear_only_what_is_read_meanwhile():
    card("workload/lublin")
    with cards_read() as outer:
        card("workload/users")
        with cards_read() as inner:
            card("workload/lublin")
        card("workload/tsafrir")
    card("qpu/ibm_2023")
    stems = [[path.rsplit("/", 1)[-1] for path in each] for each in (outer, inner)]
    assert stems == [["users.yaml", "lublin.yaml", "tsafrir.yaml"], ["lublin.yaml"]]


def test_a_call_that_fails_says_why(tmp_path):
    with study_ledger(tmp_path / "s", {"a": 1}) as ledger, Runner(ledger, Workers("serial"), "code") as runner:
        assert runner.call(abs, -3).value == 3
        lost = runner.call(abs, "x")
    assert not lost.ok and "TypeError" in lost.error
