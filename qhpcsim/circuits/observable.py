"""Sums of Pauli strings whose expectation value is wanted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from qhpcsim.core.errors import CircuitError, shorten

_TERM = re.compile(r"\s*([+-]?)\s*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*\*?\s*)?([IXYZ]+)\s*")


@dataclass(frozen=True, slots=True)
class Observable:
    """A real sum of Pauli strings; as in Qiskit, the last letter acts on qubit 0."""

    terms: tuple[tuple[str, float], ...]
    """(letters, coefficient) of each term; all are equally long and different."""

    @classmethod
    def of(cls, given: Any, where: str = "--observable") -> Observable:
        """Return the observable that a text, another one, Qiskit's ``SparsePauliOp`` or its ``Pauli`` states.

        Raises:
            CircuitError: as ``parse``; for complex coefficients and other objects.
        """
        if isinstance(given, cls):
            return given
        if isinstance(given, str):
            return cls.parse(given, where)
        if hasattr(given, "to_label"):
            return cls.parse(given.to_label(), where)
        if not hasattr(given, "to_list"):
            allowed = "a text such as ZZI + 0.5*IXX, or a SparsePauliOp"
            raise CircuitError(f"{type(given).__name__} is no observable", where=where, allowed=allowed)
        terms: dict[str, float] = {}
        for letters, coefficient in given.to_list():
            if coefficient.imag:
                raise CircuitError(f"coefficient {coefficient} of {letters}", where=where, allowed="real numbers")
            terms[letters] = terms.get(letters, 0.0) + float(coefficient.real)
        return cls._checked(terms, where)

    @classmethod
    def parse(cls, text: str, where: str = "--observable") -> Observable:
        """Return the observable in a text such as ``ZZI``, ``ZZI + 0.5*IXX`` or ``0.5 ZZI - 2 IXX``.

        Raises:
            CircuitError: for other letters, terms of unequal length or the identity alone.
        """
        terms: dict[str, float] = {}
        position = 0
        while position < len(text):
            found = _TERM.match(text, position)
            if found is None or (terms and not found[1]):
                allowed = "I, X, Y and Z, the last for qubit 0: ZZI, or ZZI + 0.5*IXX"
                raise CircuitError(f"{shorten(text, 60)!r} is no sum of Pauli strings", where=where, allowed=allowed)
            terms[found[3]] = terms.get(found[3], 0.0) + float(f"{found[1] or '+'}{found[2] or 1}")
            position = found.end()
        return cls._checked(terms, where)

    @classmethod
    def _checked(cls, terms: dict[str, float], where: str) -> Observable:
        if not terms:
            raise CircuitError("is empty", where=where, allowed="a Pauli string such as ZZI, or a sum of them")
        if len({len(letters) for letters in terms}) != 1:
            raise CircuitError("terms of different lengths", where=where, allowed="one letter for each qubit")
        if not any(set(letters) - {"I"} for letters in terms):
            raise CircuitError("the observable acts on no qubit", where=where, allowed="X, Y or Z somewhere")
        return cls(tuple(terms.items()))

    @property
    def n_qubits(self) -> int:
        """Length of every term."""
        return len(self.terms[0][0])

    def qubits(self) -> tuple[int, ...]:
        """Return the qubits on which some term acts, in ascending order."""
        n = self.n_qubits
        return tuple(q for q in range(n) if any(letters[n - 1 - q] != "I" for letters, _ in self.terms))

    def counts(self) -> tuple[int, int]:
        """Return the number of terms of I and Z only, and of the others."""
        n_z = sum(set(letters) <= {"I", "Z"} for letters, _ in self.terms)
        return n_z, len(self.terms) - n_z

    def check_fits(self, n_qubits: int, where: str = "--observable") -> None:
        """Raise a CircuitError unless there is one letter for each qubit of a circuit."""
        if self.n_qubits != n_qubits:
            raise CircuitError(
                f"{self.n_qubits} letters for a circuit of {n_qubits} qubits",
                where=where,
                allowed=f"{n_qubits} letters, such as {'Z' + 'I' * (n_qubits - 1)}",
            )
