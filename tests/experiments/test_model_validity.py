"""The study of model validity: its README has its table, and the table has what was promised."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "experiments" / "02_model_validity"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """The study's table as it was last written."""
    return pd.read_csv(FOLDER / "results.csv")


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module that writes tables."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import show

    yield show
    for name in ("show", "judged"):
        sys.modules.pop(name, None)


def test_the_readme_has_every_row(table: pd.DataFrame, show: ModuleType) -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    for split in ("held out", "never fitted", "training"):
        part = table[table["split"] == split].fillna({"left_out": ""})
        lines = show._table(part, split)
        assert len(lines) == len(part) + 2 and len(part) >= 10
        assert [line for line in lines if line not in readme] == []


def test_training_and_held_out_are_apart(table: pd.DataFrame) -> None:
    """Every data set that something was fitted to has both, and the fit is no worse on rows that it saw."""
    keys = ["area", "model", "data"]
    trained = table[table["split"] == "training"].set_index(keys)["mape_pct"]
    held = table[table["split"] == "held out"].groupby(keys)["mape_pct"].max()
    assert len(trained) >= 14
    for key, error in trained.items():
        assert error <= held[key], key
    assert table.loc[table["split"] == "held out", "left_out"].notna().all()
    assert (table["low_pct"] <= table["mape_pct"]).all() and (table["mape_pct"] <= table["high_pct"]).all()


def test_what_was_promised_is_held(table: pd.DataFrame) -> None:
    held = table[table["split"] != "training"]

    def column(data: str, name: str) -> pd.Series:
        found = held.loc[held["data"].str.contains(data, regex=False), name]
        assert len(found)
        return found

    for gpu in ("A100", "H100"):
        assert (column(f"unfused QCBM, 4 to 25 qubits, {gpu}", "mape_pct") <= 8).all()
    assert (column("cusvaer, 11 circuits, 29 to 36", "mape_pct") <= 22).all()
    for data in ("mini-app, two layers", "25-qubit circuits", "image compression"):
        assert (column(data, "worst_pct") <= 10).all()
    inside = held.loc[(held["split"] == "held out") & held["covered_pct"].notna(), "covered_pct"]
    assert (inside >= 85).all()
