"""What running a circuit takes, cut or whole: seconds by phase with an interval, memory, QPU time and money."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from qhpcsim.circuits.cut_candidate import CutCandidate
from qhpcsim.circuits.cut_work import CutWork, cut_work
from qhpcsim.core.cards import Card, card
from qhpcsim.core.errors import CardError, ConfigError
from qhpcsim.core.records import FloatArray
from qhpcsim.models.cpu_statevector import FOLDER as CPU_FOLDER
from qhpcsim.models.cpu_statevector import CpuStateVector
from qhpcsim.models.cutting_devices import CpuWorkers, Device, Executed, Gpus, Mixed, Qpus
from qhpcsim.models.cutting_runs import cpu_counts
from qhpcsim.models.cutting_terms import IN_PHASE, NAMES, PHASES, RUN_TERMS, SCALES, TERMS, counts
from qhpcsim.models.statevector import Z_90
from qhpcsim.models.statevector_cards import open_statevector

MODEL = "cutting"
FOLDER = "cutting"
TRANSFER = "cutting_transfer/families"
DEVICES = ("cpu", "cpu:CARD", "gpu:CARD", "qpu:CARD", "several joined by +")
_RUN = np.array([NAMES.index(name) for name in RUN_TERMS])
_ON_STATES = ("run_shot", "scale_call", "scale_state", "scale_shot")


@dataclass(frozen=True, slots=True)
class CutCost:
    """What a candidate takes, at the shots that reach the target error."""

    name: str
    total_s: float
    """Sum of the phases, planning left out; infinite if it cannot be run."""
    p5_s: float
    p95_s: float
    phases: dict[str, float]
    """Seconds of partition, transpile, generate, deduplicate, execute and reconstruct."""
    stderr: float
    """Expected standard error, largest of the observables."""
    money: float | None
    """None: no price is known."""
    qpu_s: float
    memory_bytes: float
    """Of all states held at once."""
    feasible: str
    """Why it cannot be run; empty: it can."""
    notes: tuple[str, ...] = ()
    """Where the prediction leaves what was measured."""


@dataclass(frozen=True, slots=True)
class CutModel:
    """Time of the cutting pipeline, one group of terms for each of its phases.

    Model:
        partition, transpile, generate, deduplicate, reconstruct: Σ price · count, counts known before anything runs
        (gates, parts, sides of cuts, samples, sub-experiments, circuits to run and their instructions, outcomes).
        execute: what a device takes for the list of circuits, see ``cutting_devices``; on a CPU each circuit is the
        CPU card's time, scaled, and terms of its own. A circuit in one piece goes the same way.
    Assumes:
        The pipeline of ``execution.cutting``, warm: imports, workers and the simulator's targets are there; the shots
        are shared out by weight in the sum; all samples are taken.
    Not modelled:
        Planning, drawn samples (``num_samples``), the seed-like mode, stores on disk.
    Source:
        ``qhpcsim calibrate cutting``: card, fit and errors on families left out.
    """

    name: str
    cpu: CpuStateVector
    prices: FloatArray
    """Seconds for one of each term."""
    draws: FloatArray
    """Prices of fits to problems drawn again; shape (draws, terms)."""
    log_low: float
    log_high: float
    beyond: tuple[tuple[float, float], tuple[float, float]]
    """Ends of the interval of log(measured/predicted) of circuits unlike those that cards are made from: on one worker,
    and on several."""
    hand_over_s: float
    contention: float
    """How much longer a circuit takes while the machine's other cores run circuits too."""
    n_contenders: int
    """Workers with which that was measured."""
    memory_bytes: float
    ranges: dict[str, tuple[float, float]]
    """What was measured: active qubits, circuits to run, shots."""

    @classmethod
    def open(cls, name: str) -> CutModel:
        """Return the model of a card in ``calibration/cutting/``, or of the path of one.

        Raises:
            CardError: if the card is missing or wrong.
        """
        found = card(name if name.endswith((".yaml", ".yml")) else f"{FOLDER}/{name}")
        return cls.of(found)

    @classmethod
    def of(cls, found: Card) -> CutModel:
        """Return the model of a card that is already read."""
        if found.model != MODEL:
            raise CardError(f"is for the model {found.model!r}", where=found.path, allowed=f"model: {MODEL}")
        missing = [name for name in NAMES if name not in found.entries]
        if missing:
            hint = "made with another version: qhpcsim calibrate cutting makes a new one"
            raise CardError(f"the card has no price {', '.join(missing)}", where=found.path, hint=hint)
        draws = found.array("bootstrap")
        if draws.ndim != 2 or draws.shape[1] != len(NAMES):
            where = f"{found.path}: bootstrap"
            raise CardError(f"shape {draws.shape}", where=where, allowed=f"rows of {len(NAMES)} prices")
        low, high = (float(x) for x in found.array("log_interval"))
        return cls(
            name=Path(found.path).stem,
            cpu=_cpu(found),
            prices=np.array([_price(found, term.name, term.unit) for term in TERMS]) * SCALES,
            draws=draws * SCALES,
            log_low=low,
            log_high=high,
            beyond=_beyond(),
            hand_over_s=_price(found, "hand_over", "us") * 1e-6,
            contention=found.value("contention"),
            n_contenders=int(found.value("contenders")),
            memory_bytes=found.value("memory"),
            ranges={name: _range(found, name) for name in ("n_active", "n_runs", "n_shots")},
        )

    def predict(
        self, candidate: CutCandidate, workers: int = 1, device: str = "cpu", target_error: float | None = None
    ) -> CutCost:
        """Return what a candidate takes.

        Args:
            candidate: From ``cuts.plan``.
            workers: How many circuits run at once: on the machine, on as many GPUs or QPUs.
            device: ``cpu`` (the card's machine), ``cpu:CARD``, ``gpu:CARD``, ``qpu:CARD``; several joined by ``+``
                share the parts.
            target_error: Standard error wanted of every observable; None: that of the request.

        Raises:
            QhpcsimError: for an unknown device or an impossible number.
        """
        if target_error is not None and not 0 < target_error < math.inf:
            raise ConfigError(f"{target_error}", where="target_error", allowed="a number above 0")
        return self.cost(candidate.name, cut_work(candidate, target_error), workers, device)

    def cost(self, name: str, work: CutWork, workers: int = 1, device: str = "cpu") -> CutCost:
        """Return what work takes; as ``predict`` for candidates whose work is known."""
        if workers < 1:
            raise ConfigError(f"{workers}", where="workers", allowed="1 or more")
        number = counts(work, cpu_counts(work.runs, self.cpu))
        each_s = number * self.prices
        ran = self.device(device, workers).execute(work.runs)
        phases = {phase: float(each_s[IN_PHASE[phase]].sum()) for phase in PHASES}
        phases["execute"] = float(self.prices[NAMES.index("execute")]) + ran.seconds
        low, high = self._spread(number, ran, workers)
        total_s = sum(phases.values())
        return CutCost(
            name, total_s, total_s * math.exp(-low), total_s * math.exp(high), phases, work.stderr, ran.money,
            ran.qpu_s, ran.memory_bytes, ran.why_not, tuple(self.notes(work)),
        )  # fmt: skip

    def device(self, device: str, workers: int = 1) -> Device:
        """Return what a device's name stands for.

        Raises:
            QhpcsimError: if there is none of that name.
        """
        if "+" in device:
            return Mixed([self.device(each, workers) for each in device.split("+")])
        kind, _, name = device.partition(":")
        if kind not in ("cpu", "gpu", "qpu") or (kind != "cpu" and not name):
            raise ConfigError(f"{device!r}", where="device", allowed=", ".join(DEVICES))
        if kind == "qpu":
            qpus = Qpus(name, workers)
            _ = qpus.model
            return qpus
        prices = self.prices[_RUN]
        if kind == "gpu":
            of_states = np.array([name in _ON_STATES for name in RUN_TERMS])
            return Gpus(open_statevector(name), np.where(of_states, 0.0, prices), self.cpu, workers, self.hand_over_s)
        cpu = self.cpu if name in ("", self.name) else CpuStateVector.open(name)
        memory_bytes = self.memory_bytes if cpu is self.cpu else cpu.memory_bytes
        return CpuWorkers(
            cpu.name, cpu, prices, workers, self.hand_over_s, self.contention, self.n_contenders, memory_bytes
        )

    def notes(self, work: CutWork) -> list[str]:
        """Return where work leaves what was measured."""
        asked = {"n_active": work.widest, "n_runs": work.n_runs, "n_shots": work.n_shots}
        words = {"n_active": "qubits at once", "n_runs": "circuits", "n_shots": "shots"}
        found = []
        for name, value in asked.items():
            first, last = self.ranges[name]
            if not first <= value <= last:
                found.append(f"extrapolated: {value:,} {words[name]}, measured were {first:,.0f} to {last:,.0f}")
        return found

    def _spread(self, number: FloatArray, ran: Executed, workers: int) -> tuple[float, float]:
        """Return the ends of the interval as logarithms.

        The widest of: held-out errors of the card and of other circuits, the fit's own uncertainty, the device's.
        """
        drawn = np.maximum(self.draws @ number, 1e-12)
        own = Z_90 * float(np.std(np.log(drawn)))
        low, high = self.beyond[workers > 1]
        return max(-self.log_low, -low, own, ran.log_low), max(self.log_high, high, own, ran.log_high)


