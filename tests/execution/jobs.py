"""What workers are made to do in tests; they import it by name."""

import os
import signal
import time
from pathlib import Path


def double(x):
    return 2 * x


def fail(words):
    raise ValueError(words)


def leave():
    raise SystemExit(3)


def slow(seconds, x=None):
    time.sleep(seconds)
    return x


def slow_marked(seconds, folder, x):
    """Leave a mark of who runs it (the parent process is the Dask worker), then take a while."""
    Path(folder, f"{x}.{os.getppid()}").touch()
    time.sleep(seconds)
    return x


def process_id():
    return os.getpid()


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(folder, x):
    """Die on the first call for this folder, return ``x`` on later ones."""
    mark = Path(folder) / f"{x}.started"
    if not mark.exists():
        mark.touch()
        die()
    return x


def spin(path):
    """Count for ever, leaving a sign of life in a file; nothing but a kill stops it."""
    while True:
        Path(path).write_text(str(time.time()))
        time.sleep(0.02)


def threads():
    return os.environ["OMP_NUM_THREADS"], os.environ["RAYON_NUM_THREADS"]


def unpicklable():
    return lambda: 0


WARM = []


def warm_up():
    WARM.append(os.getpid())


def warmed():
    return list(WARM)


def broken_warm_up():
    raise RuntimeError("no library here")


def fail_work(task):
    raise ValueError("not a gate of ours")


def sleep_work(task):
    time.sleep(30)


def die_work(task):
    die()
