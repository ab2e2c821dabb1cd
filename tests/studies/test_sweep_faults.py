"""Sweeps that are killed, starved of disk and damaged over the real command line: nothing lost, doubled, wrong or hung.

The numbers of trials stand here; docs/studies.md tells what came out.
"""

import itertools
import multiprocessing
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from qhpcsim.studies.figures import Figures
from qhpcsim.studies.ledger import DONE, Entry, Ledger
from qhpcsim.studies.simulating import Workers
from qhpcsim.studies.sweep import sweep
from tests.studies import faults
from tests.studies.faults import AXES, LEDGER, N_RUNS, N_SEEDS, POINTS, RESULTS, Life, Moments, check_against, recorded

SERIAL = Workers("serial")
SCALE = int(os.environ.get("QHPCSIM_FAULT_TRIALS", "1"))
"""Times as many trials."""
N_KILLS, N_FORKED_KILLS, N_WORKERS_KILLED, N_DISKS, N_RACES, N_ROTTEN = (SCALE * n for n in (30, 100, 20, 20, 10, 20))
DOZING = """
import os, signal, time
from pathlib import Path
from qhpcsim.policies.batch.user import batch_policy

@batch_policy("dozing", summary="takes its time")
def dozing(view):
    time.sleep(0.0005)
    free = view.free_nodes
    for job in view.waiting:
        if job.nodes > free:
            return
        free -= job.nodes
        yield job

@batch_policy("deadly", summary="ends its process while the file is there")
def deadly(view):
    if Path(os.environ["DEADLY"]).exists():
        os.kill(os.getpid(), signal.SIGKILL)
    yield from dozing(view)
"""


@pytest.fixture(scope="module")
def gold(tmp_path_factory):
    """A sweep that nobody harmed."""
    folder = tmp_path_factory.mktemp("gold") / "s"
    found = sweep("replay", [*POINTS, *AXES], N_SEEDS, folder, SERIAL)
    assert found.complete and len(found.rows) == N_RUNS
    return folder


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "dozing.py"
    path.write_text(DOZING)
    return path


class Forked:
    """Lives of a serial sweep without the start of Python: dense in moments at which something is written."""

    more = ("--engine", "serial")
    n_kills = N_FORKED_KILLS

    def __init__(self, folder):
        self._life = Life(faults.words(folder, *self.more))

    def alive(self):
        return self._life.alive()

    def kill(self):
        return self._life.kill()

    def end(self):
        return self._life.end()


class Commanded:
    """Lives of the real command with two workers, the start of Python included."""

    more = ("--workers", "2")
    n_kills = N_KILLS

    def __init__(self, folder):
        self._process = faults.command(faults.words(folder, *self.more))

    def alive(self):
        return self._process.poll() is None

    def kill(self):
        if self.alive():
            os.killpg(self._process.pid, signal.SIGKILL)
        return faults.told(self._process)[0] == -signal.SIGKILL

    def end(self):
        code, _, errors = faults.told(self._process)
        assert not errors
        return code


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Forked, Commanded])
def test_killed_at_any_moment(kind, gold, tmp_path):
    """F01: SIGKILL to the whole group, then the same command again, several times over in one folder."""
    life_s = length(kind, tmp_path)
    moments = Moments(np.random.default_rng(20261123), life_s)
    n_kills = n_folders = 0
    while n_kills < kind.n_kills:
        folder = tmp_path / f"s{n_folders}"
        n_folders += 1
        for _ in range(int(moments.rng.integers(1, 6))):
            before = recorded(folder)
            life = kind(folder)
            moments.wait(folder, life.alive)
            if not life.kill():
                break  # it had ended by itself
            n_kills += 1
            moments.note(folder)
            after = recorded(folder)
            assert {key: after[key] for key in before} == before
        before = recorded(folder)
        assert kind(folder).end() == 0
        check_against(folder, gold, before)
        assert not list(folder.glob("ledger.damaged*"))
        shutil.rmtree(folder)
    assert {"nothing", LEDGER + "-wal"} <= set(moments.seen), moments.seen
    print(f"{n_kills} kills in {n_folders} folders; furthest file there: {moments.seen}")


