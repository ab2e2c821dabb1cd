"""Other models of a QPU's service time, and the table that compares them on the same jobs."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qhpcsim.models.requests import Prediction, Request


def ibm_formula(r: Request) -> np.ndarray:
    """Return IBM's documented usage estimate, 0.4 us for a layer of a circuit."""
    return 2.0 + r.shots * (r.n_circuits * 250e-6 + 0.4e-6 * r.depth_total)


def ibm_quick(r: Request) -> np.ndarray:
    """Return IBM's documented quick estimate."""
    return 2.0 + 0.00035 * r.n_circuits * r.shots


def qsimpy(r: Request) -> np.ndarray:
    """Return QSimPy's time: layers times shots over 19.95 CLOPS."""
    return r.depth_total * r.shots / (2000.0 * 19.95)


def hybrid_cloud_sim(r: Request) -> np.ndarray:
    """Return the time of HybridCloudSim 2026 for each circuit of the job."""
    return r.n_circuits * 10.0 * r.shots * np.log2(np.maximum(r.depth_total / r.n_circuits, 2.0)) / 220e3


def q_cloud_sim(r: Request) -> np.ndarray:
    """Return QCloudSim's time of a job, whose depth does not enter, with a quantum volume of 127."""
    return 100.0 * 10.0 * r.shots * np.log2(127.0) / 30e3


def i_quantum(r: Request) -> np.ndarray:
    """Return iQuantum's time: layers times shots over CLOPS."""
    return r.depth_total * r.shots / 2000.0


BASELINES: dict[str, Callable[[Request], np.ndarray]] = {
    "IBM documentation, base formula": ibm_formula,
    "IBM documentation, quick formula": ibm_quick,
    "QSimPy (CLOPS 2000)": qsimpy,
    "HybridCloudSim 2026 (CLOPS 220k)": hybrid_cloud_sim,
    "QCloudSim (CLOPS 30k, QV 127)": q_cloud_sim,
    "iQuantum (CLOPS 2000)": i_quantum,
}
"""None of them is fitted to these jobs; the CLOPS are our choice, as the jobs do not name their machine."""


