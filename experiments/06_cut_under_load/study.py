"""Which cut is best where others queue, too? Writes results.csv, hindsight.csv, results.json and figure.png."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from answers import headline, tables, write_tables
from figure import draw
from hindsight import regrets
from rich.progress import track
from scipy.stats import t as student
from seed_data import published
from workload import Case, cutting, scenario_of, widest

import qhpcsim

HERE = Path(__file__).parent
KINDS = ("cpu", "h100", "qpu")
LOADS = {"light": 0.2, "busy": 0.8, "saturated": 1.0}
STRATEGIES = {
    "none": "none",
    "fixed_width": "fixed_width:width=10",
    "min_overhead": "min_overhead",
    "qdreamer_v02": "qdreamer_v02",
    "qdreamer_v04": "qdreamer_v04",
    "qdreamer_refit": "qdreamer_refit",
    "workers only": "modelled:queue=false",
    "modelled": "modelled",
}
SEEDS = range(1, 6)
N = {"cpu": 30, "h100": 20, "qpu": 24}
"""Applications that cut."""
FIGURES = ("solution_s", "node_h", "qpu_s", "usd")


def cases(seeds: range = SEEDS) -> list[Case]:
    """Return all simulations but those of the hindsight."""
    every = itertools.product(KINDS, LOADS.values(), STRATEGIES.values(), seeds)
    return [Case(*each, N[each[0]]) for each in every]


def measure(case: Case) -> dict[str, Any]:
    """Return what one simulation says about the applications that cut, a mean or sum for each of them."""
    result = qhpcsim.simulate(scenario_of(case))
    found = result.summary["workflows"]["by_motif"]["circuit_cutting"]
    n = found["n_applications"]
    width = widest(result)
    parts = np.array([-(-each.params.n_qubits // width[each.name]) for each in cutting(case)])
    return {
        **case._asdict(),
        "n_unfinished": n - found["n_completed"] + found["n_with_lost_tasks"],
        "solution_s": found["mean_time_to_solution_s"],
        "node_h": found["used_node_s"] / 3600 / n,
        "qpu_s": found["qpu_s"] / n,
        "usd": found.get("cost", {}).get("USD", 0.0) / n,
        **{f"in_{k}": float((parts == k).mean()) for k in (1, 2, 3, 4)},
    }


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return means, differences ``d_`` to ``modelled`` paired by seed, and half the widths of 95 % t intervals."""
    rows = []
    names = {text: name for name, text in STRATEGIES.items()}
    for (kind, load, strategy), group in runs.groupby(["kind", "load", "strategy"], sort=False):
        ours = runs[(runs["kind"] == kind) & (runs["load"] == load) & (runs["strategy"] == "modelled")]
        base, mine = ours.set_index("seed"), group.set_index("seed")
        row: dict[str, Any] = {"kind": kind, "load": load, "strategy": names[strategy]}
        for key in FIGURES:
            for name, values in ((key, mine[key]), (f"d_{key}", mine[key] - base[key])):
                row[name] = values.mean()
                row[f"{name}_half"] = student.ppf(0.975, len(values) - 1) * values.std() / np.sqrt(len(values))
        rows.append(row | {key: mine[key].mean() for key in ("in_1", "in_2", "in_3", "in_4")})
    return pd.DataFrame(rows)


def _kept(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a table as its file has it, to the digits that are kept."""
    table.to_csv(HERE / f"{name}.csv", index=False, float_format="%.5g")
    return pd.read_csv(HERE / f"{name}.csv")


def main() -> None:
    """Run the study."""
    every = cases()
    with ProcessPoolExecutor(2) as pool:
        runs = pd.DataFrame(track(pool.map(measure, every, chunksize=4), "simulating", total=len(every)))
        judged = regrets(pool, KINDS, (min(LOADS.values()), max(LOADS.values())))
    found = {"runs": runs, "results": summary(runs), "hindsight": judged}
    runs, table, judged = (_kept(each, name) for name, each in found.items())
    draw(table, judged, runs, LOADS, HERE / "figure.png")
    write_tables(HERE / "README.md", tables(table, judged, runs, LOADS))
    answers = {name: float(f"{value:.5g}") for name, value in headline(table, judged, LOADS).items()} | published()
    (HERE / "results.json").write_text(json.dumps(answers, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(answers, indent=2))


if __name__ == "__main__":
    main()
