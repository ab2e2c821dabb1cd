"""Should hybrid jobs hold their nodes while they wait for the QPU? Writes results.csv, results.json and figure.png."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from figure import draw
from rich.progress import track
from scipy.stats import t as student

import qhpcsim

HERE = Path(__file__).parent
COUPLINGS = ("hold", "exclusive", "vqpu", "hold_unhold", "malleable", "split", "pilot")
POLICIES = ("fcfs", "easy", "conservative")
SHARES = (0.1, 0.35, 0.65, 0.9)
"""Share of a round that the QPU call takes: Tq/(Tc + Tq)."""
ROUND_S, SEEDS = 240.0, range(1, 21)
OVERHEAD_S = 5.0
"""Launch of a piece or of a phase on a pilot, and resize of a malleable job."""
CHANGES = {
    "split": (f"coupling.launch_s={OVERHEAD_S}",),
    "malleable": (f"coupling.resize_s={OVERHEAD_S}",),
    "pilot": (f"coupling.launch_s={OVERHEAD_S}", "coupling.pilots=2", "coupling.walltime_s=4h"),
}
FIGURES = ("hybrid_s", "rigid_wait_s", "held_h", "qpu_busy")


class Case(NamedTuple):
    """One simulation; the workload depends on share and seed only: common random numbers for all else."""

    share: float
    policy: str
    coupling: str
    seed: int


def cases(seeds: range = SEEDS) -> list[Case]:
    """Return all simulations of the study."""
    return [Case(*each) for each in itertools.product(SHARES, POLICIES, COUPLINGS, seeds)]


def measure(case: Case) -> dict[str, float | str]:
    """Return what one simulation says about hybrid jobs, rigid jobs and the QPU."""
    scenario = qhpcsim.load(
        "coupling_study",
        (
            f"coupling={case.coupling}",
            f"policy={case.policy}",
            f"seed={case.seed}",
            f"workload.cpu_phase.mean_s={ROUND_S * (1 - case.share)}",
            f"workload.qpu_service.mean_s={ROUND_S * case.share}",
            *CHANGES.get(case.coupling, ()),
        ),
    )
    result = qhpcsim.simulate(scenario)
    hybrid = result.summary["hybrid"]
    assert hybrid["n_completed"] == hybrid["n_jobs"], (case, hybrid)
    jobs = result.jobs
    rigid = ~jobs["job_id"].astype(str).str.contains(".", regex=False)
    return {
        **case._asdict(),
        "hybrid_s": hybrid["mean_time_to_solution_s"],
        "rigid_wait_s": float(jobs.loc[rigid, "waiting_time"].mean()),
        "held_h": (hybrid["held_node_s"] - hybrid["used_node_s"]) / hybrid["n_jobs"] / 3600,
        "qpu_busy": hybrid["qpu_utilisation"],
    }


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return means, differences ``d_`` to coupling hold paired by seed, and half the widths of 95 % t intervals."""
    rows = []
    for (share, policy, coupling), group in runs.groupby(["share", "policy", "coupling"], sort=False):
        hold = runs[(runs["share"] == share) & (runs["policy"] == policy) & (runs["coupling"] == "hold")]
        base, mine = hold.set_index("seed"), group.set_index("seed")
        row: dict[str, float | str] = {"share": share, "policy": policy, "coupling": coupling}
        for key in FIGURES:
            for name, values in ((key, mine[key]), (f"d_{key}", mine[key] - base[key])):
                row[name] = values.mean()
                row[f"{name}_half"] = student.ppf(0.975, len(values) - 1) * values.std() / np.sqrt(len(values))
        rows.append(row)
    return pd.DataFrame(rows)


def headline(table: pd.DataFrame) -> dict[str, float]:
    """Return the numbers that README.md quotes: under EASY, minutes against hold and node hours idle."""
    rows = table[table["policy"] == "easy"].set_index(["coupling", "share"])
    found = {}
    for coupling, share in itertools.product(("split", "malleable", "pilot", "exclusive"), SHARES):
        row = rows.loc[(coupling, share)]
        for key, word in (("hybrid_s", "hybrid jobs longer"), ("rigid_wait_s", "rigid jobs wait longer")):
            found[f"{coupling}, QPU share {share:g}: {word}, min"] = row[f"d_{key}"] / 60
            found[f"{coupling}, QPU share {share:g}: {word}, half of the interval, min"] = row[f"d_{key}_half"] / 60
    for share in SHARES:
        found[f"hold, QPU share {share:g}: node hours idle a job"] = rows.loc[("hold", share)]["held_h"]
    return found


def main() -> None:
    """Run the study."""
    every = cases()
    with ProcessPoolExecutor(2) as pool:
        found = pool.map(measure, every, chunksize=8)
        table = summary(pd.DataFrame(track(found, "simulating", total=len(every))))
    table.to_csv(HERE / "results.csv", index=False, float_format="%.6g")
    draw(table, HERE / "figure.png")
    answers = {name: float(f"{value:.4g}") for name, value in headline(table).items()}
    (HERE / "results.json").write_text(json.dumps(answers, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(answers, indent=2))


if __name__ == "__main__":
    main()
