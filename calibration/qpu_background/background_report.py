"""Write fit.md: ``python calibration/qpu_background/background_report.py PENDING_1MIN.csv[.gz]``.

Simulates the card's laws on seeds that the fit never saw, over the span of the series, and puts the statistics and the
waits that follow beside the data and beside published waits.
"""

from __future__ import annotations

import sys
from collections import deque
from pathlib import Path

import numpy as np
from fit_background import TURN_CV, read

from qhpcsim.core.records import FloatArray
from qhpcsim.core.rng import Rng
from qhpcsim.workloads.pending_series import MINUTE_S, BackgroundRun, SeriesStatistics, simulate, statistics
from qhpcsim.workloads.qpu_background import backends, background

SEEDS = tuple(range(200, 220))
WITHIN = 0.15
FIGURES = {
    "median": "median pending",
    "p99": "p99 pending",
    "batch_gap_cv": "CV between batches",
    "job_gap_cv": "CV between jobs",
}
ACCEPTED = ("median", "p99", "batch_gap_cv", "job_gap_cv")
LEVELS = (25, 50, 75, 90, 95, 99)
PUBLISHED_MIN = (0.45, 11.5, 253.0, 890.0, 1248.0, 1907.0)
"""Waits of 5 023 jobs of one group on 20 IBM machines, March 2020 to March 2021."""

TEXT = """\
# Background load: how well the law agrees

Written by `background_report.py`; the card is `ibm_2023.yaml`, the law `qhpcsim/workloads/qpu_background.py`, the fit
`fit_background.py`. Data: pending jobs of twelve IBM backends, one value a minute, 16 to 26 November 2023 (MIT licence,
https://github.com/manosgior/Qonductor-SC25, commit d85452e).

**Measure.** A rise of the pending jobs between two minutes in a row is one batch, its size the rise; a minute without a
value is left out. *CV between batches* is the standard deviation over the mean of the times between such minutes.
*CV between jobs* counts every job of a batch: those after the first have gap 0. Departures in the same minute hide
arrivals, in the data and in the simulation alike. Seen every 10 s, the same queues have CVs of
2.5 to 6.0 between rises; those events are not fitted here. Series and simulation have the same {n_minutes} minutes.

**By construction and not.** The level's knots are corrected quantiles of the series, so median and p99 are fitted
figures, as the CV between batches and the numbers of batches and jobs are. What the fit leaves free: the size of
batches beyond its mean, the correlation in time and the waits. One series of ten days is one realisation: turns of
equal height (mean length = span / whole number, cv {turn_cv}) make spans of ten days alike; the true spread between
ten-day spans is larger and cannot be told from these data. The second table shows where the law is wrong: turns make
the backlog of one day and the next move against each other where the series do not, and a user who comes after a long
pause in a rise submits a larger batch than any of the series.

## Fresh seeds against the data

{n_seeds} seeds that neither the fit nor the choice of the law has seen. Each cell: data; mean ± standard deviation over
seeds; share of single seeds within {within:.0f} %.

{table}

Means over the seeds: {n_good} of {n_all} within {within:.0f} %; worst: {worst}.
Single seeds with median, p99 and CV between batches all within {within:.0f} %: {single:.0f} %.

## Figures that were not fitted

Data, then mean over seeds.

{free}

## Waits

Minutes from submission to start of the background jobs, the QPU serving nothing else. *FIFO*: first come first served.
*By turns*: the same jobs, round robin over users. Published: 5 023 finished jobs of one research group on 20 IBM
machines, March 2020 to March 2021 (G. Ravi et al., IISWC 2021, data at https://github.com/rgokulsm/QuantumQueue).

{waits}

Two and a half years lie between the two, and a campaign of a thousand jobs counts a thousand times here, where the
published jobs are those of a few careful users; so the middle is far higher under FIFO. Little's law on the series
alone (mean pending over rate of falls, a bound from above since falls in which jobs also came are hidden in part)
gives a mean wait of {little:.0f} min over the backends, so long waits are in the data, not only in the law. Common to
both are the heavy tail (half a day to two days) and the range of several decades; serving by turns opens the short end.
"""


def by_turns(run: BackgroundRun, n_users: int) -> FloatArray:
    """Return the waits in seconds of a run's jobs when users are served in turn, one job each."""
    queues: list[deque[int]] = [deque() for _ in range(n_users)]
    round_: deque[int] = deque()
    wait_s = np.zeros(len(run.submit_s))
    submit, service, user = run.submit_s.tolist(), run.service_s.tolist(), run.user.tolist()
    now_s, j = 0.0, 0
    while j < len(submit) or round_:
        if not round_:
            now_s = max(now_s, submit[j])
        while j < len(submit) and submit[j] <= now_s:
            if not queues[user[j]]:
                round_.append(user[j])
            queues[user[j]].append(j)
            j += 1
        who = round_.popleft()
        job = queues[who].popleft()
        wait_s[job] = now_s - submit[job]
        now_s += service[job]
        if queues[who]:
            round_.append(who)
    return wait_s


