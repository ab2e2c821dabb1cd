"""``sensitivity.json``, ``sensitivity.csv`` and ``sensitivity.png``: the answer of a sensitivity study for others."""

from __future__ import annotations

import json
import math
import re
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qhpcsim.results.csv_text import cell
from qhpcsim.studies.sensitivity_indices import LEVEL, Index

if TYPE_CHECKING:
    from qhpcsim.studies.sensitivity import Sensitivity

ANSWER, TABLE, PICTURE = "sensitivity.json", "sensitivity.csv", "sensitivity.png"
_NUMBER = re.compile(r"-?[0-9.]+([eE][-+]?[0-9]+)?", re.ASCII)
"""An end of a range that is no text: a minus at its front is no formula."""


def write_sensitivity(found: Sensitivity) -> None:
    """Write the three files; each appears whole or not, with the same bytes for any engine and history."""
    _whole(found.folder / ANSWER, (json.dumps(answer_of(found), indent=2, ensure_ascii=False) + "\n").encode())
    _whole(found.folder / TABLE, ("\n".join(_lines(found)) + "\n").encode())
    _whole(found.folder / PICTURE, _picture(found))


def answer_of(found: Sensitivity) -> dict[str, Any]:
    """Return a study as JSON can hold it, unknowns from the one that matters most on; no NaN: None instead."""
    return {
        "scenario": found.scenario,
        "fixed": found.fixed,
        "figure": found.figure,
        "mean": found.mean,
        "deviation": found.deviation,
        "noise_frac": found.noise_frac,
        "ranked_by": "total" if found.sobol is not None else "mean_abs",
        "top_frac": found.top_frac,
        "level": LEVEL,
        "n_trajectories": found.n_trajectories,
        "n_sobol": found.n_sobol,
        "first_seed": found.seed,
        "n_seeds": found.n_seeds,
        "n_points": found.n_points,
        "n_runs": found.n_runs,
        "unknowns": [_unknown(found, k) for k in found.ranked],
        "version": version("qhpcsim"),
        "code": found.code,
    }


def _unknown(found: Sensitivity, k: int) -> dict[str, Any]:
    unknown = found.unknowns[k]
    row: dict[str, Any] = {"name": unknown.name, "low": unknown.low, "high": unknown.high}
    row |= _interval("mean_abs", found.morris.mean_abs, k)
    row["spread"] = _finite(float(found.morris.spread[k]))
    if found.sobol is not None:
        row |= {**_interval("first", found.sobol.first, k), **_interval("total", found.sobol.total, k)}
    return row


def _interval(name: str, index: Index, k: int) -> dict[str, float | None]:
    ends = {name: index.value, f"{name}_low": index.low, f"{name}_high": index.high}
    return {key: _finite(float(values[k])) for key, values in ends.items()}


def _lines(found: Sensitivity) -> list[str]:
    """Return the lines of ``sensitivity.csv``: one an unknown, the one that matters most first."""
    rows = [_unknown(found, k) for k in found.ranked]
    return [",".join(rows[0]), *(",".join(_text(value) for value in row.values()) for row in rows)]


def _text(value: float | str | None) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else value if _NUMBER.fullmatch(value) else cell(value)


def _picture(found: Sensitivity) -> bytes:
    from qhpcsim.report.sensitivity_figure import Measure, Panel, sensitivity_png

    order = np.array(found.ranked)

    def measure(name: str, index: Index) -> Measure:
        return Measure(name, index.value[order], index.low[order], index.high[order])

    panels = [Panel(f"µ*: moves {found.figure} by", (measure("", found.morris.mean_abs),))]
    if found.sobol is not None:
        shares = (measure("alone (S1)", found.sobol.first), measure("in all (ST)", found.sobol.total))
        panels.append(Panel(f"share of the variance of {found.figure}", shares))
    names = [found.unknowns[k].name for k in found.ranked]
    return sensitivity_png(names, panels, f"What matters for {found.figure}; lines: {100 * LEVEL:g} % intervals")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _whole(path: Path, content: bytes) -> None:
    scratch = path.with_name(f"{path.name}.part")
    scratch.write_bytes(content)
    scratch.replace(path)
