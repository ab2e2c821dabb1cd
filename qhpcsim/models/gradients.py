"""Gradients of expectation values with respect to the angles of a circuit: adjoint sweeps and parameter shifts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qhpcsim.circuits.gates import Gate
from qhpcsim.core.cards import card
from qhpcsim.core.errors import CircuitError
from qhpcsim.models.gpu_cluster import DistributedStateVector
from qhpcsim.models.gpu_groups import NO_WORK, Operation
from qhpcsim.models.gpu_statevector import USABLE_FRAC, GpuStateVector
from qhpcsim.models.statevector import Z_90, StateVectorPrediction, Work

CARD = "gradients/adjoint"
THREE_ANGLES = frozenset({"rot", "u", "u3", "U"})
ONE_ANGLE = frozenset(
    {"rx", "ry", "rz", "p", "u1", "rxx", "ryy", "rzz", "rzx", "crx", "cry", "crz", "cp", "cu1", "mcp", "mcphase"}
)
_ONCE = frozenset({"fixed", "start-up"})
"""Parts of a run's time that a gradient needs once, however many sweeps it makes."""


@dataclass(frozen=True, slots=True)
class Gates:
    """A list of gates as the models of state vectors see it."""

    gates: tuple[Gate, ...]
    n_active: int
    state_bytes: int
    n_simulations: int = 1
    n_z_terms: int = 0
    n_x_terms: int = 0


