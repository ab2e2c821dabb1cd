"""What a QPU job can expect before it is sent: its fidelity and its price."""

from __future__ import annotations

import math

from qhpcsim.core.records import FloatArray
from qhpcsim.models.fidelity import DeviceErrors, Slope, success_probability
from qhpcsim.models.qpu import QpuModel
from qhpcsim.models.qpu_credits import job_hqc
from qhpcsim.models.qpu_fleet import Fleet
from qhpcsim.models.qpu_price import job_price
from qhpcsim.models.requests import Request


def expected_fidelity(model: QpuModel, one: Request) -> float:
    """Return the fidelity that one job can expect, NaN where the QPU's card states no errors.

    Model: the slope of ``models.fidelity.Slope`` of the success probability at the card's errors.
    Assumes: the errors of the card hold.
    Not modelled: drift, mitigation.
    Source: models/fidelity.py.
    """
    if not DeviceErrors.known(model):
        return math.nan
    return float(Slope.from_card().fidelity(success_probability(one, DeviceErrors.of(model)))[0])


def expected_cost(fleet: Fleet, qpu: int, one: Request, median_s: FloatArray) -> float:
    """Return the price of one job of median length on a QPU, in the first currency that the service's QPUs state.

    NaN where the QPU has no price or another currency.
    """
    prices = [device.prices for device in fleet.service.qpus.values()]
    currency = next((each.currency for each in prices if each is not None), "")
    its = prices[qpu]
    if its is None or its.currency != currency:
        return math.nan
    of_credits = its.per_hqc * float(job_hqc(one)[0]) if its.per_hqc else 0.0
    return float(job_price(its, one, median_s)[0]) + of_credits
