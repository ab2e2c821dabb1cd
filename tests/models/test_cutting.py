"""The model of cutting: makespans by hand, counts against the real pipeline, and errors on families left out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from qiskit import QuantumCircuit

from qhpcsim.circuits.cut_request import CutLimits, CutRequest
from qhpcsim.circuits.cut_work import cut_work
from qhpcsim.circuits.cuts import plan
from qhpcsim.circuits.observable import Observable
from qhpcsim.core.cards import data_dir
from qhpcsim.core.errors import CardError, ConfigError
from qhpcsim.execution.cutting import run_cut
from qhpcsim.execution.cutting_calibrate import timings
from qhpcsim.execution.cutting_rows import read_rows
from qhpcsim.models.cutting import CutModel
from qhpcsim.models.cutting_fit import fit_prices, leave_families_out, right_choices
from qhpcsim.models.cutting_schedule import batched_s, makespan_s
from qhpcsim.models.cutting_terms import IN_PHASE, NAMES, PHASES, SCALES, TERMS

CARD = "amd_epyc_genoa_core"


@pytest.fixture(scope="module")
def model():
    return CutModel.open(CARD)


def planned(name, observable, **limits):
    return plan(CutRequest.of(name, [observable], CutLimits(**limits))).candidates


@pytest.fixture(scope="module")
def candidates():
    return planned("efficient_su2:12:reps=1", "Z" * 12, target_error=0.05)


def test_makespan_by_hand():
    """5, 4, 3, 3, 3 on two: 5 + 3 + (idle) on one, 4 + 3 + 3 on the other."""
    assert makespan_s([5, 4, 3, 3, 3], 1) == 18
    assert makespan_s([5, 4, 3, 3, 3], 2) == 10
    assert makespan_s([5, 4, 3, 3, 3], 5) == 5
    assert makespan_s([5, 4, 3, 3, 3], 2, 0.5) == pytest.approx(4 + 3 + 3 + 3 * 0.5)
    assert makespan_s([], 3) == 0


def test_batches_by_hand():
    """Six circuits of half the least work each: two a batch, whatever their times; the longest work first.

    Two workers: a quarter of all, 1.5 circuits' work, and less and less of the rest; each circuit is a batch.
    """
    times_s, work = np.array([1.0, 2, 3, 4, 5, 6]), np.full(6, 2.0**22)
    assert batched_s(times_s, work, 1) == [3, 7, 11]
    assert batched_s(times_s, work, 2) == [1, 2, 3, 4, 5, 6]
    work[5] = 2.0**24
    assert batched_s(times_s, work, 1) == [6, 3, 7, 5]
    assert batched_s(times_s, work / 4, 2) == [6, 3, 7, 5]


def chain():
    """Three blocks with adjacent cuts on one wire, gates that nothing depends on, and both kinds of measurement."""
    circuit = QuantumCircuit(9)
    for q in range(9):
        circuit.ry(0.3 + 0.1 * q, q)
    for a, b in ((0, 1), (1, 2), (3, 4), (4, 5), (6, 7), (7, 8), (2, 3), (2, 4), (5, 6)):
        circuit.cx(a, b)
    for q in range(9):
        circuit.rx(0.2 * q, q)
    return circuit


SUM = Observable.parse("Z" * 9 + " + 0.5*" + "X" * 9)
REQUESTS = {
    "chain": lambda: CutRequest(chain(), (SUM,), CutLimits(widths=(3, 5), target_error=0.1)),
    "wires": lambda: CutRequest.of("staircase:8:", ["Z" * 8], CutLimits(widths=(4, 5), target_error=0.1)),
    "trotter": lambda: CutRequest.of("tfim:8:steps=1", ["ZZIIIIII", "IIIXXIII"], CutLimits(target_error=0.1)),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_work_is_what_the_pipeline_runs(name):
    n_cuts = set()
    for candidate in plan(REQUESTS[name]()).candidates[:5]:
        work = cut_work(candidate)
        found = run_cut(candidate.problem(), total_shots=max(candidate.shots.n_estimate, candidate.n_runs))
        n_cuts.add(candidate.n_cuts)
        assert work.n_runs == len(found.experiments) == candidate.n_runs
        assert work.n_samples == found.n_terms
        shots = sorted(int(n) for each in work.runs for n in each.shots)
        assert shots == pytest.approx(sorted(each.shots for each in found.experiments), abs=1)
        sizes = sorted(each.cost.n_active for each in work.runs for _ in each.shots)
        assert sizes == sorted(each.n_qubits for each in found.experiments)
        assert work.n_run_gates == pytest.approx(sum(each.n_gates for each in found.experiments), rel=0.06)
        assert sum(not each.cost.sampleable for each in work.runs for _ in each.shots) == found.n_per_shot
    assert len(n_cuts) > 1


def test_gates_stand_in_the_order_in_which_the_pipeline_runs_them():
    """On more than 14 qubits the order decides which gates the simulator fuses."""
    from qhpcsim.circuits.cutting_atoms import circuit_of
    from qhpcsim.circuits.cutting_plan import plan as pipeline_plan
    from qhpcsim.circuits.cutting_plan import templates
    from qhpcsim.circuits.cutting_terms import terms
    from qhpcsim.core.rng import Rng

    whole = planned("tfim:17:steps=2,native=true", "Z" * 17, target_error=0.1)[0]
    problem = whole.problem()
    sums = terms(problem.bases, math.inf, Rng(0).sequence("x"))
    found = pipeline_plan(templates(problem.subcircuits), problem.subobservables, sums, 0)
    theirs = circuit_of(found.experiments[0].atoms, "theirs")
    (ours,) = cut_work(whole).runs
    words = [
        [(each.operation.name, [c.find_bit(q).index for q in each.qubits]) for each in c.data]
        for c in (theirs, ours.circuit)
    ]
    assert words[0] == words[1]


def test_a_smaller_error_takes_more_shots(candidates):
    for candidate in candidates:
        one, two = cut_work(candidate), cut_work(candidate, 0.025)
        assert two.n_shots == pytest.approx(4 * one.n_shots, rel=0.02)
        assert two.stderr == pytest.approx(one.stderr / 2, rel=0.02)
        assert one.stderr == pytest.approx(0.05, rel=0.3) and one.stderr >= 0.0499


def test_phases_add_up(model, candidates):
    for candidate in candidates:
        cost = model.predict(candidate)
        assert tuple(cost.phases) == PHASES
        assert cost.total_s == pytest.approx(sum(cost.phases.values()))
        assert min(cost.phases.values()) > 0
        assert cost.p5_s < cost.total_s < cost.p95_s
        assert cost.feasible == "" and cost.money is None and cost.qpu_s == 0


def test_one_worker_takes_the_sum_of_prices_times_counts(model, candidates):
    from qhpcsim.models.cutting_runs import cpu_counts
    from qhpcsim.models.cutting_terms import counts

    work = cut_work(candidates[-1])
    number = counts(work, cpu_counts(work.runs, model.cpu))
    assert model.cost("x", work).total_s == pytest.approx(float(number @ model.prices))


def test_more_workers_never_take_longer(model, candidates):
    for candidate in candidates:
        work = cut_work(candidate)
        times = [model.cost("x", work, workers).total_s for workers in (2, 3, 4, 8, 16, 64)]
        assert times == sorted(times, reverse=True)
    many = max(candidates, key=lambda each: each.n_runs)
    work = cut_work(many, 0.01)
    assert model.cost("x", work, 2).phases["execute"] < 0.7 * model.cost("x", work, 1).phases["execute"]


def test_a_circuit_alone_has_nobody_to_contend_with(model, candidates):
    work = cut_work(candidates[0])
    one, many = (model.cost("x", work, workers).phases["execute"] for workers in (1, 8))
    assert many == pytest.approx(one + model.hand_over_s)


def test_what_does_not_fit_says_so(model):
    candidates = planned("ghz:33:", "Z" * 33, target_error=0.1, widths=(17,))
    found = {candidate.n_cuts: model.predict(candidate) for candidate in reversed(candidates)}
    assert found[0].total_s == math.inf and found[0].p5_s == math.inf
    assert "33 qubits" in found[0].feasible and "128 GiB" in found[0].feasible
    assert found[0].memory_bytes == 16 * 2.0**33
    assert found[1].feasible == "" and found[1].total_s < 1.0


def test_workers_share_the_memory(model):
    candidate = next(each for each in planned("ghz:24:", "Z" * 24, target_error=0.1, widths=(12,)) if each.n_cuts == 1)
    small = replace(model, memory_bytes=16 * 2.0**13 * 2.5 / 0.9)
    widest = cut_work(candidate).widest
    assert widest == 13
    assert small.predict(candidate, 2).feasible == ""
    assert "fewer workers" in small.predict(candidate, 8).feasible


def test_prediction_beyond_what_was_measured_is_noted(model):
    whole = planned("ghz:26:", "Z" * 26, target_error=0.1)[0]
    assert any("26 qubits" in note for note in model.predict(whole).notes)
    small = planned("ghz:10:", "Z" * 10, target_error=0.1)[0]
    assert model.predict(small).notes == ()


def test_a_gpu_takes_wide_circuits_and_a_qpu_seconds_and_money(model):
    whole = planned("tfim:26:steps=1", "Z" * 26, target_error=0.1)[0]
    assert model.predict(whole, device="gpu:h100_sxm").total_s < model.predict(whole).total_s
    small = next(each for each in planned("ghz:8:", "Z" * 8, target_error=0.1) if each.n_cuts)
    cost = model.predict(small, device="qpu:ibm_heron_r2")
    assert cost.qpu_s > 1.0 and cost.money > 0.0 and cost.total_s >= cost.qpu_s
    two = model.predict(small, 2, "qpu:ibm_heron_r2")
    assert two.qpu_s == pytest.approx(cost.qpu_s) and two.total_s < cost.total_s
    assert model.predict(whole, device="qpu:ionq_forte").feasible == ""
    wide = planned("ghz:40:", "Z" * 40, target_error=0.1)[0]
    assert "qubits" in model.predict(wide, device="qpu:ionq_forte").feasible


def test_mixed_devices_are_never_slower_than_the_faster_one(model, candidates):
    for candidate in candidates:
        alone = [model.predict(candidate, 2, device).phases["execute"] for device in ("cpu", "gpu:h100_sxm")]
        assert model.predict(candidate, 2, "cpu+gpu:h100_sxm").phases["execute"] <= min(alone) + 1e-12


@pytest.mark.parametrize("device", ["tpu", "gpu", "gpu:nothing", "qpu:", "cpu:nothing"])
def test_unknown_devices_are_refused(model, candidates, device):
    with pytest.raises((ConfigError, CardError)):
        model.predict(candidates[0], device=device)


def test_impossible_numbers_are_refused(model, candidates):
    with pytest.raises(ConfigError, match="workers"):
        model.predict(candidates[0], workers=0)
    with pytest.raises(ConfigError, match="target_error"):
        model.predict(candidates[0], target_error=0.0)


@pytest.fixture(scope="module")
def rows():
    return read_rows(data_dir("calibration") / "cutting" / f"{CARD}.csv")


def test_the_shipped_card_is_the_fit_to_the_shipped_rows(model, rows):
    prices = fit_prices(timings(rows))
    assert np.allclose(prices, model.prices, rtol=1e-3, atol=1e-9)


def test_held_out_families_are_predicted(rows):
    """Each family of gates by a fit to the other three. Measured on a busy machine: single rows are 10 % off."""
    table = timings(rows)
    held = leave_families_out(table)
    assert held.mape() < 0.10
    assert all(held.mape(name) < 0.12 for name in set(held.groups))
    assert 0.82 <= held.coverage() <= 0.97
    n_right, n, regret = right_choices(held, [row.problem for row in rows])
    assert n >= 60 and n_right / n >= 0.95 and regret < 0.01


def test_whole_and_cut_circuits_are_not_biased(rows):
    table = timings(rows)
    held = leave_families_out(table)
    whole = np.array([row.n_cuts == 0 for row in rows])
    wide = np.array([row.n_active >= 18 for row in rows])
    for chosen in (whole, ~whole, wide):
        assert chosen.sum() >= 20
        assert np.median(held.predicted_s[chosen] / held.measured_s[chosen]) == pytest.approx(1.0, abs=0.07)


def test_a_fit_finds_the_prices_that_made_the_rows():
    rng = np.random.default_rng(3)
    prices = np.array([10.0 if term.unit == "us" else 1.0 for term in TERMS]) * SCALES
    table = rng.uniform(0.1, 1.0, (200, len(NAMES))) * np.where(SCALES == 1.0, 1e-3, 100.0)
    phases_s = np.array([table[:, IN_PHASE[phase]] @ prices[IN_PHASE[phase]] for phase in PHASES]).T
    from qhpcsim.models.cutting_fit import CutTimings

    phases_s[::10] *= 3.0
    found = fit_prices(CutTimings(table, phases_s, ["a"] * 200, [str(i) for i in range(200)]))
    assert found == pytest.approx(prices, rel=0.02)


def test_right_choices_by_hand():
    from qhpcsim.models.statevector_fit import HeldOut

    held = HeldOut(np.array([1.0, 2, 1, 2, 5]), np.array([1.0, 2, 3, 2, 5]), ["f"] * 5, np.ones(5, bool))
    assert right_choices(held, ["a", "a", "b", "b", "c"]) == (1, 2, 0.25)


def test_a_card_must_be_whole(tmp_path):
    text = (data_dir("calibration") / "cutting" / f"{CARD}.yaml").read_text()
    for name, change in {
        "model": ("model: cutting", "model: cpu_statevector"),
        "cpu_card": (f"cpu_card: {CARD}\n", ""),
        "unit": ('unit: "us"', "unit: ms"),
        "missing": ("  run_gate:", "  run_gates:"),
    }.items():
        path = tmp_path / f"{name}.yaml"
        path.write_text(text.replace(*change, 1))
        with pytest.raises(CardError):
            CutModel.open(str(path))


def test_a_card_of_another_version_is_told_from_a_broken_one(tmp_path):
    text = (data_dir("calibration") / "cutting" / f"{CARD}.yaml").read_text()
    path = tmp_path / "old.yaml"
    path.write_text("\n".join(line for line in text.splitlines() if "run_shot:" not in line))
    with pytest.raises(CardError, match=r"no price run_shot\n.*calibrate cutting"):
        CutModel.open(str(path))


def test_a_price_for_a_shot_counts_on_this_machine_and_not_on_a_gpu(model, candidates):
    """A microsecond a shot, where the shipped card has none."""
    found, prices = candidates[1], model.prices.copy()
    prices[NAMES.index("run_shot")] = 1e-6
    dear, n_shots = replace(model, prices=prices), cut_work(found).n_shots
    assert dear.predict(found).total_s - model.predict(found).total_s == pytest.approx(1e-6 * n_shots, rel=1e-6)
    assert dear.predict(found, device="gpu:h100_sxm").total_s == model.predict(found, device="gpu:h100_sxm").total_s
