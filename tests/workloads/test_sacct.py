"""Slurm exports: a real one, and the traps of the format one by one."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from qhpcsim.core.errors import WorkloadError
from qhpcsim.workloads import sacct_fields as fields
from qhpcsim.workloads.columns import words_of
from qhpcsim.workloads.sacct import read_sacct
from tests.reference import reference

HEAD = (
    "JobIDRaw|JobID|User|Account|Submit|Start|End|ElapsedRaw|TimelimitRaw|State"
    "|NNodes|NCPUS|AllocTRES|ReqMem|Constraints|NodeList"
)
GOOD = (
    "7|7|ann|phys|2024-01-01T00:00:10|2024-01-01T00:01:00|2024-01-01T00:02:00|60|30|COMPLETED"
    "|2|16|cpu=16,gres/gpu=4,gres/gpu:a100=4|4G||n[1-2]"
)


def line(**changes: str) -> str:
    values = dict(zip(HEAD.split("|"), GOOD.split("|"), strict=True))
    return "|".join({**values, **changes}.values())


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "a.txt"
    path.write_text("\n".join([*lines, ""]))
    return path


def test_real_run() -> None:
    table = read_sacct(reference("conformance/slurm_micro/slurm_acct.out.gz"))
    with reference("conformance/slurm_micro/jobs500.csv").open() as stream:
        asked = list(csv.DictReader(stream, delimiter=";"))
    assert table.n == 500 and table.job_id.tolist() == [int(row["job_id"]) for row in asked]
    assert table.cores_per_node is not None and table.gpus_per_node is not None
    tasks = [int(row["n_tasks"]) for row in asked]
    assert (table.nodes * table.cores_per_node).tolist() == tasks
    assert (table.walltime_s / 60).tolist() == [float(row["wall_limit"]) for row in asked]
    assert words_of(table.user, table.n) == [row["user"] for row in asked]
    assert int(np.count_nonzero(table.gpus_per_node)) == 53
    offset_s = table.submit_s - table.submit_s[0]
    assert np.max(np.abs(offset_s - [float(row["dt"]) for row in asked])) < 3


def test_columns_of_one_job(tmp_path: Path) -> None:
    table = read_sacct(written(tmp_path, HEAD, line(Constraints="CPU-N")))
    assert table.job_id.tolist() == [7] and table.nodes.tolist() == [2]
    assert table.runtime_s.tolist() == [60] and table.walltime_s.tolist() == [1800]
    assert table.cores_per_node is not None and table.cores_per_node.tolist() == [8]
    assert table.gpus_per_node is not None and table.gpus_per_node.tolist() == [2]
    assert table.memory_per_node_bytes is not None and table.memory_per_node_bytes.tolist() == [2 * 2**30]
    assert table.gpu_type is not None and table.gpu_type.names == ("a100",)
    assert table.feature is not None and table.feature.names == ("CPU-N",)
    assert table.submit_s[0] + table.zero_s == 1704067210


def test_what_is_dropped_is_counted(tmp_path: Path) -> None:
    table = read_sacct(
        written(
            tmp_path,
            HEAD,
            GOOD,
            line(JobID="7.batch", JobIDRaw="7.batch"),
            line(JobID="7.0", JobIDRaw="7.0"),
            line(JobID="8_[3-9]", JobIDRaw="8", Start="Unknown", End="Unknown", State="PENDING"),
            line(JobIDRaw="9", Start="None", State="CANCELLED by 1000"),
            line(JobIDRaw="10", State="CANCELLED by 1000", ElapsedRaw="0", NodeList="None assigned", AllocTRES=""),
            line(JobIDRaw="11", End="Unknown", State="RUNNING"),
            line(JobIDRaw="12", JobID="8_2", State="CANCELLED by 1000"),
            line(JobIDRaw="13", JobID="13+0", Constraints="a&b"),
            line(JobIDRaw="7", State="NODE_FAIL", TimelimitRaw="Partition_Limit"),
        )
    )
    assert table.job_id.tolist() == ["7", "12", "13", "7#2"]
    assert table.walltime_s.tolist() == [1800, 1800, 1800, math.inf]
    counts = {rule.split(":")[0]: n for rule, n in table.cleaned.items()}
    assert counts["step of a job"] == 2 and counts["never started"] == 3
    assert counts["still running, true run time unknown"] == 1
    assert sum(counts.values()) == 10


def test_names_can_be_hashed(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD, GOOD, line(JobIDRaw="8", User="bob"))
    one, other = read_sacct(path, salt="s"), read_sacct(path, salt="t")
    assert one.user is not None and other.user is not None and one.account is not None
    assert len(one.user.names) == 2 and not {"ann", "bob"} & set(one.user.names)
    assert set(one.user.names) != set(other.user.names) and one.account.names[0] != "phys"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "no jobs"),
        ([HEAD], "no jobs that started"),
        ([HEAD, line(Start="Unknown")], r"no jobs that started[^$]*never started"),
        ([GOOD], r"a\.txt:1: no column JobIDRaw or JobID"),
        ([HEAD, "1|2"], r"a\.txt:2: 2 columns, but the header names 16"),
        ([HEAD, line(ElapsedRaw="nan")], r"a\.txt:2: column ElapsedRaw is 'nan'"),
        ([HEAD, line(ElapsedRaw="-5")], r"a\.txt:2: column ElapsedRaw is '-5'"),
        ([HEAD, line(Submit="yesterday")], r"a\.txt:2: column Submit is 'yesterday'"),
        ([HEAD, line(Submit="2024-13-01T00:00:00")], r"a\.txt:2: column Submit is"),
        ([HEAD, line(TimelimitRaw="0")], r"a\.txt:2: column TimelimitRaw is '0'"),
        ([HEAD, line(NNodes="0")], r"a\.txt:2: column NNodes is unknown or 0"),
        ([HEAD, line(NCPUS="٣")], r"a\.txt:2: column NCPUS is '٣'"),
        ([HEAD, line(ReqMem="lots")], r"a\.txt:2: column ReqMem is 'lots'"),
    ],
)
def test_mistakes_name_line_and_column(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        read_sacct(written(tmp_path, *lines))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:07:00", 420), ("1-02:03:04", 93784), ("02:03", 123), ("02:03.5", 123.5), ("5", 300), ("2-12", 216000)],
)
def test_durations(text: str, seconds: float) -> None:
    assert fields.duration_s(text) == seconds


def test_limits_stamps_memory_and_gpus() -> None:
    assert fields.limit_s("UNLIMITED", raw_minutes=False) == math.inf
    assert (
        fields.limit_s("Partition_Limit", raw_minutes=True) is None and fields.limit_s("90", raw_minutes=True) == 5400
    )
    assert fields.stamp_s("1970-01-02T00:00:00.5") == 86400.5 and fields.stamp_s("1700000000") == 1.7e9
    assert fields.stamp_s("Unknown") is None
    assert fields.memory_bytes("2800Mc", 2, 12) == 2800 * 2**20 * 12
    assert fields.memory_bytes("500000Mn", 2, 12) == 500000 * 2**20 and fields.memory_bytes("3G", 2, 1) == 1.5 * 2**30
    assert fields.gpus("cpu=4,gres/gpu=2,gres/gpu:a100=2,node=1") == (2, "a100")
    assert (
        fields.gpus("gpu:2") == (2, "")
        and fields.gpus("gpu:h100:4(IDX:0-3)") == (4, "h100")
        and fields.gpus("") == (0, "")
    )