def length(kind, tmp_path):
    """Return the median time of three lives that are left alone."""
    times_s = []
    for k in range(4):
        began_s = time.monotonic()
        assert kind(tmp_path / f"alone{k}").end() == 0
        times_s.append(time.monotonic() - began_s)
    return sorted(times_s[1:])[1]  # the first starts the process that forks the others


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_end_at_any_moment(number, gold, tmp_path):
    """F03: exit code 130 or 143 (or the signal itself, before the command has begun); what was recorded stays.

    The signal goes to the whole group, as from a terminal or a batch system.
    """
    rng = np.random.default_rng(int(number))
    life_s = length(Commanded, tmp_path)
    n_asked = 0
    for trial in range(10):
        folder = tmp_path / f"s{trial}"
        process = faults.command(faults.words(folder, "--workers", "2"))
        time.sleep(float(rng.uniform(0.0, life_s)))
        if process.poll() is None:
            os.killpg(process.pid, number)
        code, _, errors = faults.told(process)
        assert code in (0, 128 + number, -number)
        if code == 128 + number:
            assert "Traceback" not in errors
            n_asked += 1
        before = recorded(folder)
        code, output, _ = faults.told(faults.command(faults.words(folder, "--workers", "2")))
        assert code == 0
        assert not before or f"{len(before)} of {N_RUNS} runs were there already." in output
        check_against(folder, gold, before)
    assert n_asked >= 3


@pytest.mark.slow
def test_workers_killed_one_after_the_other(gold, plugin, tmp_path):
    """F02: no gap of 30 s, no run lost or doubled; who dies again and again is reported instead."""
    rng = random.Random(2)
    points = ["policy=dozing", *POINTS, "workload.load=0.5,0.9", "--seeds", "60", "--plugin", str(plugin)]
    whole, folder = tmp_path / "whole", tmp_path / "cut"
    assert faults.told(faults.command(["sweep", "replay", *points, "--out", str(whole)]))[0] == 0
    n_killed = 0
    while n_killed < N_WORKERS_KILLED:
        shutil.rmtree(folder, ignore_errors=True)
        process = faults.command(["sweep", "replay", *points, "--workers", "2", "--out", str(folder)])
        before, last_s = 0, time.monotonic()
        while process.poll() is None:
            time.sleep(rng.uniform(0.1, 0.8))
            if (n_now := len(recorded(folder))) > before:
                before, last_s = n_now, time.monotonic()
            assert time.monotonic() - last_s < faults.TOLD_S, "no run ended for 30 s"
            workers = children(process.pid)
            if workers and process.poll() is None:
                os.kill(rng.choice(workers), signal.SIGKILL)
                n_killed += 1
        code, output, errors = faults.told(process)
        assert code in (0, 1, 2), errors
        if code:  # a run that lost three workers, or three workers in a row that died before they were ready
            assert "lost" in output or "died at once: signal 9" in errors
        before = recorded(folder)
        assert faults.told(faults.command(["sweep", "replay", *points, "--out", str(folder)]))[0] == 0
        check_against(folder, whole, before)


