"""Whether a run may be written into a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qhpcsim.core.errors import RunFolderError

MARKS = ("card.json", "scenario.yaml")
"""Files by which a folder is known as one of ours; the second alone: a run that was cut off."""
REPORT = "report.html"
DRAWN = (REPORT, "report.pdf")
"""What is made from a run, or a plan, and would be stale beside a new one."""
PLAN = "plan.json"
"""File by which a folder is known as that of a plan."""


@contextmanager
def claimed(path: str | Path) -> Iterator[Path]:
    """Yield the folder, made if it is missing, once it is known to be ours to write into.

    A folder that was made here and is still empty when something goes wrong is removed again.

    Raises:
        RunFolderError: if it is a file, or holds things that no run wrote.
    """
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise RunFolderError("is a file, not a folder", where=str(path), hint="choose another --out")
    if folder.is_dir() and any(folder.iterdir()) and not any((folder / mark).is_file() for mark in MARKS):
        raise RunFolderError(
            f"is not empty and holds no {MARKS[0]}, so it is not a run of ours to replace",
            where=str(path),
            hint="choose another --out",
        )
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        if made:
            with suppress(OSError):
                folder.rmdir()


def clear(folder: Path) -> None:
    """Remove what was drawn of an earlier run or plan; its tables are replaced by the new ones."""
    for name in DRAWN:
        (folder / name).unlink(missing_ok=True)


def check_run(folder: Path) -> None:
    """Check that a folder holds a finished run.

    Raises:
        RunFolderError: if it does not.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "no such run folder"
        raise RunFolderError(what, where=str(folder), hint="qhpcsim run SCENARIO --out DIR makes one")
    if not (folder / MARKS[0]).is_file():
        raise RunFolderError(
            f"holds no {MARKS[0]}, so it is no finished run", where=str(folder), hint="run the scenario again"
        )
