"""What runs with nodes and QPUs on one clock have in common: what they refuse, and the table of their QPU calls."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.errors import ConfigError
from qhpcsim.facility.centre import Centre
from qhpcsim.facility.qpu_calls import calls_of
from qhpcsim.facility.qpu_ledger import ledger
from qhpcsim.facility.qpu_simulation import schedule_of
from qhpcsim.models.qpu_fleet import Fleet
from qhpcsim.results.qpu_outcome import QpuOutcome
from qhpcsim.scenario import Scenario


def check_one_clock(scenario: Scenario, what: str, count_hint: str, load_hint: str) -> None:
    """Raise ``ConfigError`` for what such a run does not know, rather than leave it out.

    Args:
        scenario: The scenario.
        what: ``hybrid jobs`` or ``applications``, for the message.
        count_hint: What to set instead of ``workload.max_jobs``.
        load_hint: What to set instead of ``workload.load_scale``.
    """
    workload, service = scenario.workload, scenario.qpu
    unknown = (
        ("workload.max_jobs", workload.max_jobs is not None, count_hint),
        ("workload.load_scale", workload.load_scale != 1.0, load_hint),
        ("qpu_workload", scenario.qpu_workload.source != "none", f"{what} bring their own QPU calls"),
        ("qpu.access", service.access != "queue", "qpu.access=queue"),
        ("qpu.qpus", any(device.background for device in service.qpus.values()), "leave out background"),
        ("engine", scenario.engine == "kernel", "engine=auto"),
    )
    for key, there, hint in unknown:
        if there:
            raise ConfigError(f"does not go together with {what}", where=key, hint=hint)


def calls_outcome(centre: Centre, fleet: Fleet) -> QpuOutcome:
    """Return what became of the calls that a centre's QPU service got while it ran."""
    assert centre.qpu is not None
    calls, schedule = calls_of(centre.qpu), schedule_of(centre.qpu)
    return QpuOutcome(
        service=fleet.service,
        jobs=calls,
        schedule=schedule,
        book=ledger(calls, schedule, fleet.service),
        fidelity=np.full(calls.n, np.nan),
        quality=[[] for _ in fleet.service.qpus],
    )