@dataclass
class Report:
    """Errors of the cross-validated model and of the others."""

    request: Request
    time_s: np.ndarray
    group: np.ndarray
    runs: list[Prediction]
    """Held-out predictions, one a repeat of the cross-validation."""

    def strata(self) -> dict[str, np.ndarray]:
        """Return which jobs belong to each stratum."""
        one = self.request.n_circuits == 1
        return {"all": np.ones(len(one), bool), "one circuit": one, "several circuits": ~one}

    def error(self, predicted_s: np.ndarray, jobs: np.ndarray) -> float:
        """Return the median absolute percentage error of some jobs."""
        return float(100 * np.median(np.abs(predicted_s[jobs] / self.time_s[jobs] - 1)))

    def errors(self, jobs: np.ndarray) -> np.ndarray:
        """Return the error of each repeat."""
        return np.array([self.error(run.median_s, jobs) for run in self.runs])

    def coverage(self, jobs: np.ndarray) -> np.ndarray:
        """Return the share of some jobs inside the 90 % interval, of each repeat, in percent."""
        inside = [(self.time_s >= run.p5_s) & (self.time_s <= run.p95_s) for run in self.runs]
        return np.array([100 * i[jobs].mean() for i in inside])

    def interval(self, jobs: np.ndarray, value: Callable[[np.ndarray], float], n: int = 400) -> tuple[float, float]:
        """Return a 95 % bootstrap interval of a figure, resampling the distinct rows of features."""
        rows = np.flatnonzero(jobs)
        order = rows[np.argsort(self.group[rows], kind="stable")]
        members = np.split(order, np.flatnonzero(np.diff(self.group[order])) + 1)
        rng = np.random.default_rng(2)
        found = [
            value(np.concatenate([members[g] for g in rng.integers(0, len(members), len(members))])) for _ in range(n)
        ]
        low, high = np.quantile(found, (0.025, 0.975))
        return float(low), float(high)

    def rows(self) -> list[tuple[str, ...]]:
        """Return (model, stratum, error, its interval, within 20 %, predicted over real, coverage, its interval)."""
        found = []
        first = self.runs[0]
        for name, jobs in self.strata().items():
            low, high = self.interval(jobs, lambda j: self.error(first.median_s, j))
            inside = self.coverage(jobs)
            lo, hi = self.interval(
                jobs,
                lambda j: float(100 * ((self.time_s >= first.p5_s) & (self.time_s <= first.p95_s))[j].mean()),
            )
            e = self.errors(jobs)
            found.append(
                (
                    "this model, held out",
                    name,
                    f"{e.mean():.1f} ± {e.std():.1f}",
                    f"{low:.1f} … {high:.1f}",
                    *self._plain(first.median_s, jobs),
                    f"{inside.mean():.1f} ± {inside.std():.1f}",
                    f"{lo:.1f} … {hi:.1f}",
                )
            )
        for model, formula in BASELINES.items():
            predicted = formula(self.request)
            for name, jobs in self.strata().items():
                plain = self._plain(predicted, jobs)
                found.append((model, name, f"{self.error(predicted, jobs):.1f}", "", *plain, "", ""))
        return found

    def _plain(self, predicted_s: np.ndarray, jobs: np.ndarray) -> tuple[str, str]:
        ratio = predicted_s[jobs] / self.time_s[jobs]
        return f"{100 * np.mean(np.abs(ratio - 1) <= 0.2):.0f}", f"{np.median(ratio):.2f}"

    def bins(self) -> list[tuple[str, ...]]:
        """Return (what, jobs, error, coverage) by shots and by predicted time."""
        r, one = self.request, self.request.n_circuits == 1
        median = self.runs[0].median_s
        parts = {f"one circuit, {s:g} shots": one & (r.shots == s) for s in np.unique(r.shots[one])}
        edges = (0, 10, 20, 40, 80, 160, 320, np.inf)
        for low, high in itertools.pairwise(edges):
            parts[f"several, predicted {low:g} … {high:g} s"] = ~one & (median >= low) & (median < high)
        return [
            (name, str(int(j.sum())), f"{self.errors(j).mean():.1f}", f"{self.coverage(j).mean():.0f}")
            for name, j in parts.items()
            if j.sum() >= 20
        ]

    def csv(self) -> str:
        """Return the comparison as CSV."""
        head = (
            "model,stratum,median_ape_pct,median_ape_ci95,within_20pct,predicted_over_real,coverage90_pct,coverage_ci95"
        )
        return "\n".join([head, *(",".join(f'"{c}"' for c in row) for row in self.rows())]) + "\n"

    def markdown(self) -> str:
        """Return both tables in Markdown."""
        n = {name: int(jobs.sum()) for name, jobs in self.strata().items()}
        head = (
            "model|jobs|median error %|95 % interval|within 20 %|predicted / real|in the 90 % interval, %|95 % interval"
        )
        lines = [
            "# Service time of IBM QPUs: held-out error\n",
            f"{n['all']} real jobs of 2023 ({n['one circuit']} of one circuit, {n['several circuits']} of several), "
            f"{len(np.unique(self.group))} distinct rows of features. Five folds by distinct row, {len(self.runs)} "
            "repeats: mean ± standard deviation over repeats. Intervals: bootstrap over distinct rows. The other "
            "models are not fitted; the jobs do not name their machine, so their CLOPS are our choice, and where a "
            "formula knows jobs of one circuit only, it is read in the way that suits it best.\n",
            *_table(head, self.rows()),
            "\nThe model has seven fitted times, one log deviation and two lists of quantiles. Its form (what overlaps "
            "with the execution, what several circuits add) was chosen among about twenty by the same "
            "cross-validation, so these figures are slightly hopeful; jobs kept apart from "
            "all of this are the real test.\n",
            "\n## Where it is right and where not\n",
            *_table("jobs|n|median error %|in the 90 % interval, %", self.bins()),
            "\nMost jobs of 8192 shots ran faster than the repetition rate of any machine of that year allows (some "
            "below 4 µs a shot), with a time that grows exponentially with the qubits: they are simulator runs, or "
            "another service. They are counted above, and the model does not try to predict them.\n",
        ]
        return "\n".join(lines)


def _table(head: str, rows: list[tuple[str, ...]]) -> list[str]:
    names = head.split("|")
    return [
        "| " + " | ".join(names) + " |",
        "|" + "---|" * len(names),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
