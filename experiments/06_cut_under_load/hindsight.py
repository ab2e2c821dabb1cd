"""Best in hindsight: one application at a time is made to cut in each way there is, all else equal.

The others follow the queue (``modelled``). What is found is exact for that application and that run: its time with
every way, behind the same others, who see what it does. It knows the future and the drawn errors of the models, so no
strategy can be expected to reach it.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from itertools import product
from typing import Any

import pandas as pd
from rich.progress import track
from workload import Case, cutting, scenario_of, sizes, widest

import qhpcsim

SEEDS, N = (1, 2, 3), 14
"""Shorter runs than the study's own."""
WHICH = (6, 12)
"""Applications that are looked at, counted from 0."""
OTHERS = "modelled"
JUDGED = {"workers only": "modelled:queue=false", "modelled": "modelled"}
WAYS = {1: "always whole", 2: "always two parts"}


def asked(kinds: Iterable[str], loads: Iterable[float]) -> list[Case]:
    """Return the simulations: for each application its ways by width, and what each strategy does in its place."""
    found = []
    for kind, load, seed in product(kinds, loads, SEEDS):
        case = Case(kind, load, OTHERS, seed, N)
        those = cutting(case)
        for application in (those[k] for k in WHICH if k < len(those)):
            forced = [f"fixed_width:width={size}" for size in sizes(application)]
            found += [case._replace(only=application.name, instead=text) for text in (*forced, *JUDGED.values())]
    return found


def time_of(case: Case) -> dict[str, Any]:
    """Return how long the application that is looked at took, and the width that it ran with."""
    result = qhpcsim.simulate(scenario_of(case))
    assert result.workflows is not None
    (row,) = [each for each in result.workflows.applications if each.name == case.only]
    assert row.state == "COMPLETED", (case, row)
    n_qubits = next(each.params.n_qubits for each in cutting(case) if each.name == case.only)
    width = widest(result)[case.only]
    return {**case._asdict(), "took_s": row.ended_s - row.submitted_s, "parts": -(-n_qubits // width)}


def regrets(pool: Executor, kinds: Iterable[str], loads: Iterable[float]) -> pd.DataFrame:
    """Return, for each application, the best way in hindsight, and what strategies and fixed ways lost against it."""
    every = asked(list(kinds), list(loads))
    return compared(pd.DataFrame(track(pool.map(time_of, every, chunksize=4), "hindsight", total=len(every))))


def compared(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each application and strategy, or way that is always taken."""
    names = {text: name for name, text in JUDGED.items()}
    rows = []
    for (kind, load, seed, only), group in runs.groupby(["kind", "load", "seed", "only"], sort=False):
        best = group.loc[group["took_s"].idxmin()]
        strategies = [(names[run["instead"]], run) for _, run in group.iterrows() if run["instead"] in names]
        forced = group[~group["instead"].isin(names)]
        always = [(name, forced[forced["parts"] == n].nsmallest(1, "took_s").iloc[0]) for n, name in WAYS.items()]
        for name, run in (*always, *strategies):
            rows.append({
                "kind": kind, "load": load, "seed": seed, "application": only, "strategy": name,
                "parts": run["parts"], "took_s": run["took_s"],
                "best_parts": best["parts"], "best_s": best["took_s"],
                "regret_pct": 100 * (run["took_s"] / best["took_s"] - 1.0),
            })  # fmt: skip
    return pd.DataFrame(rows)
