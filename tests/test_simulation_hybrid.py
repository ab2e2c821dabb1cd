"""Scenarios with hybrid jobs, from the configuration to the run folder."""

from __future__ import annotations

import json

import pytest

import qhpcsim
from qhpcsim.core.errors import ConfigError

SMALL = ("workload.n_jobs=4", "workload.loops=6", "facility.nodes=4")
COUPLINGS = ("hold", "exclusive", "vqpu", "hold_unhold", "malleable", "split", "pilot")


@pytest.mark.parametrize("coupling", COUPLINGS)
def test_every_coupling_runs_from_the_configuration(coupling, tmp_path):
    scenario = qhpcsim.load("hybrid_loop", (*SMALL, f"coupling={coupling}"))
    result = qhpcsim.simulate(scenario)
    hybrid = result.summary["hybrid"]
    assert hybrid["n_completed"] == 4
    assert hybrid["n_calls"] == 24
    assert hybrid["coupling"] == coupling
    assert result.summary["held_idle_frac"] == hybrid["held_idle_frac"]
    folder = result.write(tmp_path / "run")
    assert json.loads((folder / "summary.json").read_text())["hybrid"]["n_jobs"] == 4
    assert len((folder / "hybrid.csv").read_text().splitlines()) == 5
    assert (folder / "phases.csv").read_text().count(",qpu,") == 24


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    scenario = qhpcsim.load("coupling_study", ("coupling=malleable", "workload.n_jobs=5", "workload.rigid.n_jobs=40"))
    first, second = (qhpcsim.simulate(scenario).write(tmp_path / name) for name in ("a", "b"))
    for name in ("jobs.csv", "hybrid.csv", "phases.csv", "qpu.csv", "summary.json", "scenario.yaml"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_couplings_are_compared_on_the_same_phases():
    made = [
        qhpcsim.simulate(qhpcsim.load("hybrid_loop", (*SMALL, f"coupling={coupling}"))).hybrid.jobs
        for coupling in ("hold", "split")
    ]
    assert all((a.cpu_s == b.cpu_s).all() and (a.qpu_s == b.qpu_s).all() for a, b in zip(*made, strict=True))


def test_a_baseline_stands_beside_the_policy():
    result = qhpcsim.simulate(
        qhpcsim.load("coupling_study", ("baseline=fcfs", "workload.n_jobs=5", "workload.rigid.n_jobs=60"))
    )
    assert result.baseline.hybrid.summary["n_jobs"] == 5
    assert "under the baseline policy" in result.answer


def test_walltimes_kill_hybrid_jobs_and_the_answer_says_so():
    result = qhpcsim.simulate(
        qhpcsim.load("hybrid_loop", ("workload.n_jobs=20", "workload.walltime_factor=1", "facility.nodes=20"))
    )
    assert result.summary["hybrid"]["n_walltime"] > 0
    assert "stopped at their walltime" in result.answer


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("workload.max_jobs=3", "workload.max_jobs"),
        ("workload.load_scale=2", "workload.load_scale"),
        ("qpu_workload=stream", "qpu_workload"),
        ("engine=kernel", "engine"),
        ("workload.loops=0", "workload.loops"),
        ("policy.semantics=each", "policy.semantics"),
    ],
)
def test_what_hybrid_jobs_do_not_know_is_refused(override, key):
    with pytest.raises(ConfigError) as caught:
        qhpcsim.simulate(qhpcsim.load("hybrid_loop", (*SMALL, override)))
    assert key in str(caught.value)


def test_couplings_have_typed_parameters():
    scenario = qhpcsim.load("hybrid_loop", ("coupling=vqpu", "coupling.tokens=3"))
    assert scenario.coupling.tokens == 3
    with pytest.raises(ConfigError, match="tokens"):
        qhpcsim.load("hybrid_loop", ("coupling=hold", "coupling.tokens=3"))
    with pytest.raises(Exception, match="malleable"):
        qhpcsim.load("hybrid_loop", ("coupling=maleable",))
