"""State vectors on a CPU: what a card charges for each term of a simulation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qhpcsim.circuits.cost import CircuitCost
from qhpcsim.core.cards import Card, card
from qhpcsim.core.errors import CardError, CircuitError
from qhpcsim.core.records import FloatArray
from qhpcsim.models.statevector import Z_90, StateVectorPrediction
from qhpcsim.models.statevector_features import NAMES, SCALES, TERMS, Machine, Term, counts

MODEL = "cpu_statevector"
FOLDER = "cpu"
_OUTCOME = NAMES.index("outcome")
USABLE_FRAC = 0.9
"""Share of the memory that a state may take; the simulator refuses more than all of it."""


@dataclass(frozen=True, slots=True)
class CpuStateVector:
    """Wall time of one warm run of a circuit on a CPU.

    Model:
        T = t0 + Σ t·(instructions handed over, gates fused, operations called)
        + rounds · 2^n · (c_init + Σ_kernel c_kernel·N_kernel + c_memory·N·share outside the caches)
        + shots · (c_sample + c_scan · 2^(n−11)), n the qubits of the light cone, N after Aer's own fusion; every shot
        is simulated where the outcome does not follow from one state.
    Assumes:
        The card's threads, one circuit at a time on an otherwise idle machine, outcomes spread evenly.
    Not modelled:
        The first run in a process, compiling, noise models, other simulation methods.
    Source:
        ``qhpcsim calibrate cpu``; the kernels are those of Qiskit Aer 0.18, https://github.com/Qiskit/qiskit-aer
    """

    name: str
    machine: Machine
    prices: FloatArray
    """Seconds for one of each term."""
    draws: FloatArray
    """Prices of fits to circuits drawn again; shape (draws, terms)."""
    log_low: float
    log_high: float
    memory_bytes: float
    n_qubits_range: tuple[int, int]
    """Smallest and largest state vectors that were measured."""

    @classmethod
    def open(cls, name: str) -> CpuStateVector:
        """Return the model of a card in ``calibration/cpu/``, or of the path of one.

        Raises:
            CardError: if the card is missing or wrong.
        """
        found = card(name if name.endswith((".yaml", ".yml")) else f"{FOLDER}/{name}")
        return cls.of(found, Path(found.path).stem)

    @classmethod
    def of(cls, found: Card, name: str) -> CpuStateVector:
        """Return the model of a card that is already read."""
        if found.model != MODEL:
            raise CardError(f"is for the model {found.model!r}", where=found.path, allowed=f"model: {MODEL}")
        prices = np.array([_price(found, term) for term in TERMS])
        first, last = (int(n) for n in found.array("n_active"))
        machine = Machine(
            int(found.value("threads")), found.value("l2"), found.value("l3"), max(1.0, found.value("speedup"))
        )
        low, high = (float(x) for x in found.array("log_interval"))
        memory_bytes = found.value("memory")
        return cls(name, machine, prices * SCALES, _draws(found) * SCALES, low, high, memory_bytes, (first, last))

    @property
    def threads(self) -> int:
        """Threads of the simulator for which the card holds."""
        return self.machine.threads

    def predict(self, cost: CircuitCost) -> StateVectorPrediction:
        """Return the time of one run; its lower end is that of a state with a single outcome.

        Raises:
            CircuitError: if the state vectors do not fit the machine.
        """
        memory_bytes = cost.memory_bytes(self.threads)
        if memory_bytes > USABLE_FRAC * self.memory_bytes:
            needed, there = memory_bytes / 2**30, self.memory_bytes / 2**30
            raise CircuitError(
                f"the state needs {needed:,.4g} GiB, {self.name} has {there:,.3g} GiB",
                allowed=f"at most {int(math.log2(USABLE_FRAC * self.memory_bytes / 16))} qubits in double precision",
                hint="choose a larger device, or cut the circuit",
            )
        number = counts(cost, self.machine)
        each_s = number * self.prices
        median_s = float(each_s.sum())
        parts: dict[str, float] = {}
        for term, seconds in zip(TERMS, each_s, strict=True):
            parts[term.part] = parts.get(term.part, 0.0) + float(seconds)
        own = Z_90 * float(np.std(np.log(np.maximum(self.draws @ number, 1e-12) / median_s)))
        low, high = max(-self.log_low, own), max(self.log_high, own)
        p5_s = (median_s - each_s[_OUTCOME]) * math.exp(-low)
        return StateVectorPrediction(median_s, p5_s, median_s * math.exp(high), float(memory_bytes), parts)

    def dominant(self, cost: CircuitCost) -> str:
        """Return what takes most of the time, in words."""
        each_s = counts(cost, self.machine) * self.prices
        largest = int(np.argmax(each_s))
        what = TERMS[largest].about.removeprefix("amplitude, for ")
        return f"{TERMS[largest].part}: {what} ({each_s[largest] / each_s.sum():.0%} of the time)"

    def notes(self, cost: CircuitCost) -> list[str]:
        """Return what a reader of the figures must know."""
        first, last = self.n_qubits_range
        if first <= cost.n_active <= last:
            return []
        return [f"extrapolated: {cost.n_active} active qubits, measured were {first} to {last}"]


def _price(found: Card, term: Term) -> float:
    """Return a price in the term's unit, after checking that the card states it so."""
    entry = found.entry(term.name)
    if entry.unit != term.unit:
        raise CardError(f"unit {entry.unit!r}", where=f"{found.path}: {term.name}", allowed=term.unit)
    return found.value(term.name)


def _draws(found: Card) -> FloatArray:
    draws = found.array("bootstrap")
    if draws.ndim != 2 or draws.shape[1] != len(NAMES):
        where = f"{found.path}: bootstrap"
        raise CardError(f"shape {draws.shape}", where=where, allowed=f"rows of {len(NAMES)} prices, one for each term")
    return draws
