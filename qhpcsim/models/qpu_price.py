"""What the provider of a calibrated QPU charges, from its card."""

from __future__ import annotations

from qhpcsim.core.cards import Card
from qhpcsim.core.errors import CardError
from qhpcsim.core.records import FloatArray
from qhpcsim.models.requests import Request
from qhpcsim.qpu_scenario import Prices

_FIELDS = {"price_per_s": "per_second", "price_per_shot": "per_shot", "price_per_task": "per_task"}


def card_prices(card: Card) -> Prices | None:
    """Return the prices on a card; None if it has none.

    Raises:
        CardError: if the card mixes currencies.
    """
    found = {name: card.entry(name) for name in _FIELDS if name in card.entries}
    if not found:
        return None
    currencies = sorted({entry.unit.split("/")[0] for entry in found.values()})
    if len(currencies) > 1:
        raise CardError(f"prices in {' and '.join(currencies)}", where=card.path, allowed="one currency")
    return Prices(**{_FIELDS[name]: card.value(name) for name in found}, currency=currencies[0])


def job_price(prices: Prices, request: Request, time_s: FloatArray) -> FloatArray:
    """Return what each job costs that holds the QPU for ``time_s`` seconds, in the currency of the prices.

    Model: per_second · time + per_shot · shots of all circuits + per_task.
    Assumes: the provider bills the time for which the QPU is held.
    Not modelled: free quotas, minimum charges, credits (HQC), taxes.
    Source: the providers' price lists; see the card.
    """
    shots = request.n_circuits * request.shots
    return prices.per_second * time_s + prices.per_shot * shots + prices.per_task
