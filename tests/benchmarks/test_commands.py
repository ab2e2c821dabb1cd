"""Whole commands, file to file, beside a bound and a peer in one run; prints tables, asserts no time."""

import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.benchmarks.logs import NODES, synthetic, write_with_memory
from tests.reference import reference

pytestmark = pytest.mark.bench
ACCASIM = Path(__file__).with_name("accasim_easy.py")


def timed(*command: object) -> tuple[float, float, float, str]:
    """Run a command and return its wall time, CPU time (s), peak memory (MB) and output."""
    began_s = time.perf_counter()
    with subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, output
    return time.perf_counter() - began_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, output


def replay(path: Path, out: Path, *more: str) -> tuple[float, float, float, str]:
    """Run one replay as a user would, every table written, no report."""
    words = (sys.executable, "-m", "qhpcsim", "run", "replay", f"workload.path={path}", "policy=easy")
    return timed(*words, *more, "--out", out, "--no-report", "--quiet")


def show(capsys: pytest.CaptureFixture[str], title: str, rows: list[tuple[str, ...]]) -> None:
    """Print a table past pytest's capture."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    with capsys.disabled():
        print(f"\n\n{title}")
        for row in rows:
            print("  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


@pytest.mark.parametrize("n", [10_000, 100_000, 1_000_000])
def test_whole_command(n, tmp_path, capsys):
    log = write_with_memory(synthetic(n), tmp_path / "log.swf")
    replay(log, tmp_path / "warm")
    runs = [replay(log, tmp_path / f"run{k}")[:3] for k in range(3)]
    wall_s, cpu_s, peak_mb = (statistics.median(column) for column in zip(*runs, strict=True))
    rows = [("jobs", "wall s", "CPU s", "jobs/s (wall)", "jobs/s (CPU)", "peak MB")]
    rows.append(
        (f"{n:,}", f"{wall_s:.2f}", f"{cpu_s:.2f}", f"{n / wall_s:,.0f}", f"{n / cpu_s:,.0f}", f"{peak_mb:.0f}")
    )
    show(capsys, "EASY, SWF file to all tables (read, simulate, node ids, jobs.csv, events, summary)", rows)


@pytest.mark.parametrize("name", ["traces/KTH-SP2-1996-2.1-cln.swf.gz", "traces/RICC-2010-2.swf.gz"])
def test_real_logs(name, tmp_path, capsys):
    log = reference(name)
    replay(log, tmp_path / "warm")
    runs = [replay(log, tmp_path / f"run{k}")[:3] for k in range(3)]
    wall_s, cpu_s, peak_mb = (statistics.median(column) for column in zip(*runs, strict=True))
    rows = [("log", "wall s", "CPU s", "peak MB"), (log.name, f"{wall_s:.2f}", f"{cpu_s:.2f}", f"{peak_mb:.0f}")]
    show(capsys, "EASY on real logs, .gz to all tables", rows)


@pytest.mark.parametrize("n", [10_000, 100_000])
def test_against_accasim(n, tmp_path, capsys):
    pytest.importorskip("sortedcontainers", reason="AccaSim is not installed; `make bench` installs it")
    log = write_with_memory(synthetic(n), tmp_path / "log.swf")
    replay(log, tmp_path / "warm")
    ours_s = statistics.median(replay(log, tmp_path / f"run{k}")[1] for k in range(3))
    _, theirs_s, _, output = timed(sys.executable, ACCASIM, log, NODES, tmp_path)
    inner = re.search(r"cpu_s ([\d.]+)", output)
    assert inner is not None, output
    rows = [
        ("system", "CPU s, whole command", "jobs/s"),
        ("qhpcsim", f"{ours_s:.2f}", f"{n / ours_s:,.0f}"),
        ("AccaSim 1.1.3", f"{theirs_s:.2f}", f"{n / theirs_s:,.0f}"),
        ("ratio", f"{theirs_s / ours_s:.1f}", ""),
    ]
    show(capsys, f"{n:,} jobs, EASY (AccaSim's EASY is not the textbook one), start-up and all output included", rows)


def test_start_up(capsys):
    rows = [("command", "wall s", "CPU s")]
    for words in (("--help",), ("list",), ("list", "policies")):
        runs = [timed(sys.executable, "-m", "qhpcsim", *words)[:2] for _ in range(5)]
        wall_s, cpu_s = (statistics.median(column) for column in zip(*runs, strict=True))
        rows.append(("qhpcsim " + " ".join(words), f"{wall_s:.2f}", f"{cpu_s:.2f}"))
    show(capsys, "start-up", rows)
