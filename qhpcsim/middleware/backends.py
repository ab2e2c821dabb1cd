"""Backends: what a task system such as Ray or Dask costs its pilots, its scheduler and its client, from a card."""

from __future__ import annotations

from dataclasses import dataclass

from qhpcsim.middleware.client import ClientCosts
from qhpcsim.middleware.pilots import PilotCosts
from qhpcsim.middleware.pool_costs import PoolCosts
from qhpcsim.models.gpu_card import card_names, read_card

_TIMES = ("us", "ms", "s")
PILOT = ("start", "start_per_doubling", "poll", "cancel")
POOL = ("dispatch", "cold", "gpu_cold", "load", "turnaround")
CLIENT = ("submit", "submit_unpinned", "collect", "collect_per_task", "look")
SCHEMA: dict[str, tuple[tuple[str, ...], bool]] = dict.fromkeys((*PILOT, *POOL, *CLIENT), (_TIMES, False))
"""Entry of a card of ``calibration/middleware/`` -> (units, whether it must be there); what is not there costs nothing.

Names are those of ``PilotCosts``, ``PoolCosts`` and ``ClientCosts`` without ``_s``; ``look`` is the client's poll.
"""


@dataclass(frozen=True, slots=True)
class Backend:
    """What a task system costs.

    Model: see ``Pilots``, ``TaskPool`` and ``Client``; the numbers are the card's. The client's loop of Pilot-Quantum
        can be left out, which makes an ideal client: it sends and collects at no cost and is told of every result.
    Assumes: costs do not depend on the machine that they were measured on.
    Not modelled: memory of the object store; scheduler and client that hinder each other on one node.
    Source: the card; calibration/middleware/fit.md.
    """

    name: str
    pilot: PilotCosts
    pool: PoolCosts
    client: ClientCosts


def open_backend(name: str, faithful: bool = True) -> Backend:
    """Return a backend from its card.

    Args:
        name: A card of ``calibration/middleware/``, or the path of one.
        faithful: Whether the client has the loop that was measured: one task sent, one result collected at a time,
            each turn longer by the results still out, looks at intervals.

    Raises:
        CardError: if the card is missing or wrong.
    """
    _, given_s = read_card("middleware", name, SCHEMA)
    cost_s = dict.fromkeys(SCHEMA, 0.0) | given_s
    pool = PoolCosts(**{f"{key}_s": cost_s[key] for key in POOL})  # type: ignore[arg-type]
    client = ClientCosts(
        cost_s["submit"], cost_s["submit_unpinned"], cost_s["collect"], cost_s["collect_per_task"], cost_s["look"]
    )
    return Backend(
        name, PilotCosts(**{f"{key}_s": cost_s[key] for key in PILOT}), pool, client if faithful else ClientCosts()
    )


def backend_names() -> tuple[str, ...]:
    """Return the shipped backends."""
    return tuple(card_names("middleware"))
