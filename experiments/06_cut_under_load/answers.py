"""The numbers and tables that README.md quotes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

HALF = "half of the interval"
WAYS = ("in_1", "in_2", "in_3")


def headline(table: pd.DataFrame, judged: pd.DataFrame, loads: Mapping[str, float]) -> dict[str, float]:
    """Return numbers by name: times, differences to ``modelled``, ways taken, prices, and losses in hindsight."""
    words = {load: name for name, load in loads.items()}
    found: dict[str, float] = {}
    for _, row in table.iterrows():
        stem = f"{row['kind']}, {words[row['load']]}, {row['strategy']}"
        for key, name, unit in (("solution_s", "time to solution", "s"), ("d_solution_s", "longer than modelled", "s")):
            found[f"{stem}: {name}, {unit}"] = row[key]
            found[f"{stem}: {name}, {HALF}, {unit}"] = row[f"{key}_half"]
        found[f"{stem}: whole, %"] = 100 * row["in_1"]
        if row["kind"] == "qpu":
            found[f"{stem}: QPU time, s"], found[f"{stem}: cost, USD"] = row["qpu_s"], row["usd"]
        else:
            found[f"{stem}: node hours"] = row["node_h"]
    for (kind, name), group in judged.groupby(["kind", "strategy"], sort=False):
        found[f"hindsight, {kind}, {name}: mean loss, %"] = group["regret_pct"].mean()
        found[f"hindsight, {kind}, {name}: median loss, %"] = group["regret_pct"].median()
        found[f"hindsight, {kind}, {name}: best way taken, of {len(group)}"] = float(
            (group["parts"] == group["best_parts"]).sum()
        )
    for (kind, load), group in judged[judged["strategy"] == "modelled"].groupby(["kind", "load"], sort=False):
        found[f"hindsight, {kind}, {words[load]}: whole is best, of {len(group)}"] = float(
            (group["best_parts"] == 1).sum()
        )
    return found


def tables(table: pd.DataFrame, judged: pd.DataFrame, runs: pd.DataFrame, loads: Mapping[str, float]) -> dict[str, str]:
    """Return the tables of README.md by name."""
    found = {f"times of {kind}": _times(group, loads) for kind, group in table.groupby("kind", sort=False)}
    found["ways"] = _ways(table[table["strategy"] == "modelled"], loads)
    found["cloud"] = _cloud(runs[runs["kind"] == "qpu"], loads)
    found["use"] = _use(table, loads)
    found["hindsight"] = _hindsight(judged)
    return found


def _times(group: pd.DataFrame, loads: Mapping[str, float]) -> str:
    rows = []
    for name, own in group.groupby("strategy", sort=False):
        key = "solution_s" if name == "modelled" else "d_solution_s"
        cells = [f"{_signed(row[key], name != 'modelled')} ± {_round(row[f'{key}_half'])}" for _, row in own.iterrows()]
        rows.append([f"`{name}`" if name != "workers only" else "workers only", *cells])
    return _table(["strategy", *loads], rows)


def _ways(group: pd.DataFrame, loads: Mapping[str, float]) -> str:
    rows = []
    for kind, own in group.groupby("kind", sort=False):
        cells = [" / ".join(f"{100 * row[key]:.0f}" for key in WAYS) for _, row in own.iterrows()]
        rows.append([str(kind), *cells])
    return _table(["%", *loads], rows)


def _cloud(runs: pd.DataFrame, loads: Mapping[str, float]) -> str:
    """Return by seed how long a whole circuit takes, which is the cloud's queue, and how often it is left whole."""
    of = runs.set_index(["strategy", "load", "seed"])
    light = min(loads.values())
    took_s = {seed: of.loc[("none", light, seed), "solution_s"] for seed in sorted(set(runs["seed"]))}
    rows = []
    for seed, whole_s in sorted(took_s.items(), key=lambda each: each[1]):
        shares = [f"{100 * of.loc[('modelled', load, seed), 'in_1']:.0f}" for load in loads.values()]
        rows.append([f"{seed}", _round(whole_s), *shares])
    return _table(["seed", "whole on the cloud takes, s", *(f"left whole, {name}, %" for name in loads)], rows)


def _use(table: pd.DataFrame, loads: Mapping[str, float]) -> str:
    ends = [min(loads.values()), max(loads.values())]
    rows = []
    for name, own in table.groupby("strategy", sort=False):
        at = own.set_index(["kind", "load"])
        cells = [f"{at.loc[(kind, load), 'node_h']:.3f}" for kind in ("cpu", "h100") for load in ends]
        cells += [_round(at.loc[("qpu", load), key]) for key in ("qpu_s", "usd") for load in ends]
        rows.append([str(name), *cells])
    head = [
        f"{what}, {when}" for what in ("CPU node h", "H100 node h", "QPU s", "USD") for when in ("light", "saturated")
    ]
    return _table(["strategy", *head], rows)


def _hindsight(judged: pd.DataFrame) -> str:
    rows = []
    for (kind, name), group in judged.groupby(["kind", "strategy"], sort=False):
        right = int((group["parts"] == group["best_parts"]).sum())
        lost = group["regret_pct"]
        rows.append(
            [
                str(kind),
                str(name),
                f"{right} of {len(group)}",
                _round(lost.mean()),
                _round(lost.median()),
                _round(lost.max()),
            ]
        )
    return _table(["where", "strategy", "best number of parts", "mean loss, %", "median, %", "largest, %"], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _round(value: float) -> str:
    """Return a number with three digits, zero as it is."""
    if abs(value) < 5e-4:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _signed(value: float, sign: bool) -> str:
    text = _round(value)
    return f"+{text}" if sign and value > 0 and text != "0" else text.replace("-", "−")


def write_tables(readme: Path, found: Mapping[str, str]) -> None:
    """Put tables into README.md, each between its own marks."""
    text = readme.read_text(encoding="utf-8")
    for name, lines in found.items():
        mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        assert mark.search(text), name
        text = mark.sub(lambda found, lines=lines: f"{found[1]}{lines}\n{found[2]}", text)
    readme.write_text(text, encoding="utf-8")
