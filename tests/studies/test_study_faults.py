"""``plan`` and ``compare`` share the ledger with ``sweep``: a handful of the same faults on them."""

import shutil

import numpy as np
import pytest

from qhpcsim.cli import main
from tests.studies import faults
from tests.studies.faults import LEDGER, MARKS, Life, Moments, check_against, recorded
from tests.studies.test_plan import RIGID
from tests.studies.test_sweep_faults import on_a_full_disk, own_disks  # noqa: F401

pytestmark = pytest.mark.slow
N_KILLS, N_DISKS = 12, 4
FILES = {"plan": ("plan.json", "points.csv"), "compare": ("results.csv",)}


def arguments(verb, folder, study):
    """Return the arguments of a small study."""
    if verb == "plan":
        return ["plan", str(study), "--engine", "serial", "--out", str(folder)]
    sizes = [*faults.POINTS, "policy=fcfs,easy", "--seeds", "12"]
    return ["compare", "replay", *sizes, "--engine", "serial", "--out", str(folder)]


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(RIGID)
    return path


@pytest.mark.parametrize("verb", FILES)
def test_killed_at_any_moment(verb, study, tmp_path):
    gold = tmp_path / "gold"
    assert Life(arguments(verb, gold, study)).end() == 0
    marks = (*(mark for mark in MARKS if "results" not in mark), *FILES[verb])
    moments = Moments(np.random.default_rng(7), 0.5, marks)
    n_kills = 0
    while n_kills < N_KILLS:
        folder = tmp_path / "cut"
        for _ in range(3):
            life = Life(arguments(verb, folder, study))
            moments.wait(folder, life.alive)
            if not life.kill():
                break
            n_kills += 1
            moments.note(folder)
        before = recorded(folder)
        assert Life(arguments(verb, folder, study)).end() == 0
        for name in FILES[verb]:
            check_against(folder, gold, before, name)
        shutil.rmtree(folder)


@pytest.mark.parametrize("verb", FILES)
def test_the_answer_after_a_full_disk(verb, study, tmp_path, own_disks):  # noqa: F811
    gold = tmp_path / "gold"
    assert main(arguments(verb, gold, study)) == 0
    n_most = (gold / LEDGER).stat().st_size
    codes = []
    for k in range(N_DISKS):
        n_bytes = (k + 1) * n_most // N_DISKS // 4096 * 4096
        code, out = on_a_full_disk(lambda folder: arguments(verb, folder, study), n_bytes, tmp_path / f"{k}")
        codes.append(code)
        assert code in (0, 1)
        assert not code or "free some space" in (out / "errors").read_text()
        for name in FILES[verb]:
            assert (out / "large" / name).read_bytes() == (gold / name).read_bytes()
    assert 1 in codes


@pytest.mark.parametrize("verb", FILES)
def test_workers_killed(verb, study, tmp_path):
    """Two workers, one of them killed as soon as runs are recorded."""
    import os
    import signal
    import time

    from tests.studies.test_sweep_faults import children

    words = [word for word in arguments(verb, tmp_path / "cut", study) if word not in ("--engine", "serial")]
    process = faults.command([*words, "--workers", "2"])
    while process.poll() is None and len(recorded(tmp_path / "cut")) < 3:
        time.sleep(0.01)
    for pid in children(process.pid)[:1]:
        os.kill(pid, signal.SIGKILL)
    code, _, errors = faults.told(process)
    assert code == 0, errors
    gold = tmp_path / "gold"
    assert main(arguments(verb, gold, study)) == 0
    for name in FILES[verb]:
        check_against(tmp_path / "cut", gold, {}, name)
