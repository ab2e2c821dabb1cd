"""Fair share: how far each user is from the share of the machine that the site promised."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qhpcsim.policies.batch.state import INF


@dataclass(frozen=True)
class Association:
    """A user who may charge an account."""

    account: str
    user: str
    shares: float = 1.0
    account_shares: float = 1.0


@dataclass(slots=True)
class Usage:
    """Core-seconds used by each association, each second halved in weight every ``half_life_s``.

    Model: U(t) = ∫ cores(s) 2^(-(t-s)/h) ds; without half-life plain core-seconds.
    Assumes: a job uses the cores it holds from its start to its end.
    Not modelled: other trackable resources (TRES billing weights); periodic resets; usage before the trace.
    Source: https://slurm.schedmd.com/priority_multifactor.html#fairshare

    Args:
        count: Number of associations.
        half_life_s: 0: no decay.
    """

    count: int
    half_life_s: float = 0.0
    amount: list[float] = field(default_factory=list)
    """Core-seconds of each association at ``at_s``."""
    at_s: float = -INF
    _running: dict[int, tuple[int, float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.amount = [0.0] * self.count

    def started(self, job: int, association: int, cores: float, now_s: float) -> None:
        """Note that a job began to use ``cores``."""
        self._running[job] = (association, cores, now_s)

    def ended(self, job: int, now_s: float) -> None:
        """Note that a job stopped; its core-seconds count from then on."""
        association, cores, since_s = self._running.pop(job)
        self._decay_to(now_s)
        self.amount[association] += cores * self._weight(now_s - since_s)

    def update(self, now_s: float) -> list[float]:
        """Return every association's core-seconds at ``now_s``, running jobs included."""
        self._decay_to(now_s)
        for job, (association, cores, since_s) in self._running.items():
            self.amount[association] += cores * self._weight(now_s - since_s)
            self._running[job] = (association, cores, now_s)
        return self.amount

    def _weight(self, length_s: float) -> float:
        """Return ∫ 2^(-s/h) ds over the last ``length_s`` seconds."""
        if not self.half_life_s:
            return length_s
        return self.half_life_s / math.log(2.0) * -math.expm1(-math.log(2.0) * length_s / self.half_life_s)

    def _decay_to(self, now_s: float) -> None:
        if self.half_life_s and now_s > self.at_s > -INF:
            factor = 0.5 ** ((now_s - self.at_s) / self.half_life_s)
            self.amount = [value * factor for value in self.amount]
        self.at_s = now_s


def fair_tree(associations: Sequence[Association], usage: Sequence[float], n_idle: int = 0) -> list[float]:
    """Return each association's fair-share factor by the Fair Tree algorithm.

    Model: siblings are ranked by level fair share S/U (share of the level over share of its usage; infinite without
        usage), best first; the users of a better account all rank before those of a worse one; tied accounts are
        merged. Factor = rank / number of users, counted down from 1; ties share the better rank.
    Assumes: two levels, accounts and their users.
    Not modelled: accounts within accounts; users placed directly under the root, except ``n_idle``.
    Source: https://slurm.schedmd.com/fair_tree.html

    Args:
        associations: The users.
        usage: Decayed core-seconds of each.
        n_idle: Further users without jobs; they rank first.
    """
    accounts = _by_account(associations)
    total_shares = sum(associations[rows[0]].account_shares for rows in accounts.values())
    total = sum(usage)
    level: dict[float, list[tuple[float, int]]] = {}
    for rows in accounts.values():
        used = sum(usage[row] for row in rows)
        shares = sum(associations[row].shares for row in rows)
        merged = level.setdefault(_level(associations[rows[0]].account_shares / total_shares, used, total), [])
        merged += [(_level(associations[row].shares / shares, usage[row], used), row) for row in rows]
    return _ranks(
        [sorted(level[key], key=lambda p: (-p[0], p[1])) for key in sorted(level, reverse=True)],
        level,
        n_idle,
    )


def classic(
    associations: Sequence[Association], usage: Sequence[float], damping: float = 1.0, idle_shares: float = 0.0
) -> list[float]:
    """Return each association's fair-share factor by the classic algorithm.

    Model: F = 2^(-(U_E/S)/d); S normalised share; U_E = U_user + (U_E,account - U_user) s_user/Σs over siblings, with
        U the share of all usage.
    Assumes: two levels, accounts and their users.
    Not modelled: accounts within accounts.
    Source: https://slurm.schedmd.com/classic_fair_share.html

    Args:
        associations: The users.
        usage: Decayed core-seconds of each.
        damping: FairShareDampeningFactor.
        idle_shares: Shares of further accounts without jobs.
    """
    accounts = _by_account(associations)
    total_shares = idle_shares + sum(associations[rows[0]].account_shares for rows in accounts.values())
    total = sum(usage) or 1.0
    factors = [0.0] * len(associations)
    for rows in accounts.values():
        account_usage = sum(usage[row] for row in rows) / total
        siblings = sum(associations[row].shares for row in rows)
        for row in rows:
            part = associations[row].shares / siblings
            own = usage[row] / total
            effective = own + (account_usage - own) * part
            share = part * associations[row].account_shares / total_shares
            factors[row] = 2.0 ** (-(effective / share) / damping) if share > 0 else 0.0
    return factors


def associations_of(pairs: Sequence[tuple[str, str]], shares: Mapping[str, float]) -> list[Association]:
    """Return one association per (account, user); shares are looked up as ``account`` and ``account/user``, else 1."""
    return [
        Association(account, user, shares.get(f"{account}/{user}", 1.0), shares.get(account, 1.0))
        for account, user in pairs
    ]


def idle_shares_of(associations: Sequence[Association], shares: Mapping[str, float]) -> float:
    """Return the shares of the accounts that are named in ``shares`` but have no jobs."""
    known = {association.account for association in associations}
    return sum(value for name, value in shares.items() if "/" not in name and name not in known)


def _by_account(associations: Sequence[Association]) -> dict[str, list[int]]:
    accounts: dict[str, list[int]] = {}
    for row, association in enumerate(associations):
        accounts.setdefault(association.account, []).append(row)
    return accounts


def _level(share: float, used: float, total: float) -> float:
    """Return S/U; infinite without usage."""
    return share / (used / total) if used > 0 else INF


def _ranks(groups: list[list[tuple[float, int]]], level: Mapping[float, object], n_idle: int) -> list[float]:
    """Return rank / count of every row; ``groups`` come best first, each sorted best first."""
    count = n_idle + sum(map(len, groups))
    factors = [0.0] * (count - n_idle)
    left = count - n_idle
    rank, previous = count, INF if n_idle else None
    untouched = bool(n_idle) and INF in level
    for number, group in enumerate(groups):
        if number or not untouched:
            previous = None
        for value, row in group:
            rank = rank if value == previous else left
            previous = value
            factors[row] = rank / count
            left -= 1
    return factors
