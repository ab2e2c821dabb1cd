"""The calibration: what it plans, what it takes for a time, and that its card predicts what was measured."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qhpcsim.cli import main
from qhpcsim.core.errors import CardError, WorkloadError
from qhpcsim.execution import measure as measuring
from qhpcsim.execution.calibrate import Calibration, calibrate_cpu, fitted
from qhpcsim.execution.calibration_card import card_text
from qhpcsim.execution.calibration_rows import read_rows, write_rows
from qhpcsim.execution.design import GROUPS, Planned, candidates, design, fitting
from qhpcsim.execution.host import Host, this_host
from qhpcsim.execution.measure import Timed, idle_s, measure
from qhpcsim.models.cpu_statevector import CpuStateVector
from qhpcsim.models.statevector_fit import PROBE
from tests.models.cpu_cards import cost_of, seconds

HOST = Host("a processor of known prices", 2, 2**20, 2**25, 2**34)


@pytest.fixture(scope="module")
def known() -> Calibration:
    """A calibration of a machine whose times are known up to 3 %."""
    patch = pytest.MonkeyPatch()
    patch.setattr(measuring, "warm_up", lambda threads: None)
    patch.setattr(measuring, "simulator", lambda threads: None)
    patch.setattr(measuring, "_ready", lambda planned: planned)
    patch.setattr(measuring, "run_once", run_of_known_length)
    patch.setattr("qhpcsim.execution.calibrate.this_host", lambda: HOST)
    patch.setattr(measuring.time, "process_time", lambda: 0.0)
    patch.setattr(Timed, "undisturbed_s", lambda self, idle, threads: min(self.wall_s))
    try:
        return calibrate_cpu(60.0)
    finally:
        patch.undo()


def run_of_known_length(planned: Planned, shots: int, seed: int, sim: Any) -> tuple[None, float]:
    name = f"{planned.circuit} {planned.observable} {planned.shots}"
    scatter = np.random.default_rng(zlib.crc32(name.encode())).normal(0.0, 0.03)
    return None, seconds(planned.cost) * float(np.exp(scatter))


@pytest.fixture(scope="module")
def planned() -> list[Planned]:
    return candidates(seconds)


def test_plan_has_every_group_and_fits_the_budget(planned: list[Planned]) -> None:
    plan = fitting(planned, 300.0)
    assert {item.group for item in plan} == {*GROUPS, PROBE}
    assert 250.0 < 3 * sum(item.expected_s for item in plan) <= 300.0 or plan == planned
    for group in GROUPS:
        sizes = [item.cost.n_active for item in plan if item.group == group]
        assert min(sizes) <= 9
        assert max(sizes) >= 21
    assert any(item.observable for item in plan)
    assert any(not item.cost.sampleable for item in plan)
    assert len({(item.circuit, item.observable, item.shots) for item in plan}) == len(plan)


def test_smaller_budgets_leave_out_the_longest(planned: list[Planned]) -> None:
    small, large = fitting(planned, 20.0), fitting(planned, 100.0)
    assert small == large[: len(small)]
    assert len(small) < len(large)
    assert max(item.expected_s for item in small) <= min(item.expected_s for item in large[len(small) :])


def test_card_predicts_what_was_measured(known: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "known.yaml"
    path.write_text(card_text(known))
    model = CpuStateVector.open(str(path))
    for name, shots in (("qft:20", 1024), ("efficient_su2:13:reps=5", 1), ("dynamic:11", 500), ("two_qubit:22", 10)):
        cost = cost_of(name, shots)
        found = model.predict(cost)
        assert found.median_s == pytest.approx(seconds(cost), rel=0.06)
        assert found.p5_s < seconds(cost) < found.p95_s
    assert model.machine.l3_bytes == HOST.l3_bytes
    assert known.fit.families.mape() < 0.05
    assert known.fit.sizes is not None
    assert known.fit.sizes.mape() < 0.12


def test_rows_written_and_fitted_again_give_the_same_card(known: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    write_rows(path, known.rows)
    again = fitted(read_rows(path), HOST)
    np.testing.assert_allclose(again.fit.prices, known.fit.prices, rtol=2e-3, atol=1e-12)


def test_command_fits_rows_measured_before(
    known: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, out = tmp_path / "rows.csv", tmp_path / "card.yaml"
    write_rows(rows, known.rows)
    monkeypatch.setattr("qhpcsim.execution.host.this_host", lambda: HOST)
    assert main(["calibrate", "cpu", "--rows", str(rows), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert all(group in text for group in GROUPS)
    assert "≤ 12%" in text
    assert len(read_rows(out.with_suffix(".csv"))) == len(known.rows)
    assert main(["predict", "statevector", "--card", str(out), "--circuit", "qft:20"]) == 0
    assert "predicted time" in capsys.readouterr().out


def test_too_few_rows_make_no_card(known: Calibration) -> None:
    with pytest.raises(CardError, match="30 measured circuits"):
        fitted(known.rows[:30], HOST)


def test_rows_of_different_threads_make_no_card(known: Calibration) -> None:
    from dataclasses import replace

    with pytest.raises(CardError, match="different numbers of threads"):
        fitted([*known.rows[1:], replace(known.rows[0], threads=2)], HOST)


def test_bad_rows_are_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("circuit,group\nghz:3:,states\n")
    with pytest.raises(WorkloadError, match="no column shots"):
        read_rows(path)


def test_speedup_of_threads_is_found() -> None:
    """Times made with two threads that share a state 1.6 times as fast."""
    from qhpcsim.execution.calibration_rows import Row
    from qhpcsim.models.statevector_features import Machine

    machine = Machine(2, HOST.l2_bytes, HOST.l3_bytes, 1.6)
    plan = design(60.0, seconds, threads=2)
    rows = [
        Row(p.circuit, p.group, p.shots, p.observable, p.cost.n_active, 2, 1, s, s, s, s)
        for p in plan
        for s in [seconds(p.cost, machine)]
    ]
    assert fitted(rows, HOST, plan=plan).machine.speedup == pytest.approx(1.6, abs=0.13)


def test_time_of_an_interrupted_run_is_its_processor_time(planned: list[Planned]) -> None:
    quiet = Timed(planned[0], wall_s=[1.00, 1.05], cpu_s=[0.98, 1.01])
    busy = Timed(planned[0], wall_s=[3.00, 2.50], cpu_s=[1.10, 1.00])
    waiting_s = idle_s([quiet, quiet, busy])
    assert waiting_s == pytest.approx(0.02)
    assert quiet.undisturbed_s(waiting_s, 1) == pytest.approx(1.00)
    assert busy.undisturbed_s(waiting_s, 1) == pytest.approx(1.02)
    assert busy.undisturbed_s(waiting_s, 2) == pytest.approx(2.50)


def test_real_runs_get_seeds_of_their_own(planned: list[Planned], monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []

    def noted(circuit: Any, shots: int, seed: int, sim: Any) -> Any:
        seeds.append(seed)
        return real(circuit, shots, seed, sim)

    real = measuring.run_once
    monkeypatch.setattr(measuring, "run_once", noted)
    plan = [item for item in planned if item.group in ("dynamic", "states", "variational")][:4]
    timed = measure(plan, 0.2, seed=5)
    assert all(item.wall_s and min(item.wall_s) > 1e-5 for item in timed)
    assert len(set(seeds)) == len(seeds) >= 8
    assert min(abs(a - b) for a, b in zip(sorted(seeds), sorted(seeds)[1:], strict=False)) > 2**20


def test_host_is_described() -> None:
    host = this_host()
    assert host.n_cores >= 1
    assert host.memory_bytes > 2**27
    assert 2**16 <= host.l2_bytes <= host.l3_bytes


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--minutes", "0"], "--minutes"),
        (["--threads", "0"], "--threads"),
        (["--out", "card.txt"], ".yaml"),
        (["--out", "nowhere/card.yaml"], "no such folder"),
    ],
)
def test_mistakes_cost_no_measuring(words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "cpu", *words]) == 2
    assert complaint in capsys.readouterr().err
