"""What a circuit is and what it costs; the only room that imports Qiskit, and only inside functions."""
