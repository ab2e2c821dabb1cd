"""Numbers in tables read as Python's own ``repr`` writes them, whole numbers without ``.0``."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhpcsim.results.text_grid import constant, integers, reals, rows, words


def written(values):
    return rows([reals(np.array(values, dtype=float))]).decode().split("\n")[:-1]


def expected(values):
    return [repr(float(value)).removesuffix(".0") for value in values]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0), min_size=1, max_size=50))
@settings(max_examples=200, deadline=None)
def test_any_number_reads_back(values):
    assert [float(text) for text in written(values)] == values


@given(st.lists(st.floats(min_value=0.0, max_value=1e16), min_size=1, max_size=50))
@settings(max_examples=300, deadline=None)
def test_times_are_written_as_repr_writes_them(values):
    values = [value + 0.0 for value in values]
    assert written(values) == expected(values)


@given(st.lists(st.decimals(min_value=0, max_value=10**10, places=6).map(float), min_size=1, max_size=50))
@settings(max_examples=200, deadline=None)
def test_decimals_are_written_as_they_came(values):
    assert written(values) == expected(values)


@pytest.mark.parametrize("step", [-1, 0, 1])
def test_neighbours_of_round_numbers(step):
    draw = np.random.default_rng(1)
    values = np.concatenate([np.arange(1.0, 3000), 2.0 ** np.arange(-6, 49), np.round(draw.uniform(0, 2e9, 3000), 3)])
    values = values if step == 0 else np.nextafter(values, step * np.inf)
    assert written(values) == expected(values)


def test_values_near_the_limits_of_the_fast_way():
    values = [0.01, 0.009999999999999998, 1e15, 999999999999999.9, 1e16, 5e-324, 1.7e308, 0.0, 123456.7]
    assert written(values) == expected(values)


def test_nan_is_an_empty_cell():
    assert written([1.0, np.nan, 2.5]) == ["1", "", "2.5"]
    assert written([1.0, np.nan]) == ["1", ""]


def test_rows():
    blocks = [
        integers(np.array([7, -1, 12345678901])),
        constant(b"w", 3),
        words(np.array([1, -1, 0]), [b"no", b"yes"]),
        constant(b"", 3),
        reals(np.array([30.5, -1.0, 2.0])),
    ]
    assert rows(blocks) == b"7,w,yes,,30.5\n-1,w,,,-1\n12345678901,w,no,,2\n"
    assert (
        rows([integers(np.array([10**9, 10**9 + 5, 10**18, 0]))]) == b"1000000000\n1000000005\n1000000000000000000\n0\n"
    )
