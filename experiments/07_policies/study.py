"""Which batch policy, and how sure is that? Writes results.csv, results.json, figure.png and README's tables."""

from __future__ import annotations

import json
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from differences import BASE, GREATEST, compared
from rich.progress import track
from samples import Sample, of_centre, of_trace
from show import draw, write_tables
from traces import TRACES, missing, settings

import qhpcsim

HERE = Path(__file__).parent
CENTRE = "hybrid centre"
SEEDS = range(1, 21)
ORDERS = ("sjf", "wfp3", "unicef", "f1")
POLICIES = {
    "fcfs": ("policy=fcfs",),
    BASE: ("policy=easy",),
    "conservative": ("policy=conservative",),
    "easy, short fill first": ("policy=easy", "policy.candidates=sjf"),
    **{f"easy, {order}": ("policy=easy", f"policy.order={order}") for order in ORDERS},
    "multifactor": ("policy=multifactor",),
    "fair share": ("policy=multifactor", "policy.weight_age=0", "policy.weight_job_size=0"),
}
"""Name -> changes to the scenario."""
NEED_USERS = ("multifactor", "fair share")


class Case(NamedTuple):
    """One simulation; a workload is the same under every policy."""

    workload: str
    policy: str
    seed: int = 0
    """Of the centre; a log has none."""


def cases(seeds: range = SEEDS) -> list[Case]:
    """Return all simulations whose data are here, the longest first."""
    logs = [name for name in reversed(TRACES) if name not in missing()]
    replays = [Case(name, policy) for name in logs for policy in reversed(POLICIES)]
    replays = [case for case in replays if case.policy not in NEED_USERS or TRACES[case.workload].has_users]
    return replays + [Case(CENTRE, policy, seed) for policy in POLICIES for seed in seeds]


def measure(case: Case) -> list[Sample]:
    """Return the samples of one simulation."""
    policy = POLICIES[case.policy]
    if case.workload == CENTRE:
        return of_centre(qhpcsim.simulate(qhpcsim.load("hybrid_centre", (*policy, f"seed={case.seed}"))), case.seed)
    with tempfile.TemporaryDirectory() as folder:
        found = qhpcsim.simulate(qhpcsim.load("replay", (*policy, *settings(case.workload, Path(folder)))))
        return of_trace(found, TRACES[case.workload].weeks)


def headline(table: pd.DataFrame, longest: pd.DataFrame) -> dict[str, float]:
    """Return the numbers that README.md quotes: differences to EASY in percent, longest waits in days."""
    found = {}
    for row in table[table["policy"] != BASE].itertuples():
        name = f"{row.workload}, {row.policy}: {row.figure}"
        found |= {f"{name}, %": row.percent, f"{name}, half of the interval, %": row.percent_half}
    for row in longest.itertuples():
        found[f"{row.workload}, {row.policy}: longest wait, days"] = row.longest_wait_h / 24
    return found


def main() -> None:
    """Run the study."""
    every, absent = cases(), missing()
    for name in absent:
        print(f"not run: {name} (reference data not here; set QHPCSIM_REFERENCE_DATA)")
    with ProcessPoolExecutor(2) as pool:
        found = track(pool.map(measure, every), "simulating", total=len(every))
        rows = [{**case._asdict(), **each} for case, samples in zip(every, found, strict=True) for each in samples]
    samples = pd.DataFrame(rows).drop(columns="seed")
    samples = samples.sort_values("workload", key=lambda names: names.map([*TRACES, CENTRE].index), kind="stable")
    table = compared(samples)
    longest = samples.groupby(["workload", "policy"], sort=False)[list(GREATEST)].max().reset_index()
    answers = {name: float(f"{value:.4g}") for name, value in headline(table, longest).items()}
    (HERE / "results.json").write_text(json.dumps(answers, indent=2) + "\n", encoding="utf-8")
    if not absent:
        table.to_csv(HERE / "results.csv", index=False, float_format="%.6g")
        table = pd.read_csv(HERE / "results.csv")
        draw(table, list(POLICIES), HERE / "figure.png")
        write_tables(table, longest, list(POLICIES), HERE / "README.md")
    print(json.dumps(answers, indent=2))


if __name__ == "__main__":
    main()
