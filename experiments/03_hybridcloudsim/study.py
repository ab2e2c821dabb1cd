"""Does spatial sharing of QPUs behave as published? Writes results.csv, results.json, figure.png; see README.md."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from figure import draw
from rich.progress import track
from scipy.stats import t as student
from workload import sweep, use_case

import qhpcsim

HERE = Path(__file__).parent
QPUS = (qhpcsim.SharedQpu("heavy_hex", 127),) * 2
N_QUBITS = sum(qpu.n_qubits for qpu in QPUS)
QPU_KW, CPU_KW, USD_PER_KWH, KWH_J = np.array([70.0, 60.0]), 5.75, 0.18, 3.6e6
"""CPU_KW: mean of the two published nodes, 5.0 and 6.5 kW."""
CALLS = (21, 18, 15, 12, 9, 6, 3)
SEEDS = range(1, 11)
VARIANTS = {"checked": ("checked", False), "constant": ("checked", True)}
VARIANTS |= {"reserved": ("reserved", False), "queued": ("queued", False)}
"""Name -> admission, classical phases all of 0.156 s."""


class Case(NamedTuple):
    """One simulation; k = 0 is the second use case."""

    variant: str
    k: int
    seed: int


def cases(seeds: range = SEEDS) -> list[Case]:
    """Return all simulations, the longest first."""
    swept = [Case(variant, k, seed) for k in CALLS for variant in VARIANTS for seed in seeds]
    return swept + [Case("checked", 0, seed) for seed in seeds]


def measure(case: Case) -> dict[str, float | str]:
    """Return what one simulation says, in the published units."""
    return {**case._asdict(), **(measure_sweep(case) if case.k else measure_use_case(case.seed))}


def measure_sweep(case: Case) -> dict[str, float]:
    """Return the figures of the sweep: seconds, kWh, percent."""
    admission, constant = VARIANTS[case.variant]
    loops = sweep(case.k, case.seed, constant)
    run = qhpcsim.share_qpus(loops, QPUS, qhpcsim.SharingRules(admission))
    turnaround_s, figures = run.job_ended_s - loops.submit_s, run.figures
    occupied_s = run.ended_s - run.admitted_s
    energy_kws = (QPU_KW[run.qpu] * loops.qpu_s).sum() + CPU_KW * loops.cpu_s.sum()
    tries, n = max(figures.n_blocked, 1), max(figures.n_fragmented, 1)
    return {
        **{"t_occ": occupied_s.mean(), "eta": loops.qpu_s.sum() / occupied_s.sum()},
        **{"cv": turnaround_s.std() / turnaround_s.mean(), "turnaround": turnaround_s.mean()},
        **{"tail": np.percentile(turnaround_s, 95) / np.median(turnaround_s)},
        **{"e_kwh": energy_kws * 1e3 / KWH_J / len(turnaround_s), "drain": run.job_ended_s.max()},
        **{"used": 100 * (np.diff(run.region_offset) * loops.qpu_s).sum() / N_QUBITS / run.job_ended_s.max()},
        **{"blocked": figures.n_blocked, "fragmented": 100 * figures.n_fragmented / tries},
        **{"needed": figures.needed_sum / n, "free": figures.free_sum / n, "largest": figures.largest_sum / n},
    }


def measure_use_case(seed: int) -> dict[str, float]:
    """Return the figures of the second use case: percent of what there was until 3500 s, USD a job, seconds."""
    loops, units = use_case(seed)
    run, until_s = qhpcsim.share_qpus(loops, QPUS), 3500.0
    cpu_ended_s = run.ended_s + loops.cpu_s

    def used(amount: np.ndarray | int, start_s: np.ndarray, end_s: np.ndarray, capacity: int) -> float:
        held_s = np.minimum(end_s, until_s) - np.minimum(start_s, until_s)
        return 100 * float((amount * held_s).sum()) / capacity / until_s

    qpu_kws, cpu_kws = (
        kw * np.add.reduceat(busy_s, loops.offset[:-1])
        for kw, busy_s in ((50.0, run.ended_s - run.started_s), (5.0, loops.cpu_s))
    )
    usd = (qpu_kws + cpu_kws) * 1e3 / KWH_J * USD_PER_KWH
    return {
        "QPUs used, %": used(np.diff(run.region_offset), run.started_s, run.ended_s, N_QUBITS),
        "CPU used, %": used(units, run.ended_s, cpu_ended_s, 128),
        "memory bandwidth used, %": used(20, run.ended_s, cpu_ended_s, 205),
        "mean cost, USD": usd.mean(),
        "median cost, USD": np.median(usd),
        "p95 cost, USD": np.percentile(usd, 95),
        "QPU share of energy, %": 100 * (qpu_kws / (qpu_kws + cpu_kws)).mean(),
        "window, s": run.job_ended_s.max(),
    }


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return mean, least and greatest of each figure over the seeds, and half of the mean's 95 % interval."""
    long = runs.melt(["variant", "k", "seed"], var_name="figure").dropna(subset="value")
    groups = long.groupby(["variant", "k", "figure"], sort=False)["value"]
    table = groups.agg(["mean", "min", "max", "sem", "count"]).reset_index()
    return table.assign(half=student.ppf(0.975, table.pop("count") - 1) * table.pop("sem"))


