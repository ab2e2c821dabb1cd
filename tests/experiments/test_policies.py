"""The study of batch policies: its samples, its differences, and the tables of its README."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import qhpcsim
from tests.reference import reference

FOLDER = Path(__file__).resolve().parents[2] / "experiments" / "07_policies"
OWN = ("samples", "differences", "show", "traces", "study")
DAY_S = 86400.0


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The study's modules."""
    for name in OWN:
        sys.modules.pop(name, None)
    monkeypatch.syspath_prepend(str(FOLDER))
    yield SimpleNamespace(**{name: __import__(name) for name in OWN})
    for name in OWN:
        sys.modules.pop(name, None)


def log(folder: Path, rows: list[tuple[float, int, float, str]]) -> qhpcsim.Result:
    """Return a replay of (submit, nodes, run time, user) on 4 nodes, first come, first served."""
    lines = [f"{k},{submit},{nodes},{run},{run},{user}" for k, (submit, nodes, run, user) in enumerate(rows)]
    path = folder / "jobs.csv"
    path.write_text("\n".join(["job_id,submit_s,nodes,runtime_s,walltime_s,user", *lines]), encoding="utf-8")
    return qhpcsim.simulate(qhpcsim.load("replay", [f"workload.path={path}", "facility.nodes=4", "policy=fcfs"]))


