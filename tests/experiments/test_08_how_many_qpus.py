"""The study of how many QPUs a centre needs: its table, its points and its report say the same."""

import importlib.util
import json
import math
import re
import sys
from html import unescape
from pathlib import Path

import pandas as pd
import pytest

from qhpcsim.studies.plan_points import Space
from qhpcsim.studies.plan_read import read_study

STUDY = Path(__file__).resolve().parents[2] / "experiments" / "08_how_many_qpus"
NODES, QPUS = "facility.nodes", "qpu.qpus.qpu.count"


@pytest.fixture(scope="module")
def study():
    """Return study.py as a module."""
    sys.path.insert(0, str(STUDY))
    try:
        spec = importlib.util.spec_from_file_location("how_many_qpus", STUDY / "study.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules["how_many_qpus"] = module
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(STUDY))
        for name in ("how_many_qpus", "figure"):
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def table():
    return pd.read_csv(STUDY / "results.csv")


def test_every_case_is_a_study_that_can_be_read(study, tmp_path):
    for case in study.CASES:
        path = tmp_path / "plan.yaml"
        path.write_text(study.study(case), encoding="utf-8")
        read = read_study(path)
        phases = {
            key: float(value)
            for key, value in (each.split("=") for each in read.change)
            if "_s" in key and "gaps" not in key
        }
        assert sum(phases.values()) == pytest.approx(study.ROUND_S)
        assert phases["workload.qpu_service.mean_s"] == pytest.approx(case.share * study.ROUND_S)
        assert f"coupling={case.coupling}" in read.change and f"workload.gaps.mean_s={case.gap_min}min" in read.change
        assert (read.growth is not None) == (case == study.MAIN)


def test_the_load_of_the_calls_is_that_of_the_jobs(study):
    """Jobs an hour times the hours that the calls of one of them take."""
    case = study.Case(share=0.5, gap_min=30)
    assert case.qpu_load == pytest.approx(2 * 12 * 120 / 3600)


def test_every_row_of_the_table_is_a_result(table):
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", (STUDY / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == len(table)
    columns = ["qpu_load", "qpus", "qpus_at_least", "nodes", "cost_keur_a_year", "hybrid_min", "wait_min"]
    for (coupling, cells), found in zip(rows, table.itertuples(), strict=True):
        share, jobs_per_h, *texts = cells.split(" | ")
        assert (coupling, float(share), int(jobs_per_h)) == (found.coupling, found.share, 60 // found.gap_min)
        for text, column in zip(texts, columns, strict=True):
            digits = len(text.partition(".")[2])
            assert abs(float(text.replace(",", "")) - getattr(found, column)) <= 0.5001 * 10**-digits, (
                coupling,
                column,
            )


def test_what_the_answer_says_holds_in_every_row(table):
    least = table["qpu_load"].map(math.ceil)
    assert ((least <= table["qpus"]) & (table["qpus"] <= least + 1)).all()  # rounded up, or one more
    assert (table["qpus_at_least"] >= least).all()
    assert (table["hybrid_bound_min"] < 75).all() and (table["wait_bound_min"] < 15).all()
    unsure = table[table["qpus_at_least"] < table["qpus"]]
    assert sorted(unsure["qpu_load"].round(2)) == [1.56, 1.56, 1.56, 1.68]
    same = table.pivot_table(index=["share", "gap_min"], columns="coupling", values="qpus").dropna()
    assert (same["malleable"] == same["hold"]).all()
    assert (same["vqpu"] - same["hold"]).tolist() == [1, 0, 0, 0]


def test_prices_are_those_of_the_study(table):
    space = Space(read_study(STUDY / "plan.yaml"))
    known = {tuple(space.choices(point).values()): space.price(point).objective for point in range(space.n)}
    for row in table.itertuples():
        assert row.cost_keur_a_year == pytest.approx(known[f"{row.nodes:g}", f"{row.qpus:g}"], rel=1e-5)
    node = known["40", "1"] - known["32", "1"]
    assert (known["32", "2"] - known["32", "1"]) / (node / 8) == pytest.approx(175, abs=0.5)


def test_the_plan_is_the_cheapest_point_that_does_not_fail(table):
    points = pd.read_csv(STUDY / "points.csv")
    best = points[points["verdict"] == "meets"]
    main = table[(table["coupling"] == "hold") & (table["share"] == 0.35) & (table["gap_min"] == 20)].iloc[0]
    assert len(best) == 1 and best.iloc[0]["objective"] == pytest.approx(main["cost_keur_a_year"], rel=1e-5)
    cheaper = points[points["objective"] < best.iloc[0]["objective"]]
    assert set(cheaper["verdict"]) == {"fails"}
    assert sorted(cheaper[cheaper[QPUS] == 1][NODES]) == [32, 40, 48, 56, 64]


def test_the_report_is_that_of_the_plan(table):
    page = unescape((STUDY / "report.html").read_text(encoding="utf-8")).replace("\u00a0", " ")
    assert "40 nodes and 2 QPUs at 1,682 kEUR a year: the cheapest choice found that meets both constraints" in page
    assert (STUDY / "plan.yaml").read_text(encoding="utf-8").strip() in page
    results = json.loads((STUDY / "results.json").read_text(encoding="utf-8"))
    minutes = results["plan: hybrid jobs take, min"]
    assert f"{int(minutes)} min {round(60 * (minutes % 1))} s" in page
