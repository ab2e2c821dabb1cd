"""What a circuit asks of a calibrated QPU: its figures once compiled for the device, as a request of the time model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qhpcsim.circuits.features import Features
from qhpcsim.models.qpu import QpuModel
from qhpcsim.models.requests import Request


class CircuitReader:
    """Reads circuit files and compiles them for one QPU, each file once.

    Args:
        model: An opened QPU with gates; its settings change the compiled durations too.
        measure_all: Measure every qubit at the end of a circuit that holds no measurement.
    """

    def __init__(self, model: QpuModel, measure_all: bool = False) -> None:
        from qhpcsim.circuits.target import device_from_card

        self.model, self.measure_all = model, measure_all
        self.device = device_from_card(model.card, settings=model.numbers)
        self._known: dict[Path | str, Features] = {}

    def features(self, path: Path) -> Features:
        """Return the figures of the circuit in a file, compiled for the device.

        Raises:
            CircuitError: if the file is wrong, or its circuit does not fit the device.
        """
        from qhpcsim.circuits.qasm import read_circuit
        from qhpcsim.circuits.source import place
        from qhpcsim.circuits.transpile import device_features

        if path not in self._known:
            circuit = read_circuit(path, measure_all=self.measure_all)
            self._known[path] = device_features(circuit, self.device, where=place(path))
        return self._known[path]

    def named(self, name: str) -> Features:
        """Return the figures of the circuit called ``family:n:params``, compiled for the device.

        Raises:
            QhpcsimError: if there is no such circuit, or it does not fit the device.
        """
        from qhpcsim.circuits.named import named_circuit
        from qhpcsim.circuits.transpile import device_features

        if name not in self._known:
            self._known[name] = device_features(named_circuit(name, "circuit"), self.device, where=name)
        return self._known[name]

    def request(self, circuits: Sequence[Features], shots: Any = 1024, copies: Any = 1) -> Request:
        """Return jobs of one circuit each, repeated ``copies`` times.

        The circuits' scheduled durations are part of the request only where all of them are known; without them
        the model estimates them from the depth.

        Args:
            circuits: Figures of one compiled circuit a job.
            shots: Shots of each copy; a number, or one a job.
            copies: How often the circuit stands in the job; a number, or one a job.
        """
        durations = [self._gates_s(circuit) for circuit in circuits]
        copies = np.broadcast_to(np.asarray(copies, dtype=np.float64), (len(circuits),))
        known = None not in durations
        return Request.of(
            n_circuits=copies,
            shots=shots,
            depth_total=copies * [circuit.depth for circuit in circuits],
            n_2q_total=copies * [circuit.n_2q for circuit in circuits],
            n_qubits_total=copies * [max(circuit.n_qubits, 1) for circuit in circuits],
            duration_total_s=copies * np.array(durations, dtype=np.float64) if known else None,
        )

    def _gates_s(self, circuit: Features) -> float | None:
        """Return the duration of a shot without the readout at its end, which the model adds itself."""
        if circuit.duration_s is None or not circuit.n_measurements:
            return circuit.duration_s
        return max(0.0, circuit.duration_s - self.model.number("time_readout"))
