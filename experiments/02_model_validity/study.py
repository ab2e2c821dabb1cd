"""How good is every model on every data set? Writes results.csv, results.json, figure.png and README's table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from judged import HELD_OUT, NEVER, TRAINING, Judged
from others import everything_else, qpu_lines
from rich.progress import track
from show import draw, write_tables
from simulators import cpus, jacobians, kernels, one_gpu, several_gpus

HERE = Path(__file__).parent
N_DRAWS, LEVELS = 4000, (0.05, 0.95)
HEADLINES = {
    "own CPU rows, a group of families left out": ("CPU", "own rows", "families"),
    "own CPU rows, n ≥ 21 by n ≤ 19": ("CPU", "own rows", "n ≥ 21"),
    "A100, even n left out": ("one GPU", "4 to 25 qubits, A100", "even n"),
    "H100, even n left out": ("one GPU", "4 to 25 qubits, H100", "even n"),
    "cusvaer, a circuit left out": ("several GPUs", "cusvaer, 11 circuits", "a circuit"),
    "mini-app, a run left out": ("several GPUs", "mini-app", "a run"),
    "gradients on 4 to 64 nodes, Lightning, never fitted": ("gradients", "Lightning", "4 to 64 nodes"),
    "gradients on 4 to 64 nodes, mini-app, never fitted": ("gradients", "mini-app", "4 to 64 nodes"),
    "circuits on processes of a node, a row left out": ("tasks on nodes", "processes", "a row"),
    "compression, a row left out": ("tasks on nodes", "compression", "a row"),
    "circuits on CPU nodes, a row left out": ("tasks on nodes", "2,048 cores", "a row"),
    "circuits on GPUs, a row left out": ("tasks on nodes", "64 A100", "a row"),
}
"""Number of the README -> words that its row of the table has: area, data set, what was left out."""


def interval(values: np.ndarray, seed: int = 20261122) -> tuple[float, float]:
    """Return the 90 % bootstrap interval of a mean over rows."""
    draws = np.random.default_rng(seed).choice(values, (N_DRAWS, len(values))).mean(axis=1)
    low, high = np.quantile(draws, LEVELS)
    return float(low), float(high)


def line(found: Judged) -> dict[str, object]:
    """Return one row of the table; errors in percent."""
    size = 100.0 * np.abs(found.errors)
    low, high = interval(size)
    split = next(word for word in (HELD_OUT, TRAINING, NEVER) if found.how.startswith(word))
    inside = None if found.covered is None else 100.0 * float(np.mean(found.covered))
    return {
        "area": found.area,
        "model": found.model,
        "data": found.data,
        "split": split,
        "left_out": found.how.removeprefix(split).removeprefix(": "),
        "rows": len(size),
        "mape_pct": float(size.mean()),
        "low_pct": low,
        "high_pct": high,
        "median_pct": float(np.median(size)),
        "worst_pct": float(size.max()),
        "predicted_over_measured": float(np.exp(np.mean(np.log1p(found.errors)))),
        "covered_pct": inside,
    }


def headline(table: pd.DataFrame) -> dict[str, float]:
    """Return the numbers that README.md quotes."""
    found = {}
    for name, (area, data, left_out) in HEADLINES.items():
        texts = table["data"] + " " + table["left_out"].fillna("")
        match = (table["area"] == area) & texts.str.contains(data, regex=False)
        match &= texts.str.contains(left_out, regex=False) & (table["split"] != TRAINING)
        assert match.sum() == 1, f"{name}: {match.sum()} rows"
        found[name] = float(table.loc[match, "mape_pct"].iloc[0])
    return found


def main() -> None:
    """Run the study."""
    if not kernels.DATA.exists():
        print("not run: everything (reference data not here; set QHPCSIM_REFERENCE_DATA)")
        return
    parts = (cpus, one_gpu, several_gpus, jacobians, everything_else)
    judged = [found for part in track(parts, "judging") for found in part()]
    pd.DataFrame([line(found) for found in judged]).to_csv(HERE / "results.csv", index=False, float_format="%.4g")
    table = pd.read_csv(HERE / "results.csv")
    draw(judged, table, HERE / "figure.png")
    write_tables(table, qpu_lines(), HERE / "README.md")
    answers = {name: float(f"{value:.4g}") for name, value in headline(table).items()}
    (HERE / "results.json").write_text(json.dumps(answers, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(answers, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
