"""What do sessions cost the others? Writes results.csv, results.json, figure.png and the table of README.md."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from rich.progress import track
from scipy.stats import t as student
from show import draw, write_table
from workload import LOOP, jobs_of

import qhpcsim

HERE = Path(__file__).parent
DAY_S = 86400.0
SHARES, THINKS_S = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5), (0.0, 5.0, 30.0)
QPU = "qpu.qpus.ibm_sherbrooke"
ALONE = ("qpu.discipline=fifo", "qpu.latency_s=0", f"{QPU}.background=''", f"{QPU}.windows=[]")
WORLDS = {"cloud": (7.0, 120.0, ()), "alone": (4.0, 200.0, ALONE)}
"""Name -> days, loops on average (and 20 times as many single jobs), changes to the scenario."""
PERCENTS = (25, 50, 75, 90, 95, 99)
SEEDS = {"cloud": range(1, 31), "alone": range(1, 21)}


class Case(NamedTuple):
    """One simulation. What is random depends on world and seed only: common random numbers for all else."""

    world: str
    think_s: float
    share: float
    """Share of the users who open a session for each of their loops."""
    seed: int
    variant: str = ""
    changes: tuple[str, ...] = ()
    closes: bool = True


VARIANTS = (
    Case("cloud", 30.0, 0.5, 0, "TTL 10 s", ("qpu.sessions.interactive_ttl_s=10s",)),
    Case("cloud", 5.0, 0.5, 0, "left open", (), closes=False),
)


def cases(seeds: dict[str, Iterable[int]] = SEEDS) -> list[Case]:
    """Return all simulations of the study."""
    swept = [Case(w, t, s, k) for w in WORLDS for t, s, k in itertools.product(THINKS_S, SHARES, seeds[w])]
    return swept + [case._replace(seed=seed) for case in VARIANTS for seed in seeds[case.world]]


def measure(case: Case) -> dict[str, float | str]:
    """Return what one simulation says about single jobs, loops, other users and the QPU; times in seconds."""
    days, n_loops, changes = WORLDS[case.world]
    with tempfile.TemporaryDirectory() as folder:
        jobs = jobs_of(days * DAY_S, n_loops, case.think_s, case.share, case.seed, case.closes)
        jobs.to_csv(f"{folder}/jobs.csv", index=False)
        source = ("qpu_workload=table", f"qpu_workload.path={folder}/jobs.csv", f"seed={case.seed}")
        result = qhpcsim.simulate(qhpcsim.load("qpu_service", (*source, *changes, *case.changes)))
    data, figures = result.qpu.data, result.summary["qpu"]
    table = pd.DataFrame({"job": data.job_id.astype(str), "submit_s": data.submitted_s, "end_s": data.ended_s})
    table = table.assign(wait_s=data.wait_s, drawn_s=data.drawn_s)[~data.background]
    single = table["job"].str.startswith("single")
    wait_s = table["wait_s"][single & table["submit_s"].between(0.1 * days * DAY_S, 0.9 * days * DAY_S)]
    loop = table[~single].groupby(table["job"].str.split(".").str[0])
    think_s = pd.to_numeric(jobs.set_index("job_id")["think_s"]).groupby(lambda job: job.split(".")[0]).sum()
    hold_s = loop["drawn_s"].sum() + think_s.reindex(list(loop.groups))
    others, qpu = figures["background"], figures["by_qpu"]["ibm_sherbrooke"]
    waits_s = data.wait_s[data.background & data.started] if others["n_jobs"] else [np.nan]
    return {
        **case._asdict(),
        **{"mean": wait_s.mean(), "median": wait_s.median(), "p95": wait_s.quantile(0.95)},
        **{"loop": (loop["end_s"].max() - loop["submit_s"].min()).mean(), "others": np.mean(waits_s)},
        **{f"others_p{q}": np.percentile(waits_s, q) for q in PERCENTS},
        **{"n_others": others["n_completed"], "held_idle": qpu["held_idle_frac"], "busy": qpu["utilisation_frac"]},
        **{"work_s": figures["qpu_s"], "single_hz": single.sum() / days / DAY_S, "loop_hz": len(hold_s) / days / DAY_S},
        **{"s1": table["drawn_s"].mean(), "s2": (table["drawn_s"] ** 2).mean()},
        **{"h1": hold_s.mean(), "h2": (hold_s**2).mean()},
    }


def mg1_s(runs: pd.DataFrame) -> float:
    """Return the wait of M/G/1: single jobs and sessions, which hold the QPU while their users think, in one queue."""
    m, part = runs[["single_hz", "loop_hz", "s1", "s2", "h1", "h2"]].mean(), 2.0 * runs["share"].iloc[0]
    jobs_hz, sessions_hz = m.single_hz + (1.0 - part) * m.loop_hz * LOOP, part * m.loop_hz
    busy = jobs_hz * m.s1 + sessions_hz * m.h1
    return (jobs_hz * m.s2 + sessions_hz * m.h2) / (2.0 * (1.0 - busy))


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return means, differences ``d_`` to share 0 paired by seed, and half the widths of their 95 % t intervals."""
    rows = []
    for (world, think_s, variant, share), group in runs.groupby(["world", "think_s", "variant", "share"]):
        plain = runs[(runs["world"] == world) & (runs["think_s"] == think_s) & (runs["share"] == 0.0)]
        base, mine = plain.set_index("seed"), group.set_index("seed")
        assert np.allclose(mine["work_s"], base["work_s"], rtol=1e-9), "unequal work"
        row = {"world": world, "think_s": think_s, "variant": variant, "share": share, "mg1": mg1_s(group)}
        for key in mine.columns[mine.columns.get_loc("mean") : mine.columns.get_loc("work_s")]:
            for name, values in ((key, mine[key]), (f"d_{key}", mine[key] - base[key])):
                scale = student.ppf(0.975, len(values) - 1) / np.sqrt(len(values))
                row[name], row[f"{name}_half"] = values.mean(), scale * values.std()
        rows.append(row)
    return pd.DataFrame(rows)


