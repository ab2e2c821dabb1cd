"""Background load of a cloud QPU: the batches of jobs that other users put in front of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from qhpcsim.core import cards
from qhpcsim.core.errors import CardError, nearest, shorten
from qhpcsim.core.records import FloatArray
from qhpcsim.core.rng import Rng
from qhpcsim.workloads import laws
from qhpcsim.workloads.backlog_level import BacklogLevel, LevelLaw
from qhpcsim.workloads.laws import ServiceLaw

USERS = "workload/users"
CARD = "qpu_background/ibm_2023"
"""The card that is read where none is named."""

BLOCK = 1024
"""Looks whose gaps are drawn at once."""

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class QpuBackground:
    """The law of the background load of one QPU.

    Model:
        Users look at the queue at the instants of a renewal process with hyperexponential gaps. Who finds N jobs, fewer
        than the backlog L(t) that users put up with, submits the difference as one batch; who finds more submits one
        job with probability (L + 1)/(N + 1), else balks. A job that will start at time s, all work ahead of it done,
        lasts lognormal(mean 1/(f(s) + job_rate + (R − L(s))⁺/recovery), service_cv): f is the speed at which L falls
        then, R the jobs of its batch not done by then. So the QPU keeps up with the level and serves job_rate besides.
    Assumes:
        The QPU is one server without pause. Service is all the time between two departures, so that reservations,
        calibrations and outages of the fitted series are in it. While L rises, the batches of a turn are one user's.
    Not modelled:
        Withdrawn jobs, priorities among users, hours of the day and days of the week, limits on the size of a batch.
    Source:
        Fitted by calibration/qpu_background/fit_background.py to pending jobs of 12 IBM backends, November 2023;
        data published with Qonductor, https://github.com/manosgior/Qonductor-SC25.
    """

    backend: str
    level: LevelLaw
    look_gap: ServiceLaw
    """Time between two looks."""
    job_rate_hz: float
    """Jobs per second served beside those by which the level falls."""
    recovery_s: float
    """Time in which jobs above the level are worked off, besides."""
    service_cv: float
    """Coefficient of variation of service times round their mean."""
    n_users: int
    zipf_exponent: float
    """Share of the k-th most active user ~ k^-s."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs that one user submits at one instant."""

    time_s: float
    user: int
    """0 … n_users − 1, 0 the most active."""
    service_s: FloatArray
    """(n,) time that each job keeps the QPU, in order of submission."""


def backends(card: str | Path = CARD) -> tuple[str, ...]:
    """Return the names of the QPUs on a card, in its order."""
    return tuple(name.removesuffix(".levels") for name in cards.card(card).entries if name.endswith(".levels"))


def background(backend: str, card: str | Path = CARD) -> QpuBackground:
    """Return the background law of one QPU.

    Args:
        backend: One of ``backends(card)``.
        card: A card as ``core.cards.card`` takes it.

    Raises:
        CardError: if the card is missing or wrong, or does not hold that QPU; names the nearest one.
    """
    for read in (card, USERS):  # each run counts the cards that it reads, what is below is kept from run to run
        cards.card(read)
    return _background(backend, card)


@lru_cache(maxsize=64)
def _background(backend: str, card: str | Path) -> QpuBackground:
    found = cards.card(card)
    known = backends(card)
    if backend not in known:
        raise CardError(
            f"no background load of a QPU {shorten(backend)!r}",
            where=found.path,
            allowed=", ".join(known),
            suggestion=nearest(backend, known),
        )
    level = LevelLaw(
        tuple(found.array("level_probabilities").tolist()),
        tuple(found.array(f"{backend}.levels").tolist()),
        turn_s=found.value(f"{backend}.turn") * HOUR_S,
        turn_cv=found.value("turn_cv"),
        rise_frac=found.value("rise_frac"),
    )
    gap = ServiceLaw("hyperexponential", found.value(f"{backend}.look_gap"), found.value(f"{backend}.look_gap_cv"))
    laws.checked_cv(gap, where=f"{found.path}: {backend}.look_gap")
    return QpuBackground(
        backend,
        level,
        gap,
        job_rate_hz=found.value(f"{backend}.job_rate") / HOUR_S,
        recovery_s=found.value("recovery") * HOUR_S,
        service_cv=found.value("service_cv"),
        n_users=round(found.value("n_users")),
        zipf_exponent=cards.card(USERS).value("zipf_exponent"),
    )


