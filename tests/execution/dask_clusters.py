"""Real Dask clusters for tests: a scheduler and workers as processes of their own."""

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def cluster(folder, workers=2, options=("--nthreads", "1", "--no-dashboard")):
    """Yield the scheduler file and the worker processes of a cluster with workers that nobody restarts."""
    file = folder / "scheduler.json"
    started = [_start("distributed.cli.dask_scheduler", "--scheduler-file", file, "--port", "0", "--no-dashboard")]
    try:
        while not file.exists() or not file.read_text().strip():
            time.sleep(0.05)
        place = ("--scheduler-file", file, "--no-nanny", *options)
        started += [_start("distributed.cli.dask_worker", *place, "--name", f"w{k}") for k in range(workers)]
        yield json.loads(file.read_text())["address"], started
    finally:
        for each in started:
            each.kill()
            each.wait()


def _start(module, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
