"""The study of spatial sharing meets the acceptance that was stated for it, and simulates what was published."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

import qhpcsim

FOLDER = Path(__file__).resolve().parents[2] / "experiments" / "03_hybridcloudsim"


@pytest.fixture(scope="module")
def workload() -> ModuleType:
    """The study's workload."""
    spec = importlib.util.spec_from_file_location("hybridcloudsim_workload", FOLDER / "workload.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def published() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "published.csv").set_index("k")


def results(variant: str, figure: str) -> pd.DataFrame:
    table = pd.read_csv(FOLDER / "results.csv")
    return table[(table["variant"] == variant) & (table["figure"] == figure) & (table["k"] > 0)].set_index("k")


def measured(*cases: tuple[str, int, int]) -> list[dict[str, float]]:
    """The study's own measurement of (variant, k, seed), in a process of its own."""
    code = f"import json, study; found = [study.measure(study.Case(*case)) for case in {list(cases)}]"
    code += "; print(json.dumps([{a: b if isinstance(b, str) else float(b) for a, b in row.items()} for row in found]))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=FOLDER, capture_output=True, text=True, check=True, timeout=300
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("variant", ["checked", "constant"])
def test_the_committed_results_meet_the_stated_acceptance(variant: str) -> None:
    table, paper = results(variant, "t_occ"), published()["t_occ"]
    assert sorted(table.index) == sorted(paper.index) == [3, 6, 9, 12, 15, 18, 21]
    outside = [k for k, value in paper.items() if not table.loc[k, "min"] <= value <= table.loc[k, "max"]]
    # With classical phases that all take their mean the study misses one value, and its README says so.
    assert outside == ([] if variant == "checked" else [21])
    for k in (3, 6, 9):
        assert table.loc[k, "mean"] == pytest.approx(paper[k], rel=0.10)
    for k in (18, 21):
        assert table.loc[k, "mean"] == pytest.approx(paper[k], rel=0.20)


def test_reserved_calls_stay_below_the_stated_bound() -> None:
    assert results("reserved", "t_occ")["max"].max() < 1.2


def test_the_committed_results_are_those_of_the_code() -> None:
    rows = measured(("checked", 9, 1), ("constant", 6, 2), ("reserved", 12, 1), ("queued", 6, 3))
    paper = published()["t_occ"]
    assert rows[0]["t_occ"] == pytest.approx(paper[9], rel=0.10)
    assert rows[1]["t_occ"] == pytest.approx(paper[6], rel=0.10)
    assert rows[2]["t_occ"] < 1.2
    assert rows[3]["eta"] == pytest.approx(1.0, rel=1e-12)
    for row in rows:
        for figure in ("t_occ", "turnaround", "e_kwh", "used", "blocked"):
            band = results(str(row["variant"]), figure).loc[row["k"]]
            assert band["min"] * (1 - 1e-4) <= row[figure] <= band["max"] * (1 + 1e-4), figure


def test_jobs_of_one_seed_differ_in_nothing_but_the_number_of_calls(workload: ModuleType) -> None:
    few, many = workload.sweep(3, 7), workload.sweep(21, 7)
    np.testing.assert_array_equal(few.submit_s, many.submit_s)
    np.testing.assert_array_equal(few.n_qubits, many.n_qubits)
    np.testing.assert_array_equal(few.qpu_s.reshape(-1, 3), many.qpu_s.reshape(-1, 21)[:, :3])
    np.testing.assert_array_equal(few.cpu_s.reshape(-1, 3), many.cpu_s.reshape(-1, 21)[:, :3])
    other = workload.sweep(3, 8)
    assert not np.array_equal(few.submit_s, other.submit_s)


@pytest.mark.slow
def test_near_the_knee_the_trace_and_not_the_classical_phases_decides(workload: ModuleType) -> None:
    qpus = [qhpcsim.SharedQpu()] * 2
    works = [workload.sweep(15, 3, classical_seed=other) for other in range(3, 9)]
    runs = [qhpcsim.share_qpus(work, qpus) for work in works]
    t_occ_s = np.array([(run.ended_s - run.admitted_s).mean() for run in runs])
    band = results("checked", "t_occ").loc[15]
    assert np.ptp(t_occ_s) < 0.06 * t_occ_s.mean()
    assert band["max"] - band["min"] > 0.4 * band["mean"]
    for work, run in zip(works, runs, strict=True):
        times_s = np.concatenate([run.ended_s, run.ended_s + work.cpu_s])
        steps = np.repeat([1, -1], len(run.ended_s))[np.argsort(times_s)]
        # The published nodes have memory bandwidth for ten classical phases each; here there is no limit.
        assert steps.cumsum().max() <= 20


def test_the_laws_have_the_published_means(workload: ModuleType) -> None:
    width, depth, units = np.arange(10, 21), np.arange(10, 21), np.arange(4, 17)
    mean_s = workload.classical_s(width[:, None, None], depth[:, None], units).mean()
    # The published trace is wide by chance, 15.15 qubits on average, and this time doubles with each qubit.
    assert mean_s * 2**0.15 == pytest.approx(workload.CPU_MEAN_S, rel=0.05)
    call_s = workload.qpu_s(np.arange(2000, 9001)[:, None], depth, workload.EAGLE_CLOPS)
    assert call_s.mean() == pytest.approx(0.971, rel=0.01)
    assert (call_s.min(), call_s.max()) == pytest.approx((0.30, 1.77), abs=0.006)


def test_the_published_table_is_consistent() -> None:
    table = published()
    assert (table["eta"] * table["t_occ"]).to_numpy() == pytest.approx(0.971, rel=0.02)
    assert (table["e_kwh"] / table.index).to_numpy() == pytest.approx(0.0178, rel=0.01)
