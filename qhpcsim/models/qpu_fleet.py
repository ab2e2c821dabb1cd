"""The QPUs of a service with their cards open: what jobs take, cost and come out like on each of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from qhpcsim.core.cards import card
from qhpcsim.core.errors import ConfigError, QhpcsimError, WorkloadError, nearest, shorten
from qhpcsim.core.qpu_records import QpuDemand, QpuJobTable
from qhpcsim.core.records import Categories, FloatArray, IntArray
from qhpcsim.core.rng import Rng
from qhpcsim.models.fidelity import DeviceErrors, Slope, success_probability
from qhpcsim.models.qpu import QpuModel, card_path, open_qpu
from qhpcsim.models.qpu_credits import job_hqc
from qhpcsim.models.qpu_price import card_prices
from qhpcsim.models.qpu_quality import ErrorHistory, Quality, n_couplers
from qhpcsim.models.requests import Limit, Outside, Request
from qhpcsim.qpu_scenario import AbstractQpuParams, QpuDevice, QpuService

MOST_SHOTS = 2**53
"""Shots of a job, all circuits together, that float64 still counts one by one."""
_MOST_CIRCUITS = 2**31 - 1


class Refusal(NamedTuple):
    """A job that a QPU cannot run."""

    job: int
    """Index in the demand."""
    qpu: str
    message: str
    """Where the job stands, what it asks and what the QPU takes at most."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Use ``Fleet.open``."""

    service: QpuService
    """The service, with the cards' prices where the user gives none."""
    models: tuple[QpuModel, ...]
    """One a QPU, in the service's order."""
    rng: Rng

    @classmethod
    def open(cls, service: QpuService, rng: Rng) -> Fleet:
        """Return the QPUs of a service.

        Args:
            service: The service.
            rng: Streams ``qpu_times/NAME`` and ``qpu_drift/NAME`` are used: a QPU more changes nothing for the others.

        Raises:
            QhpcsimError: as ``open_device`` does; names the QPU.
        """
        models = {name: open_device(device, f"qpu.qpus.{name}") for name, device in service.qpus.items()}
        qpus = {name: _priced(device, models[name]) for name, device in service.qpus.items()}
        return cls(replace(service, qpus=qpus), tuple(models.values()), rng)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the QPUs, in the service's order."""
        return tuple(self.service.qpus)

    def jobs(self, demand: QpuDemand) -> QpuJobTable:
        """Return the jobs as the service takes them.

        ``predicted_s`` is the median of each QPU's model, ``drawn_s`` a random time of its law; both are the demand's
        ``service_s`` where it gives one, and inf where the QPU cannot run the job. ``fidelity`` is the expected one
        at the card's errors, NaN on QPUs whose card states none.

        Raises:
            WorkloadError: for a job that asks by name for a QPU that is not there or cannot run it.
        """
        request = request_of(demand)
        limits = [model.limits(request) for model in self.models]
        qpu = _named(demand, self.names)
        self._refuse_named(demand, qpu, limits)
        predicted_s, drawn_s = self._times_s(demand, request, limits)
        return QpuJobTable(
            submit_s=demand.submit_s,
            drawn_s=drawn_s,
            predicted_s=predicted_s,
            job_id=demand.job_id,
            user=demand.user,
            group=demand.group,
            mode=demand.mode,
            session=demand.session,
            closes_session=demand.closes_session,
            qpu=qpu,
            priority=demand.priority,
            depends_on=demand.depends_on,
            think_s=demand.think_s,
            circuits=demand.n_circuits.astype(np.int32),
            shots=(demand.shots * demand.n_circuits).astype(np.int64),
            fidelity=self._fidelity(request),
            hqc=job_hqc(request),
            min_fidelity=demand.min_fidelity,
        )

    def quality(self, demand: QpuDemand) -> Quality:
        """Return what fidelity the jobs can expect on each QPU at any time."""
        return Quality(request_of(demand), [self._history(k) for k in range(len(self.models))])

    def refusals(self, demand: QpuDemand) -> list[Refusal]:
        """Return which QPU cannot run which job and why, by job, then in the service's order."""
        request = request_of(demand)
        found = []
        for k, model in enumerate(self.models):
            broken = [limit for limit in model.limits(request) if limit.broken.any()]
            jobs = np.flatnonzero(np.any([limit.broken for limit in broken], axis=0)) if broken else ()
            found += [(int(job), k, _reason(demand, int(job), broken, self.names[k])) for job in jobs]
        return [Refusal(job, self.names[k], message) for job, k, message in sorted(found)]

    def outside(self, demand: QpuDemand) -> list[tuple[str, Outside]]:
        """Return (QPU, range) for the fitted ranges of the cards that some jobs leave: their times are extrapolated."""
        request = request_of(demand)
        pairs = zip(self.names, self.models, strict=True)
        return [(name, part) for name, model in pairs for part in model.outside(request)]

    def _times_s(self, demand: QpuDemand, request: Request, limits: list[list[Limit]]) -> tuple[FloatArray, FloatArray]:
        """Return predicted and drawn times, each (n, q)."""
        predicted_s, drawn_s = np.empty((2, len(request), len(self.models)))
        for k, (name, model) in enumerate(zip(self.names, self.models, strict=True)):
            predicted_s[:, k] = model.medians_s(request)
            drawn_s[:, k] = model.draw(request, self.rng.stream(f"qpu_times/{name}"))
        for times_s in (predicted_s, drawn_s):
            if demand.service_s is not None:
                given = np.isfinite(demand.service_s)
                times_s[given] = demand.service_s[given, None]
            for k, of_qpu in enumerate(limits):
                for limit in of_qpu:
                    times_s[limit.broken, k] = np.inf
        return predicted_s, drawn_s

    def _fidelity(self, request: Request) -> FloatArray | None:
        """Return expected fidelities at the cards' errors, (n, q); None if no card states errors."""
        if not any(map(DeviceErrors.known, self.models)):
            return None
        slope, found = Slope.from_card(), np.full((len(request), len(self.models)), np.nan)
        for k, model in enumerate(self.models):
            if DeviceErrors.known(model):
                found[:, k] = slope.fidelity(success_probability(request, DeviceErrors.of(model)))
        return found

    def _history(self, qpu: int) -> ErrorHistory | None:
        name, model = self.names[qpu], self.models[qpu]
        if not DeviceErrors.known(model):
            return None
        device = self.service.qpus[name]
        couplers = n_couplers(model) if device.drift else 0
        return ErrorHistory(DeviceErrors.of(model), device, couplers, self.rng.stream(f"qpu_drift/{name}"))

    def _refuse_named(self, demand: QpuDemand, qpu: IntArray | None, limits: list[list[Limit]]) -> None:
        """Raise for the first job that names a QPU which cannot run it."""
        if qpu is None:
            return
        wrong = [
            (int(job), k, limit)
            for k, of_qpu in enumerate(limits)
            for limit in of_qpu
            for job in np.flatnonzero(limit.broken & (qpu == k))[:1]
        ]
        if wrong:
            job, k, limit = min(wrong, key=lambda each: each[:2])
            raise WorkloadError(
                limit.message(job, self.names[k]),
                where=demand.place(job),
                allowed=f"at most {limit.most:g}",
                hint="make the job smaller, or let it go to another QPU",
            )


