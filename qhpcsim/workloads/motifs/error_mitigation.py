"""Error mitigation: another motif whose circuits are run more often, longer, or with more shots."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from qhpcsim.core.cards import card
from qhpcsim.core.circuit_times import Answer, CircuitRun, CircuitTimes, Simulator
from qhpcsim.core.errors import ConfigError
from qhpcsim.core.registry import lookup, register
from qhpcsim.core.workflow_records import Calls, Workflow
from qhpcsim.workloads.motifs.making import motif_params
from qhpcsim.workloads.motifs.parts import MotifParams, check_counts

METHODS = ("zne", "pec", "readout")


@dataclass(frozen=True)
class ErrorMitigationParams(MotifParams):
    """Parameters of error mitigation; None and empty: what the card ``motifs/error_mitigation`` says."""

    coupling: ClassVar[str] = "medium"
    mode: ClassVar[str] = "Quantum-in-HPC"

    base: str = "vqe"
    """Motif whose circuits are mitigated."""
    settings: tuple[tuple[str, str], ...] = ()
    """Parameters of that motif: ``base.NAME`` and a text."""
    methods: tuple[str, ...] = ("zne", "readout")
    """Any of zne, pec and readout; their costs multiply."""
    noise_factors: tuple[float, ...] = ()
    """ZNE: lengths of the folded circuits, over their own."""
    gamma: float = 1.01
    """PEC: cost of one two-qubit gate; a circuit's overhead is γ to twice their number, cut at ``max_overhead``."""
    n_2q: int = 100
    """PEC: two-qubit gates of a circuit."""
    max_overhead: float | None = None
    readout_circuits: int | None = None
    """Readout: further circuits in each job."""


@register(
    "motif",
    "error_mitigation",
    summary="another motif with its circuits mitigated: zero-noise extrapolation, error cancellation, readout",
    source="Temme, Bravyi, Gambetta 2017, doi:10.1103/PhysRevLett.119.180509; card motifs/error_mitigation",
    params=ErrorMitigationParams,
)
def error_mitigation(params: ErrorMitigationParams, rng: np.random.Generator, times: CircuitTimes) -> Workflow:
    """Return the base motif's workflow; its circuits cost what mitigated ones do.

    Model:
        ZNE: a circuit is run at every noise factor, that many times as long. PEC: γ^(2 n_2q) times as many shots, at
        most ``max_overhead``. Readout: ``readout_circuits`` more in each QPU job, as long as the others.
    Assumes:
        Only circuits on QPUs are mitigated; those that are simulated have no errors.
    Not modelled:
        Learning the noise for PEC; the extrapolation (milliseconds); what mitigation does for convergence.
    Source:
        Options of Qiskit Runtime's Estimator, see the card.
    """
    if params.base in ("error_mitigation", "pipeline", "adaptive_circuits"):
        raise ConfigError(f"{params.base}", where="base", allowed="a motif that is not composed of others")
    own = {name.removeprefix("base."): text for name, text in params.settings}
    flow: Workflow = lookup("motif", params.base, "base").target(
        motif_params(params.base, own, "base"), rng, _MitigatedTimes(times, multipliers(params))
    )
    if not any(isinstance(stage.work, Calls) for stage in flow.stages):
        raise ConfigError(f"{params.base} runs nothing on a QPU", where="base", hint="settings base.device=qpu")
    flow.motif = "error_mitigation"
    return flow


@dataclass(frozen=True, slots=True)
class Multipliers:
    """What mitigation makes of one QPU job."""

    circuits: int = 1
    """Times each circuit."""
    more_circuits: int = 0
    """Further ones in each job."""
    shots: float = 1.0
    stretch: float = 1.0
    """Mean length of the multiplied circuits."""

    def of(self, run: CircuitRun) -> CircuitRun:
        """Return the job that is really run."""
        many = run.n_circuits * self.circuits
        n = many + self.more_circuits
        stretch = run.stretch * (many * self.stretch + self.more_circuits) / n
        return replace(run, n_circuits=n, shots=math.ceil(run.shots * self.shots), stretch=stretch)


def multipliers(params: ErrorMitigationParams) -> Multipliers:
    """Return what the methods multiply a job by.

    Raises:
        ConfigError: for an unknown method, or a factor below 1.
    """
    law, found = card("motifs/error_mitigation"), Multipliers()
    for method in params.methods:
        if method not in METHODS:
            raise ConfigError(f"{method!r}", where="methods", allowed=", ".join(METHODS))
    if "zne" in params.methods:
        factors = params.noise_factors or tuple(law.array("zne_noise_factors").tolist())
        if min(factors) < 1:
            raise ConfigError(f"{factors}", where="noise_factors", allowed="1 and more")
        found = replace(found, circuits=len(factors), stretch=sum(factors) / len(factors))
    if "pec" in params.methods:
        check_counts(params, "n_2q", least=0)
        most = law.value("pec_max_overhead") if params.max_overhead is None else params.max_overhead
        if params.gamma < 1 or most < 1:
            raise ConfigError(f"gamma {params.gamma}, overhead {most}", where="gamma", allowed="1 and more")
        found = replace(found, shots=min(most, math.exp(min(700.0, 2 * params.n_2q * math.log(params.gamma)))))
    if "readout" in params.methods:
        more = law.value("readout_circuits") if params.readout_circuits is None else params.readout_circuits
        found = replace(found, more_circuits=int(more))
    return found


@dataclass(frozen=True, slots=True)
class _MitigatedTimes:
    """Times of mitigated circuits."""

    times: CircuitTimes
    cost: Multipliers

    def simulated(self, run: CircuitRun, n: int, device: Simulator, rng: np.random.Generator) -> Answer:
        """Return the times of n runs on a simulator, which has no errors."""
        return self.times.simulated(run, n, device, rng)

    def qpu(self, run: CircuitRun, n: int, rng: np.random.Generator) -> Answer:
        """Return the times of n mitigated QPU jobs; what fidelity they come to nobody knows."""
        return self.times.qpu(self.cost.of(run), n, rng)._replace(fidelity=None)
