"""Who submits: unequal users who work in sessions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qhpcsim.core.cards import card
from qhpcsim.core.errors import ConfigError
from qhpcsim.core.records import Categories, FloatArray
from qhpcsim.core.rng import Rng


@dataclass(frozen=True)
class Users:
    """How many users there are and how they behave; None: the value of the card."""

    count: int = 50
    zipf_exponent: float | None = None
    """Share of the k-th most active user is proportional to k^-s; 0: all alike."""
    session_jobs: float | None = None
    """Mean number of jobs that a user submits in a row; 1: every job is drawn alone."""


def assign(params: Users, submit_s: FloatArray, rng: Rng, where: str = "users", stream: str = "users") -> Categories:
    """Return the user of each job.

    Model:
        A job opens a new session with probability 1/session_jobs, or when the one before came more than
        ``session_gap`` earlier; a session's user is drawn with probability ∝ rank^-s.
    Assumes:
        One session at a time over the whole machine; users are independent of what their jobs ask for.
    Not modelled:
        Repetition of a user's sizes and run times, think times that react to the queue, a user's own hours.
    Source:
        calibration/workload/users.yaml (fit to three public logs).

    Args:
        params: Number and behaviour of users.
        submit_s: (n,) submission times, non-decreasing.
        rng: Streams ``STREAM/…`` are used.
        where: Key path for messages.
        stream: Prefix of the random streams.
    """
    constants = card("workload/users")
    exponent = constants.value("zipf_exponent") if params.zipf_exponent is None else params.zipf_exponent
    length = constants.value("session_jobs") if params.session_jobs is None else params.session_jobs
    if params.count < 1:
        raise ConfigError(f"{params.count} users", where=f"{where}.count", allowed="at least 1")
    if length < 1:
        raise ConfigError(f"{length} jobs a session", where=f"{where}.session_jobs", allowed="at least 1")
    opens = rng.stream(f"{stream}/sessions").random(len(submit_s)) < 1.0 / length
    opens[1:] |= np.diff(submit_s) > constants.value("session_gap")
    opens[:1] = True
    share = np.arange(1, params.count + 1) ** -float(exponent)
    cumulative = np.cumsum(share / share.sum())
    drawn = np.searchsorted(cumulative, rng.stream(f"{stream}/who").random(len(submit_s)), side="right")
    opener = np.maximum.accumulate(np.where(opens, np.arange(len(submit_s)), 0))
    code = np.minimum(drawn[opener], params.count - 1).astype(np.int32)
    width = len(str(params.count))
    return Categories(code, tuple(f"user{k + 1:0{width}d}" for k in range(params.count)))
