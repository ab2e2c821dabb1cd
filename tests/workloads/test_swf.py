"""SWF: real logs, rules, round trips, and the compiled parser against the plain one."""

from __future__ import annotations

import csv
import gzip
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qhpcsim.core.errors import WorkloadError
from qhpcsim.workloads import numeric_rows
from qhpcsim.workloads.swf import read_swf
from qhpcsim.workloads.swf_writer import write_swf
from tests.reference import reference
from tests.workloads.tables import difference, outcome, swf_line

KTH = "traces/KTH-SP2-1996-2.1-cln.swf.gz"


def written(tmp_path: Path, *lines: str, name: str = "a.swf") -> Path:
    path = tmp_path / name
    path.write_text("\n".join([*lines, ""]))
    return path


def test_kth_keeps_exactly_the_reference_jobs() -> None:
    table = read_swf(reference(KTH))
    with gzip.open(reference("conformance/reference_KTH-SP2.csv.gz"), "rt") as stream:
        expected = {int(row["job_id"]) for row in csv.DictReader(stream)}
    assert set(table.job_id.tolist()) == expected
    assert table.n == 28_475 and table.machine_nodes == 100 and table.unix_start_s == 843480031
    assert table.cleaned["no processors in requested_procs or used_procs: dropped"] == 1
    assert table.header[1] == " Computer: IBM SP2"


def test_ricc_keeps_all_jobs() -> None:
    table = read_swf(reference("traces/RICC-2010-2.swf.gz"))
    assert table.n == 447_794 and table.machine_nodes == 8192
    assert table.cleaned["requested_procs unknown: used_procs taken"] == 2
    assert int(table.nodes.sum(dtype=np.int64)) > table.n


def test_extra_columns_are_left_out_and_counted() -> None:
    table = read_swf(reference("traces/MetaCentrum-wagap-2013.swf.gz"))
    assert table.n == 17_898 and table.depends_on is None
    assert sum(n for rule, n in table.cleaned.items() if rule.startswith("3 columns beyond")) == 17_900


def test_extra_column_on_one_line_only_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path, swf_line(1), swf_line(2) + " 7")
    for compiled in (False, True):
        with pytest.raises(WorkloadError, match=r"a\.swf:2: 19 fields.* has 18 fields"):
            read_swf(path, compiled=compiled)


def test_first_mistake_of_the_file_is_reported(tmp_path: Path) -> None:
    path = written(tmp_path, swf_line(1), swf_line(2, run=-7), "rubbish", swf_line(3, procs=2.5))
    for compiled in (False, True):
        with pytest.raises(WorkloadError, match=r"a\.swf:2: field 4 \(run_time\) is -7"):
            read_swf(path, compiled=compiled)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (swf_line(-1), "job_number"),
        (swf_line(1, submit=-2), "submit_time"),
        (swf_line(1, submit="1e999"), "submit_time"),
        (swf_line(1, submit=2e15), "submit_time"),
        (swf_line(1, run="1_0"), "run_time"),
        (swf_line(1, procs=1.5), "used_procs"),
        (swf_line(1, procs=3_000_000_000), "used_procs"),
        (swf_line(1, asked=-0.5), "requested_time"),
        (swf_line(1, f12="bob"), "user_id"),
        (swf_line(1, f3="inf"), "wait_time"),
        (swf_line(1, f17=-2), "preceding_job"),
    ],
)
def test_impossible_value_names_line_and_field(tmp_path: Path, line: str, field: str) -> None:
    with pytest.raises(WorkloadError, match=rf"a\.swf:2: field \d+ \({field}\)"):
        read_swf(written(tmp_path, "; x", line))


def test_order_unknown_and_partial_lines(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        swf_line(5, submit=50),
        swf_line(6, submit=20),
        swf_line(7, submit=20, run=-1),
        swf_line(8, submit=-1),
        swf_line(6, submit=20, run=3, f11=2),
        swf_line(9, submit=70, f17=6, f18=4.5),
        swf_line(10, submit=80, f17=7),
    )
    table = read_swf(path)
    assert table.job_id.tolist() == [6, 5, 9, 10]
    assert table.depends_on is not None and table.depends_on.tolist() == [-1, -1, 0, -1]
    assert table.think_s is not None and table.think_s.tolist() == [0, 0, 4.5, 0]
    assert sorted(table.cleaned.values()) == [1] * 5


def test_longer_cycle_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, swf_line(1), swf_line(2, f17=4), swf_line(3, f17=2), swf_line(4, f17=3))
    with pytest.raises(WorkloadError, match=r"a\.swf:2: preceding_job 4 of job 2 closes a cycle"):
        read_swf(path)


