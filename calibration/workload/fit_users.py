"""Fit the users card: ``python calibration/workload/fit_users.py LOG.swf.gz …`` prints one line a log."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np

SESSION_GAP_S = 1200.0


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return submission times in seconds and user numbers of an SWF log, in order of time."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", errors="replace") as lines:
        rows = [line.split() for line in lines if line.strip() and not line.startswith(";")]
    submit = np.array([float(r[1]) for r in rows])
    order = np.argsort(submit, kind="stable")
    return submit[order], np.array([int(r[11]) for r in rows])[order]


def zipf_exponent(user: np.ndarray) -> float:
    """Return the exponent s that makes rank^-s most likely for the users' numbers of jobs."""
    jobs = np.sort(np.unique(user, return_counts=True)[1])[::-1]
    log_rank = np.log(np.arange(1, len(jobs) + 1))
    trial = np.arange(0.3, 2.5, 0.01)
    likelihood = [-s * (jobs @ log_rank) - jobs.sum() * np.log(np.exp(-s * log_rank).sum()) for s in trial]
    return float(trial[int(np.argmax(likelihood))])


def session_jobs(submit_s: np.ndarray, user: np.ndarray) -> float:
    """Return the mean session length in jobs, chance repeats of busy users taken off."""
    near = np.diff(submit_s) <= SESSION_GAP_S
    same = (user[1:] == user[:-1])[near].mean()
    share = np.unique(user, return_counts=True)[1] / len(user)
    chance = float(share @ share)
    return float(1.0 / (1.0 - (same - chance) / (1.0 - chance)))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        submit_s, user = read(Path(name))
        jobs = session_jobs(submit_s, user)
        print(f"{Path(name).name}: zipf {zipf_exponent(user):.2f}, session {jobs:.2f} jobs")
