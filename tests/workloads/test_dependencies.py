"""Dependencies and job arrays in the table format, as Slurm writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qhpcsim.core.errors import WorkloadError
from qhpcsim.workloads.batsim import read_batsim, write_batsim
from qhpcsim.workloads.clean import take
from qhpcsim.workloads.dependencies import first_in_cycle
from qhpcsim.workloads.describe import describe
from qhpcsim.workloads.table import read_table, write_table

HEAD = "job_id,submit_s,nodes,runtime_s,walltime_s"


def read(tmp_path: Path, *lines: str):
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines) + "\n")
    return read_table(path)


def pairs(table):
    """Return job id -> [(id it waits for, whether that must succeed)]."""
    offset, before, ok = table.waits
    ids = table.job_id.tolist()
    return {
        ids[j]: [(ids[k], bool(must)) for k, must in zip(before[part], ok[part], strict=True)]
        for j in range(table.n)
        if (part := slice(offset[j], offset[j + 1])).stop > part.start
    }


def test_plain_ids_and_single_afterany_mean_what_they_did(tmp_path):
    for text in ("7", "afterany:7"):
        table = read(tmp_path, HEAD + ",depends_on", "7,0,1,1,1,", f"9,1,1,1,1,{text}")
        assert table.waits is None and table.depends_on.tolist() == [-1, 0]


def test_success_and_several_jobs(tmp_path):
    table = read(
        tmp_path,
        HEAD + ",depends_on",
        "3,5,1,1,1,afterok:1:2",
        "1,0,1,1,1,",
        "2,0,1,1,1,afterok:1",
        '4,9,1,1,1,"afterok:3,afterany:1:3"',
        "5,9,1,1,1,afterany:1;afterok:2",
    )
    assert table.job_id.tolist() == [1, 2, 3, 4, 5]
    assert pairs(table) == {
        2: [(1, True)],
        3: [(1, True), (2, True)],
        4: [(3, True), (1, False)],
        5: [(1, False), (2, True)],
    }
    assert table.depends_on is None and describe(table)["dependent_jobs"] == 4
    cut = take(table, np.array([2, 3, 4]))
    assert pairs(cut) == {4: [(3, True)]}
    assert cut.cleaned["depends on a job left out: dependency cut"] == 5


@pytest.mark.parametrize("write", [True, False], ids=["table", "batsim"])
def test_they_come_back_as_written(tmp_path, write):
    lines = [HEAD + ",depends_on,fails,array", "1,0,1,1,1,,1,", "2,0,1,1,1,afterok:1,0,0-3%2", "8,9,1,1,1,2,,"]
    table = read(tmp_path, *lines)
    target = tmp_path / ("b.csv" if write else "b.json")
    (write_table if write else write_batsim)(table, target)
    again = (read_table if write else read_batsim)(target)
    assert again.job_id.tolist() == ["1", "2_0", "2_1", "2_2", "2_3", "8"]
    assert pairs(again) == pairs(table)
    assert again.fails.tolist() == [True, False, False, False, False, False]
    assert again.array.code.tolist() == [-1, 0, 0, 0, 0, -1]
    assert (again.array.names, again.array.limit) == (("2",), (2,))


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("0-3", [0, 1, 2, 3]),
        ('"1,3,5"', [1, 3, 5]),
        ("0-8:4", [0, 4, 8]),
        ('"7,0-2%9"', [0, 1, 2, 7]),
        ("5", [5]),
    ],
)
def test_an_array_stands_for_its_tasks(tmp_path, text, tasks):
    table = read(tmp_path, HEAD + ",user,array", f"12,3.5,2,10,20,ann,{text}", "13,4,1,1,1,bob,")
    assert table.job_id.tolist() == [*(f"12_{k}" for k in tasks), "13"]
    assert table.nodes.tolist() == [2] * len(tasks) + [1]
    assert [table.user.names[code] for code in table.user.code] == ["ann"] * len(tasks) + ["bob"]
    assert (table.array is None) == ("%" not in text)


def test_the_id_of_an_array_stands_for_all_its_tasks(tmp_path):
    table = read(tmp_path, HEAD + ",depends_on,array", "a,0,1,1,1,,0-2", "b,1,1,1,1,afterok:a,", "c,1,1,1,1,a_1,")
    assert pairs(table) == {"b": [("a_0", True), ("a_1", True), ("a_2", True)], "c": [("a_1", False)]}


@pytest.mark.parametrize(
    ("column", "lines", "message"),
    [
        ("depends_on", ["1,0,1,1,1,afterok:1"], r"a\.csv:2: column depends_on is 'afterok:1', which closes a cycle"),
        ("depends_on", ["1,0,1,1,1,afterok:2", "2,0,1,1,1,1"], r"a\.csv:2: .* closes a cycle"),
        ("depends_on", ["1,0,1,1,1,afterok:7"], r"a\.csv:2: column depends_on is '7', and no job"),
        ("depends_on", ["1,0,1,1,1,", "2,0,1,1,1,afternotok:1"], r"a\.csv:3: .*'afternotok:1': known are afterany:ID"),
        ("depends_on", ["1,0,1,1,1,", "2,0,1,1,1,afterok:1?afterok:1"], r"a\.csv:3: .*known are"),
        ("depends_on", ["1,0,1,1,1,", "2,0,1,1,1,afterok"], r"a\.csv:3: .*'afterok', and no job|a\.csv:3: .*known are"),
        ("array", ["1,0,1,1,1,4-2"], r"a\.csv:2: column array is '4-2': tasks from 4 to 2"),
        ("array", ["1,0,1,1,1,0-5:0"], r"a\.csv:2: column array"),
        ("array", ["1,0,1,1,1,0-9%0"], r"a\.csv:2: column array is '0-9%0', which lets no task run"),
        ("array", ["1,0,1,1,1,x"], r"a\.csv:2: column array is 'x', not as in"),
        ("array", ["1,0,1,1,1,0-3999999"], r"a\.csv:2: column array is '0-3999999'"),
        ("array", ["1,0,1,1,1,%3"], r"a\.csv:2: column array is '%3', but the job is no task"),
        ("array", ["1,0,1,1,1,0-1", "1_1,0,1,1,1,"], r"a\.csv:3: column job_id is 1_1, which an earlier"),
        ("fails", ["1,0,1,1,1,2"], r"a\.csv:2: column fails is '2', neither 0 nor 1"),
    ],
)
def test_mistakes_name_line_and_column(tmp_path, column, lines, message):
    with pytest.raises(WorkloadError, match=message):
        read(tmp_path, f"{HEAD},{column}", *lines)


def test_cycles_are_found_among_many_predecessors():
    offset, before = np.array([0, 0, 1, 3, 4, 5]), np.array([0, 0, 3, 4, 2], np.int32)
    assert first_in_cycle(offset, before) == 2
    before[2] = 1
    assert first_in_cycle(offset, before) is None
