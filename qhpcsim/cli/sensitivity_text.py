"""A sensitivity study in words: the table of its indices, and which unknown to measure next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qhpcsim.cli.output import table
from qhpcsim.core.wording import figure_text

if TYPE_CHECKING:
    from qhpcsim.studies.sensitivity import Sensitivity
    from qhpcsim.studies.sensitivity_indices import Index

_SURE = 0.95
_MUCH_NOISE = 0.2


def indices_table(found: Sensitivity) -> str:
    """Return one line an unknown, the one that matters most first."""
    rows = []
    for k in found.ranked:
        unknown = found.unknowns[k]
        moved = found.morris.mean_abs
        ends = f"{figure_text(float(moved.low[k]), found.figure)} … {figure_text(float(moved.high[k]), found.figure)}"
        row = [unknown.name, f"{unknown.low} … {unknown.high}"]
        row += [f"{figure_text(float(moved.value[k]), found.figure)} ({ends})"]
        row += [figure_text(float(found.morris.spread[k]), found.figure)]
        if found.sobol is not None:
            row += [_share(found.sobol.first, k), _share(found.sobol.total, k)]
        rows.append(row)
    head = ["unknown", "between", "moves the figure by µ* (95 %)", "σ"]
    return table(rows, [*head, "alone S1 (95 %)", "in all ST (95 %)"] if found.sobol is not None else head)


def sentences(found: Sensitivity) -> list[str]:
    """Return what matters most, how sure that is, and what chance does."""
    top = found.ranked[0]
    name = found.unknowns[top].name
    about = figure_text(found.mean, found.figure), figure_text(found.deviation, found.figure)
    texts = [f"Over all that is unknown {found.figure} is {about[0]}, with a standard deviation of {about[1]}."]
    if len(found.unknowns) == 1:
        moved = figure_text(float(found.morris.mean_abs.value[top]), found.figure)
        texts.append(f"From one end to the other, {name} moves it by {moved} on average.")
    elif found.top_frac >= _SURE:
        texts.append(f"{name} matters most: {_how_much(found, top)}. Measure it next.")
    else:
        second = found.unknowns[found.ranked[1]].name
        texts.append(f"Whether {name} or {second} matters most cannot be told from {found.n_runs:,} runs.")
    if found.noise_frac is None:
        texts.append("One seed: how much of this is chance is not known.")
    elif found.noise_frac > _MUCH_NOISE:
        texts.append(f"Chance makes {100 * found.noise_frac:.0f} % of the variance: take more seeds.")
    else:
        texts.append(f"Chance makes {100 * found.noise_frac:.1f} % of the variance, over {found.n_seeds} common seeds.")
    return texts


def next_options(found: Sensitivity, trajectories: int, n_sobol: int) -> tuple[list[str], str]:
    """Return options for the next command, and why."""
    same = ["--trajectories", str(trajectories), "--sobol", str(n_sobol)]
    if found.noise_frac is None or found.noise_frac > _MUCH_NOISE:
        return [*same, "--seeds", str(max(10, 3 * found.n_seeds))], "more seeds, less chance; goes on"
    if not n_sobol:
        n = 64
        runs = n * (len(found.unknowns) + 2) * found.n_seeds
        options = ["--trajectories", str(trajectories), "--sobol", str(n), "--seeds", str(found.n_seeds)]
        return options, f"shares of the variance, {runs:,} runs more"
    options = ["--trajectories", str(2 * trajectories), "--sobol", str(4 * n_sobol), "--seeds", str(found.n_seeds)]
    return options, "narrower intervals"


def _how_much(found: Sensitivity, k: int) -> str:
    if found.sobol is not None:
        total, alone = found.sobol.total.value[k], found.sobol.first.value[k]
        text = f"it has a part in about {100 * min(1.0, total):.0f} % of the variance"
        return f"{text}, {100 * alone:.0f} % alone" if 0.0 <= alone <= total else text
    moved = figure_text(float(found.morris.mean_abs.value[k]), found.figure)
    return f"from one end to the other it moves the figure by {moved} on average"


def _share(index: Index, k: int) -> str:
    return f"{index.value[k]:.2f} ({index.low[k]:.2f} … {index.high[k]:.2f})".replace("-", "−")
