"""The ledger: what is recorded stays, damage shows, nobody else writes."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from qhpcsim.core.errors import StudyError
from qhpcsim.studies.figures import Figures, figures_of
from qhpcsim.studies.ledger import DONE, FAILED, FILE, Entry, Ledger

STUDY = {"scenario": "x", "base": {"policy": {"name": "easy", "depth": 3}}}


def entry(k: int) -> Entry:
    return Entry(f"{k:032x}", DONE, Figures(("mean", "n", "none"), (k / 7.0, k, None)), "", 0.5, "here")


def test_what_is_recorded_comes_back_exactly(tmp_path):
    failed = Entry("f" * 32, FAILED, Figures((), ()), "no such node", 1.0, "there")
    with Ledger(tmp_path, STUDY) as ledger:
        for each in (*map(entry, range(20)), failed):
            ledger.record(each)
    with Ledger(tmp_path, STUDY) as ledger:
        found = ledger.entries()
    assert found == {each.key: each for each in (*map(entry, range(20)), failed)}
    assert type(found[entry(3).key].figures["n"]) is int


def test_recording_again_replaces(tmp_path):
    with Ledger(tmp_path, STUDY) as ledger:
        ledger.record(entry(1))
        ledger.record(entry(1))
        assert len(ledger.entries()) == 1


def test_second_process_is_refused_until_the_first_ends(tmp_path):
    with Ledger(tmp_path, STUDY), pytest.raises(StudyError, match=rf"another process \({os.getpid()}\)"):
        Ledger(tmp_path, STUDY)
    Ledger(tmp_path, STUDY).close()


def test_another_study_is_refused_with_the_difference(tmp_path):
    Ledger(tmp_path, STUDY).close()
    other = {"scenario": "x", "base": {"policy": {"name": "easy", "depth": 4}}}
    with pytest.raises(StudyError, match=r"base\.policy\.depth was 3, now 4"):
        Ledger(tmp_path, other)
    Ledger(tmp_path, STUDY).close()


@pytest.mark.parametrize("column", ["figures", "state", "error", "digest", "head"])
def test_rows_that_rot_are_dropped_and_counted(tmp_path, column):
    with Ledger(tmp_path, STUDY) as ledger:
        ledger.record(entry(1))
        ledger.record(entry(2))
    db = sqlite3.connect(tmp_path / FILE)
    value = {"head": 7, "figures": json.dumps([0.5, 1, None])}.get(column, "other")
    db.execute(f"UPDATE runs SET {column} = ? WHERE key = ?", (value, entry(1).key))
    db.commit()
    db.close()
    with Ledger(tmp_path, STUDY) as ledger:
        assert list(ledger.entries()) == [entry(2).key]
        assert ledger.n_damaged == 1
        assert list(ledger.entries()) == [entry(2).key]


@pytest.mark.parametrize("damage", ["zeros", "text"])
def test_a_damaged_file_is_put_aside(tmp_path, damage):
    with Ledger(tmp_path, STUDY) as ledger:
        for k in range(200):
            ledger.record(entry(k))
    path = tmp_path / FILE
    content = path.read_bytes()
    path.write_bytes({"zeros": bytes(len(content)), "text": b"no database" * 99}[damage])
    with Ledger(tmp_path, STUDY) as ledger:
        assert ledger.n_damaged == 1
        assert ledger.entries() == {}
        ledger.record(entry(5))
    assert (tmp_path / "ledger.damaged-1.sqlite").is_file()
    with Ledger(tmp_path, STUDY) as ledger:
        assert list(ledger.entries()) == [entry(5).key]


@pytest.mark.parametrize("damage", ["end", "page"])
def test_what_is_intact_in_a_damaged_file_is_taken_over(tmp_path, damage):
    entries = {each.key: each for each in map(entry, range(400))}
    with Ledger(tmp_path, STUDY) as ledger:
        for each in entries.values():
            ledger.record(each)
    path = tmp_path / FILE
    content = path.read_bytes()
    middle = len(content) // 8192 * 4096
    path.write_bytes(content[:-4096] if damage == "end" else content[:middle] + bytes(4096) + content[middle + 4096 :])
    other = {"scenario": "y", "base": {}}
    with pytest.raises(StudyError, match="another study"):
        Ledger(tmp_path, other)
    assert (tmp_path / "ledger.damaged-1.sqlite").is_file()
    with Ledger(tmp_path, STUDY) as ledger:
        found = dict(ledger.entries())
    assert 200 < len(found) < 400
    assert found.items() <= entries.items()


def test_a_ledger_of_another_version_is_left_alone(tmp_path):
    Ledger(tmp_path, STUDY).close()
    db = sqlite3.connect(tmp_path / FILE)
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(StudyError, match="another version of qhpcsim wrote it"):
        Ledger(tmp_path, STUDY)
    assert (tmp_path / FILE).read_bytes() == before


WRITER = """
import sys
from pathlib import Path
from qhpcsim.studies.figures import Figures
from qhpcsim.studies.ledger import DONE, Entry, Ledger
with Ledger(Path(sys.argv[1]), {"scenario": "x"}) as ledger:
    for k in range(10**6):
        ledger.record(Entry(f"{k:032x}", DONE, Figures(("mean",), (k / 7.0,))))
        print(k, flush=True)
"""


def test_nothing_that_was_recorded_is_lost_by_a_kill(tmp_path):
    for wait_s in (0.0, 0.02, 0.05):
        folder = tmp_path / str(wait_s)
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(wait_s)
        writer.send_signal(signal.SIGKILL)
        told = [int(line) for line in writer.communicate()[0].splitlines() if line.isdecimal()]
        with Ledger(folder, {"scenario": "x"}) as ledger:
            found = ledger.entries()
            assert ledger.n_damaged == 0
        assert [int(key, 16) for key in found] == list(range(len(found)))
        assert len(found) >= (told[-1] + 1 if told else 1)


def test_a_full_disk_is_told_and_keeps_what_was_there(tmp_path):
    with Ledger(tmp_path, STUDY) as ledger:
        ledger.record(entry(1))
        pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
        ledger._db.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(StudyError, match="full") as caught:
            for k in range(2, 400):
                ledger.record(entry(k))
        assert caught.value.exit_code == 1
        assert "free some space" in caught.value.hint
        kept = ledger.entries()
    with Ledger(tmp_path, STUDY) as ledger:
        assert ledger.entries() == kept
        assert entry(1).key in kept
        ledger.record(entry(1000))


def test_figures_are_flat_numbers():
    summary = {
        "seed": 3,
        "text": "no",
        "a": 1,
        "b": {"c": 2.5, "d": None, "e": {"f": True}},
        "notes": ["x"],
        "g": float("nan"),
    }
    figures = figures_of(summary)
    assert dict(figures) == {"a": 1, "b.c": 2.5, "b.d": None, "b.e.f": 1, "g": None}
