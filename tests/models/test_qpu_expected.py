"""What a QPU job can expect before it is sent is what the service expects of it and charges for it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qhpcsim.core.qpu_records import QpuDemand
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_ledger import ledger
from qhpcsim.facility.qpu_simulation import run_qpu
from qhpcsim.models.qpu_expected import expected_cost, expected_fidelity
from qhpcsim.models.qpu_fleet import Fleet, request_of
from qhpcsim.qpu_scenario import Prices, QpuDevice, QpuService

PRICES = Prices(per_second=0.5, per_shot=0.01, per_task=3.0, per_hqc=2.0)


def one_job() -> QpuDemand:
    each = {"n_circuits": 3, "shots": 200, "depth_total": 90, "n_2q_total": 60, "n_qubits_total": 24}
    columns = {name: np.array([float(value)]) for name, value in each.items()}
    return QpuDemand(submit_s=np.zeros(1), service_s=np.array([7.0]), **columns)


@pytest.mark.parametrize(
    ("card", "settings"),
    [("ibm_heron_r2", {}), ("quantinuum_h2", {"time_layer": "50ms"}), ("iqm_garnet", {}), ("aqt_ibex", {})],
)
def test_fidelity_and_price_are_those_of_the_service(card, settings):
    fleet = Fleet.open(QpuService({"q": QpuDevice(card=card, prices=PRICES, settings=settings)}), Rng(0))
    demand = one_job()
    request, jobs = request_of(demand), fleet.jobs(demand)
    assert jobs.fidelity is not None
    assert expected_fidelity(fleet.models[0], request) == jobs.fidelity[0, 0]
    run = run_qpu(jobs, fleet.service, Rng(0))
    charged = ledger(jobs, run.schedule, fleet.service).cost[0]
    assert expected_cost(fleet, 0, request, np.array([7.0])) == pytest.approx(charged, rel=1e-12)
    # 3 circuits of 20 two-qubit gates, 40 others and 8 measurements
    hqc = 3 * (5 + 200 * (40 + 10 * 20 + 5 * 8) / 5000)
    assert charged == pytest.approx(0.5 * 7 + 0.01 * 600 + 3.0 + 2.0 * hqc)


def test_what_nobody_states_is_not_known():
    fleet = Fleet.open(QpuService({"q": QpuDevice(), "p": QpuDevice(prices=PRICES)}), Rng(0))
    request = request_of(one_job())
    assert math.isnan(expected_fidelity(fleet.models[0], request))
    assert math.isnan(expected_cost(fleet, 0, request, np.array([7.0])))
    assert expected_cost(fleet, 1, request, np.array([7.0])) > 0