def children(pid):
    """Return the children of all threads of a process."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(text) for text in path.read_text().split()]
        except OSError:  # the thread or the process is gone
            continue
    return found


@pytest.mark.slow
def test_a_run_that_kills_its_worker_is_reported_and_tried_again(plugin, tmp_path):
    """F02: as with too little memory; the others are recorded, and the same command brings the rest later."""
    file, folder = tmp_path / "deadly", tmp_path / "s"
    arguments = ["sweep", "replay", *POINTS, "policy=dozing,deadly", "--seeds", "2", "--plugin", str(plugin)]
    environment = {**os.environ, "DEADLY": str(file)}
    file.touch()
    code, output, _ = faults.told(faults.command([*arguments, "--out", str(folder)], env=environment))
    assert code == 1
    assert "2 runs were lost; the first: lost_worker" in output
    assert "signal 9; started 3 times" in output
    assert len(recorded(folder)) == 2
    file.unlink()
    for out in (folder, tmp_path / "whole"):
        assert faults.told(faults.command([*arguments, "--out", str(out)], env=environment))[0] == 0
    assert (folder / RESULTS).read_bytes() == (tmp_path / "whole" / RESULTS).read_bytes()


FULL = """
mount -t tmpfs -o size={n_bytes} none {disk} || exit 99
{sweep} >{out}/told 2>{out}/errors; echo $? >{out}/code
mount -o remount,size=64m {disk} || exit 98
cp -r {disk} {out}/left
{sweep} >{out}/told_again 2>&1 || exit 97
cp -r {disk}/s {out}/large
"""


def on_a_full_disk(arguments, n_bytes, folder):
    """Run a command twice on a disk of its own: one of this size, then a large one; return the first exit code."""
    disk, out = folder / "disk", folder / "out"
    disk.mkdir(parents=True)
    out.mkdir()
    words = shlex.join([sys.executable, "-m", "qhpcsim", *arguments(disk / "s")])
    script = FULL.format(n_bytes=n_bytes, disk=disk, out=out, sweep=words)
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], timeout=10 * faults.TOLD_S, check=False)
    assert done.returncode == 0, (out / "told_again").read_text()
    return int((out / "code").read_text()), out


@pytest.fixture
def own_disks(tmp_path):
    """Skip where a test may not mount a disk of its own."""
    script = f"mount -t tmpfs -o size=4k none {tmp_path}"
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rm", "sh", "-c", script], check=False).returncode:
        pytest.skip("disks of a given size cannot be mounted here")


@pytest.mark.slow
def test_disks_of_all_sizes(own_disks, gold, tmp_path):
    """F04: from no room for the first file to room for all but the last byte."""
    n_most = sum(path.stat().st_size for path in gold.iterdir()) * 9 // 2 + (96 << 10)  # the log is larger
    codes = []
    for k in range(N_DISKS):
        n_bytes = (4096 + k * n_most // N_DISKS) // 4096 * 4096
        code, out = on_a_full_disk(lambda folder: faults.words(folder, *Forked.more), n_bytes, tmp_path / f"{k}")
        codes.append(code)
        errors = (out / "errors").read_text()
        assert code in (0, 1), errors
        assert "Traceback" not in errors and "internal" not in errors
        if code:
            assert "free some space" in errors
        n_before = len(recorded(out / "left" / "s"))
        again = (out / "told_again").read_text()
        assert not n_before or f"{n_before} of {N_RUNS} runs were there already." in again
        assert (out / "large" / RESULTS).read_bytes() == (gold / RESULTS).read_bytes()
    assert codes.count(1) >= N_DISKS // 2, codes
    assert codes == sorted(codes, reverse=True), "a larger disk failed where a smaller one did not"
    print(f"{codes.count(1)} of {N_DISKS} disks were too small")


def test_no_room_for_the_results(gold, tmp_path):
    """F04: every run is recorded, the table is not; the same command brings it."""
    from qhpcsim.core.errors import StudyError

    folder = tmp_path / "s"
    sweep("replay", [*POINTS, *AXES], N_SEEDS, folder, SERIAL)
    (folder / RESULTS).unlink()
    (folder / "results.csv.part").symlink_to("/dev/full")
    with pytest.raises(StudyError, match="free some space") as caught:
        sweep("replay", [*POINTS, *AXES], N_SEEDS, folder, SERIAL)
    assert caught.value.exit_code == 1
    assert sorted(path.name for path in folder.iterdir()) == ["ledger.lock", LEDGER]
    assert sweep("replay", [*POINTS, *AXES], N_SEEDS, folder, SERIAL).n_kept == N_RUNS
    assert (folder / RESULTS).read_bytes() == (gold / RESULTS).read_bytes()


@pytest.mark.slow
def test_two_at_the_same_instant(gold, tmp_path):
    """F05: one is refused with exit code 2, or comes after the other and finds everything done."""
    codes = []
    for trial in range(N_RACES):
        folder = tmp_path / f"s{trial}"
        gate = multiprocessing.get_context("forkserver").Barrier(2)
        lives = [Life(faults.words(folder, *Forked.more), gate) for _ in range(2)]
        codes.append(sorted(life.end() for life in lives))
        check_against(folder, gold, {})
    assert all(pair in ([0, 0], [0, 2]) for pair in codes), codes
    assert [0, 2] in codes


@pytest.mark.slow
def test_another_question_is_refused_on_the_command_line(gold):
    """F06: exit code 2, the difference is named, nothing is touched."""
    before = recorded(gold), (gold / RESULTS).read_bytes()
    code, _, errors = faults.told(faults.command([*faults.words(gold), "workload.n_jobs=41"]))
    assert code == 2
    assert "workload.n_jobs was 40, now 41" in errors
    assert (recorded(gold), (gold / RESULTS).read_bytes()) == before


def damage(content, kind, rng):
    """Return a file with one kind of rot."""
    rotten, n = bytearray(content), len(content)
    at, length = rng.randrange(n), rng.choice([16, 512, 4096])
    if kind == "bits":
        for _ in range(rng.randint(1, 20)):
            rotten[rng.randrange(n)] ^= 1 << rng.randrange(8)
    elif kind == "zeros":
        rotten[at : at + length] = bytes(len(rotten[at : at + length]))
    elif kind == "noise":
        rotten[at : at + length] = rng.randbytes(len(rotten[at : at + length]))
    elif kind == "page":
        one, other = (4096 * rng.randrange(n // 4096) for _ in range(2))
        rotten[one : one + 4096] = rotten[other : other + 4096]
    else:
        del rotten[at:]
    return bytes(rotten)


@pytest.mark.parametrize("kind", ["bits", "zeros", "noise", "page", "cut"])
def test_a_ledger_that_rots(kind, gold, tmp_path):
    """F07: whatever is no longer there is run again and reported; nothing else is."""
    rng = random.Random(kind)
    content = (gold / LEDGER).read_bytes()
    keys = set(recorded(gold))
    n_kept = []
    for trial in range(N_ROTTEN // 5):
        folder = tmp_path / f"{trial}"
        folder.mkdir()
        (folder / LEDGER).write_bytes(damage(content, kind, rng))
        found = sweep("replay", [*POINTS, *AXES], N_SEEDS, folder, SERIAL)
        assert found.complete
        assert (folder / RESULTS).read_bytes() == (gold / RESULTS).read_bytes()
        assert set(recorded(folder)) == keys
        assert found.n_kept == N_RUNS or found.n_damaged, "runs were made anew and nobody is told"
        n_kept.append(found.n_kept)
    assert max(n_kept) > 0
    assert min(n_kept) < N_RUNS


@pytest.mark.parametrize("kind", ["bits", "zeros", "noise", "cut"])
def test_a_log_that_rots(kind, tmp_path):
    """F07: a write-ahead log ends at its first frame that does not match its checksum, as after a power cut."""
    rng = random.Random(kind)
    study = {"scenario": "x"}
    entries = [Entry(f"{k:032x}", DONE, Figures(("mean", "n"), (k / 7.0, k))) for k in range(60)]
    with Ledger(tmp_path / "whole", study) as ledger:
        for entry in entries:
            ledger.record(entry)
        files = {name: (tmp_path / "whole" / name).read_bytes() for name in (LEDGER, f"{LEDGER}-wal")}
    for trial in range(N_ROTTEN // 4):
        folder = tmp_path / f"{trial}"
        folder.mkdir()
        (folder / LEDGER).write_bytes(files[LEDGER])
        (folder / f"{LEDGER}-wal").write_bytes(damage(files[f"{LEDGER}-wal"], kind, rng))
        with Ledger(folder, study) as ledger:
            found = list(ledger.entries().values())
            assert found == entries[: len(found)]
            ledger.record(entries[-1])


@pytest.mark.slow
def test_clocks_and_zones_do_not_matter(gold, tmp_path, monkeypatch):
    """F08: the wall clock jumps back at every look at it, and the second life is in another zone."""
    life = faults.command(faults.words(tmp_path / "s", "--workers", "2"), env={**os.environ, "TZ": "Asia/Kathmandu"})
    while life.poll() is None and len(recorded(tmp_path / "s")) < 5:
        time.sleep(0.02)
    os.killpg(life.pid, signal.SIGKILL)
    faults.told(life)
    before = recorded(tmp_path / "s")
    now_s = itertools.count(2_000_000_000, -3600)
    monkeypatch.setattr(time, "time", lambda: float(next(now_s)))
    monkeypatch.setenv("TZ", "America/St_Johns")
    time.tzset()
    try:
        sweep("replay", [*POINTS, *AXES], N_SEEDS, tmp_path / "t", SERIAL)
    finally:
        monkeypatch.undo()
        time.tzset()
    check_against(tmp_path / "t", gold, {})
    assert faults.told(faults.command(faults.words(tmp_path / "s")))[0] == 0
    check_against(tmp_path / "s", gold, before)