def open_device(device: QpuDevice, where: str = "qpu") -> QpuModel:
    """Return the model of a QPU: its card with its settings, or the service law of an abstract one.

    Raises:
        QhpcsimError: if the card is missing or wrong, a setting does not fit it, a service law is given for a card
            that has times of its own, or errors shall drift that the card does not state.
    """
    try:
        _check_settings(device)
        model = open_qpu(device.card, **device.settings, **_law(device))
        if device.drift:
            DeviceErrors.of(model)
    except QhpcsimError as error:
        raise type(error)(
            error.message,
            where=": ".join(part for part in (where, error.where) if part),
            allowed=error.allowed,
            suggestion=error.suggestion,
            hint=error.hint,
        ) from None
    return model


def request_of(demand: QpuDemand) -> Request:
    """Return what the jobs ask of a QPU.

    Raises:
        QhpcsimError: for an impossible job; names it.
    """
    request = Request.of(
        demand.n_circuits,
        demand.shots,
        demand.depth_total,
        demand.n_2q_total,
        demand.n_qubits_total,
        where="qpu_workload",
    )
    too_many = (request.n_circuits > _MOST_CIRCUITS) | (request.n_circuits * request.shots > MOST_SHOTS)
    if too_many.any():
        job = int(np.argmax(too_many))
        raise WorkloadError(
            f"{request.n_circuits[job]:g} circuits of {request.shots[job]:g} shots",
            where=demand.place(job),
            allowed=f"at most {_MOST_CIRCUITS} circuits and {MOST_SHOTS} shots in all",
        )
    return request


def _law(device: QpuDevice) -> dict[str, Any]:
    """Return the settings that make an abstract QPU's service law; none for other cards."""
    law = asdict(device.service)
    if card(card_path(device.card)).model != "abstract":
        if device.service != AbstractQpuParams():
            raise ConfigError(
                f"the times of {shorten(device.card)!r} come from its card",
                where="service",
                hint="change a number of the card with settings, or take card=abstract",
            )
        return {}
    return law


def _check_settings(device: QpuDevice) -> None:
    """Refuse settings that have a place of their own."""
    for name in device.settings:
        if name in AbstractQpuParams.__dataclass_fields__:
            raise ConfigError(f"{name} belongs to the service law", where="settings", hint=f"say service.{name}=…")
        if name.startswith("price_"):
            raise ConfigError(f"{name} is a price", where="settings", hint="say prices.per_second=…, or what it is per")


def _priced(device: QpuDevice, model: QpuModel) -> QpuDevice:
    """Return the QPU with its card's prices where the user gives none."""
    return device if device.prices is not None else replace(device, prices=card_prices(model.card))


def _named(demand: QpuDemand, names: tuple[str, ...]) -> IntArray | None:
    """Return the index of the QPU that each job asks for, -1 for any; None if no job asks."""
    asked: Categories | None = demand.qpu
    if asked is None:
        return None
    index = np.array([names.index(name) if name in names else -1 for name in asked.names], dtype=np.int32)
    missing = (asked.code >= 0) & (np.append(index, -1)[asked.code] < 0)
    if missing.any():
        job = int(np.argmax(missing))
        name = asked.names[asked.code[job]]
        raise WorkloadError(
            f"there is no QPU {shorten(name)!r}",
            where=demand.place(job),
            allowed=", ".join(names),
            suggestion=nearest(name, names),
        )
    return np.append(index, np.int32(-1))[asked.code]


def _reason(demand: QpuDemand, job: int, limits: list[Limit], qpu: str) -> str:
    limit = next(limit for limit in limits if limit.broken[job])
    return f"{demand.place(job)}: {limit.message(job, qpu)}, which takes at most {limit.most:g}"
