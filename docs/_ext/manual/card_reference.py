"""The page of calibration cards: what each is about, its licence, source and age, and how sure its numbers are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from manual.markdown import code, table, text
from qhpcsim.core.cards import Card, CardEntry, card
from qhpcsim.core.data import data_dir

FOLDERS = {
    "qpu": "QPUs",
    "qpu_background": "Load of other users of QPUs",
    "fidelity": "Fidelity and its drift",
    "cpu": "CPUs",
    "gpu": "GPUs",
    "clusters": "Links between GPUs",
    "gradients": "Gradients",
    "cutting": "The cutting pipeline",
    "cutting_transfer": "The cutting pipeline on other circuits",
    "nodes": "Power of nodes",
    "middleware": "Task systems",
    "pilots": "Start of pilots",
    "tasks": "Tasks side by side on a node",
    "motifs": "Motifs",
    "workload": "Workload generators",
}
"""Folder of ``calibration/`` -> heading."""


def card_list() -> str:
    """Return a section for each folder of ``calibration/``."""
    root = data_dir("calibration")
    found = {folder.name: sorted(folder.glob("*.yaml")) for folder in sorted(root.iterdir()) if folder.is_dir()}
    ordered = sorted((name for name in found if found[name]), key=lambda name: (*_place(name), name))
    head = ("card", "what it is", "numbers", "held-out error", "method; licence", "source")
    return "\n\n".join(
        f"## {FOLDERS.get(name, name)}\n\n{table(head, [_row(path) for path in found[name]])}" for name in ordered
    )


def _place(name: str) -> tuple[int]:
    return (list(FOLDERS).index(name) if name in FOLDERS else len(FOLDERS),)


def _row(path: Path) -> tuple[str, ...]:
    read = card(path)
    every = list(read.entries.values())
    licence = _most([text(entry.licence) or "licence not stated" for entry in every])
    sure = sum(entry.uncertainty is not None for entry in every)
    return (
        code(f"{path.parent.name}/{path.stem}"),
        text(read.about),
        f"{len(every)}, {sure} with ±",
        held_out(read),
        f"{_most([text(entry.method) for entry in every])}; {licence}",
        f"{_most([text(entry.source) for entry in every])}; {max(entry.date for entry in every)}",
    )


def held_out(read: Card) -> str:
    """Return the errors that a card states of what its fit had not seen, in words; empty: it states none."""
    parts = [_error(read.entries[name]) for name in ("fit_error", "held_out_error") if name in read.entries]
    return "; ".join(parts)


def _error(entry: CardEntry) -> str:
    values = entry.value if isinstance(entry.value, list) else [entry.value]
    numbers = ", ".join(f"{100 * value:.1f} %" for value in values)
    return f"{numbers} ({text(entry.note.removeprefix('held out: '))})" if entry.note else numbers


def _most(words: list[str]) -> str:
    """Return the commonest text and how many others there are."""
    (first, _), *others = Counter(words).most_common()
    return f"{first} and {len(others)} more" if others else first
