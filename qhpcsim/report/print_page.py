"""A page printed to a PDF by a browser without a window: what its print dialogue would give."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from qhpcsim.core.errors import ReportError, shorten

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
"""Names under which Chromium and its kin are installed."""
TIMEOUT_S = 120.0
_FLAGS = ("--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
_BY_HAND = "open the page in any browser and print it"


def print_page(page: str | Path, path: str | Path | None = None) -> Path:
    """Return the PDF that a browser printed from a page; nothing is loaded from a network.

    Args:
        page: An HTML file.
        path: The PDF; None: beside the page, under its name.

    Raises:
        ReportError: if no browser is installed, or it prints nothing.
    """
    page = Path(page).resolve()
    target = page.with_suffix(".pdf") if path is None else Path(path).resolve()
    if target == page:
        raise ReportError("the page and its PDF would be one file", where=str(page), hint="give the page the end .html")
    with tempfile.TemporaryDirectory(prefix="qhpcsim-print-") as scratch:
        made = Path(scratch) / "page.pdf"
        said = _browse([*_command(scratch), f"--print-to-pdf={made}", page.as_uri()])
        if not made.is_file() or not made.read_bytes().startswith(b"%PDF"):
            raise ReportError(f"the browser printed nothing: {shorten(said)}", where=str(page), hint=_BY_HAND)
        shutil.move(made, target)
    return target


def _command(scratch: str) -> list[str]:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise ReportError(
            "no Chromium or Chrome is installed, so the page cannot be printed from here",
            where="--pdf",
            allowed=f"one of {', '.join(BROWSERS)} on the PATH",
            hint=f"apt install chromium, or the like; or {_BY_HAND}",
        )
    # In a container the user is root, for whom Chromium's sandbox does not start; the page is our own and runs offline.
    unboxed = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return [browser, *_FLAGS, *unboxed, f"--user-data-dir={scratch}/profile", "--no-pdf-header-footer"]


def _browse(command: list[str]) -> str:
    """Run a browser and return the last line that it complained with."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, errors="replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return next(reversed(done.stderr.strip().splitlines()), f"exit code {done.returncode}")