def correlation(series: FloatArray, lag: int) -> float:
    """Return the autocorrelation of ln(1 + pending) at a lag in minutes, minutes without a value left out."""
    x = np.log1p(series)
    x = x - np.nanmean(x)
    return float(np.nanmean(x[lag:] * x[:-lag]) / np.nanmean(x * x))


def free_figures(series: FloatArray) -> tuple[float, float, float, float, float]:
    """Return the 99th percentile of batch sizes, the largest, and correlations over 1, 6 and 24 hours."""
    rise = np.nan_to_num(np.diff(series))
    sizes = rise[rise > 0]
    return (float(np.percentile(sizes, 99)), float(sizes.max()), *(correlation(series, lag) for lag in (60, 360, 1440)))


def row(*cells: str) -> str:
    """Return one line of a table."""
    return "| " + " | ".join(cells) + " |"


def agreement(data: SeriesStatistics, seen: list[SeriesStatistics]) -> dict[str, tuple[float, FloatArray]]:
    """Return of each figure the data's value and the ratios of the seeds to it."""
    return {n: (getattr(data, n), np.array([getattr(s, n) for s in seen]) / getattr(data, n)) for n in FIGURES}


def cell(value: float, ratio: FloatArray) -> str:
    """Return one cell of the agreement table."""
    inside = 100.0 * np.mean(np.abs(ratio - 1.0) <= WITHIN)
    return f"{value:.3g}; {value * ratio.mean():.3g} ± {value * ratio.std():.2g}; {inside:.0f} %"


def write(path: Path, data: dict[str, FloatArray]) -> None:
    """Write fit.md."""
    table = [row("backend", *FIGURES.values()), row(*["---"] * 5)]
    names = ("p99 batch", "largest batch", "corr. 1 h", "corr. 6 h", "corr. 24 h")
    free = [row("backend", *names), row(*["---"] * 6)]
    percent = [f"p{p}" for p in LEVELS]
    waits = [row("backend", "order", *percent), row(*["---"] * 8)]
    pooled: dict[str, list[FloatArray]] = {"FIFO": [], "by turns": []}
    singles, means, little = [], {}, []
    for name in backends():
        series, law = data[name], background(name)
        horizon_s = len(series) * MINUTE_S
        runs = [simulate(law, horizon_s, Rng(seed)) for seed in SEEDS]
        seen = [run.pending(len(series)) for run in runs]
        ratios = agreement(statistics(series), [statistics(s) for s in seen])
        table.append(row(name, *(cell(*ratios[n]) for n in FIGURES)))
        means |= {f"{name} {FIGURES[n]}": float(ratios[n][1].mean()) for n in ACCEPTED}
        singles.append(np.all([np.abs(ratios[n][1] - 1.0) <= WITHIN for n in ACCEPTED[:3]], axis=0).mean())
        ours = np.mean([free_figures(s.astype(np.float64)) for s in seen], axis=0)
        free.append(row(name, *(f"{a:.2g}; {b:.2g}" for a, b in zip(free_figures(series), ours, strict=True))))
        falls = -np.minimum(np.nan_to_num(np.diff(series)), 0.0).sum() / len(series)
        little.append(float(np.nanmean(series) / falls))
        for order, list_ in pooled.items():
            got = [r.wait_s if order == "FIFO" else by_turns(r, law.n_users) for r in runs[:5]]
            wait = np.concatenate([w[r.submit_s > 0] for w, r in zip(got, runs[:5], strict=True)]) / 60.0
            list_.append(wait)
            waits.append(row(name, order, *(f"{x:.3g}" for x in np.percentile(wait, LEVELS))))
    for order, list_ in pooled.items():
        waits.append(row("**all jobs**", order, *(f"{x:.3g}" for x in np.percentile(np.concatenate(list_), LEVELS))))
    waits.append(row("**published**", "IBM, 2020/21", *(f"{x:.3g}" for x in PUBLISHED_MIN)))
    worst = max(means, key=lambda k: abs(means[k] - 1.0))
    path.write_text(
        TEXT.format(
            n_minutes=len(series), turn_cv=TURN_CV, n_seeds=len(SEEDS), within=100 * WITHIN, table="\n".join(table),
            n_good=sum(abs(m - 1.0) <= WITHIN for m in means.values()), n_all=len(means), single=100 * np.mean(singles),
            worst=f"{worst}, {means[worst]:.2f} of the data", free="\n".join(free), waits="\n".join(waits),
            little=np.mean(little),
        )
    )  # fmt: skip


if __name__ == "__main__":
    write(Path(__file__).with_name("fit.md"), read(Path(sys.argv[1])))
