"""Circuits in the simulator's own gates: what transpile makes of them at level 0, without its search for plug-ins."""

import subprocess
import sys

import pytest
from qiskit import transpile
from qiskit.circuit.random import random_circuit
from qiskit_aer import AerSimulator

from qhpcsim.circuits.named import named_circuit
from qhpcsim.circuits.simulator import for_simulator
from qhpcsim.core.registry import entries


def by_transpile(circuit):
    target = AerSimulator(method="statevector", n_qubits=circuit.num_qubits).target
    return transpile(circuit, target=target, optimization_level=0)


@pytest.mark.parametrize("family", entries("circuit_family"))
def test_families_are_written_as_transpile_writes_them(family):
    circuit = named_circuit(f"{family}:6")
    assert for_simulator(circuit) == by_transpile(circuit)


@pytest.mark.parametrize("seed", range(12))
def test_random_circuits_too(seed):
    circuit = random_circuit(5, 6, max_operands=4, measure=seed % 2 == 0, reset=seed % 3 == 0, seed=seed)
    assert for_simulator(circuit) == by_transpile(circuit)


def test_packages_with_plug_ins_are_not_imported():
    code = (
        "import sys; from qhpcsim.circuits.named import named_circuit as c; "
        "from qhpcsim.circuits.simulator import for_simulator as f; f(c('efficient_su2:4')); "
        "print('qiskit_ibm_runtime' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"
