"""The table format: exact numbers, every column, errors by line and column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qhpcsim.core.errors import WorkloadError
from qhpcsim.workloads.table import read_table, write_table
from tests.workloads.tables import difference

HEAD = "job_id,submit_s,nodes,runtime_s,walltime_s"


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "a.csv"
    path.write_text("\n".join([*lines, ""]))
    return path


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 1e15), st.integers(1, 10**6), st.floats(0, 1e15)), min_size=1, max_size=5))
def test_floats_are_taken_exactly(tmp_path: Path, jobs: list[tuple[float, int, float]]) -> None:
    jobs.sort()
    path = written(tmp_path, HEAD, *(f"{k},{s!r},{n},{r!r},inf" for k, (s, n, r) in enumerate(jobs)))
    for compiled in (False, True):
        table = read_table(path, compiled=compiled)
        assert (table.submit_s + table.zero_s).tolist() == [s for s, _, _ in jobs]
        assert table.runtime_s.tolist() == [r for _, _, r in jobs]
        write_table(table, tmp_path / "b.csv")
        assert difference(table, read_table(tmp_path / "b.csv")) == ""


def test_all_columns_round_trip(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "\ufeff" + HEAD + ",user,partition,gpus_per_node,qos,feature,memory_per_node_bytes,depends_on,think_s,gpu_type",
        'a1,0.1,2,3.5,60,"Doe, J",gpu,4,high,CPU-N,1e9,,,H100',
        "",
        "b/2,7,1,0,,,,,,,,a1,2.5,",
    )
    table = read_table(path)
    assert table.job_id.tolist() == ["a1", "b/2"] and table.walltime_s.tolist() == [60, np.inf]
    assert table.user is not None and table.user.names == ("Doe, J",) and table.user.code.tolist() == [0, -1]
    assert table.depends_on is not None and table.depends_on.tolist() == [-1, 0]
    assert table.gpus_per_node is not None and table.gpus_per_node.tolist() == [4, 0]
    assert write_table(table, tmp_path / "b.csv.gz") == ()
    assert difference(table, read_table(tmp_path / "b.csv.gz")) == ""


def test_words_as_ids_after_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD, "1,0,1,1,1", "x,0,1,1,1")
    for compiled in (False, True):
        assert read_table(path, compiled=compiled).job_id.tolist() == ["1", "x"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], r"no jobs"),
        ([HEAD], r"no jobs"),
        (["job_id,submit_s,node,runtime_s,walltime_s"], r"a\.csv:1: column 'node' is unknown[^$]*did you mean: nodes"),
        ([HEAD + ",user,user"], r"a\.csv:1: column 'user' is twice"),
        (["job_id,submit_s,nodes,runtime_s"], r"a\.csv:1: no column walltime_s"),
        ([HEAD, "1,0,1,1,1", "2,0,1,1"], r"a\.csv:3: 4 columns, but the first line names 5"),
        ([HEAD, "1,0,1,nan,1"], r"a\.csv:2: column runtime_s is 'nan'"),
        ([HEAD, "1,0,1,1e999,1"], r"a\.csv:2: column runtime_s is (inf|1e999)"),
        ([HEAD, "1,0,0,1,1"], r"a\.csv:2: column nodes is 0"),
        ([HEAD, "1,0,1.5,1,1"], r"a\.csv:2: column nodes is 1\.5"),
        ([HEAD, "1,-1,1,1,1"], r"a\.csv:2: column submit_s is -1"),
        ([HEAD, "1,0,1,1,0"], r"a\.csv:2: column walltime_s is 0"),
        ([HEAD, "1,,1,1,1"], r"a\.csv:2: column submit_s is ''"),
        ([HEAD, "1,0,1,1,1", "1,0,1,1,1"], r"a\.csv:3: column job_id is 1, which an earlier"),
        ([HEAD + ",depends_on", "1,0,1,1,1,2"], r"a\.csv:2: column depends_on is '2', and no job"),
        ([HEAD + ",depends_on", "1,0,1,1,1,1"], r"a\.csv:2: column depends_on is '1', which closes a cycle"),
        ([HEAD + ",user", ",0,1,1,1,x"], r"a\.csv:2: column job_id is empty"),
        ([HEAD + ",user", "1,0,1,٣,1,x"], r"a\.csv:2: column runtime_s is '٣'"),
        ([HEAD + ",user", "1,0,1,1,1," + "x" * 200_000], r"a\.csv:2: is no CSV"),
    ],
)
def test_mistakes_name_line_and_column(tmp_path: Path, lines: list[str], message: str) -> None:
    for compiled in (False, True):
        with pytest.raises(WorkloadError, match=message):
            read_table(written(tmp_path, *lines), compiled=compiled)
