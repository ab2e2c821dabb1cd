"""Parquet: the same rows and values as the CSV files, the same bytes every time."""

import sys

import pandas as pd
import pytest

from qhpcsim.cli import main
from qhpcsim.results.parquet import TEXT_COLUMNS
from qhpcsim.results.run_folder import parquet_path, read_table

pytest.importorskip("pyarrow")

RUNS = {
    "workflows and QPUs": ["quickstart", "workload.n_applications=4", "workload.lublin.n_jobs=20"],
    "hybrid jobs": ["coupling_study", "workload.n_jobs=4", "workload.rigid.n_jobs=20"],
    "failures": ["replay", "workload=poisson", "workload.n_jobs=60", "facility.nodes=4", "facility.failures.mtbf_s=2h"],
}


def same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Return whether two tables have equal columns and values, to the bit, empty cells included."""
    if list(one.columns) != list(other.columns) or len(one) != len(other):
        return False
    for name in one.columns:
        left, right = one[name], other[name]
        if pd.api.types.is_numeric_dtype(left) and left.to_numpy().tobytes() != right.to_numpy().tobytes():
            return False
        if not (left.isna() == right.isna()).all() or not (left.dropna() == right.dropna()).all():
            return False
    return True


@pytest.mark.parametrize("kind", RUNS)
def test_every_table_of_a_run(kind, tmp_path):
    command = ["run", *RUNS[kind], "--quiet", "--no-report", "--parquet"]
    for name in "ab":
        assert main([*command, "--out", str(tmp_path / name)]) == 0
    tables = sorted(path.name for path in (tmp_path / "a").iterdir() if ".csv" in path.name)
    assert len(tables) >= 3
    assert set(tables) <= set(TEXT_COLUMNS), "a table that has no Parquet form"
    for name in tables:
        path = parquet_path(tmp_path / "a" / name)
        assert same(read_table(tmp_path / "a" / name, TEXT_COLUMNS[name]), pd.read_parquet(path)), name
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    assert main([*command[:-1], "--out", str(tmp_path / "a")]) == 0
    assert not list((tmp_path / "a").glob("*.parquet")), "they belong to the run that was replaced"


def test_the_results_of_a_sweep(tmp_path):
    command = ["sweep", "replay", "workload=poisson", "facility.nodes=8", "workload.n_jobs=20", "policy=fcfs,easy"]
    command += ["workload.load=0.5,0.9", "--engine", "serial", "--out", str(tmp_path / "s")]
    assert main([*command, "--seeds", "2", "--parquet"]) == 0
    path = tmp_path / "s" / "results.parquet"
    assert same(read_table(tmp_path / "s" / "results.csv", ["policy", "workload.load"]), pd.read_parquet(path))
    before = path.read_bytes()
    assert main([*command, "--seeds", "3"]) == 0
    assert not path.exists(), "it holds fewer runs than results.csv"
    assert main([*command, "--seeds", "3", "--parquet"]) == 0
    assert path.read_bytes() != before
    assert len(pd.read_parquet(path)) == 12


@pytest.mark.parametrize("verb", ["run", "sweep"])
def test_without_pyarrow_the_way_to_get_it_is_said(verb, monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main([verb, "quickstart", "--parquet", "--out", str(tmp_path / "x")]) == 2
    assert "pip install 'qhpcsim[parquet]'" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
