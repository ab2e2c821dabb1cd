"""Columns of numbers and words as rows of CSV text, a chunk at a time and without a Python object per cell.

A *block* is an (m, w) matrix of bytes, one row a cell, in which 0 means "no character here". Blocks are laid side by
side and the zeros squeezed out. Numbers are written as the shortest decimal that reads back exactly; whole numbers
without ``.0``; NaN as an empty cell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray
from qhpcsim.results.shortest import decimals

Block = NDArray[np.uint8]
Whole = NDArray[np.int64]
_ZERO, _MINUS, _POINT = b"0-."
_HALF = 10**9
_EXACT = 2.0**53
_MANY_ODD = 8
"""One part in this many: with more odd values than that, all of a chunk are given to ``repr``."""


def constant(text: bytes, m: int) -> Block:
    """Return ``m`` rows of the same text."""
    return np.broadcast_to(np.array(list(text), np.uint8), (m, len(text)))


def words(codes: NDArray[np.integer], names: Sequence[bytes]) -> Block:
    """Return the names that the codes stand for; code -1 is an empty cell. Names hold no zero byte."""
    width = max([1, *map(len, names)])
    table = np.zeros((len(names) + 1, width), np.uint8)
    for k, name in enumerate(names):
        table[k, : len(name)] = np.frombuffer(name, np.uint8)
    return np.asarray(table[codes])


def integers(values: NDArray[np.integer]) -> Block:
    """Return whole numbers as decimal digits."""
    wide = values.astype(np.int64)
    if wide.size and int(wide.min()) < 0:
        sign = np.where(wide < 0, _MINUS, 0).astype(np.uint8)[:, None]
        return np.concatenate([sign, _digits(np.abs(wide))], axis=1)
    return _digits(wide)


def reals(values: FloatArray) -> Block:
    """Return numbers as the shortest decimals that read back exactly; NaN is an empty cell."""
    blank = np.isnan(values)
    filled = np.where(blank, 0.0, values)
    if bool(np.all((filled == np.floor(filled)) & (np.abs(filled) < _EXACT))):
        block = integers(filled)
    else:
        block = _fractions(filled)
    if blank.any():
        block[blank] = 0
    return block


def rows(blocks: Sequence[Block], end: bytes = b"\n") -> bytes:
    """Return the cells of each row joined by commas, with ``end`` after each row."""
    m = len(blocks[0])
    comma = constant(b",", m)
    parts = [part for block in blocks for part in (block, comma)]
    grid = np.concatenate([*parts[:-1], constant(end, m)], axis=1).ravel()
    return bytes(grid[grid != 0].tobytes())


def _digits(values: Whole) -> Block:
    """Return non-negative whole numbers, right-aligned without leading zeros."""
    most = int(values.max()) if values.size else 0
    if most < _HALF:
        return _trim_left(_columns(values, max(1, len(str(most)))))
    high, low = np.divmod(values, _HALF)
    upper = _digits(high)
    lower = _columns(low, 9)
    small = high == 0
    upper[small] = 0
    lower[small] = _trim_left(lower[small])
    return np.concatenate([upper, lower], axis=1)


def _columns(values: Whole, width: int) -> Block:
    """Return values < 10^9 as ``width`` digits with leading zeros."""
    block = np.empty((values.size, width), np.uint8)
    rest = values.astype(np.uint32)
    for k in range(width - 1, -1, -1):
        tenth = rest // 10
        block[:, k] = rest - tenth * 10 + _ZERO
        rest = tenth
    return block


def _trim_left(block: Block) -> Block:
    """Return the digits with leading zeros blanked, the last digit kept."""
    leading = np.ones(len(block), np.bool_)
    for k in range(block.shape[1] - 1):
        leading &= block[:, k] == _ZERO
        block[leading, k] = 0
    return block


def _trim_right(block: Block) -> Block:
    """Return the digits with trailing zeros blanked."""
    trailing = np.ones(len(block), np.bool_)
    for k in range(block.shape[1] - 1, -1, -1):
        trailing &= block[:, k] == _ZERO
        if not trailing.any():
            break
        block[trailing, k] = 0
    return block


def _fractions(values: FloatArray) -> Block:
    """Return numbers of which some are no whole numbers."""
    whole, fraction, good = decimals(np.abs(values))
    if np.count_nonzero(~good) * _MANY_ODD > values.size:
        return _reprs(values)
    whole[~good] = 0
    high, low = np.divmod(fraction, _HALF)
    digits = [_columns(high, 9)] if not low.any() else [_columns(high, 9), _columns(low, 9)]
    sign = np.where(values < 0, _MINUS, 0).astype(np.uint8)[:, None]
    point = np.where(fraction > 0, _POINT, 0).astype(np.uint8)[:, None]
    block = np.concatenate([sign, _digits(whole), point, _trim_right(np.concatenate(digits, axis=1))], axis=1)
    return block if good.all() else _overwrite(block, ~good, _reprs(values[~good]))


def _overwrite(block: Block, where: NDArray[np.bool_], other: Block) -> Block:
    """Return the block with some rows replaced by wider or narrower ones."""
    if other.shape[1] > block.shape[1]:
        block = np.pad(block, ((0, 0), (0, other.shape[1] - block.shape[1])))
    block[where] = 0
    block[np.flatnonzero(where), : other.shape[1]] = other
    return block


def _reprs(values: FloatArray) -> Block:
    """Return each number by Python's own ``repr``, without a trailing ``.0``."""
    texts = [repr(value).removesuffix(".0") for value in values.tolist()]
    packed = np.array(texts, dtype=np.bytes_)
    return packed.view(np.uint8).reshape(len(texts), -1).copy()
