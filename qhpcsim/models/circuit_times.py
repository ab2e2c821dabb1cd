"""Times of circuits for workflows, from the models of the devices that are named."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from qhpcsim.core.circuit_times import Answer, CircuitRun, Simulator
from qhpcsim.core.errors import ConfigError
from qhpcsim.core.rng import Rng
from qhpcsim.models.cpu_statevector import CpuStateVector
from qhpcsim.models.gpu_cluster import distributed
from qhpcsim.models.gpu_statevector import GpuStateVector
from qhpcsim.models.qpu import QpuModel
from qhpcsim.models.qpu_circuits import CircuitReader
from qhpcsim.models.qpu_expected import expected_cost, expected_fidelity
from qhpcsim.models.qpu_fleet import Fleet
from qhpcsim.models.requests import Request
from qhpcsim.models.statevector import Z_90, StateVectorModel

OPENERS: Mapping[str, Callable[[str], StateVectorModel]] = MappingProxyType(
    {"cpu": CpuStateVector.open, "gpu": GpuStateVector.open}
)
"""Class of device -> what opens the model of one of its cards."""


class _Job(NamedTuple):
    """What the model of a QPU says of a job."""

    request: Request
    median_s: float
    fidelity: float
    """NaN: nobody knows."""
    cost: float
    """The same."""


class ModelTimes:
    """Times of circuits on calibrated devices.

    Model:
        Simulators: the model's median · copies · stretch · f; ln f is normal with the deviation that the model states
        and drawn once for each device and circuit, because it is the model that errs, not the device that is
        unsteady. QPUs: the model's law, drawn for every job, on every QPU of the service.
    Assumes:
        A circuit that is n times as long is compiled as one n times repeated.
    Not modelled:
        Noise between runs of a circuit on one simulator, tasks that share a GPU.
    Source:
        Cards of the devices.

    Args:
        rng: Streams ``circuit_times/DEVICE/CIRCUIT``.
        fleet: QPUs of the service; None: none.
    """

    def __init__(self, rng: Rng, fleet: Fleet | None = None) -> None:
        self._rng, self._fleet = rng, fleet
        self._models: dict[Simulator, StateVectorModel] = {}
        self._known: dict[tuple[Simulator, CircuitRun], tuple[float, float, float]] = {}
        self._readers: dict[int, CircuitReader | None] = {}
        self._jobs: dict[tuple[int, CircuitRun], _Job] = {}

    def simulated(self, run: CircuitRun, n: int, device: Simulator, rng: np.random.Generator) -> Answer:
        """Return the times of n runs on a simulator.

        Raises:
            QhpcsimError: if the circuit or a card is wrong, or the state does not fit.
        """
        one = CircuitRun(run.circuit, run.shots, run.observable)
        if (device, one) not in self._known:
            self._known[device, one] = self._predicted(one, device)
        median_s, sigma, factor = self._known[device, one]
        predicted_s = np.full(n, median_s * run.n_circuits * run.stretch)
        return Answer(predicted_s * factor, predicted_s, run, sigma)

    def qpu(self, run: CircuitRun, n: int, rng: np.random.Generator) -> Answer:
        """Return the times of n jobs on every QPU.

        Raises:
            ConfigError: if there is no QPU, or none can run them; says why.
            QhpcsimError: if the circuit is wrong.
        """
        if self._fleet is None or not self._fleet.models:
            raise ConfigError(f"{run.circuit} is for a QPU and the facility has none", where="qpu.qpus")
        drawn_s, predicted_s = np.full((2, n, len(self._fleet.models)), np.inf)
        fidelity, cost = np.full((2, len(self._fleet.models)), np.nan)
        why = []
        for k, model in enumerate(self._fleet.models):
            refused = self._refusal(model, run)
            if refused:
                why.append(f"{self._fleet.names[k]}: {refused}")
                continue
            job = self._job(k, run)
            drawn_s[:, k] = model.draw(_repeated(job.request, n), rng)
            predicted_s[:, k], fidelity[k], cost[k] = job.median_s, job.fidelity, job.cost
        if len(why) == len(self._fleet.models):
            raise ConfigError(f"no QPU can run {run.circuit} ({'; '.join(why)})", where="qpu.qpus")
        return Answer(drawn_s, predicted_s, run, fidelity=fidelity, cost=cost)

    def _job(self, k: int, run: CircuitRun) -> _Job:
        """Return what a QPU's model says of a job; the same is asked time and again."""
        if (k, run) not in self._jobs:
            assert self._fleet is not None
            model, one = self._fleet.models[k], self._request(k, run)
            median_s = model.medians_s(one)
            cost = expected_cost(self._fleet, k, one, median_s)
            self._jobs[k, run] = _Job(one, float(median_s[0]), expected_fidelity(model, one), cost)
        return self._jobs[k, run]

    def _predicted(self, run: CircuitRun, device: Simulator) -> tuple[float, float, float]:
        """Return median, deviation and the drawn factor of one copy of a circuit."""
        from qhpcsim.circuits.cost import circuit_cost
        from qhpcsim.circuits.named import named_circuit
        from qhpcsim.circuits.observable import Observable

        if device not in self._models:
            self._models[device] = open_simulator(device)
        wanted = Observable.parse(run.observable, "observable") if run.observable else None
        circuit = named_circuit(run.circuit, "circuit")
        model = self._models[device]
        threads = getattr(model, "threads", 1)
        found = model.predict(circuit_cost(circuit, shots=max(run.shots, 1), observable=wanted, threads=threads))
        sigma = math.log(found.p95_s / found.p5_s) / (2.0 * Z_90)
        name = f"{device.device_class}:{device.card}:{device.n_devices}:{device.cluster}"
        factor = math.exp(sigma * self._rng.stream(f"circuit_times/{name}/{run.circuit}").standard_normal())
        return found.median_s, sigma, factor

    def _refusal(self, model: QpuModel, run: CircuitRun) -> str:
        """Return why a QPU cannot run a job, from its size alone; empty: it can."""
        size = Request.of(run.n_circuits, run.shots, 0, 0, run.n_circuits * run.n_qubits)
        broken = [limit for limit in model.limits(size) if limit.broken.any()]
        return f"{broken[0].message(0, model.name)}, at most {broken[0].most:g}" if broken else ""

    def _request(self, k: int, run: CircuitRun) -> Request:
        """Return one job as a QPU's model takes it; a QPU without gates sees the circuit as it was written."""
        from qhpcsim.circuits.features import features
        from qhpcsim.circuits.named import named_circuit

        reader = self._reader(k)
        if reader is not None:
            one = reader.request([reader.named(run.circuit)], run.shots, run.n_circuits)
        else:
            found = features(named_circuit(run.circuit, "circuit"))
            many = run.n_circuits
            one = Request.of(many, run.shots, many * found.depth, many * found.n_2q, many * found.n_qubits)
        stretched = one.duration_total_s
        return Request(
            one.n_circuits,
            one.shots,
            one.depth_total * run.stretch,
            one.n_2q_total * run.stretch,
            one.n_qubits_total,
            None if stretched is None else stretched * run.stretch,
        )

    def _reader(self, k: int) -> CircuitReader | None:
        """Return what compiles circuits for a QPU; None for one without gates."""
        if k not in self._readers:
            assert self._fleet is not None
            model = self._fleet.models[k]
            has_gates = {"topology", "native_gates"} <= model.card.words.keys()
            self._readers[k] = CircuitReader(model) if has_gates else None
        return self._readers[k]


def open_simulator(device: Simulator) -> StateVectorModel:
    """Return the model of a simulator.

    Raises:
        ConfigError: if there is no model of that class of device.
        CardError: if a card is missing or wrong.
    """
    if device.n_devices > 1:
        return distributed(device.card, device.cluster, device.n_devices, start_up=True)
    opener = OPENERS.get(device.device_class)
    if opener is None:
        raise ConfigError(
            f"there is no model of simulators on {device.device_class!r}", where="device", allowed=", ".join(OPENERS)
        )
    return opener(device.card)


def _repeated(one: Request, n: int) -> Request:
    """Return n jobs like one."""
    return Request(
        np.repeat(one.n_circuits, n),
        np.repeat(one.shots, n),
        np.repeat(one.depth_total, n),
        np.repeat(one.n_2q_total, n),
        np.repeat(one.n_qubits_total, n),
        None if one.duration_total_s is None else np.repeat(one.duration_total_s, n),
    )
