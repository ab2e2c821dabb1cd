"""How large a circuit may be: bounds that a real program never meets and a malicious one always does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest circuit that the readers take; every one is checked before anything is expanded or allocated."""

    n_bytes: int = 32 * 1024**2
    """Length of a file."""
    n_bytes_qasm3: int = 2 * 1024**2
    """Length of an OpenQASM 3 file, whose parser is a hundred times slower."""
    n_gates: int = 1_000_000
    """Gates after expanding definitions, loops and registers."""
    n_qubits: int = 10_000
    n_clbits: int = 100_000
    n_definitions: int = 2_000
    """Gate definitions of a file."""
    nesting: int = 10_000
    """Brackets open at once."""
    n_controls: int = 12
    """Controls that modifiers (``ctrl(n) @``) add to a gate."""
    delay_s: float = 3600.0
    """One delay instruction."""


LIMITS = Limits()
