"""The self-contained HTML report; the only room that draws."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qhpcsim.report.sources import Outcome

__all__ = ["write_capacity_report", "write_report"]


def write_report(run: Outcome | str | Path, path: str | Path) -> Path:
    """Write the report of a run as one self-contained HTML file and return its path.

    Args:
        run: A result in memory, or the folder that ``Result.write`` made.
        path: The file to write; replaced if it exists.
    """
    from qhpcsim.report.page import write_report as write  # drawing libraries load only now

    return write(run, path)


def write_capacity_report(folder: str | Path, path: str | Path) -> Path:
    """Write the report of a capacity plan as one self-contained HTML file and return its path.

    Args:
        folder: What ``qhpcsim plan`` left.
        path: The file to write; replaced if it exists.
    """
    from qhpcsim.report.capacity_page import write_capacity_report as write  # templates load only now

    return write(folder, path)
