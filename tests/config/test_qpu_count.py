"""`count` of a QPU."""

import pytest

from qhpcsim import load, simulate
from qhpcsim.core.errors import QhpcsimError


def test_count_makes_copies_and_removes():
    scenario = load("hybrid_centre", ["qpu.qpus.garnet.count=3", "qpu.qpus.ibex.count=0"])
    assert list(scenario.qpu.qpus) == ["garnet", "garnet-2", "garnet-3", "ibm_heron"]
    assert all(device.count == 1 for device in scenario.qpu.qpus.values())
    assert scenario.qpu.qpus["garnet-2"] == scenario.qpu.qpus["garnet"]


def test_two_qpus_share_the_calls_of_a_loop():
    one, two = (simulate(load("hybrid_loop", [f"qpu.qpus.qpu.count={n}", "workload.loops=20"])) for n in (1, 2))
    assert two.summary["qpu"]["mean_wait_s"] < one.summary["qpu"]["mean_wait_s"]
    assert two.summary["qpu"]["n_jobs"] == one.summary["qpu"]["n_jobs"]


def test_a_file_may_say_it(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("base: hybrid_loop\nqpu: {qpus: {qpu: {count: 2}}}\n")
    assert list(load(path).qpu.qpus) == ["qpu", "qpu-2"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("qpus: {qpu: {count: 2000}}", "s.yaml:2: qpu.qpus.qpu.count: 2000 QPUs"),
        ("qpus: {qpu: {count: 2}, qpu-2: {}}", "called 'qpu-2' already"),
        ("qpus: {qpu-2: {}, qpu: {count: 2}}", "called 'qpu-2' already"),
        ("qpus: {qpu: {count: -1}}", "out of range"),
        ("qpus: {qpu: {cuont: 2}}", "did you mean: count"),
    ],
)
def test_mistakes(tmp_path, text, complaint):
    path = tmp_path / "s.yaml"
    path.write_text(f"base: hybrid_loop\nqpu: {{{text}}}\n")
    with pytest.raises(QhpcsimError) as raised:
        load(path)
    assert complaint in str(raised.value)
    if "called" in complaint:
        assert raised.value.hint


def test_the_last_qpu_stays():
    """Hybrid jobs in a facility without QPUs bring one along: zero must not become one unseen."""
    with pytest.raises(QhpcsimError, match="no QPU is left"):
        load("hybrid_loop", ["qpu.qpus.qpu.count=0"])