def test_samples_by_hand(study: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole fortnights but the first; waits and use of the second are worked out by hand."""
    monkeypatch.setattr(study.samples, "LEAST_JOBS", 1)
    two, hour = 14 * DAY_S, 3600.0
    rows = [(0.0, 4, hour, "a"), (two, 4, 4 * hour, "a"), (two, 1, hour, "b"), (two + hour, 4, 2 * hour, "b")]
    rows += [(2 * two - hour, 4, 2 * hour, "a"), (2 * two + DAY_S, 1, 5.0, "a"), (3 * two, 1, 1.0, "a")]
    samples = study.samples.of_trace(log(tmp_path, rows), 2)
    assert [each["sample"] for each in samples] == [1, 2]
    first = samples[0]
    # waits 0, 4, 4 and 0 hours; the wide jobs (4 nodes) 0, 4 and 0, the narrow one 4
    assert first["wait_h"] == 2.0
    assert (first["wide_h"], first["narrow_h"]) == (pytest.approx(4 / 3), 4.0)
    assert (first["short_h"], first["long_h"]) == (4.0, pytest.approx(4 / 3))
    assert first["longest_wait_h"] == 4.0
    assert first["slowdown"] == pytest.approx((1 + 5 + 3 + 1) / 4)
    # user a has slowdowns 1 and 1, user b 5 and 3
    assert first["jain"] == pytest.approx((1 + 4) ** 2 / (2 * (1 + 16)))
    # node hours: 16 + 1 + 8 of the first three, and the first of two hours on 4 nodes
    assert np.isnan(samples[1]["wide_h"]) and np.isnan(samples[1]["long_h"])
    assert first["used_pct"] == pytest.approx(100 * (16 + 1 + 8 + 4) / (4 * 14 * 24))


def test_wide_jobs_do_half_of_the_work(study: SimpleNamespace) -> None:
    nodes, runtime_s = np.array([1, 8, 2, 8, 1]), np.array([8.0, 1.0, 4.0, 1.0, 8.0])
    assert study.samples.is_wide(nodes, runtime_s).tolist() == [False, True, True, True, False]


def test_differences_are_paired_and_corrected_together(study: SimpleNamespace) -> None:
    draw = np.random.default_rng(1)
    level = draw.exponential(10.0, 12)
    parts = []
    for workload in ("log", "centre"):
        for policy, more in (("easy", 0.0), ("better", -1.0), ("same", 0.0)):
            wait_h = level + more + draw.normal(0.0, 0.1, 12) * (policy != "easy")
            columns = {"workload": workload, "policy": policy, "sample": np.arange(12)}
            parts.append(pd.DataFrame({**columns, "wait_h": wait_h, "longest_wait_h": 1.0}))
    table = study.differences.compared(pd.concat(parts)).set_index(["workload", "policy", "figure"])
    assert len(table) == 6
    better = table.loc[("log", "better", "wait_h")]
    assert better["settled"] and better["difference"] == pytest.approx(-1.0, abs=0.1)
    assert better["percent"] == pytest.approx(100 * better["difference"] / level.mean())
    assert not table.loc[("log", "same", "wait_h"), "settled"]
    assert not table.loc[("log", "easy", "wait_h"), "settled"]
    assert table.loc[("log", "easy", "wait_h"), "mean"] == pytest.approx(level.mean())
    # Holm over the four comparisons with EASY: the greatest p of all is at least what it was alone
    assert table["p_holm"].notna().sum() == 4


def test_samples_that_resemble_each_other_settle_nothing(study: SimpleNamespace) -> None:
    assert study.differences.follows(np.array([1.0, -1.0] * 50)) == pytest.approx(-1.0, abs=0.03)
    assert study.differences.follows(np.repeat([1.0, -1.0], 50)) > 0.9
    assert study.differences.follows(np.zeros(5)) == 0.0
    waits = {"easy": np.ones(20), "queue grows": 1.0 + np.arange(20), "worse": 10.0 + (-1.0) ** np.arange(20)}
    parts = [
        pd.DataFrame({"workload": "log", "policy": policy, "sample": np.arange(20), "wait_h": wait_h})
        for policy, wait_h in waits.items()
    ]
    table = study.differences.compared(pd.concat(parts)).set_index("policy")
    assert table.loc["queue grows", "alike"] and not table.loc["queue grows", "settled"]
    assert table.loc["queue grows", "p_holm"] < 1e-4
    assert table.loc["worse", "settled"]


def test_every_case_has_a_policy_and_every_policy_every_case(study: SimpleNamespace) -> None:
    cases = study.study.cases()
    assert len(set(cases)) == len(cases)
    by_workload = pd.DataFrame(cases).groupby(["workload", "seed"])["policy"].agg(set)
    for (workload, _), policies in by_workload.items():
        nobody = workload in study.traces.TRACES and not study.traces.TRACES[workload].has_users
        assert policies == set(study.study.POLICIES) - set(study.study.NEED_USERS if nobody else ())
    assert study.study.CENTRE in by_workload.index.get_level_values(0)


LOGS = {"KTH-SP2": 28475, "SDSC-SP2": 54006, "ThetaGPU": 22606}


@pytest.mark.parametrize("name", LOGS)
def test_a_log_is_replayed_whole(study: SimpleNamespace, name: str, tmp_path: Path) -> None:
    reference(study.traces.TRACES[name].file)
    found = qhpcsim.simulate(qhpcsim.load("replay", ("policy=easy", *study.traces.settings(name, tmp_path))))
    assert found.summary["n_jobs"] == LOGS[name]
    assert (found.table.user is not None) == study.traces.TRACES[name].has_users
    samples = pd.DataFrame(study.samples.of_trace(found, study.traces.TRACES[name].weeks)).set_index("sample")
    assert 10 <= len(samples) <= 30
    assert samples.drop(columns=["jain", "narrow_h"]).notna().all().all()
    assert (samples["jain"].notna() == study.traces.TRACES[name].has_users).all()
    if len(samples) == samples.index[-1]:  # no piece was left out
        assert abs(samples["used_pct"].mean() / 100 - found.summary["steady_utilisation_frac"]) < 0.03


def test_the_readme_has_the_study_s_tables(study: SimpleNamespace) -> None:
    table, readme = pd.read_csv(FOLDER / "results.csv"), (FOLDER / "README.md").read_text(encoding="utf-8")
    results = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
    policies = list(study.study.POLICIES)
    assert list(dict.fromkeys(table["workload"])) == [*study.traces.TRACES, study.study.CENTRE]
    assert f"all {table['p_holm'].notna().sum()} comparisons" in readme
    lines = readme.splitlines()
    for workload, rows in table.groupby("workload", sort=False):
        days = {policy: results[f"{workload}, {policy}: longest wait, days"] for policy in rows["policy"].unique()}
        written = study.show.markdown(rows, pd.Series(days) * 24, policies)
        assert len(written) == rows["policy"].nunique() + 2
        assert [line for line in written if line not in lines] == []
