"""The circuits of the study: a fixed list, families and widths by the table below."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import NamedTuple

TIES = Path(__file__).with_name("ties.csv")
"""More cases near ties, see ties.py; there once the others have been measured."""
TIED = 1000
"""Number of the first of them."""
LATE = 2000
"""Number of the first case that was drawn after change 10 of the protocol."""
TARGETS = (0.01, 0.02, 0.01, 0.05)
OBSERVABLES = ("z_all", "mean_zz", "z_all", "ising", "zz_middle", "mean_z", "z_all", "z_middle")
LARGE = (12, 14, 16, 18, 19, 20, 21, 22, 23, 24, 26)
USUAL = (12, 15, 17, 19, 20, 21, 22, 23, 24)
SHORT = (13, 16, 18, 20, 21, 22, 24)
VARIANTS: dict[str, tuple[tuple[str, tuple[int, ...]], ...]] = {
    "efficient_su2": (
        ("reps=1", LARGE), ("reps=2", USUAL), ("reps=3", SHORT), ("reps=1,entangle=circular", SHORT),
    ),
    "tfim": (
        ("steps=1,native=true", USUAL), ("steps=2,native=true", USUAL), ("steps=1", SHORT),
        ("steps=4,native=true", SHORT), ("steps=1,native=true,graph=ladder", SHORT),
    ),
    "heisenberg": (("steps=1,native=true", USUAL), ("steps=1,native=true,dt=0.05", SHORT)),
    "qaoa": (
        ("layers=1,graph=ring", USUAL), ("layers=2,graph=ring", SHORT), ("layers=1,graph=tree", USUAL),
        ("layers=2,graph=tree", SHORT), ("layers=1,graph=sparse", USUAL),
    ),
    "ghz": (("", LARGE),),
    "graph_state": (
        ("graph=ring", LARGE), ("graph=tree", SHORT), ("graph=ladder", USUAL), ("graph=sparse", SHORT),
    ),
    "brickwork": (("depth=4", USUAL), ("depth=6", SHORT), ("depth=8", SHORT)),
    "modules": (
        ("links=1", USUAL), ("links=2", USUAL), ("links=3", SHORT), ("modules=3,links=1", USUAL),
        ("links=2,angle=0.3,depth=6", SHORT),
    ),
    "adder": (("", (12, 14, 16, 18, 20, 22, 24)),),
    "qft": (("swaps=false,degree=1", USUAL), ("swaps=false,degree=2", USUAL)),
    "w_state": (("", USUAL),),
    "staircase": (("", USUAL), ("layers=2", SHORT)),
    "tree_tensor": (("", LARGE),),
    "bv": (("", USUAL),),
    "entangling_layers": (("layers=1", USUAL),),
}  # fmt: skip
"""Family -> variants, each with its widths."""
HALF = {
    "A": ("efficient_su2", "qaoa", "graph_state", "adder", "w_state", "tree_tensor", "heisenberg"),
    "B": ("tfim", "ghz", "brickwork", "modules", "qft", "staircase", "bv", "entangling_layers"),
}
"""What is judged by a fit to the other half."""
FRESH, FRESH_WIDTHS = 500, ((20, 22), (19, 23), (21, 24))
"""Number of the first case that was measured after the model's last change, and widths of these, variants in turn."""
SEEDLESS = ("tfim", "heisenberg", "ghz", "w_state")


class Case(NamedTuple):
    """A circuit, what is wanted of it, and how well."""

    number: int
    family: str
    n_qubits: int
    circuit: str
    kind: str
    target: float

    @property
    def observable(self) -> str:
        """The observable as a text."""
        return observable(self.kind, self.n_qubits)


def cases() -> list[Case]:
    """Return all cases by number."""
    found: list[Case] = []
    variants = [(family, *variant) for family, group in VARIANTS.items() for variant in group]
    for family, params, widths in variants:
        found += [_case(len(found) + k, family, params, n, len(found) + k) for k, n in enumerate(widths)]
    fresh: list[Case] = []
    for turn, (family, params, _) in enumerate(variants):
        widths = FRESH_WIDTHS[turn % len(FRESH_WIDTHS)]
        first = FRESH + len(fresh)
        fresh += [_case(first + k, family, params, n, first + k + turn) for k, n in enumerate(widths)]
    return found + fresh + ties() + late()


def _case(number: int, family: str, params: str, n_qubits: int, turn: int) -> Case:
    """Return a case; its turn decides observable and target error."""
    seed = () if family in SEEDLESS else (f"seed={number}",)
    words = ",".join((*filter(None, (params,)), *seed))
    circuit = f"{family}:{n_qubits}" + (f":{words}" if words else "")
    target = TARGETS[(turn + turn // len(OBSERVABLES)) % len(TARGETS)]
    return Case(number, family, n_qubits, circuit, OBSERVABLES[turn % len(OBSERVABLES)], target)


def ties() -> list[Case]:
    """Return the cases near ties; none before they are chosen."""
    if not TIES.exists():
        return []
    with TIES.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [
        Case(int(row["number"]), row["family"], int(row["n_qubits"]), row["circuit"], row["kind"], float(row["target"]))
        for row in rows
    ]


def late() -> list[Case]:
    """Return every second case near a tie with another seed, if it has one, and the next kind of observable."""
    kinds = tuple(dict.fromkeys(OBSERVABLES))
    found = []
    for each in ties()[::2]:
        number = LATE + len(found)
        circuit = re.sub(r"seed=\d+", f"seed={number}", each.circuit)
        kind = kinds[(kinds.index(each.kind) + 1) % len(kinds)]
        found.append(each._replace(number=number, circuit=circuit, kind=kind))
    return found


def variant_of(case: Case) -> str:
    """Return family and parameters of a case, without its width and seed."""
    words = case.circuit.split(":")[2:]
    params = ",".join(word for text in words for word in text.split(",") if not word.startswith("seed="))
    return f"{case.family}:{params}"


def in_order() -> list[Case]:
    """Return the cases in the order of measurement: where cutting starts to pay first, families in turn."""
    place: dict[tuple[int, str], int] = {}
    keys = {}
    for case in cases():
        bucket = 0 if 18 <= case.n_qubits <= 22 else max(1, case.n_qubits - 21)
        bucket += 10 * sum(case.number >= first for first in (FRESH, TIED, LATE))
        turn = place.setdefault((bucket, case.family), 0)
        place[bucket, case.family] += 1
        keys[case.number] = (bucket, turn, case.number)
    return sorted(cases(), key=lambda case: keys[case.number])


def observable(kind: str, n: int) -> str:
    """Return an observable on n qubits as a text; the last letter is qubit 0."""

    def letters(word: str, first: int) -> str:
        return "I" * (n - first - len(word)) + word + "I" * first

    if kind == "z_all":
        return "Z" * n
    if kind == "z_middle":
        return letters("Z", n // 2)
    if kind == "zz_middle":
        return letters("ZZ", n // 2 - 1)
    z = [f"{1 / n:.12f}*{letters('Z', q)}" for q in range(n)]
    zz = [f"{1 / (n - 1):.12f}*{letters('ZZ', q)}" for q in range(n - 1)]
    x = [f"{0.5 / n:.12f}*{letters('X', q)}" for q in range(n)]
    return " + ".join({"mean_z": z, "mean_zz": zz, "ising": [*zz, *x]}[kind])
