"""The study of cutting under load compares like with like; published runs of cutting on QPUs lead to six qubits."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

import qhpcsim
from qhpcsim.core.data import data_dir
from qhpcsim.middleware.cut_strategies import Foreseen
from qhpcsim.policies.cutting.named import strategy_named
from qhpcsim.policies.cutting.strategy import CutOption, CutView
from qhpcsim.simulation import build
from tests.experiments.test_studies import EXPERIMENTS
from tests.reference import REFERENCE_DATA, reference

FOLDER = EXPERIMENTS / "06_cut_under_load"
MODULES = ("workload", "hindsight", "seed_data", "answers", "figure", "study")


@pytest.fixture(scope="module")
def study() -> Iterator[dict[str, ModuleType]]:
    """The study's modules by name; other studies have some of the same names."""
    hidden = {name: sys.modules.pop(name) for name in MODULES if name in sys.modules}
    sys.path.insert(0, str(FOLDER))
    try:
        yield {name: importlib.import_module(name) for name in MODULES}
    finally:
        sys.path.remove(str(FOLDER))
        for name in MODULES:
            sys.modules.pop(name, None)
        sys.modules.update(hidden)


@pytest.mark.parametrize("kind", ["cpu", "h100", "qpu"])
def test_strategies_get_the_same_applications_and_the_same_others(study, kind: str) -> None:
    workload = study["workload"]
    one, other = (workload.Case(kind, 0.5, strategy, 3, 12) for strategy in ("none", "modelled"))
    for first, second in zip(workload.cutting(one), workload.cutting(other), strict=True):
        assert (first.name, first.submit_s) == (second.name, second.submit_s)
        assert (first.params.n_qubits, first.params.reps, first.params.groups) == (
            second.params.n_qubits, second.params.reps, second.params.groups,
        )  # fmt: skip
        assert (first.params.strategy, second.params.strategy) == ("none", "modelled")
        assert first.submit_s > workload.WARM_UP_S
    tables = [build(workload.scenario_of(case))[0].table for case in (one, other)]
    assert np.array_equal(tables[0].submit_s, tables[1].submit_s)
    assert np.array_equal(tables[0].nodes, tables[1].nodes)


def test_one_application_does_something_else(study) -> None:
    workload = study["workload"]
    case = workload.Case("cpu", 0.5, "modelled", 3, 12)
    told = workload.cutting(case._replace(only="cpu-07", instead="none"))
    assert [each.params.strategy for each in told] == ["modelled"] * 6 + ["none"] + ["modelled"] * 5


@pytest.mark.parametrize(("kind", "nodes"), [("cpu", 16), ("h100", 8)])
def test_the_others_load_the_nodes_as_stated(study, kind: str, nodes: int) -> None:
    """Node seconds of the rigid jobs over the nodes' from the first to the last submission, a day later or more."""
    workload = study["workload"]
    for load in (0.2, 1.0):
        table = build(workload.scenario_of(workload.Case(kind, load, "none", 1, 12)))[0].table
        span_s = table.submit_s[-1] - table.submit_s[0]
        assert (table.runtime_s * table.nodes).sum() / (nodes * span_s) == pytest.approx(load, rel=0.01)
        assert span_s > workload.WARM_UP_S + 4 * 3600


def test_what_is_forced_is_what_runs(study) -> None:
    workload = study["workload"]
    case = workload.Case("h100", 0.2, "modelled", 11, 12, "h100-06")
    application = next(each for each in workload.cutting(case) if each.name == case.only)
    widths = workload.sizes(application)
    assert widths[0] == application.params.n_qubits and len(widths) > 1
    for width in widths:
        result = qhpcsim.simulate(workload.scenario_of(case._replace(instead=f"fixed_width:width={width}")))
        assert workload.widest(result)[case.only] == width


def test_losses_by_hand(study) -> None:
    """Whole 30 s, halves 20, thirds 25: the best has two parts; the strategy that took three lost a quarter."""
    runs = pd.DataFrame(
        [
            {"kind": "cpu", "load": 0.5, "seed": 1, "only": "a", "instead": text, "parts": parts, "took_s": took_s}
            for text, parts, took_s in (
                ("fixed_width:width=9", 1, 30.0),
                ("fixed_width:width=5", 2, 20.0),
                ("fixed_width:width=3", 3, 25.0),
                ("modelled:queue=false", 3, 25.0),
                ("modelled", 2, 20.0),
            )
        ]
    )
    found = study["hindsight"].compared(runs).set_index("strategy")
    assert found["regret_pct"].to_dict() == pytest.approx(
        {"always whole": 50.0, "always two parts": 0.0, "workers only": 25.0, "modelled": 0.0}
    )
    assert set(found["best_parts"]) == {2}


def test_the_readme_has_the_tables_of_the_results(study) -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    kept = [pd.read_csv(FOLDER / f"{name}.csv") for name in ("results", "hindsight", "runs")]
    for name, lines in study["answers"].tables(*kept, study["study"].LOADS).items():
        found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
        assert found is not None and found[1] == lines, name


@pytest.fixture
def seed_data(study, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    reference("seed/qma_dreamer_multiple-qpus-dreamer-rr.csv")
    monkeypatch.setenv("QHPCSIM_REFERENCE_DATA", str(REFERENCE_DATA))
    return study["seed_data"]


def test_six_qubits_are_chosen_on_every_number_of_qpus(seed_data: ModuleType) -> None:
    """The fastest published run has parts of six qubits on 1 to 4 QPUs; totals on two and three were not fitted."""
    runs = seed_data.runs()
    assert len(runs) == 24 and {run.n_qpus for run in runs} == {1, 2, 3, 4}
    for n_qpus in (1, 2, 3, 4):
        here = [run for run in runs if run.n_qpus == n_qpus]
        assert min(here, key=lambda run: run.measured_s).width == seed_data.BEST
    choices = seed_data.choices(runs)
    assert choices["modelled"] == dict.fromkeys((1, 2, 3, 4), seed_data.BEST)
    others = {name: widths for name, widths in choices.items() if name != "modelled"}
    assert not any(seed_data.BEST in widths.values() for widths in others.values())
    held_out = [run.told_s / run.measured_s - 1.0 for run in runs if not run.fitted]
    assert len(held_out) == 12 and max(map(abs, held_out)) <= 0.067


@pytest.mark.parametrize("left", [2, 3, 4])
def test_six_qubits_are_chosen_where_the_fit_has_not_looked(seed_data: ModuleType, left: int) -> None:
    """Totals on so many QPUs, predicted by a fit to the others."""
    seed_data.scripts()
    sys.path.insert(0, str(data_dir("calibration") / "middleware"))
    try:
        fit, rows = importlib.import_module("fit_applications"), importlib.import_module("seed_rows")
    finally:
        sys.path.pop(0)
    published = rows.cutting_runs()
    law = fit.cutting_fit(published, tuple(n for n in (1, 2, 3, 4) if n != left))
    options = []
    for run in published:
        told_s = run.total_s[left] * (1.0 + law.error(run, left))
        options.append(CutOption(str(run.width), (run.width,), 1, predicted=Foreseen(told_s)))
    chosen = strategy_named("modelled").choose(CutView(30, left, 1e12, tuple(options)))
    assert options[chosen].name == "6"
