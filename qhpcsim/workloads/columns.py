"""Columns of a JobTable from what files hold: words as categories, job ids, optional numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import Categories

_SMALL_RANGE = 1_000_000


def categories(words: Sequence[str | None]) -> Categories | None:
    """Return words as categories, names in alphabetical order; None and "" mean "not given"; None if all are."""
    names = sorted({word for word in words if word})
    if not names:
        return None
    code = {name: k for k, name in enumerate(names)}
    return Categories(np.array([code[word] if word else -1 for word in words], np.int32), tuple(names))


def number_categories(numbers: NDArray[Any]) -> Categories | None:
    """Return integers as categories named by their digits, in numeric order; -1 means "not given"; None if all are."""
    low, high = int(numbers.min()), int(numbers.max())
    if high < 0:
        return None
    if high - low <= _SMALL_RANGE:
        seen = np.zeros(high - low + 1, np.int32)
        seen[numbers - low] = 1
        seen[: max(0, -low)] = 0
        values = np.flatnonzero(seen) + low
        code = (np.cumsum(seen, dtype=np.int32) - 1)[numbers - low]
        code[numbers < 0] = -1
    else:
        values = np.unique(numbers[numbers >= 0])
        code = np.where(numbers < 0, -1, np.searchsorted(values, numbers)).astype(np.int32)
    return Categories(code, tuple(str(value) for value in values.tolist()))


def words_of(column: Categories | None, n: int) -> list[str]:
    """Return a column of categories as words, "" where not given."""
    if column is None:
        return [""] * n
    names = (*column.names, "")
    return [names[code] for code in column.code.tolist()]


def id_array(ids: Sequence[int | str]) -> NDArray[np.generic]:
    """Return job ids as int64 where all are integers that fit, else as an object array of str."""
    if all(isinstance(each, int) and -(2**63) <= each < 2**63 for each in ids):
        return np.array(ids, np.int64)
    result = np.empty(len(ids), object)
    result[:] = [str(each) for each in ids]
    return result


def narrow(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return integral numbers in the smallest signed integer type that holds them."""
    low, high = float(numbers.min()), float(numbers.max())
    for kind in (np.int8, np.int16, np.int32):
        limits = np.iinfo(kind)
        if limits.min <= low and high <= limits.max:
            return numbers.astype(kind)
    return numbers.astype(np.int64)


def plain_number(value: float) -> str:
    """Return the shortest text that reads back as the same float64, without ``.0`` on whole numbers."""
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text
