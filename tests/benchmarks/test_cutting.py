"""The cutting pipeline against one task for each sub-experiment, and with a second worker; asserts no time."""

import numpy as np
import pytest
from qiskit_addon_cutting import partition_problem

from qhpcsim.circuits.cut_request import CutLimits, CutRequest
from qhpcsim.circuits.cuts import plan
from qhpcsim.circuits.named import named_circuit
from qhpcsim.execution.aer import warm_up
from qhpcsim.execution.cutting import run_cut
from qhpcsim.execution.engine import open_engine
from tests.benchmarks.test_commands import show

pytestmark = pytest.mark.bench

CIRCUITS = (
    "efficient_su2:12:reps=1",
    "ghz:12",
    "brickwork:12:depth=2",
    "qft:12:swaps=false,degree=1",
    "tfim:12:steps=1",
    "graph_state:12",
    "entangling_layers:12:layers=1",
    "staircase:12",
)
"""Families whose neighbours are cut apart by 1 to 3 cuts in some number of parts."""
SHOTS = 1024
ROUNDS = 20


def chain(name, n_parts):
    """Return a circuit cut into equal runs of neighbours."""
    from qiskit.quantum_info import PauliList

    circuit = named_circuit(name).remove_final_measurements(inplace=False)
    n = circuit.num_qubits
    return partition_problem(circuit, [k * n_parts // n for k in range(n)], PauliList(["Z" * n]))


@pytest.mark.parametrize("n_cuts", [1, 2, 3])
def test_against_one_task_each(n_cuts, capsys):
    """Processor time at equal shots for each circuit, one worker; the library's loop runs once."""
    table = [("circuit", "parts", "sub-experiments", "different", "seed-like s", "ours s", "times faster")]
    faster = []
    for name in CIRCUITS:
        for n_parts in (2, 3, 4):
            problem = chain(name, n_parts)
            if len(problem.bases) != n_cuts:
                continue
            ours = min((run_cut(problem, shots=SHOTS) for _ in range(3)), key=lambda run: run.cpu_s)
            theirs = run_cut(problem, shots=SHOTS, mode="seed_like")
            faster.append(theirs.cpu_s / ours.cpu_s)
            cells = (n_parts, ours.n_experiments, ours.n_distinct, f"{theirs.cpu_s:.2f}", f"{ours.cpu_s:.3f}")
            table.append((name, *map(str, cells), f"{faster[-1]:.1f}"))
    show(capsys, f"{n_cuts} cuts, {SHOTS} shots for each circuit: median {np.median(faster):.1f} times faster", table)


@pytest.mark.parametrize("name", ["efficient_su2:16:reps=1", "tfim:16:steps=1"])
def test_second_worker(name, capsys):
    """Wall time of the execution phase, workers warm; one worker and two in turns, as the machine's clock drifts."""
    found = plan(CutRequest.of(name, ["Z" * 16], CutLimits(target_error=0.05)))
    table = [("candidate", "cuts", "1 worker s", "2 workers s", "least over least", "median ratio of neighbours")]
    with (
        open_engine("processes", 1, warm_up=warm_up) as alone,
        open_engine("processes", 2, warm_up=warm_up) as together,
    ):
        for candidate in (each for each in found.candidates if each.n_cuts in (2, 3)):
            problem = candidate.problem()
            for engine in (alone, together):
                run_cut(problem, engine=engine, shots=64)
            one, two = np.array(
                [[_execute_s(problem, engine) for engine in (alone, together)] for _ in range(ROUNDS)]
            ).T
            cells = (
                f"{one.min():.3f}",
                f"{two.min():.3f}",
                f"{one.min() / two.min():.2f}",
                f"{np.median(one / two):.2f}",
            )
            table.append((candidate.name, str(candidate.n_cuts), *cells))
    show(capsys, f"execution phase of {name}", table)


def _execute_s(problem, engine):
    return next(phase.wall_s for phase in run_cut(problem, engine=engine, shots=4096).phases if phase.name == "execute")
