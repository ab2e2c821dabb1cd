"""Batsim workloads: the published one, profiles, JSON traps, round trip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qhpcsim.core.errors import WorkloadError
from qhpcsim.workloads.batsim import read_batsim, write_batsim
from tests.reference import reference
from tests.workloads.tables import difference

PROFILES = {"d": {"type": "delay", "delay": 2.5}, "e": {"type": "DelayProfile", "delay": 4}}


def written(tmp_path: Path, whole: Any) -> Path:
    path = tmp_path / "a.json"
    path.write_text(whole if isinstance(whole, str) else json.dumps(whole))
    return path


def job(**changes: Any) -> dict[str, Any]:
    return {"id": 1, "subtime": 0, "res": 1, "walltime": 10, "profile": "d", **changes}


def workload(*jobs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"nb_res": 4, "jobs": list(jobs), "profiles": {**PROFILES, **more}}


def test_published_workload() -> None:
    table = read_batsim(reference("conformance/batsim_medium_late/medium_late.json.gz"))
    assert table.n == 801 and table.machine_nodes == 32
    assert table.job_id[-1] == 424242 and table.submit_s[-1] == 16000 and table.runtime_s[-1] == 88.51
    assert table.submit_s[1] == 4.709164021244639 and table.walltime_s[1] == 399


def test_limits_ids_and_ties(tmp_path: Path) -> None:
    whole = workload(
        job(id="w0!2", subtime=5), job(id=7, res=99, walltime=-1), job(id="a", profile="e", extra_data="free")
    )
    del whole["jobs"][2]["walltime"]
    table = read_batsim(written(tmp_path, whole))
    assert table.job_id.tolist() == ["7", "a", "w0!2"]
    assert table.walltime_s.tolist() == [np.inf, np.inf, 10] and table.nodes.tolist() == [99, 1, 1]
    assert table.runtime_s.tolist() == [2.5, 4, 2.5]


def test_sequences_add_up(tmp_path: Path) -> None:
    steps = {"type": "SequentialCompositionProfile", "seq": ["d", "e", "d"], "repeat": 2}
    assert read_batsim(written(tmp_path, workload(job(profile="s"), s=steps))).runtime_s.tolist() == [18]
    with pytest.raises(WorkloadError, match=r"profiles\.s: contains itself"):
        read_batsim(written(tmp_path, workload(job(profile="s"), s={"type": "composed", "seq": ["s"]})))


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        (workload(job(res=0)), r"a\.json: jobs\[0\]\.res: is 0"),
        (workload(job(res=True)), r"jobs\[0\]\.res: is True"),
        (workload(job(res="2")), r"jobs\[0\]\.res: is '2'"),
        (workload(job(), job()), r"jobs\[1\]\.id: is 1, which an earlier job"),
        (workload(job(), job(id="1")), r"jobs\[1\]\.id: is '1', which an earlier job"),
        (workload(job(id=1.5)), r"jobs\[0\]\.id: is 1\.5"),
        (workload(job(subtime=-1)), r"jobs\[0\]\.subtime: is -1"),
        (workload(job(walltime=0)), r"jobs\[0\]\.walltime: is 0"),
        (workload(job(walltime=None)), r"jobs\[0\]\.walltime: is None"),
        (workload(job(profile="dd")), r"unknown profile 'dd'[^$]*did you mean: d"),
        (workload(job(profile=["d"])), r"unknown profile"),
        (workload(job(profile="p"), p={"type": "parallel_homogeneous", "cpu": 1}), r"profiles\.p: has type .*platform"),
        (workload(job(profile="p"), p={"type": "delay", "delay": "1"}), r"profiles\.p: has delay '1'"),
        (workload({"id": 1}), r"jobs\[0\]\.subtime: is missing"),
        (workload(), "no jobs"),
        ([], "no list jobs"),
        ({"jobs": [1], "profiles": {}}, r"jobs\[0\]: is 1"),
        ({"jobs": [job()]}, "no object profiles"),
        ({**workload(job()), "nb_res": 0}, "nb_res: is 0"),
        ('{"jobs": [', r"a\.json:\d: is no JSON"),
        ('{"jobs": [],\n "jobs": []}', "key 'jobs' twice"),
        ('{"jobs": NaN}', "NaN"),
        ('{"jobs": -Infinity}', "Infinity"),
        ('{"jobs": 1e999}', "1e999"),
        ('{"jobs": ' + "9" * 5000 + "}", "overflows"),
        ("[" * 100_000, "nested too deeply|no JSON"),
        ("", "no JSON"),
    ],
)
def test_mistakes_name_the_key_path(tmp_path: Path, whole: Any, message: str) -> None:
    with pytest.raises(WorkloadError, match=message) as caught:
        read_batsim(written(tmp_path, whole))
    assert len(str(caught.value)) < 500 + len(str(tmp_path))


def test_round_trip(tmp_path: Path) -> None:
    own = {"user": "u1", "gpus_per_node": 2, "depends_on": "7", "think_s": 0.5}
    jobs = [job(id=7, subtime=1700000001.5), job(id=8, subtime=1700000002, extra_data=json.dumps(own), walltime=-1)]
    table = read_batsim(written(tmp_path, workload(*jobs)))
    assert table.depends_on is not None and table.depends_on.tolist() == [-1, 0]
    assert write_batsim(table, tmp_path / "b.json.gz") == ()
    assert difference(table, read_batsim(tmp_path / "b.json.gz")) == ""
