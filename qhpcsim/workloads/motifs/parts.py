"""What motifs are made of: their parameters' base, bags and QPU calls whose times come from device models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np

from qhpcsim.core.cards import Card
from qhpcsim.core.circuit_times import QPU, CircuitRun, CircuitTimes, Simulator
from qhpcsim.core.errors import ConfigError
from qhpcsim.core.records import FloatArray
from qhpcsim.core.registry import Entry
from qhpcsim.core.units import seconds
from qhpcsim.core.workflow_records import Bag, Calls, Need, Work

COUPLINGS = ("tight", "medium", "loose")
"""How closely an application's parts depend on each other while they run."""
MODES = ("HPC-for-Quantum", "Quantum-in-HPC", "Quantum-about-HPC")
"""Integration modes of the seed paper, arXiv:2604.03445."""


@dataclass(frozen=True)
class MotifParams:
    """Base of every motif's parameters; a motif states how it couples and in which integration mode it works."""

    coupling: ClassVar[str]
    """One of ``COUPLINGS``."""
    mode: ClassVar[str]
    """One of ``MODES``."""


def facts(entry: Entry) -> str:
    """Return how a registered motif couples and in which mode it works, in words; empty: it does not say."""
    params = entry.params
    if params is None or not issubclass(params, MotifParams):
        return ""
    return f"{params.coupling}, {params.mode}: "


@dataclass(frozen=True)
class Slot:
    """Where circuits run: on the QPU service, or as tasks that simulate them."""

    device: str = "gpu:a100_80"
    """``cpu:CARD``, ``gpu:CARD`` or ``qpu``."""
    cores: float = 1.0
    """Of each task that simulates."""
    gpus: float = 1.0
    """The same; fractions share a GPU, which the times do not know."""
    access: str = "job"
    """On QPUs: ``job``, ``batch`` or ``session``."""

    @property
    def on_qpu(self) -> bool:
        """Whether circuits go to the QPU service."""
        return self.device == QPU

    @property
    def need(self) -> Need:
        """What a task wants of a pilot."""
        return Need(self.cores, self.gpus if self.device.startswith("gpu") else 0.0)


def execution(run: CircuitRun, n: int, slot: Slot, times: CircuitTimes, rng: np.random.Generator) -> Work:
    """Return n equal runs as the work of one stage: tasks that simulate, or QPU jobs.

    Raises:
        ConfigError: if a QPU is asked for exact expectation values.
    """
    return calls(run, n, slot.access, times, rng) if slot.on_qpu else bag(run, n, slot, times, rng)


def bag(run: CircuitRun, n: int, slot: Slot, times: CircuitTimes, rng: np.random.Generator) -> Bag:
    """Return n equal runs on a simulator."""
    device = Simulator.of(slot.device)
    answer = times.simulated(run, n, device, rng)
    done = answer.run
    return Bag(
        run_s=answer.drawn_s,
        need=slot.need,
        predicted_s=answer.predicted_s,
        sigma=answer.sigma,
        kind=done.kind,
        device_class=device.device_class,
        device=device.card,
        circuit=(done.circuit,),
        observable=done.observable,
        n_circuits=np.full(n, done.n_circuits, np.int32) if done.n_circuits > 1 else None,
        shots=done.shots,
    )


def calls(run: CircuitRun, n: int, access: str, times: CircuitTimes, rng: np.random.Generator) -> Calls:
    """Return n equal jobs for the QPU service.

    Raises:
        ConfigError: if it is asked for exact expectation values.
    """
    if run.shots < 1:
        raise ConfigError("a QPU takes shots, none are given", where="shots", allowed="1 or more")
    answer = times.qpu(run, n, rng)
    done = answer.run
    return Calls(
        qpu_s=answer.drawn_s,
        predicted_s=answer.predicted_s,
        circuit=done.circuit,
        observable=done.observable,
        n_circuits=done.n_circuits,
        shots=done.shots,
        n_qubits=done.n_qubits,
        mode=access,
        fidelity=answer.fidelity,
        cost=answer.cost,
    )


def rounds(
    run: CircuitRun, n_rounds: int, n: int, slot: Slot, times: CircuitTimes, rng: np.random.Generator
) -> list[Work]:
    """Return ``n_rounds`` times the work of n equal runs; the models are asked once."""
    work = execution(run, n_rounds * n, slot, times, rng)
    parts = [slice(k * n, (k + 1) * n) for k in range(n_rounds)]
    if isinstance(work, Bag):
        copies = work.n_circuits
        return [
            replace(
                work,
                run_s=work.run_s[part],
                predicted_s=_part(work.predicted_s, part),
                n_circuits=None if copies is None else copies[part],
            )
            for part in parts
        ]
    assert isinstance(work, Calls)
    return [replace(work, qpu_s=work.qpu_s[part], predicted_s=_part(work.predicted_s, part)) for part in parts]


def _part(values: FloatArray | None, part: slice) -> FloatArray | None:
    return None if values is None else values[part]


def merged(bags: Sequence[Bag]) -> Bag:
    """Return several bags that differ in circuits and times only as one, task after task."""
    first = bags[0]
    predicted = [each.run_s if each.predicted_s is None else each.predicted_s for each in bags]
    copies = [np.ones(len(each.run_s), np.int32) if each.n_circuits is None else each.n_circuits for each in bags]
    circuits = [each.circuit * len(each.run_s) if len(each.circuit) == 1 else each.circuit for each in bags]
    return replace(
        first,
        run_s=np.concatenate([each.run_s for each in bags]),
        predicted_s=np.concatenate(predicted),
        circuit=tuple(name for each in circuits for name in each),
        n_circuits=np.concatenate(copies),
    )


def time_s(law: Card, name: str) -> float:
    """Return a time on a card, in seconds."""
    return seconds(f"{law.value(name)!r}{law.entry(name).unit}", f"{law.path}: {name}")


def lognormal(mean: float, cv: float, n: int, rng: np.random.Generator) -> FloatArray:
    """Return n draws of a log-normal law of given mean and coefficient of variation; cv 0: the mean."""
    sigma = np.sqrt(np.log1p(cv * cv))
    return np.asarray(mean * np.exp(sigma * rng.standard_normal(n) - 0.5 * sigma * sigma))


def random_pauli(n_qubits: int, n_terms: int, rng: np.random.Generator) -> str:
    """Return a sum of random Pauli strings, none of them the identity."""
    terms: list[str] = []
    while len(terms) < n_terms:
        letters = "".join(np.array(list("IXYZ"))[rng.integers(4, size=n_qubits)])
        if set(letters) != {"I"}:
            terms.append(letters)
    return " + ".join(terms)


def check_counts(params: Any, *names: str, least: int = 1) -> None:
    """Raise a ConfigError for the first of some parameters that is below ``least``."""
    for name in names:
        if getattr(params, name) < least:
            raise ConfigError(f"{getattr(params, name)}", where=name, allowed=f"at least {least}")


def check_times(params: Any) -> None:
    """Raise a ConfigError for a parameter that ends in ``_s`` and is a negative or infinite time."""
    for each in fields(params):
        value = getattr(params, each.name)
        if each.name.endswith("_s") and value is not None and not 0.0 <= value < np.inf:
            raise ConfigError(f"{value}", where=each.name, allowed="a time ≥ 0")
