"""A QPU as its users see it: requests in, seconds out, with an interval; one registered class a modality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.cards import Card, card
from qhpcsim.core.data import data_dir
from qhpcsim.core.errors import CardError, ConfigError, nearest, shorten
from qhpcsim.core.records import FloatArray
from qhpcsim.core.registry import lookup
from qhpcsim.models.qpu_card import COMMON, RANGES, Quantity, read_numbers
from qhpcsim.models.requests import Limit, Outside, Prediction, Request
from qhpcsim.models.spread import Parts, Spread


class QpuModel(Protocol):
    """What every QPU model offers."""

    card: Card
    name: str
    numbers: dict[str, Any]
    """What the card and the user's settings say, in SI units."""

    def number(self, name: str, default: float = 0.0) -> float:
        """Return an entry in SI units, or ``default`` if the card has none."""

    def predict(self, request: Request) -> Prediction:
        """Return median and 90 % interval of each job's service time."""

    def medians_s(self, request: Request) -> FloatArray:
        """Return the median service times of ``predict``, to seven digits but faster."""

    def draw(self, request: Request, rng: np.random.Generator) -> FloatArray:
        """Return one random service time in seconds for each job."""

    def limits(self, request: Request) -> list[Limit]:
        """Return what the device takes at most, beside what each job asks."""

    def refuse(self, request: Request, where: str = "request", lines: Sequence[int] | None = None) -> None:
        """Raise ``ConfigError`` for the first job that the device cannot run; ``lines``: where the jobs stand."""

    def outside(self, request: Request) -> list[Outside]:
        """Return the ranges of the card that some jobs leave."""


@dataclass
class TimedQpu:
    """Base of the models: the time is an execution and an overhead, each random in its way.

    A modality sets ``schema`` and writes ``execution_s`` and ``overhead_s``.
    """

    name: str
    card: Card
    settings: Mapping[str, Any] = field(default_factory=dict)
    schema: ClassVar[dict[str, Quantity]] = COMMON

    def __post_init__(self) -> None:
        self.numbers: dict[str, Any] = read_numbers(self.card, self.schema, self.settings)

    def number(self, name: str, default: float = 0.0) -> float:
        """Return an entry in SI units, or ``default`` if the card has none."""
        return float(self.numbers.get(name, default))

    def execution_s(self, request: Request) -> FloatArray:
        """Return the time in which circuits run, in seconds."""
        raise NotImplementedError

    def overhead_s(self, request: Request) -> FloatArray:
        """Return the typical rest of the service time, in seconds."""
        return self.number("load") + self.number("load_per_circuit") * request.n_circuits

    def floor_s(self, request: Request) -> FloatArray:
        """Return the typical time that overlaps with the execution, in seconds."""
        return np.zeros(len(request))

    def spread(self, several: bool) -> Spread:
        """Return the law of the randomness for jobs of one circuit or of several."""
        return Spread.lognormal(self.number("overhead_cv"), self.number("time_factor_sigma"))

    def parts(self, request: Request) -> Parts:
        """Return the deterministic parts of each job's service time."""
        return Parts(self.execution_s(request), self.overhead_s(request), self.floor_s(request))

    def predict(self, request: Request) -> Prediction:
        """Return median and 90 % interval of each job's service time."""
        found = np.empty((3, len(request)))
        for several, jobs in self._strata(request):
            part = self.spread(several).predict(self.parts(request.take(jobs)))
            found[:, jobs] = part.median_s, part.p5_s, part.p95_s
        return Prediction(*found)

    def medians_s(self, request: Request) -> FloatArray:
        """Return the median service times of ``predict``, to seven digits but faster."""
        found = np.empty(len(request))
        for several, jobs in self._strata(request):
            found[jobs] = self.spread(several).medians_s(self.parts(request.take(jobs)))
        return found

    def draw(self, request: Request, rng: np.random.Generator) -> FloatArray:
        """Return one random service time in seconds for each job."""
        found = np.empty(len(request))
        for several, jobs in self._strata(request):
            found[jobs] = self.spread(several).draw(self.parts(request.take(jobs)), rng)
        return found

    def _strata(self, request: Request) -> list[tuple[bool, NDArray[np.bool_]]]:
        """Return the jobs of one circuit and those of several, without empty groups."""
        several = request.n_circuits > 1
        return [(kind, several == kind) for kind in (False, True) if (several == kind).any()]

    def limits(self, request: Request) -> list[Limit]:
        """Return what the device takes at most, beside what each job asks: width, shots, circuits."""
        asked = {
            "n_qubits": ("qubits", request.width),
            "max_shots": ("shots", request.shots),
            "max_circuits": ("circuits", request.n_circuits),
            "max_executions": ("executions", request.shots * request.n_circuits),
        }
        return [Limit(what, self.number(name, np.inf), values) for name, (what, values) in asked.items()]

    def refuse(self, request: Request, where: str = "request", lines: Sequence[int] | None = None) -> None:
        """Raise ``ConfigError`` for the first job that the device cannot run: too wide, too many shots or circuits."""
        for limit in self.limits(request):
            if limit.broken.any():
                row = int(np.argmax(limit.broken))
                raise ConfigError(
                    limit.message(row, self.name),
                    where=f"{where}, job {row}" if lines is None else f"{where}:{lines[row]}",
                    allowed=f"at most {limit.most:g}",
                )

    def outside(self, request: Request) -> list[Outside]:
        """Return the ranges of the card that some jobs leave; extrapolation is allowed and reported."""
        values = (request.n_circuits, request.shots, request.depth_total / request.n_circuits, request.width)
        found = []
        for (name, what), value in zip(RANGES.items(), values, strict=True):
            if name in self.numbers:
                low, high = self.numbers[name]
                found.append(Outside(what, low, high, (value < low) | (value > high)))
        return [part for part in found if part.jobs.any()]


def open_qpu(name: str, **settings: Any) -> QpuModel:
    """Return the model of a card.

    Args:
        name: A card in ``calibration/qpu/``, or the path of a card file.
        settings: Numbers that replace the card's, by entry: ``time_layer="50ms"``.

    Raises:
        CardError: if the card is missing or wrong, or lacks a number that only the user can give.
    """
    read = card(card_path(name))
    if not read.model:
        raise CardError("the card does not name its model", where=read.path, hint="add a line 'model: superconducting'")
    target = lookup("qpu_model", read.model, f"{read.path}: model").target
    return cast(QpuModel, target(Path(name).stem, read, settings))


def qpu_cards() -> dict[str, Path]:
    """Return the shipped QPU cards by name."""
    return {path.stem: path for path in sorted((data_dir("calibration") / "qpu").glob("*.yaml"))}


def card_path(name: str) -> Path:
    """Return the file of a card.

    Args:
        name: A card in ``calibration/qpu/``, or the path of a card file.

    Raises:
        CardError: if it is neither; names the nearest card.
    """
    known = qpu_cards()
    if name in known:
        return known[name]
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    raise CardError(
        f"no QPU card {shorten(name)!r}",
        allowed=", ".join(known),
        suggestion=nearest(name, known),
        hint="qhpcsim list qpus",
    )