def _beyond() -> tuple[tuple[float, float], tuple[float, float]]:
    """Return how far off predictions were for families of circuits that no card was made from."""
    found = card(TRANSFER)
    one, several = ([float(x) for x in found.array(name)] for name in ("log_interval_one", "log_interval_several"))
    return (one[0], one[1]), (several[0], several[1])


@lru_cache(maxsize=8)
def _open_cpu(name: str) -> CpuStateVector:
    return CpuStateVector.open(name)


def _cpu(found: Card) -> CpuStateVector:
    """Return the CPU card that a cutting card builds on: one beside it, or one that ships."""
    if "cpu_card" not in found.words:
        raise CardError("the card does not name its CPU card", where=found.path, hint="add a line 'cpu_card: NAME'")
    name = found.words["cpu_card"][0]
    beside = Path(found.path).with_name(f"{name}.yaml")
    chosen = str(beside) if beside.is_file() and name != Path(found.path).stem else name
    card(chosen if chosen.endswith(".yaml") else f"{CPU_FOLDER}/{chosen}")  # each run counts the cards that it reads
    return _open_cpu(chosen)


def _price(found: Card, name: str, unit: str) -> float:
    """Return a price in its unit, after checking that the card states it so."""
    entry = found.entry(name)
    if entry.unit != unit:
        raise CardError(f"unit {entry.unit!r}", where=f"{found.path}: {name}", allowed=unit)
    return found.value(name)


def _range(found: Card, name: str) -> tuple[float, float]:
    first, last = (float(x) for x in found.array(name))
    return first, last