def test_requested_time_of_nothing_is_one_second(tmp_path: Path) -> None:
    assert read_swf(written(tmp_path, swf_line(1, run=0, asked=-1))).walltime_s.tolist() == [1.0]


def test_machine_size_words(tmp_path: Path) -> None:
    assert read_swf(written(tmp_path, "; MaxNodes: 430 (338 batch)", swf_line(1))).machine_nodes == 430
    with pytest.raises(WorkloadError, match=r"a\.swf:1: header MaxNodes"):
        read_swf(written(tmp_path, "; MaxNodes: many", swf_line(1)))
    assert read_swf(written(tmp_path, "; MaxNodes: many", ";MaxProcs: 8", swf_line(1))).machine_nodes == 8


def test_round_trip_of_a_real_log(tmp_path: Path) -> None:
    first = read_swf(reference(KTH))
    assert write_swf(first, tmp_path / "KTH-SP2-1996-2.1-cln.swf.gz") == ()
    again = read_swf(tmp_path / "KTH-SP2-1996-2.1-cln.swf.gz")
    assert difference(first, again, ignore=("cleaned",)) == ""
    write_swf(again, tmp_path / "b.swf.gz")
    assert (tmp_path / "b.swf.gz").read_bytes() == (tmp_path / "KTH-SP2-1996-2.1-cln.swf.gz").read_bytes()


def test_round_trip_keeps_fractions_and_dependencies(tmp_path: Path) -> None:
    lines = [swf_line(3, 1700000001.125, 0.1), swf_line(4, 1700000002, 0.00025, f17=3, f18=1e-3)]
    first = read_swf(written(tmp_path, "; MaxProcs: 4", *lines))
    assert first.zero_s == 1700000000 and first.runtime_s.tolist() == [0.1, 0.00025]
    write_swf(first, tmp_path / "b.swf")
    assert difference(first, read_swf(tmp_path / "b.swf")) == ""


number = st.one_of(
    st.integers(-1, 10**16).map(str),
    st.floats(0, 1e17).map(repr),
    st.sampled_from(
        ["-1", "0", "1e2", "1E+3", "+5", "007", ".5", "5.", "-0", "nan", "0x1", "1_0", "1e-400", "٣", "1e", "-"]
    ),
)
line = st.one_of(
    st.builds(
        lambda job, cells: " ".join([str(job), *cells]),
        st.integers(1, 10**6),
        st.lists(st.sampled_from(["1", "2", "30.5", "1e1", "123456.789012345678", "0.1"]), min_size=17, max_size=17),
    ),
    st.lists(number, min_size=16, max_size=20).map("\t".join),
    st.sampled_from(["", "; MaxProcs: 7", ";", " ; odd", "\x0b", "\x1a", "1 2 3", "; caf\xe9"]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(line, max_size=6), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_compiled_parser_equals_plain_parser(tmp_path: Path, lines: list[str], end: str) -> None:
    path = tmp_path / "fuzz.swf"
    path.write_bytes(end.join(lines).encode("utf-8"))
    assert_alike(path)


def test_compiled_parser_equals_plain_parser_on_mutated_bytes(tmp_path: Path) -> None:
    source = gzip.decompress(reference(KTH).read_bytes()).splitlines(keepends=True)
    chance = random.Random(7)
    path = tmp_path / "mutated.swf"
    refused = 0
    for _ in range(150):
        text = bytearray(b"".join(chance.sample(source[40:], 12)))
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(text))
            text[at : at + chance.randrange(2)] = bytes([chance.choice(b"0123456789.-+eE ;\t\r\n,_x\xff")])
        path.write_bytes(text)
        refused += assert_alike(path)
    assert 20 < refused < 140


@pytest.mark.parametrize("digits", [6, 15, 17])
def test_numbers_are_read_exactly(tmp_path: Path, digits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numeric_rows, "_CAPACITY", 128)
    chance = random.Random(digits)
    values = [f"{chance.random() * 10 ** chance.randrange(-9, 9):.{digits}g}" for _ in range(1000)]
    path = written(tmp_path, *(swf_line(k, run=value) for k, value in enumerate(values)))
    for compiled in (False, True):
        assert read_swf(path, compiled=compiled).runtime_s.tolist() == [float(value) for value in values]


def assert_alike(path: Path) -> bool:
    """Assert that both parsers give the same table or message; return whether it was a message."""
    plain, compiled = outcome(path, compiled=False), outcome(path, compiled=True)
    if isinstance(plain, str) or isinstance(compiled, str):
        assert plain == compiled
        return True
    assert difference(plain, compiled, ignore=()) == ""
    return False