def headline(table: pd.DataFrame) -> dict[str, float]:
    """Return the numbers that README.md quotes, of half of the users with sessions."""
    base = table[(table["world"] == "cloud") & (table["share"] == 0.0)].iloc[0]
    found = {f"nobody has sessions: other users wait, p{q}, min": base[f"others_p{q}"] / 60 for q in PERCENTS}
    found["nobody has sessions: single jobs wait, min"] = base["mean"] / 60
    for _, row in table[table["share"] == 0.5].iterrows():
        case = row["variant"] or f"think {row['think_s']:g} s"
        if row["world"] == "alone":
            found[f"{case}: simulated / M/G/1"] = row["mean"] / row["mg1"]
            continue
        for key, word in (("mean", "single jobs wait"), ("loop", "loops last"), ("others", "other users wait")):
            found[f"{case}: {word} longer, min"] = row[f"d_{key}"] / 60
            found[f"{case}: {word} longer, half of the interval, min"] = row[f"d_{key}_half"] / 60
            found[f"{case}: {word} longer, %"] = 100 * row[f"d_{key}"] / (row[key] - row[f"d_{key}"])
        found[f"{case}: QPU held idle, %"] = 100 * row["held_idle"]
    return found


def main() -> None:
    """Run the study."""
    every = cases()
    with ProcessPoolExecutor(2) as pool:
        found = pool.map(measure, every, chunksize=4)
        table = summary(pd.DataFrame(track(found, "simulating", total=len(every))))
    table.to_csv(HERE / "results.csv", index=False, float_format="%.6g")
    draw(table, HERE / "figure.png")
    write_table(table, HERE / "README.md")
    answers = {name: float(f"{value:.4g}") for name, value in headline(table).items()}
    (HERE / "results.json").write_text(json.dumps(answers, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(answers, indent=2))


if __name__ == "__main__":
    main()
