"""Placement from the configuration to the run folder."""

from __future__ import annotations

import csv
from collections import Counter

import pytest

import qhpcsim
from qhpcsim.core.errors import QhpcsimError
from qhpcsim.core.task_records import word_texts

SMALL = (
    "facility=hybrid_centre",
    "workload=motif_mix",
    "workload.n_applications=6",
    "workload.gaps.mean_s=20",
    "workload.share={a: {motif: adaptive_circuits, pool: p, pilots: {gpu: {partition: a100}}, settings: {"
    "alternatives: 'gpu:a100_40,qpu,cut', qubits: '16|18|60', num_entries: 4, rounds: 2, cut_device: 'gpu:a100_40',"
    " subcircuit_size: 9}}}",
)


def run(*more: str):
    return qhpcsim.simulate(qhpcsim.load("hybrid_centre", (*SMALL, *more)))


def placed(result) -> Counter:
    tasks = result.workflows.tasks
    return Counter(word_texts(tasks.motif, tasks.n))


def test_overrides_reach_the_policy():
    plain = qhpcsim.load("hybrid_centre", SMALL).middleware.placement
    assert (plain.name, plain.node_hour_price) == ("least_completion", None)
    overrides = (
        "middleware.placement=weighted",
        "middleware.placement.fidelity=0.9",
        "middleware.placement.max_cost=7",
    )
    weighted = qhpcsim.load("hybrid_centre", (*SMALL, *overrides)).middleware.placement
    assert (type(weighted).__name__, weighted.fidelity, weighted.completion, weighted.max_cost) == (
        "WeightedParams", 0.9, 0.5, 7.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("overrides", "only"),
    [
        (("fixed", "alternative=qpu"), {"adaptive_circuits/qpu"}),
        (("weighted", "fidelity=1", "completion=0"), {"adaptive_circuits/gpu:a100_40", "adaptive_circuits/qpu"}),
        (("cheapest", "node_hour_price=0"), {"adaptive_circuits/gpu:a100_40", "adaptive_circuits/qpu"}),
    ],
)
def test_policies_decide(overrides, only):
    name, *more = overrides
    settings = [f"middleware.placement={name}", *(f"middleware.placement.{each}" for each in more)]
    result = run(*settings, "workload.share.a.settings.max_experiments=10")
    assert set(placed(result)) <= only
    assert result.summary["workflows"]["n_completed"] == 6


def test_circuits_too_wide_to_simulate_or_to_cut_into_small_parts_go_to_a_qpu():
    """60 qubits in parts of nine need 6^6 maps for each of seven parts."""
    wide = run("workload.share.a.settings.qubits=60")
    assert placed(wide) == {"adaptive_circuits/qpu": 6 * 2 * 4}
    with pytest.raises(
        QhpcsimError, match=r"(?s)gpu:a100_40: the state needs .*; qpu: no QPU .* fidelity 0.99 .*; cut: "
    ):
        run("workload.share.a.settings.qubits=60", "middleware.placement.min_fidelity=0.99")


def test_equal_seeds_give_equal_bytes_and_every_task_is_there(tmp_path):
    one, two = (run().write(tmp_path / name) for name in "ab")
    again = qhpcsim.simulate(qhpcsim.load(str(one / "scenario.yaml"))).write(tmp_path / "c")
    for name in ("tasks.csv", "workflows.csv", "qpu.csv", "jobs.csv", "summary.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    assert (one / "tasks.csv").read_bytes() == (again / "tasks.csv").read_bytes()
    with (one / "tasks.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with (one / "workflows.csv").open(encoding="utf-8") as file:
        workflows = list(csv.DictReader(file))
    assert len(workflows) == 6 and {row["motif"] for row in workflows} == {"adaptive_circuits"}
    by_flow = Counter(row["workflow"] for row in rows if "cut" not in row["motif"])
    assert all(by_flow[row["workflow"]] in (0, 4, 8) for row in workflows)
    assert {row["state"] for row in rows} == {"success"}


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("middleware.placement=least_completon", "least_completion"),
        ("middleware.placement.fidelity=1", "middleware.placement=weighted has it"),
        ("middleware.placement.node_hour_price=-1", "0 or above"),
        ("middleware.placement=cheapest", "node_hour_price"),
    ],
)
def test_mistakes(override, words):
    with pytest.raises(QhpcsimError, match=words):
        run(override)
