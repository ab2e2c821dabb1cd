"""How every calibration ends: what it says of the machine, the card, its raw rows, and the next command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qhpcsim.cli.output import say


def keep(out: Path, text: str, write_rows: Callable[[Path], None], busy_ratio: float, limit: float, again: str) -> None:
    """Write a card and the rows beside it, and say so.

    Args:
        out: The card.
        text: What it holds.
        write_rows: Writes the rows into the file that it is given.
        busy_ratio: Typical over shortest run.
        limit: Above this the machine was too busy.
        again: Command to try next.
    """
    if busy_ratio > limit:
        say(f"the machine was busy: a typical run took {busy_ratio:.2f} times the shortest one; measure again")
    out.write_text(text, encoding="utf-8")
    rows = out.with_suffix(".csv")
    write_rows(rows)
    say(f"\ncard  {out}\nrows  {rows}")
    say(f"\nnext: {again}")
