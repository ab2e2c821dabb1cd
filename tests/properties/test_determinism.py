"""Same seed, same bytes: whatever the hash seed, the folder and the time zone of the process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import hashlib
from qhpcsim.core.rng import Rng
from qhpcsim.scenario import Partition, Policy
from qhpcsim.simulation import simulate_table
from qhpcsim.workloads.lublin import LublinWorkload, generate
jobs = generate(LublinWorkload(n_jobs=400), {"batch": Partition(nodes=32)}, Rng(7))
digest = hashlib.sha256()
for column in (jobs.submit_s, jobs.runtime_s, jobs.walltime_s, jobs.nodes, jobs.user.code):
    digest.update(column.tobytes())
for backfill in ("none", "easy", "conservative"):
    schedule = simulate_table(jobs, 32, Policy(backfill=backfill))
    for column in (schedule.start_s, schedule.end_s, schedule.order, schedule.lo, schedule.hi):
        digest.update(column.tobytes())
print(digest.hexdigest())
"""


def run(folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run(tmp_path_factory.mktemp("plain"), PYTHONHASHSEED="0", TZ="UTC")


@pytest.mark.parametrize(("hash_seed", "zone"), [("1", "Asia/Tokyo"), ("4242", "America/Caracas"), ("random", "UTC")])
def test_r13_same_seed_same_bytes(hash_seed: str, zone: str, expected: str, tmp_path: Path) -> None:
    assert run(tmp_path, PYTHONHASHSEED=hash_seed, TZ=zone, OMP_NUM_THREADS="1") == expected
