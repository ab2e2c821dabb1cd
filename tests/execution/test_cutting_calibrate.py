"""Calibrating cutting: design, measurement, rows, card and command line, on a design cut short."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from qhpcsim.circuits.cuts import plan
from qhpcsim.cli import main
from qhpcsim.core.data import data_dir
from qhpcsim.core.errors import CardError
from qhpcsim.execution import cutting_calibrate, cutting_design
from qhpcsim.execution.cutting_calibrate import WorkersAdd, calibrate_cutting, fitted
from qhpcsim.execution.cutting_card import card_text, speedup_rows
from qhpcsim.execution.cutting_design import FAMILIES, SHAPES, circuit, request, shapes
from qhpcsim.execution.cutting_rows import merged, read_rows, write_rows
from qhpcsim.execution.host import this_host
from qhpcsim.models.cpu_statevector import CpuStateVector
from qhpcsim.models.cutting import CutModel
from qhpcsim.models.cutting_fit import fit
from qhpcsim.models.cutting_terms import NAMES
from qhpcsim.policies.cutting.power_law import refit

CARD = "amd_epyc_genoa_core"
ROWS = data_dir("calibration") / "cutting" / f"{CARD}.csv"
SHORT = tuple(shape for shape in SHAPES if sum(shape[0]) <= 14)[:5]


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(cutting_design, "SHAPES", SHORT)
    monkeypatch.setattr(cutting_calibrate, "MIN_ROUNDS", 2)
    monkeypatch.setattr(cutting_calibrate, "_N_VISIT", 1)
    monkeypatch.setattr(cutting_calibrate, "_N_EXCHANGES", 5)
    monkeypatch.setattr(cutting_calibrate, "_N_CONTENDED", 1)


def test_every_shape_can_be_cut_where_it_should():
    kinds = set()
    for shape in shapes():
        assert circuit(shape).num_qubits == shape.n_qubits
        if len(shape.widths) > 1 and shape.n_qubits <= 16:
            found = plan(request(shape)).candidates
            assert found[0].n_cuts == 0 and any(each.n_cuts for each in found)
            kinds |= {each.n_cuts for each in found}
    assert {0, 1, 2, 3, 4} <= kinds
    assert {shape.family for shape in shapes()} == set(FAMILIES)
    names = [shape.name for shape in shapes()]
    assert len(set(names)) == len(names)


def test_the_same_seed_gives_the_same_circuits():
    one, two = (circuit(next(shapes(seed))) for seed in (4, 4))
    assert one == two
    assert circuit(next(shapes(5))) != one


@pytest.mark.slow
def test_a_calibration_gives_a_card_that_predicts(short, tmp_path):
    found = calibrate_cutting(10.0, CpuStateVector.open(CARD), seed=1)
    assert len(found.rows) >= cutting_calibrate.N_MIN
    assert all((row.phases_s > 0).all() and row.n_repeats >= 1 for row in found.rows)
    assert found.workers.hand_over_s > 0 and found.workers.contention >= 1
    write_rows(tmp_path / "cutting.csv", found.rows)
    path = tmp_path / "cutting.yaml"
    path.write_text(card_text(found), encoding="utf-8")
    model = CutModel.open(str(path))
    assert model.prices == pytest.approx(found.fit.prices, rel=1e-3)
    errors = [abs(float(row.counts @ model.prices) / row.total_s - 1.0) for row in found.rows]
    assert np.median(errors) < 0.3, "a short calibration on a busy machine"
    again = read_rows(tmp_path / "cutting.csv")
    assert [row.problem for row in again] == [row.problem for row in found.rows]
    for one, two in zip(again, found.rows, strict=True):
        assert one.phases_s == pytest.approx(two.phases_s, rel=1e-5)
        assert one.counts == pytest.approx(two.counts, rel=1e-5)
        assert (one.n_cuts, one.n_sub, one.n_experiments) == (two.n_cuts, two.n_sub, two.n_experiments)


def test_too_small_a_budget_says_so(short):
    with pytest.raises(CardError, match="--budget"):
        calibrate_cutting(0.5, CpuStateVector.open(CARD))


def test_what_is_measured_is_thought_to_take_about_what_it_took():
    """The plan goes by the CPU's card and a generous guess of the rest: 0.5 to 6 times the shipped rows."""
    measured_s = {(row.problem, row.candidate): row.total_s for row in read_rows(ROWS)}
    expected_s = {
        (each.shape.name, each.candidate.name): each.expected_s
        for each in cutting_calibrate._planned(60.0, CpuStateVector.open(CARD), 0)
    }
    ratios = [expected_s[key] / measured_s[key] for key in expected_s.keys() & measured_s.keys()]
    assert len(ratios) > 100
    assert 0.5 < min(ratios) <= max(ratios) < 6.0


