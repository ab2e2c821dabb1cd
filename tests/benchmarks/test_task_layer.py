"""The task layer alone: tasks and QPU calls per CPU second, and how memory grows; asserts no time."""

import subprocess
import sys

import pytest

from tests.benchmarks.task_layer import SHAPES, simulated
from tests.benchmarks.test_commands import show

pytestmark = pytest.mark.bench

PEAK = """
import sys
from tests.benchmarks.task_layer import SHAPES, simulated
n_rows, _ = simulated(SHAPES[int(sys.argv[1])].scenario(int(sys.argv[2])))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(n_rows, status["VmHWM"].split()[0])
"""


@pytest.mark.parametrize("shape", SHAPES, ids=[shape.title for shape in SHAPES])
def test_rate(shape, capsys):
    """Workflows made, simulated and put into tables: the best of three runs, in CPU time."""
    n = 100_000
    simulated(shape.scenario(1_000))
    runs = [simulated(shape.scenario(n)) for _ in range(3)]
    n_rows, cpu_s = runs[0][0], min(cpu_s for _, cpu_s in runs)
    assert {rows for rows, _ in runs} == {n_rows}
    table = [("calls or tasks", "rows", "CPU s", "calls or tasks/s", "rows/s")]
    table.append((f"{n:,}", f"{n_rows:,}", f"{cpu_s:.2f}", f"{n / cpu_s:,.0f}", f"{n_rows / cpu_s:,.0f}"))
    show(capsys, shape.title, table)


@pytest.mark.parametrize("k", range(len(SHAPES)), ids=[shape.title for shape in SHAPES])
def test_memory(k, capsys):
    """Peak memory of a process of its own at three sizes (Linux); the least size carries the program itself."""
    table = [("calls or tasks", "rows", "peak MB", "more bytes/row")]
    before = (0, 0.0)
    for n in (25_000, 50_000, 100_000):
        output = subprocess.check_output([sys.executable, "-c", PEAK, str(k), str(n)], text=True)
        n_rows, peak_kb = map(int, output.split())
        slope = 1024 * (peak_kb - before[1]) / (n_rows - before[0]) if before[0] else float("nan")
        table.append((f"{n:,}", f"{n_rows:,}", f"{peak_kb / 1024:.0f}", f"{slope:,.0f}"))
        before = (n_rows, peak_kb)
    show(capsys, SHAPES[k].title, table)
