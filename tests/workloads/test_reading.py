"""Formats are told apart, and a workload passes through all of them unchanged."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from qhpcsim.core.errors import UnknownNameError, WorkloadError
from qhpcsim.core.registry import entries
from qhpcsim.workloads.describe import describe
from qhpcsim.workloads.reading import detect_format, read_workload, write_workload
from tests.reference import reference
from tests.workloads.tables import difference, swf_line

HEAD = "job_id,submit_s,nodes,runtime_s,walltime_s"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.swf", "a,b", "swf"),
        ("a.json", "{}", "batsim"),
        ("a.CSV.GZ", HEAD, "table"),
        ("a.csv", "submit,id", "table"),
        ("a.csv", "JobID|Submit|Start", "sacct"),
        ("a.txt", "; Version: 2.2", "swf"),
        ("a", "\n\n" + swf_line(1), "swf"),
        ("a.out", ' {"jobs": []}', "batsim"),
    ],
)
def test_detection(tmp_path: Path, name: str, text: str, expected: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("GZ") else text.encode())
    assert detect_format(path) == expected


def test_unclear_and_unknown(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("hello")
    with pytest.raises(WorkloadError, match="looks like no workload format"):
        read_workload(path)
    with pytest.raises(UnknownNameError, match="did you mean: swf"):
        read_workload(path, format="swff")
    table = read_workload(reference("conformance/slurm_micro/slurm_acct.out.gz"))
    with pytest.raises(WorkloadError, match="can only be read"):
        write_workload(table, tmp_path / "a.sacct")
    with pytest.raises(WorkloadError, match=r"ending '.xyz' says no format"):
        write_workload(table, tmp_path / "a.xyz")
    with pytest.raises(WorkloadError, match="cannot be written"):
        write_workload(table, tmp_path / "no" / "a.csv")


@pytest.mark.parametrize("name", ["b.swf", "b.csv.gz", "b.json"])
def test_every_writable_format_keeps_a_real_workload(tmp_path: Path, name: str) -> None:
    table = read_workload(reference("conformance/batsim_medium_late/batpaper.json.gz"))
    write_workload(table, tmp_path / name)
    about = ("workload_name", "header", "cleaned", "machine_nodes", "status")
    assert difference(table, read_workload(tmp_path / name), ignore=about) == ""


def test_slurm_jobs_keep_their_columns_in_a_table(tmp_path: Path) -> None:
    table = read_workload(reference("conformance/slurm_micro/slurm_acct.out.gz"))
    assert write_workload(table, tmp_path / "b.csv") == ("unix_start_s",)
    about = ("workload_name", "cleaned", "unix_start_s")
    assert difference(table, read_workload(tmp_path / "b.csv"), ignore=about) == ""
    assert "gpus_per_node" in write_workload(table, tmp_path / "b.swf")


def test_description() -> None:
    found = describe(read_workload(reference("traces/KTH-SP2-1996-2.1-cln.swf.gz")))
    assert found["jobs"] == 28_475 and found["users"] == 214 and found["machine_nodes"] == 100
    assert 0.6 < found["offered_load"] < 0.8 and found["wider_than_machine"] == 0
    assert sum(found["cleaned"].values()) == 9


def test_formats_are_listed() -> None:
    assert {"swf", "batsim", "sacct", "table"} <= set(entries("format"))
    assert all(entry.summary for entry in entries("format").values())
