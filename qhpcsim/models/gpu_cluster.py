"""State vectors on several GPUs, of one node or of many: local passes, and exchanges for distributed qubits."""

from __future__ import annotations

from dataclasses import dataclass

from qhpcsim.core.errors import CardError, CircuitError, nearest
from qhpcsim.models.gpu_card import CLUSTER, read_card, whole_power
from qhpcsim.models.gpu_groups import (
    Exchanges,
    every_qubit_exchanges,
    operations,
    per_gate_exchanges,
    staged_exchanges,
    targets,
)
from qhpcsim.models.gpu_statevector import GpuStateVector
from qhpcsim.models.statevector import StateVectorPrediction, Work

COUNTS = {"staged": staged_exchanges, "per_gate": per_gate_exchanges, "every_qubit": every_qubit_exchanges}
"""What counts the swaps, by the card's word."""


@dataclass(frozen=True, slots=True)
class GpuCluster:
    """The links between GPUs and the software that was measured on them."""

    name: str
    n_devices_per_node: int
    inside_bytes_s: float
    between_bytes_s: float
    latency_s: float
    exchange: str
    """``staged``: gates are put off so that few swaps serve many; ``per_gate``: each gate fetches the qubits that it
    changes; ``every_qubit``: also those that control it or take a phase."""
    swaps_per_need: float
    """Swaps for each qubit fetched: 2 where it is put back at once, else 1."""
    fusion_width: int
    fixed_s: float
    start_up_s: float
    """From the start of the job to the first gate: processes, imports, contexts. Not part of a warm run."""
    start_up_nodes_s: float
    """More of it where there are several nodes."""
    sigma: float

    @classmethod
    def open(cls, name: str) -> GpuCluster:
        """Return a card of ``calibration/clusters/``, or of the path of one.

        Raises:
            CardError: if the card is missing or wrong.
        """
        found, n = read_card("clusters", name, CLUSTER)
        (exchange,) = found.words.get("exchange", ("",))
        if exchange not in COUNTS:
            raise CardError(
                f"unknown exchange {exchange!r}",
                where=found.path,
                allowed=", ".join(COUNTS),
                suggestion=nearest(exchange, COUNTS),
            )
        return cls(
            name=found.path.rsplit("/", 1)[-1].removesuffix(".yaml"),
            n_devices_per_node=int(n["n_devices_per_node"]),
            inside_bytes_s=n["inside_bandwidth"],
            between_bytes_s=n["between_bandwidth"],
            latency_s=n["exchange_latency"],
            exchange=exchange,
            swaps_per_need=n["swaps_per_need"],
            fusion_width=int(n["fusion_width"]),
            fixed_s=n["fixed"],
            start_up_s=n["start_up"],
            start_up_nodes_s=n["start_up_nodes"],
            sigma=n["time_factor_sigma"],
        )


@dataclass(frozen=True, slots=True)
class DistributedStateVector:
    """Wall time of one run of a circuit on several equal GPUs.

    Model:
        T = t0 + runs · [Σ_ops local pass on 2^(n−p) amplitudes + Σ_swaps (latency + half a device's state /
        bandwidth)], p = log2(devices); swaps of qubits that number devices inside a node or nodes cost the bandwidth
        of the one or the other link. With ``start_up`` the job's own start is added.
    Assumes:
        A power of two of devices, each node full before the next begins; swaps and passes do not overlap. The interval
        is the wider one of the two cards.
    Not modelled:
        Congestion between jobs, uneven nodes, host memory as a tier of distributed states.
    Source:
        Cards of device and cluster; calibration/gpu/fit.md.
    """

    device: GpuStateVector
    cluster: GpuCluster
    n_devices: int
    start_up: bool = False

    @property
    def name(self) -> str:
        """What is predicted, in words."""
        return f"{self.n_devices} x {self.device.name} ({self.cluster.name})"

    def predict(self, cost: Work) -> StateVectorPrediction:
        """Return the time of one run.

        Raises:
            CircuitError: if the state is too large, or too small to be divided so.
            CardError: if the number of devices is no power of two.
        """
        n_far = whole_power(self.n_devices, "devices")
        if n_far == 0:
            return self.device.predict(cost)
        local_bytes = self._local_bytes(cost, n_far)
        done = operations(cost.gates, self.cluster.fusion_width)
        swaps = self.swaps(cost, n_far)
        half = local_bytes / 2.0
        runs, latency_s = cost.n_simulations, self.cluster.latency_s
        parts = {
            "fixed": self.cluster.fixed_s,
            "gates": runs * self.device.passes_s(done, local_bytes),
            "exchanges inside nodes": runs * swaps.inside * (latency_s + half / self.cluster.inside_bytes_s),
            "exchanges between nodes": runs * swaps.between * (latency_s + half / self.cluster.between_bytes_s),
        }
        if cost.n_z_terms + cost.n_x_terms:
            parts["expectation values"] = self.device.expectation_s(cost, local_bytes)
        if self.start_up:
            several = self.n_devices > self.cluster.n_devices_per_node
            parts["start-up"] = self.cluster.start_up_s + several * self.cluster.start_up_nodes_s
        sigma = max(self.cluster.sigma, self.device.sigma)
        return StateVectorPrediction.lognormal(parts, sigma, float(cost.state_bytes))

    def swaps(self, cost: Work, n_far: int) -> Exchanges:
        """Return how often a distributed qubit changes places with a local one in one simulation."""
        inside = min(n_far, whole_power(self.cluster.n_devices_per_node, f"{self.cluster.name}: n_devices_per_node"))
        found = COUNTS[self.cluster.exchange](cost.gates, cost.n_active, inside, n_far - inside)
        return Exchanges(*(self.cluster.swaps_per_need * number for number in found))

    def _local_bytes(self, cost: Work, n_far: int) -> float:
        """Return the part of the state on each device, after checking that it can be divided and fits."""
        widest = max((len(targets(gate)) for gate in cost.gates), default=1)
        n_local = cost.n_active - n_far
        if n_local < max(widest, 1):
            raise CircuitError(
                f"{cost.n_active} qubits on {self.n_devices} devices leave {max(n_local, 0)} local qubits",
                allowed=f"at least {max(widest, 1)}, the widest gate",
                hint="use fewer devices",
            )
        local_bytes = float(cost.state_bytes) / self.n_devices
        if self.device.tier(local_bytes) == "host":
            raise CircuitError(
                f"{local_bytes / 1e9:,.4g} GB of the state on each device do not fit {self.device.name}",
                hint="use more devices",
            )
        return local_bytes


def distributed(device: str, cluster: str, n_devices: int, start_up: bool = False) -> DistributedStateVector:
    """Return the model of several GPUs, by the names of their cards."""
    return DistributedStateVector(GpuStateVector.open(device), GpuCluster.open(cluster), n_devices, start_up)
