"""The one way by which tests and fits find data that others published; none of it is copied into the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REFERENCE_DATA = Path(os.environ.get("QHPCSIM_REFERENCE_DATA", Path(__file__).resolve().parents[1] / "../shared/data"))


def reference(relative: str) -> Path:
    """Return the path of a reference file; skips the calling test, saying so, where it is absent."""
    path = (REFERENCE_DATA / relative).resolve()
    if not path.exists():
        pytest.skip(f"reference data not here: {relative} (set QHPCSIM_REFERENCE_DATA)")
    return path
