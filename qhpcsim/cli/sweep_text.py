"""A sweep in words: the table of its points and the sentence below it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qhpcsim.cli.output import table
from qhpcsim.core.wording import figure_text

if TYPE_CHECKING:
    from qhpcsim.studies.intervals import Mean
    from qhpcsim.studies.sweep import Sweep

_MOST_ROWS = 40


def sweep_metrics(found: Sweep, wanted: Sequence[str]) -> list[str]:
    """Return the figures to show.

    Raises:
        StudyError: if one that is wanted does not exist.
    """
    for name in wanted:
        found.check(name)
    if wanted:
        return list(wanted)
    from qhpcsim.studies.compare import preferred

    return preferred(found)


def sweep_table(found: Sweep, metrics: Sequence[str]) -> str:
    """Return one line a point: its values, and mean and half-width of each figure."""
    keys = [axis.key for axis in found.grid.axes]
    columns = [found.means(name) for name in metrics]
    rows = [
        [
            *(point.choices[key] for key in keys),
            *(_cell(column[k], name) for name, column in zip(metrics, columns, strict=True)),
        ]
        for k, point in enumerate(found.grid.points[:_MOST_ROWS])
    ]
    if not keys:
        rows = [["all", *row] for row in rows]
    text = table(rows, [*(keys or ["point"]), *metrics])
    n_more = len(found.grid.points) - _MOST_ROWS
    return f"{text}\n… and {n_more:,} points more in results.csv" if n_more > 0 else text


def sweep_sentence(found: Sweep, metric: str) -> str:
    """Return where a figure is least and most, and whether the seeds tell the least from the next."""
    means = found.means(metric)
    ranked = sorted((mean.mean, k) for k, mean in enumerate(means) if mean.n)
    if not ranked:
        return f"No run has {metric}."
    least, most = ranked[0][1], ranked[-1][1]
    n_seeds = len(found.grid.seeds)
    seeds = "one seed, so no interval" if n_seeds == 1 else f"95 % intervals over {n_seeds} seeds"
    if len(ranked) == 1 or means[least].mean == means[most].mean:
        return f"{metric} is {_cell(means[least], metric)} ({seeds})."
    ends = [f"{_cell(means[k], metric)} at {found.name(k)}" for k in (least, most)]
    text = f"{metric} goes from {ends[0]} to {ends[1]} ({seeds})."
    if n_seeds == 1:
        return text
    difference = _paired(found, metric, least, ranked[1][1])
    if math.isnan(difference.half_width) or abs(difference.mean) > difference.half_width:
        return text
    return f"{text} These seeds do not tell the least from {found.name(ranked[1][1])}."


def _paired(found: Sweep, metric: str, one: int, other: int) -> Mean:
    """Return the mean difference of two points over the seeds that both have."""
    from qhpcsim.studies.intervals import mean_of

    first, second = found.series(metric, one), found.series(metric, other)
    return mean_of([second[seed] - value for seed, value in first.items() if seed in second])


def _cell(mean: Mean, name: str) -> str:
    text = figure_text(mean.mean, name)
    return text if math.isnan(mean.half_width) else f"{text} ± {figure_text(mean.half_width, name)}"
