"""State vectors on one GPU: a launch and a pass over the memory for every operation."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from qhpcsim.core.errors import CircuitError
from qhpcsim.models.gpu_card import DEVICE, read_card
from qhpcsim.models.gpu_groups import Operation, operations
from qhpcsim.models.statevector import StateVectorPrediction, Work

USABLE_FRAC = 0.9
"""Share of a device's memory left for the state beside the driver and the simulator's workspace."""


@dataclass(frozen=True, slots=True)
class GpuStateVector:
    """Wall time of one warm run of a circuit on one GPU.

    Model:
        T = t0 + runs · Σ_ops (launch² + (bytes / bandwidth)²)^½, bytes = 2 · touched share · state; the launch is
        shorter for states of one block, the bandwidth is the cache's for states that fit it and the host link's for
        states that do not fit the device. Neighbouring gates on at most ``fusion_width`` qubits are one operation.
        An expectation value reads the state once a Pauli term.
    Assumes:
        Every operation is limited by launch or memory, not by arithmetic; kernels do not overlap.
    Not modelled:
        Compiling the circuit, the first run's context, sampling beyond ``fixed``, thermal limits.
    Source:
        Card of the device; form and figures: calibration/gpu/fit.md.
    """

    name: str
    launch_s: float
    launch_small_s: float
    small_state_bytes: float
    bandwidth_bytes_s: float
    cache_bandwidth_bytes_s: float
    cache_bytes: float
    memory_bytes: float
    host_bandwidth_bytes_s: float
    host_memory_bytes: float
    fixed_s: float
    fusion_width: int
    sigma: float

    @classmethod
    def open(cls, name: str) -> GpuStateVector:
        """Return the model of a card in ``calibration/gpu/``, or of the path of one.

        Raises:
            CardError: if the card is missing or wrong.
        """
        found, n = read_card("gpu", name, DEVICE)
        return cls(
            name=found.path.rsplit("/", 1)[-1].removesuffix(".yaml"),
            launch_s=n["launch"],
            launch_small_s=n["launch_small"],
            small_state_bytes=n["small_state"],
            bandwidth_bytes_s=n["bandwidth"],
            cache_bandwidth_bytes_s=n["cache_bandwidth"],
            cache_bytes=n["cache"],
            memory_bytes=n["memory"],
            host_bandwidth_bytes_s=n["host_bandwidth"],
            host_memory_bytes=n["host_memory"],
            fixed_s=n["fixed"],
            fusion_width=int(n["fusion_width"]),
            sigma=n["time_factor_sigma"],
        )

    def predict(self, cost: Work) -> StateVectorPrediction:
        """Return the time of one run.

        Raises:
            CircuitError: if the state fits neither the device nor the host.
        """
        state_bytes = float(cost.state_bytes)
        tier = self.tier(state_bytes)
        done_s = cost.n_simulations * self.passes_s(operations(cost.gates, self.fusion_width), state_bytes)
        parts = {"fixed": self.fixed_s, f"gates ({tier})": done_s}
        if cost.n_z_terms + cost.n_x_terms:
            parts["expectation values"] = self.expectation_s(cost, state_bytes)
        return StateVectorPrediction.lognormal(parts, self.sigma, state_bytes)

    def tier(self, state_bytes: float) -> str:
        """Return where a state lies: ``cache``, ``device`` or ``host``.

        Raises:
            CircuitError: if it fits nowhere.
        """
        if state_bytes <= self.cache_bytes:
            return "cache"
        if state_bytes <= USABLE_FRAC * self.memory_bytes:
            return "device"
        if state_bytes <= USABLE_FRAC * (self.memory_bytes + self.host_memory_bytes):
            return "host"
        most = int(math.log2(USABLE_FRAC * self.memory_bytes / 16.0))
        raise CircuitError(
            f"the state needs {state_bytes / 1e9:,.4g} GB, {self.name} and its host have "
            f"{USABLE_FRAC * (self.memory_bytes + self.host_memory_bytes) / 1e9:,.4g} GB for it",
            allowed=f"at most {most} qubits in double precision on the device itself",
            hint="use several devices, or cut the circuit",
        )

    def passes_s(self, done: Iterable[Operation], state_bytes: float) -> float:
        """Return the time of operations on a state (or one device's part of it), in seconds."""
        rate = self._rate(state_bytes)
        launch_s = self.launch_small_s if state_bytes <= self.small_state_bytes else self.launch_s
        return sum(item.weight * math.hypot(launch_s, 2.0 * item.touched_frac * state_bytes / rate) for item in done)

    def expectation_s(self, cost: Work, state_bytes: float) -> float:
        """Return the time of reading the state once for every Pauli term, in seconds."""
        once_s = math.hypot(self.launch_s, state_bytes / self._rate(state_bytes))
        return cost.n_simulations * (cost.n_z_terms + cost.n_x_terms) * once_s

    def _rate(self, state_bytes: float) -> float:
        tier = self.tier(state_bytes)
        if tier == "host":
            return self.host_bandwidth_bytes_s
        return self.cache_bandwidth_bytes_s if tier == "cache" else self.bandwidth_bytes_s