def accepted(table: pd.DataFrame, published: pd.DataFrame) -> dict[str, float]:
    """Return the stated acceptance: how many published T_occ are in the band, and how far means are off, in %."""
    found = {}
    for variant in ("checked", "constant"):
        rows = table[(table["variant"] == variant) & (table["figure"] == "t_occ")].set_index("k")
        rows = rows.join(published.set_index("k")["t_occ"])
        inside = rows["t_occ"].between(rows["min"], rows["max"])
        found[f"{variant}: published inside the band, of 7"] = float(inside.sum())
        off = 100 * (rows["mean"] / rows["t_occ"] - 1).abs()
        found[f"{variant}: farthest mean, k <= 9, %"] = off[off.index <= 9].max()
        found[f"{variant}: farthest mean, k >= 18, %"] = off[off.index >= 18].max()
    reserved = table[(table["variant"] == "reserved") & (table["figure"] == "t_occ")]
    return found | {"reserved: greatest T_occ of any run, s": reserved["max"].max()}


def headline(table: pd.DataFrame) -> dict[str, float]:
    """Return the numbers that README.md quotes, besides the acceptance."""
    mean = table.set_index(["variant", "k", "figure"])["mean"].sort_index()
    found = {f"T_occ, k = {k}, s": mean["checked", k, "t_occ"] for k in sorted(CALLS)}
    for variant in VARIANTS:
        found[f"turnaround, {variant}, k = 15, s"] = mean[variant, 15, "turnaround"]
        found[f"p95/median, {variant}, k = 15"] = mean[variant, 15, "tail"]
    for k in (12, 15, 21):
        found[f"blocked with enough free qubits, k = {k}, %"] = mean["checked", k, "fragmented"]
    return found | mean["checked", 0].to_dict()


def main() -> None:
    """Run the study."""
    every, published = cases(), pd.read_csv(HERE / "published.csv")
    with ProcessPoolExecutor(2) as pool:
        runs = pd.DataFrame(track(pool.map(measure, every), "simulating", total=len(every)))
    table = summary(runs)
    table.to_csv(HERE / "results.csv", index=False, float_format="%.6g")
    draw(table, published, sweep(12, 1), QPUS, HERE / "figure.png")
    answers = {key: float(f"{value:.4g}") for key, value in (accepted(table, published) | headline(table)).items()}
    (HERE / "results.json").write_text(json.dumps(answers, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(answers, indent=2))


if __name__ == "__main__":
    main()
