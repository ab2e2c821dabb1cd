"""Count the fragments that each GPU gets: ``python calibration/middleware/count_fragments.py ARTIFACT_FOLDER``.

ARTIFACT_FOLDER holds ``common_utils.py`` of DataCollection/distributed/Perlmutter_LGPU_QAOA in
https://github.com/PennyLaneAI/lightning-on-hpc, which builds the circuit and deals the fragments out. Needs PennyLane
0.35.1 and networkx, which the project does not; takes some minutes. Writes fragment_chunks.csv beside this file: of the
fragments sorted by width, how many of 27 and of 29 qubits each GPU gets, and how many of them differ in gates or
observables.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
GPUS = (4, 8, 16, 32, 64, 128, 256)
CLUSTERS, NODES, SEPARATORS, SEED = 3, 25, 2, 1967
INSIDE, BETWEEN = 0.7, 0.3
"""Probabilities of edges, as in the published script; the angles do not matter for the counts."""


def fragments(folder: str) -> tuple[list[tuple[int, str]], Any]:
    """Return (qubits, content) of each fragment, narrow ones first, and the function that deals them out."""
    sys.path.insert(0, folder)
    import common_utils as published
    import numpy as np
    import pennylane as qml

    graph, clusters, separators = published.clustered_chain_graph(
        NODES, CLUSTERS, SEPARATORS, INSIDE, BETWEEN, seed=SEED
    )
    circuit = published.get_qaoa_circuit(graph, clusters, separators, np.array([[0.72, 1e-4]]), 1)
    tapes, _ = qml.cut_circuit(circuit, device_wires=range(30))
    found = [(len(tape.wires), content(tape)) for tape in tapes]
    return sorted(found, key=lambda each: each[0]), published.chunks


def content(tape: Any) -> str:
    """Return the gates, angles and observables of a fragment as text."""
    gates = [(op.name, tuple(op.wires), tuple(round(float(p), 10) for p in op.parameters)) for op in tape.operations]
    return repr((gates, [repr(each) for each in tape.measurements]))


def main() -> None:
    """Write the table."""
    found, deal = fragments(sys.argv[1])
    with (HERE / "fragment_chunks.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["n_gpus", "chunk", "n_27", "n_29", "different_27", "different_29"])
        for n_gpus in GPUS:
            for k, share in enumerate(deal(found, n_gpus)):
                different = set(share)
                counts = [sum(width == w for width, _ in these) for these in (share, different) for w in (27, 29)]
                writer.writerow([n_gpus, k, *counts])


if __name__ == "__main__":
    main()
