"""Gate kernels of Qiskit Aer's GPU device, by the difference of two runs.

Never run on a GPU so far: the same circuits were run on Aer's CPU device.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from qhpcsim.core.errors import EngineError, shorten
from qhpcsim.core.registry import register
from qhpcsim.execution.gpu_cupy import cupy_module, facts
from qhpcsim.execution.gpu_kernels import GpuFacts, GpuKernels, Unavailable

FEW, N_BATCHES, N_RUNS = 1, 3, 5
MOST_GATES = 2000
DIFFERENCE_S = 0.05
"""The longer run does so much more work than the shorter one, or ``MOST_GATES`` gates."""
_CPU = GpuFacts("CPU", 2.0**30, 2.0**20)
"""Stands in for a GPU where these circuits are tested without one."""


@register(
    "gpu_kernel",
    "aer",
    summary="Qiskit Aer's GPU device (qiskit-aer-gpu)",
    source="https://github.com/Qiskit/qiskit-aer",
)
class AerKernels(GpuKernels):
    """Dense gates by Aer: (long run − short run) / (gates of the one − gates of the other)."""

    fusion_width: ClassVar[int] = 5  # fusion_max_qubit of Aer

    def __init__(self, device: str = "GPU") -> None:
        try:
            import qiskit_aer
        except ImportError as error:
            raise Unavailable(f"Qiskit Aer cannot be imported: {shorten(error)}") from None
        devices = qiskit_aer.AerSimulator().available_devices()
        if device not in devices:
            raise Unavailable(f"Qiskit Aer has only {', '.join(devices)}; its GPU part is qiskit-aer-gpu")
        self.device, self.software = device, f"Qiskit Aer {qiskit_aer.__version__}, device={device}"
        self._facts = facts(cupy_module()) if device == "GPU" else _CPU

    def facts(self) -> GpuFacts:
        """Return what the driver says, by CuPy: Aer itself does not say what its GPU is."""
        return self._facts

    def batches_s(self, n_qubits: int, targets: Sequence[tuple[int, ...]], precision: str) -> list[float]:
        """Return the time of one gate in each batch, in seconds."""
        simulator = self._simulator(precision)

        def taken_s(rounds: int) -> float:
            return _taken_s(simulator, self._circuit(n_qubits, targets, rounds))

        guess_s = max(taken_s(FEW + 4) - taken_s(FEW), 1e-6) / 4
        n_more = int(min(max(1, MOST_GATES // len(targets)), max(4, np.ceil(DIFFERENCE_S / guess_s))))
        n_gates = n_more * len(targets)
        return [(taken_s(FEW + n_more) - taken_s(FEW)) / n_gates for _ in range(N_BATCHES)]

    def fixed_s(self) -> float:
        """Return the wall time of a warm run of one gate, with a thousand shots."""
        simulator, circuit = self._simulator("double"), self._circuit(4, [(0,)], 1)
        times_s = []
        for _ in range(N_RUNS):
            began_s = time.perf_counter()
            simulator.run(circuit, shots=1000, seed_simulator=1).result()
            times_s.append(time.perf_counter() - began_s)
        return min(times_s)

    def _simulator(self, precision: str) -> Any:
        from qiskit_aer import AerSimulator

        return AerSimulator(method="statevector", device=self.device, precision=precision, fusion_enable=False)

    def _circuit(self, n_qubits: int, targets: Sequence[tuple[int, ...]], rounds: int) -> Any:
        """Return rounds of dense gates and a measurement of every qubit, so that none is left out."""
        from qiskit import QuantumCircuit
        from qiskit.quantum_info import random_unitary

        matrix = random_unitary(1 << len(targets[0]), seed=7).data
        circuit = QuantumCircuit(n_qubits, n_qubits)
        for _ in range(rounds):
            for each in targets:
                circuit.unitary(matrix, list(each))
        circuit.measure(range(n_qubits), range(n_qubits))
        return circuit


def _taken_s(simulator: Any, circuit: Any) -> float:
    """Return the shortest time that Aer itself states: handing the circuit over from Python is not part of it."""
    results = [simulator.run(circuit, shots=1, seed_simulator=1).result() for _ in range(N_RUNS)]
    for result in results:
        if not result.success:
            raise EngineError(f"Aer: {result.status}", where="calibrate gpu")
    return min(float(result.results[0].time_taken) for result in results)
