"""The cutting pipeline against one task for each sub-experiment, and with a second worker; asserts no time."""

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

CIRCUITS = ("efficient_su2:12:reps=1", "tfim:12:steps=1", "ghz:12")
SHOTS = 1024


def chain(name, n_parts):
    """Return a circuit cut into equal runs of neighbours."""
    from qiskit.quantum_info import PauliList

    circuit = named_circuit(name).remove_final_measurements(inplace=False)
    n = circuit.num_qubits
    return partition_problem(circuit, [k * n_parts // n for k in range(n)], PauliList(["Z" * n]))


def test_against_one_task_each(capsys):
    """Processor time at equal shots for each circuit, one worker; the library's loop runs once."""
    table = [("circuit", "parts", "sub-experiments", "different", "seed-like s", "ours s", "times faster")]
    for name in CIRCUITS:
        for n_parts in (2, 3, 4):
            ours = min((run_cut(chain(name, n_parts), shots=SHOTS) for _ in range(3)), key=lambda run: run.cpu_s)
            theirs = run_cut(chain(name, n_parts), shots=SHOTS, mode="seed_like")
            cells = (ours.n_experiments, ours.n_distinct, f"{theirs.cpu_s:.2f}", f"{ours.cpu_s:.3f}")
            table.append((name, str(n_parts), *map(str, cells), f"{theirs.cpu_s / ours.cpu_s:.1f}"))
    show(capsys, f"cutting, {SHOTS} shots for each circuit", table)


@pytest.mark.parametrize("name", ["efficient_su2:16:reps=1", "tfim:16:steps=1"])
def test_second_worker(name, capsys):
    """Wall time of the execution phase, best of three, workers warm."""
    found = plan(CutRequest.of(name, ["Z" * 16], CutLimits(target_error=0.05)))
    table = [("candidate", "cuts", "1 worker s", "2 workers s", "times faster")]
    for candidate in (each for each in found.candidates if each.n_cuts in (2, 3)):
        best = []
        for workers in (1, 2):
            with open_engine("processes", workers, warm_up=warm_up) as engine:
                run_cut(candidate.problem(), engine=engine, shots=64)
                runs = [run_cut(candidate.problem(), engine=engine, shots=4096) for _ in range(3)]
            best.append(min(phase.wall_s for run in runs for phase in run.phases if phase.name == "execute"))
        cells = (f"{best[0]:.3f}", f"{best[1]:.3f}", f"{best[0] / best[1]:.2f}")
        table.append((candidate.name, str(candidate.n_cuts), *cells))
    show(capsys, f"execution phase of {name}", table)
