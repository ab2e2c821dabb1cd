"""Tables of tasks as a simulation leaves them."""

import csv
from dataclasses import dataclass

from qhpcsim.execution.forecast import Judged
from qhpcsim.models.statevector import StateVectorPrediction

HEAD = ("task_id", "motif", "kind", "device", "device_class", "circuit", "observable", "shots", "n_circuits")
SMALL = (
    ("bag", "sampling", "qaoa:{n}:layers=1", "", 200, 1),
    ("vqe", "expectation", "efficient_su2:{n}:reps=1", "{z}", 0, 1),
    ("cutting", "sub_experiments", "ghz:{n}", "", 100, 4),
)


def rows(widths=(4, 6, 13, 14), copies=6):
    """Return tasks of three motifs on a CPU, and two of each kind that this machine cannot do."""
    found = []
    for motif, kind, circuit, observable, shots, n_circuits in SMALL:
        for n in widths:
            for _ in range(copies):
                name = circuit.format(n=n)
                found.append((motif, kind, "epyc", "cpu", name, observable.format(z="Z" * n), shots, n_circuits))
    found += [("bag", "sampling", "h100", "gpu", "ghz:30", "", 100, 1)] * 2
    found += [("vqe", "qpu", "heron", "qpu", "ghz:5", "", 100, 1)] * 2
    found += [("cutting", "reconstruct", "epyc", "cpu", "", "", 0, 1)] * 2
    return [(f"t{k}", *row) for k, row in enumerate(found)]


def write(path, table, head=HEAD):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(table)


@dataclass
class ConstantModel:
    """Predicts the same time for every circuit, with a factor of two to either side."""

    median_s: float = 0.01
    name: str = "constant"

    def predict(self, cost):
        return StateVectorPrediction(self.median_s, self.median_s / 2, self.median_s * 2, cost.state_bytes)


def judged(device_class="cpu", median_s=0.01):
    """Return that model as the card ``constant``."""
    return Judged("constant", ConstantModel(median_s), device_class)