def one_angle(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    """Return the gates with those of three angles taken apart into RZ, RY, RZ; gates that do nothing are dropped."""
    found: list[Gate] = []
    for gate in gates:
        if gate.name in THREE_ANGLES:
            turn = Gate("rz", "diagonal", gate.qubits, diagonal=True, weight=gate.weight)
            found += [turn, Gate("ry", "matrix", gate.qubits, weight=gate.weight), turn]
        elif gate.kernel not in NO_WORK:
            found.append(gate)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class AdjointJacobian:
    """Wall time of the Jacobian of expectation values by all angles, by adjoint differentiation.

    Model:
        One run forward; then, from the last gate to the first, the ket and the bra (observable · ket) lose the gate;
        before each gate the ket is copied, and where the gate has an angle its generator acts on the copy and the
        copy meets the bra in an inner product. Every such step is a pass over the state, or an exchange of
        distributed qubits, priced by the model of the device. ``one_by_one``: ket and bra walk back anew for each
        observable, and four states are held; else all bras walk together, and one state is held for each.
    Assumes:
        Gates of one angle: rotations of three are taken apart. Gates are not fused. Every angle is wanted.
    Not modelled:
        Observables of many terms (their own passes), checkpoints, observables shared out over devices. Published
        gradients on one node take 1.3 to 2.6 times as long as these steps; the reason is not known.
    Source:
        T. Jones, J. Gacon, arXiv:2009.02823; the order of steps of Lightning-GPU 0.34, ``adjointJacobian_serial``;
        calibration/gpu/gradients.md.
    """

    device: GpuStateVector | DistributedStateVector
    one_by_one: bool = True
    sigma: float = 0.0
    """Log standard deviation of what the steps leave out, beside the device's own."""

    @classmethod
    def of(cls, device: GpuStateVector | DistributedStateVector, one_by_one: bool = True) -> AdjointJacobian:
        """Return the gradient on a device with the uncertainty of the shipped card."""
        return cls(device, one_by_one, card(CARD).value("time_factor_sigma"))

    def predict(self, cost: Work, n_observables: int) -> StateVectorPrediction:
        """Return the time of one Jacobian.

        Args:
            cost: The circuit, without observables.
            n_observables: Rows of the Jacobian.

        Raises:
            CircuitError: if there is nothing to differentiate, the outcome is random, or the states do not fit.
        """
        gates = one_angle(cost.gates)
        turning = tuple(gate for gate in gates if gate.name in ONE_ANGLE)
        _check(cost, turning, n_observables)
        n_states = 4 if self.one_by_one else n_observables + 3
        self._check_memory(cost, n_states)
        forward = self.device.predict(cost)
        back = self._sweeps(gates, turning, cost, n_observables)
        parts = Counter(forward.parts)
        parts.update(back)
        spread = math.hypot(self.sigma, math.log(forward.p95_s / forward.median_s) / Z_90)
        return StateVectorPrediction.lognormal(dict(parts), spread, n_states * float(cost.state_bytes))

    def _sweeps(
        self, gates: tuple[Gate, ...], turning: tuple[Gate, ...], cost: Work, n_observables: int
    ) -> Counter[str]:
        """Return the time of the way back, by part."""
        n_kets = n_observables if self.one_by_one else 1
        generators = tuple(gate._replace(kernel="matrix", diagonal=False) for gate in turning)
        found: Counter[str] = Counter()
        for number, each in ((n_kets + n_observables, gates), (n_kets, generators)):
            for name, seconds in self._once(each, cost).items():
                found[name] += number * seconds  # type: ignore[assignment]
        n_copies = n_kets * sum(gate.weight for gate in gates)
        n_products = n_observables * sum(gate.weight for gate in turning)
        found["copies"] = self._passes_s(cost, n_copies)  # type: ignore[assignment]
        found["inner products"] = self._passes_s(cost, n_products)  # type: ignore[assignment]
        return found

    def _once(self, gates: tuple[Gate, ...], cost: Work) -> dict[str, float]:
        """Return what gates take on one state, each a pass of its own."""
        one = Gates(gates, cost.n_active, cost.state_bytes)
        parts = _unfused(self.device).predict(one).parts
        return {name: seconds for name, seconds in parts.items() if name not in _ONCE}

    def _passes_s(self, cost: Work, number: float) -> float:
        """Return the time of steps that read two states, or read one and write one."""
        device, n_devices = _single(self.device)
        return device.passes_s([Operation(1, 1.0, number)], float(cost.state_bytes) / n_devices)

    def _check_memory(self, cost: Work, n_states: int) -> None:
        device, n_devices = _single(self.device)
        needed = n_states * float(cost.state_bytes)
        if needed > USABLE_FRAC * n_devices * device.memory_bytes:
            raise CircuitError(
                f"a gradient holds {n_states} states, {needed / 1e9:,.4g} GB; {self.device.name} has "
                f"{USABLE_FRAC * n_devices * device.memory_bytes / 1e9:,.4g} GB for them",
                hint="use more devices, or take the observables one by one",
            )


def parameter_shift(one: StateVectorPrediction, n_angles: int) -> StateVectorPrediction:
    """Return the time of a gradient by parameter shifts: two runs for every angle, all of the same length.

    Args:
        one: A run of the circuit with its observables, of any device.
        n_angles: Angles to differentiate by.
    """
    n_runs = 2 * n_angles
    parts = {name: n_runs * seconds for name, seconds in one.parts.items()}
    return StateVectorPrediction(n_runs * one.median_s, n_runs * one.p5_s, n_runs * one.p95_s, one.memory_bytes, parts)


def _unfused(device: GpuStateVector | DistributedStateVector) -> GpuStateVector | DistributedStateVector:
    if isinstance(device, DistributedStateVector):
        return replace(device, cluster=replace(device.cluster, fusion_width=1))
    return replace(device, fusion_width=1)


def _single(device: GpuStateVector | DistributedStateVector) -> tuple[GpuStateVector, int]:
    """Return one of the devices, and how many there are."""
    return (device.device, device.n_devices) if isinstance(device, DistributedStateVector) else (device, 1)


def _check(cost: Work, turning: tuple[Gate, ...], n_observables: int) -> None:
    if n_observables < 1:
        raise CircuitError(f"{n_observables} observables", allowed="1 or more")
    if not turning:
        raise CircuitError("no gate has an angle to differentiate by", allowed=", ".join(sorted(ONE_ANGLE)))
    if cost.n_simulations > 1:
        raise CircuitError("the state is random: adjoint differentiation needs one that the circuit alone decides")