class BackgroundStream:
    """Looks of users at one QPU's queue, one after the other, and the batches that come of them.

    A service asks ``next_look_s``, waits until then, and calls ``look`` with its queue as it stands::

        stream = BackgroundStream(background("ibm_perth"), rng)
        submit(stream.initial())
        while True:
            yield env.timeout(stream.next_look_s - env.now)
            batch = stream.look(n_pending)

    Args:
        law: The background law.
        rng: Streams ``qpu_background/NAME/turns``, ``/looks``, ``/services``, ``/choices`` and
            ``/users``.
        name: Tells QPUs with equal laws apart; empty: the law's backend.
    """

    def __init__(self, law: QpuBackground, rng: Rng, name: str = "") -> None:
        prefix = f"qpu_background/{name or law.backend}"
        self.law = law
        self.level = BacklogLevel(law.level, rng.stream(f"{prefix}/turns"))
        self._looks = rng.stream(f"{prefix}/looks")
        self._services = rng.stream(f"{prefix}/services")
        self._choices = rng.stream(f"{prefix}/choices")
        self._users = rng.stream(f"{prefix}/users")
        self._gaps: list[float] = []
        shares = np.arange(1, law.n_users + 1, dtype=np.float64) ** -law.zipf_exponent
        self._shares = np.cumsum(shares / shares.sum())
        self._campaigner: dict[int, int] = {}
        self._done_s = 0.0
        self.next_look_s = self._gap()
        """Instant of the next look, seconds."""

    def initial(self) -> Batch | None:
        """Return the jobs that wait at time 0 already, or None; to be called before the first look."""
        return self._batch(0.0, 0, 0.0)

    def look(self, pending: int, ahead_s: float | None = None) -> Batch | None:
        """Return what the user who looks at ``next_look_s`` submits, or None, and move on to the next look.

        Args:
            pending: Jobs in the queue and on the QPU at that instant.
            ahead_s: Seconds of work in front of a new job; None: what the stream itself has submitted and a QPU
                without other work had not done yet.
        """
        now_s = self.next_look_s
        self.next_look_s = now_s + self._gap()
        return self._batch(now_s, pending, ahead_s)

    def _batch(self, now_s: float, pending: int, ahead_s: float | None) -> Batch | None:
        n = self._n_jobs(self.level.jobs(now_s), pending)
        if n == 0:
            return None
        start_s = max(now_s, self._done_s) if ahead_s is None else now_s + ahead_s
        service_s = self._service_s(n, start_s)
        self._done_s = start_s + float(service_s.sum())
        return Batch(now_s, self._user(now_s), service_s)

    def _n_jobs(self, level: float, pending: int) -> int:
        """Return how many jobs a user submits who finds ``pending`` jobs."""
        short = math.floor(level - pending + 0.5)
        if short > 1:
            return short
        return int(self._choices.random() * (pending + 1.0) < level + 1.0)

    def _service_s(self, n: int, start_s: float) -> FloatArray:
        """Return the service times of n jobs of which the first starts at ``start_s``."""
        law = self.law
        service_s = laws.sample(ServiceLaw("lognormal", 1.0, law.service_cv), n, self._services)
        for i, factor in enumerate(service_s.tolist()):
            excess = max(n - i - self.level.jobs(start_s), 0.0)
            rate_hz = self.level.fall_hz(start_s) + law.job_rate_hz + excess / law.recovery_s
            service_s[i] = factor / rate_hz
            start_s += float(service_s[i])
        return service_s

    def _user(self, now_s: float) -> int:
        if not self.level.rising(now_s):
            return self._draw_user()
        turn = self.level.turn(now_s)
        if turn not in self._campaigner:
            self._campaigner[turn] = self._draw_user()
        return self._campaigner[turn]

    def _draw_user(self) -> int:
        place = int(np.searchsorted(self._shares, self._users.random(), side="right"))
        return min(place, self.law.n_users - 1)

    def _gap(self) -> float:
        if not self._gaps:
            self._gaps = laws.sample(self.law.look_gap, BLOCK, self._looks)[::-1].tolist()
        return self._gaps.pop()
