"""Pilot-Quantum's Q-Dreamer: how its workers choose a backend, as baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qhpcsim.core.errors import ConfigError, nearest
from qhpcsim.core.registry import register
from qhpcsim.policies.qpu.choice import ServiceView, known
from qhpcsim.qpu_scenario import QpuChoice

PRESETS = {"high_fidelity": (0.8, 0.2), "high_speed": (0.2, 0.8), "balanced": (0.5, 0.5)}
"""Weights of infidelity and queue."""
MAX_PENDING_JOBS = 100.0
"""A queue of as many jobs counts as full."""
_SOURCE = "Pilot-Quantum, arXiv:2412.18519; https://github.com/radical-cybertools/pilot-quantum, pilot/dreamer.py"


@dataclass(frozen=True)
class QDreamerChoice(QpuChoice):
    """What Q-Dreamer knows of the backends."""

    name: str = "qdreamer_least_error"
    error_rates: tuple[float, ...] = ()
    """Of each QPU in the service's order, as Q-Dreamer's pilot description states them; empty: 1 - the expected
    fidelity of the job there, 1 where nobody knows it."""


@dataclass(frozen=True)
class QDreamerTurns(QpuChoice):
    """Whose turns they are."""

    name: str = "qdreamer_round_robin"
    workers: int = 1
    """Worker processes, each with a counter of its own."""


@dataclass(frozen=True)
class QDreamerWeights(QDreamerChoice):
    """The weights of Q-Dreamer's objective."""

    name: str = "qdreamer_weighted"
    preset: str = "balanced"
    """``high_fidelity``, ``high_speed`` or ``balanced``."""


class _Errors:
    """Error rates of QPUs, stated or expected."""

    def __init__(self, view: ServiceView, params: QpuChoice) -> None:
        rates = params.error_rates if isinstance(params, QDreamerChoice) else ()
        if rates and (len(rates) != view.n_qpus or not all(0.0 <= rate <= 1.0 for rate in rates)):
            raise ConfigError(
                f"error rates {rates}", where="qpu.choice.error_rates", allowed=f"{view.n_qpus} numbers from 0 to 1"
            )
        self._view, self._rates = view, rates

    def rate(self, job: int, qpu: int) -> float:
        """Return the error rate that counts for a job on a QPU."""
        return self._rates[qpu] if self._rates else 1.0 - known(self._view.fidelity(job, qpu))


@register(
    "qpu_choice",
    "qdreamer_least_error",
    summary="Q-Dreamer, LEAST_ERROR_RATE: the backend with the least error rate",
    source=_SOURCE,
    params=QDreamerChoice,
)
class QDreamerLeastError:
    """Sends every job to the QPU with the least error rate that can run it.

    Model: min error rate; ties go to the first in the service's order.
    Assumes: without ``error_rates`` the error of the job's own circuit stands for the mean gate error of the backend,
        which Q-Dreamer takes.
    Not modelled: its cache of backend properties, 30 s old at most.
    Source: Pilot-Quantum, pilot/dreamer.py.
    """

    def __init__(self, view: ServiceView, params: QpuChoice) -> None:
        self._errors = _Errors(view, params)

    def choose(self, job: int, able: Sequence[int]) -> int:
        """Return the able QPU with the least error rate."""
        return min(able, key=lambda qpu: self._errors.rate(job, qpu))


@register(
    "qpu_choice",
    "qdreamer_round_robin",
    summary="Q-Dreamer, ROUND_ROBIN: the backends in turn, for each worker process by itself",
    source=_SOURCE,
    params=QDreamerTurns,
)
class QDreamerRoundRobin:
    """Sends jobs to the QPUs in turn.

    Model: worker process k mod ``workers`` sends job k to the next of the able QPUs by its own counter; with one
        worker that is a round robin over all jobs, with w workers w jobs in a row go to the same QPU.
    Assumes: worker processes send jobs in turn; jobs that only one QPU can run are no turn.
    Not modelled: which worker process really gets a task.
    Source: Pilot-Quantum, pilot/dreamer.py: the counter is a field of the object that every worker process makes.
    """

    def __init__(self, view: ServiceView, params: QpuChoice) -> None:
        workers = params.workers if isinstance(params, QDreamerTurns) else 1
        if workers < 1:
            raise ConfigError(f"{workers}", where="qpu.choice.workers", allowed="at least 1")
        self._turns = [0] * workers
        self._n_jobs = 0

    def choose(self, job: int, able: Sequence[int]) -> int:
        """Return the able QPU whose turn it is."""
        worker = self._n_jobs % len(self._turns)
        turn = self._turns[worker]
        self._n_jobs += 1
        self._turns[worker] += 1
        return able[turn % len(able)]


@register(
    "qpu_choice",
    "qdreamer_weighted",
    summary="Q-Dreamer's objective: least w_f (1 - fidelity) + w_q queue utilisation; presets of weights",
    source=_SOURCE,
    params=QDreamerWeights,
)
class QDreamerWeighted:
    """Sends a job to the QPU with the least weighted sum of infidelity and queue.

    Model: w_f (1 - F) + w_q min(1, pending / 100), F = 1 - error rate; (w_f, w_q) = (0.8, 0.2), (0.2, 0.8) or
        (0.5, 0.5). One backend is taken, so Q-Dreamer's integer programme is a minimum over those that are able.
    Assumes: the QPU's predicted work holds jobs as long as this one: pending = queue time / predicted time of the job.
        Without ``error_rates`` F is the expected fidelity of the job.
    Not modelled: the age of what it knows (a cache of 30 s, a monitor every 60 s).
    Source: Pilot-Quantum, pilot/dreamer.py of August 2025.
    """

    def __init__(self, view: ServiceView, params: QpuChoice) -> None:
        preset = params.preset if isinstance(params, QDreamerWeights) else "balanced"
        if preset not in PRESETS:
            raise ConfigError(
                f"{preset!r}",
                where="qpu.choice.preset",
                allowed=", ".join(PRESETS),
                suggestion=nearest(preset, PRESETS),
            )
        self._view, self._errors = view, _Errors(view, params)
        self._of_error, self._of_queue = PRESETS[preset]

    def choose(self, job: int, able: Sequence[int]) -> int:
        """Return the able QPU with the least sum; ties go to the first."""
        return min(able, key=lambda qpu: self._sum(job, qpu))

    def _sum(self, job: int, qpu: int) -> float:
        queue_s, own_s = self._view.queue_s(qpu), self._view.predicted_s(job, qpu)
        pending = queue_s / own_s if own_s > 0 else (MAX_PENDING_JOBS if queue_s > 0 else 0.0)
        return self._of_error * self._errors.rate(job, qpu) + self._of_queue * min(1.0, pending / MAX_PENDING_JOBS)
