"""What a cutting strategy knows of the ways to run a circuit, and how it chooses one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from qhpcsim.core.errors import ConfigError


class Predicted(Protocol):
    """What a cost model says of an option; ``models.cutting.CutCost`` has it."""

    @property
    def total_s(self) -> float:
        """Seconds of all phases after planning."""

    @property
    def feasible(self) -> str:
        """Why it cannot be run; empty: it can."""


@dataclass(frozen=True, slots=True)
class CutOption:
    """One way to run a circuit, whole or cut."""

    name: str
    widths: tuple[int, ...]
    """Qubits of each part."""
    n_cuts: int = 0
    n_gate_cuts: int = 0
    n_wire_cuts: int = 0
    overhead: float = 1.0
    """Sampling overhead, the product of γ² over the cuts."""
    n_experiments: int = 1
    """Circuits that the library makes, all samples taken."""
    n_distinct: int = 1
    n_runs: int = 1
    """Circuits that the pipeline runs."""
    predicted: Predicted | None = None
    """What the cost model says; None: nobody asked it."""
    measured_s: float | None = None
    """What it took; None: it was not run."""
    completion_s: float | None = None
    """Predicted seconds until it would be over if it began now, behind what others wait for; None: nobody looked."""

    @property
    def widest(self) -> int:
        """Qubits of the widest part."""
        return max(self.widths)

    @classmethod
    def of(cls, candidate: Any, predicted: Predicted | None = None, measured_s: float | None = None) -> CutOption:
        """Return the option that a candidate of ``circuits.cuts.plan`` is."""
        shape = ("name", "widths", "n_cuts", "n_gate_cuts", "n_wire_cuts", "overhead")
        numbers = ("n_experiments", "n_distinct", "n_runs")
        facts = {name: getattr(candidate, name) for name in (*shape, *numbers)}
        return cls(**facts, predicted=predicted, measured_s=measured_s)


@dataclass(frozen=True, slots=True)
class CutView:
    """What there is to choose from."""

    n: int
    """Qubits of the circuit that its observables depend on."""
    workers: int
    """Circuits that run at once."""
    memory_bytes: float
    """Of one worker, for a state vector."""
    options: tuple[CutOption, ...]
    """At least one."""


@dataclass(frozen=True)
class CutParams:
    """What every strategy has."""

    name: str = ""


class CutStrategy(ABC):
    """Chooses an option.

    Args:
        params: Parameters of its own class; None: the defaults.
    """

    params_type: type[CutParams] = CutParams

    def __init__(self, params: Any = None) -> None:
        self.params: Any = self.params_type() if params is None else params

    @property
    def reads_queue(self) -> bool:
        """Whether ``completion_s`` of the options is read; False: nobody need look."""
        return False

    @abstractmethod
    def choose(self, view: CutView) -> int:
        """Return the index of an option; ties go to the first.

        Raises:
            ConfigError: if the strategy can take none of them, or does not know what it needs.
        """


def least(keys: Sequence[Any]) -> int:
    """Return the place of the least key, the first of equal ones."""
    return min(range(len(keys)), key=lambda i: (keys[i], i))


def nearest_below(view: CutView, width: int) -> int:
    """Return the option whose widest part is nearest to ``width`` from below.

    Of equally wide ones that of the smallest overhead; where none is narrow enough, the narrowest.
    """
    fits = [i for i, option in enumerate(view.options) if option.widest <= width]
    if fits:
        return fits[least([(-view.options[i].widest, view.options[i].overhead) for i in fits])]
    return least([(option.widest, option.overhead) for option in view.options])


def uncut(view: CutView) -> int | None:
    """Return the option without a cut, in one piece if there is one; None: there is none."""
    whole = [i for i, option in enumerate(view.options) if not option.n_cuts]
    return whole[least([len(view.options[i].widths) for i in whole])] if whole else None


def known(values: Sequence[float | None], what: str, name: str) -> list[float]:
    """Return values of which none is missing.

    Raises:
        ConfigError: if one is; says what the strategy needs.
    """
    found = [value for value in values if value is not None]
    if len(found) < len(values):
        n_missing = len(values) - len(found)
        raise ConfigError(f"{n_missing} of {len(values)} options without {what}", where=f"cutting strategy {name}")
    return found
