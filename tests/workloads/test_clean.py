"""Clock, cuts and load."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.records import JobTable
from qhpcsim.workloads.clean import find_cycle, find_duplicate, first_jobs, in_submit_order, rebase, scaled_load, take


def table_of(submit_s: list[float], depends_on: list[int] | None = None) -> JobTable:
    n = len(submit_s)
    one = np.ones(n)
    return JobTable(
        job_id=np.arange(1, n + 1),
        submit_s=np.array(submit_s, np.float64),
        runtime_s=one * 10,
        walltime_s=one * 20,
        nodes=np.ones(n, np.int32),
        depends_on=None if depends_on is None else np.array(depends_on, np.int32),
    )


@given(st.lists(st.floats(0, 1e15), min_size=1, max_size=20), st.integers(-20, 20))
def test_rebase_is_exact_and_scales_with_powers_of_two(times: list[float], power: int) -> None:
    submit_s = np.sort(np.array(times))
    moved, zero_s = rebase(submit_s)
    assert np.array_equal(moved + zero_s, submit_s) and moved[0] >= 0
    if submit_s[0] > 1e-200:
        scaled, scaled_zero_s = rebase(np.ldexp(submit_s, power))
        assert scaled_zero_s == np.ldexp(zero_s, power) and np.array_equal(scaled, np.ldexp(moved, power))


def test_rebase_makes_short_tasks_at_unix_times_exact() -> None:
    moved, zero_s = rebase(np.array([1700000001.0, 1700000002.5]))
    assert zero_s == 1700000000 and moved.tolist() == [1, 2.5]
    assert rebase(np.array([0.0, 3.0]))[1] == 0 and rebase(np.array([599850.0]))[1] == 599850


def test_order_is_by_submission_then_line() -> None:
    table = in_submit_order(table_of([5, 1, 5, 1], depends_on=[1, -1, 0, 2]))
    assert table.job_id.tolist() == [2, 4, 1, 3]
    assert table.depends_on is not None and table.depends_on.tolist() == [-1, 3, 0, 2]
    assert list(table.cleaned.values()) == [2]


def test_take_cuts_dependencies_on_missing_jobs() -> None:
    table = take(table_of([0, 1, 2], depends_on=[-1, 0, 1]), np.array([1, 2]))
    assert table.depends_on is not None and table.depends_on.tolist() == [-1, 0]
    assert list(table.cleaned.values()) == [1]


def test_first_jobs() -> None:
    table = table_of([0, 1, 2])
    assert first_jobs(table, 2).n == 2 and first_jobs(table, 9) is table
    with pytest.raises(ConfigError, match="max_jobs"):
        first_jobs(table, 0)


def test_scaled_load_divides_times_on_the_files_axis() -> None:
    table = in_submit_order(table_of([600, 660, 900]))
    double = scaled_load(table, 2)
    assert (double.submit_s + double.zero_s).tolist() == [300, 330, 450]
    assert (table.submit_s + table.zero_s).tolist() == [600, 660, 900]
    for factor in (0, -1, float("nan"), float("inf"), 1e-15):
        with pytest.raises(ConfigError, match="load_scale"):
            scaled_load(table, factor)


def test_duplicates_and_cycles() -> None:
    assert find_duplicate(np.array([3, 1, 3, 1])) == 2
    assert find_duplicate(np.array([3, 1, 2])) is None
    assert find_duplicate(np.array(["a", "b", "a"], object)) == 2
    assert find_cycle(np.array([-1, 0, 4, 2, 3], np.int32)) == 2
    assert find_cycle(np.arange(-1, 5000, dtype=np.int32)) is None
