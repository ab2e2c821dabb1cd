"""Errors and effects that README and docs state are those of the studies, of fit reports, or of runs made here."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path

import pytest

import qhpcsim

ROOT = Path(__file__).resolve().parents[2]


def stated(page: str, pattern: str) -> list[float]:
    """Return the numbers in the one place of a page that a pattern describes; any white space is a blank."""
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    found = re.findall(pattern, text)
    assert len(found) == 1, f"{page}: {pattern} is there {len(found)} times"
    words = found[0] if isinstance(found[0], tuple) else found
    return [float(word.replace("−", "-")) for word in words]


def results(study: str) -> dict[str, float]:
    """Return the results of a study."""
    return json.loads((ROOT / "experiments" / study / "results.json").read_text(encoding="utf-8"))


def service_times() -> dict[str, dict[str, str]]:
    """Return the held-out errors of QPU service times by kind of job."""
    with (ROOT / "calibration" / "qpu" / "service_time_fit.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["model"] == "this model, held out"]
    return {row["stratum"]: row for row in rows}


def test_qpu_service_times() -> None:
    rows = service_times()
    kinds = ("all", "one circuit", "several circuits")
    found = [float(rows[kind]["median_ape_pct"].split()[0]) for kind in kinds]
    assert stated("README.md", r"median error is (\d+) % \((\d+) % for one circuit, (\d+) % for several\)") == [
        round(value) for value in found
    ]
    inside = float(rows["all"]["coverage90_pct"].split()[0])
    pattern = (
        r"median ([\d.]+) %: ([\d.]+) % for one circuit, ([\d.]+) % for several; the 90 % interval holds ([\d.]+) %"
    )
    assert stated("docs/qpu.md", pattern) == [*found, inside]


def test_gradients_and_circuits_on_gpus() -> None:
    """Held-out errors of the study of model validity; "within" rounds up."""
    found = results("02_model_validity")
    within = [found[f"gradients on 4 to 64 nodes, {name}, never fitted"] for name in ("Lightning", "mini-app")]
    pattern = r"gradients on 4 to 64 nodes, to which nothing was fitted, are met within (\d+) and (\d+) % on average"
    assert stated("docs/statevector.md", pattern) == [math.ceil(value) for value in within]
    pattern = r"with each row left out in turn the error is ([\d.]+) %"
    assert stated("docs/scenarios.md", pattern) == [round(found["circuits on GPUs, a row left out"], 1)]


@pytest.mark.slow
def test_the_quickstart_over_ten_seeds() -> None:
    """What backfilling cuts, in percent: README and docs/scenarios.md give the range, which one seed does not."""
    solution, wait = [], []
    for seed in range(1, 11):
        summary = qhpcsim.simulate(qhpcsim.load("quickstart", (f"seed={seed}",))).summary
        easy, fcfs = summary["workflows"], summary["baseline"]["workflows"]
        solution.append(100 - 100 * easy["mean_time_to_solution_s"] / fcfs["mean_time_to_solution_s"])
        wait.append(100 - 100 * summary["mean_wait_s"] / summary["baseline"]["mean_wait_s"])
    middle = sorted(solution)[4:6]
    pattern = r"mean time to solution by (\d+) to (\d+) % \(median (\d+) %\) "
    pattern += r"and the mean wait of batch jobs by (\d+) to (\d+) %"
    words = stated("docs/scenarios.md", pattern)
    assert words == [round(x) for x in (min(solution), max(solution), sum(middle) / 2, min(wait), max(wait))]
    assert stated("README.md", r"the cut is between nothing and (\d+) %") == [words[1]]
    assert words[0] == 0
