"""Cells of a run's tables as numbers and codes; what cannot be one is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qhpcsim.core.errors import RunFolderError, nearest
from qhpcsim.metrics.checks.tables import Floats

if TYPE_CHECKING:
    import pandas as pd


def need(table: pd.DataFrame, file: str, columns: Sequence[str]) -> None:
    """Check that a table has some columns.

    Raises:
        RunFolderError: if one is missing.
    """
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise RunFolderError(f"no column {', '.join(missing)}", where=file, hint="run the scenario again")


def floats(table: pd.DataFrame, column: str) -> Floats:
    """Return a column as (n,) float64; NaN where a cell is empty."""
    return np.asarray(table[column].to_numpy(dtype=np.float64, na_value=np.nan))


def numbers(table: pd.DataFrame, column: str) -> Any:
    """Return a column of whole numbers as (n,) int32; -1 where a cell is empty."""
    return np.nan_to_num(floats(table, column), nan=-1.0).astype(np.int32)


def codes(table: pd.DataFrame, file: str, column: str, words: Sequence[str]) -> Any:
    """Return each word's place in ``words`` as (n,) int32; -1 for an empty cell.

    Raises:
        RunFolderError: if a cell holds another word.
    """
    place = {word: code for code, word in enumerate(words)}
    texts = ["" if text is None or text != text else str(text) for text in table[column]]
    wrong = next((text for text in texts if text and text not in place), None)
    if wrong is not None:
        raise RunFolderError(
            f"column {column} holds {wrong!r}", where=file, allowed=", ".join(words), suggestion=nearest(wrong, words)
        )
    return np.array([place.get(text, -1) for text in texts], dtype=np.int32)