def test_a_cpu_card_that_is_wrong_about_shots_does_no_harm():
    """Rows as if the CPU's card charged nothing for a shot, half a microsecond on this machine."""
    rows, where = read_rows(ROWS), NAMES.index("scale_shot")
    wrong = []
    for row in rows:
        counts = row.counts.copy()
        counts[where] = max(0.0, counts[where] - 0.5e-6 * row.n_shots)
        wrong.append(replace(row, counts=counts))
    found, shipped = (fit(cutting_calibrate.timings(each)) for each in (wrong, rows))
    assert shipped.prices[NAMES.index("run_shot")] == 0.0
    assert found.prices[NAMES.index("run_shot")] == pytest.approx(0.5e-6, rel=0.2)
    assert found.families.mape() < shipped.families.mape() + 0.005


def test_rows_of_another_cpu_card_are_refused():
    rows = read_rows(ROWS)
    with pytest.raises(CardError, match="counted with"):
        fitted(rows, WorkersAdd(1e-4, 1.0, 2), this_host(), "epyc_7763_core")
    with pytest.raises(CardError, match="measured cuts"):
        fitted(rows[:5], WorkersAdd(1e-4, 1.0, 2), this_host(), CARD)


def test_rows_of_two_runs_give_the_least_of_each_phase():
    row = read_rows(ROWS)[0]
    slow, fast = row.phases_s * 2.0, row.phases_s.copy()
    fast[0] *= 3.0
    other = replace(row, problem="another")
    found = merged([replace(row, phases_s=slow, n_repeats=2), other, replace(row, phases_s=fast, n_repeats=5)])
    assert [each.problem for each in found] == [row.problem, "another"]
    assert found[0].n_repeats == 7
    assert found[0].phases_s.tolist() == [2.0 * row.phases_s[0], *row.phases_s[1:].tolist()]


def test_the_power_law_is_fitted_to_the_same_rows():
    rows = speedup_rows(read_rows(ROWS))
    law = refit(rows)
    assert len(rows) > 80
    assert all(row.n_tasks >= 6 and row.speedup > 0 for row in rows)
    card = CutModel.open(CARD), data_dir("calibration") / "cutting" / f"{CARD}.yaml"
    text = card[1].read_text(encoding="utf-8")
    assert f"qdreamer_eta_max: {{value: {law.eta_max:.4g}," in text and f"qdreamer_p: {{value: {law.p:.4g}," in text


def test_the_command_fits_rows_again(tmp_path, capsys):
    out = tmp_path / "again.yaml"
    assert main(["calibrate", "cutting", "--rows", str(ROWS), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "chain_cx" in text and "mean regret" in text and "next: qhpcsim cut plan" in text
    shipped = CutModel.open(CARD)
    assert CutModel.open(str(out)).prices == pytest.approx(shipped.prices, rel=1e-3, abs=1e-10)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cutting", "--threads", "2"], "--threads"),
        (["cutting", "--budget", "soon"], "duration"),
        (["cutting", "--budget", "0"], "more than 0"),
        (["cutting", "--kernels", "aer"], "--kernels"),
        (["cpu", "--cpu-card", CARD], "--cpu-card"),
        (["cutting", "--cpu-card", "nothing"], "no calibration card"),
        (["cutting", "--out", "My-Card.yaml"], "a-z"),
    ],
)
def test_the_command_refuses(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["calibrate", *words]) == 2
    assert said in "".join(capsys.readouterr())


def test_contention_is_not_what_the_machine_drifts_by(monkeypatch):
    """Circuits are 1.2 times as long on two workers, on a machine that is slower at each run until it recovers."""
    drift = iter([1.0, 1.0, 1.5, 1.6, 2.0, 1.9, 1.1, 1.1, 1.0, 1.0])
    slower = {"alone": 1.0, "together": 1.2}

    def run(_problem, *, engine, **_options):
        return SimpleNamespace(experiments=[SimpleNamespace(cpu_s=next(drift) * slower[engine])])

    monkeypatch.setattr(cutting_calibrate, "run_cut", run)
    each = SimpleNamespace(candidate=SimpleNamespace(problem=lambda: None), work=SimpleNamespace(n_shots=100))
    assert cutting_calibrate._contention(each, "alone", "together", 0) == pytest.approx(1.2)
